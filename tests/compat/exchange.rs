//! What was asked and what was answered, in a form that says the same on every machine.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::support::Home;

/// One question and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Exchange {
    /// The situation; unique in its file.
    pub(super) name: String,
    /// `{"method", "path", "body"}` of a request, or `{"command"}`; null for an event, which nobody asks for.
    pub(super) asked: Value,
    /// The status, or the exit code.
    pub(super) code: i32,
    /// The body, or what was printed.
    pub(super) answer: Value,
}

/// `value` without what is only so on this machine: folders, programs and the user.
pub(super) fn portable(home: &Home, mut value: Value) -> Value {
    let helper = std::env::current_exe().unwrap();
    let top = home.top();
    let names = [
        (helper.to_str().unwrap(), "server"),
        (crate::support::program(), "styxy"),
        (top.to_str().unwrap(), "/home/ada"),
    ];
    rename(&mut value, &names);
    value
}

fn rename(value: &mut Value, names: &[(&str, &str)]) {
    match value {
        Value::String(text) => names.iter().for_each(|(from, to)| *text = text.replace(from, to)),
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        Value::Object(fields) => {
            if let Some(user) = fields.get_mut("user").filter(|user| user.is_string()) {
                *user = "ada".into();
            }
            fields.values_mut().for_each(|value| rename(value, names));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What the file at `path` says.
#[track_caller]
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Keeps `value` in the file at `path`.
pub(super) fn write(path: &Path, value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).unwrap();
    fs::write(path, text + "\n").unwrap();
}
