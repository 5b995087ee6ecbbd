//! How `styxy up` starts a service: the keys `run`, `cwd`, `ready`, `after`, `timeout` and `compose`.

use std::time::Duration;

use super::{Mention, Mentioned, Read};
use crate::config::Seconds;
use crate::json::fields::{Field, fields};
use crate::json::{Kind, Mistake, Node};
use crate::names::ServiceName;
use crate::project::{Ready, Run};

pub(in crate::project) const READY_KEYS: [&str; 3] = ["path", "status", "text"];
/// The shortest and the longest time that a service may take until it is ready, in seconds.
pub(in crate::project) const TIMES: (Seconds, Seconds) = (Seconds::from_millis(100), Seconds::MAX);
/// How many words a command may have.
const MAX_WORDS: usize = 256;
/// The longest command and the longest path, in bytes.
const LONGEST: usize = 4096;

pub(super) fn run(field: &Field<'_>) -> Result<Run, Mistake> {
    const ALLOWED: &str =
        "is not a command; allowed: \"npm run dev\" for a shell, or [\"node\", \"server.js\"]";
    match &field.node.kind {
        Kind::Text(line) => {
            let line = command_text(&field.path, field.node, line)?;
            if line.trim().is_empty() {
                return Err(field.wrong(ALLOWED));
            }
            Ok(Run::Shell(line))
        }
        Kind::List(items) if !items.is_empty() && items.len() <= MAX_WORDS => {
            let word = |(index, item): (usize, &Node<'_>)| {
                let path = format!("{}[{index}]", field.path);
                match &item.kind {
                    Kind::Text(word) if index > 0 || !word.trim().is_empty() => {
                        command_text(&path, item, word)
                    }
                    _ => Err(Mistake::new(
                        item.at,
                        format!("{path}: {} is not a word of a command; allowed: \"…\"", item.found()),
                    )),
                }
            };
            Ok(Run::List(items.iter().enumerate().map(word).collect::<Result<_, _>>()?))
        }
        Kind::List(_) | Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Object(_) => {
            Err(field.wrong(ALLOWED))
        }
    }
}

/// A text that a system takes for a command: no longer than that, and without NUL.
fn command_text(path: &str, node: &Node<'_>, text: &str) -> Result<String, Mistake> {
    if text.contains('\0') || text.len() > LONGEST {
        let message = format!("{path}: a command is up to {LONGEST} bytes long and has no NUL character");
        return Err(Mistake::new(node.at, message));
    }
    Ok(text.to_owned())
}

/// The folder without `.` and empty parts; none for the file's own.
pub(super) fn cwd(field: &Field<'_>) -> Result<Option<String>, Mistake> {
    let text = field.text()?;
    let wrong = |rule: &str| {
        Err(field.wrong(&format!("{rule}; allowed: a folder below the file's, such as \"apps/web\"")))
    };
    if text.starts_with(['/', '~']) || text.contains(['\\', ':']) {
        return wrong("is not a folder relative to the file, with / between its parts");
    }
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return wrong("is not a folder");
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return wrong("leads out of the folder of the file");
    }
    Ok(Some(parts.join("/")).filter(|folder| !folder.is_empty()))
}

pub(super) fn ready(text: &str, field: &Field<'_>, read: &mut Read) -> Result<Ready, Mistake> {
    if field.node.as_text().is_some() {
        return Ok(Ready { path: path(field)?, status: None, text: None });
    }
    if !matches!(field.node.kind, Kind::Object(_)) {
        return Err(field.wrong(
            "is not how a service is ready; allowed: \"/health\", or {\"path\", \"status\", \"text\"}",
        ));
    }
    let mut ready = Ready { path: "/".to_owned(), status: None, text: None };
    for inner in fields(text, &field.path, field.node)? {
        let inner = inner?;
        match inner.key {
            "path" | "status" | "text" if inner.is_absent() => {}
            "path" => ready.path = path(&inner)?,
            "status" => ready.status = u16::try_from(inner.count(100, 599)?).ok(),
            "text" => {
                let text = inner.text()?;
                if text.is_empty() || text.len() > LONGEST {
                    return Err(
                        inner.wrong(&format!("is not a text to look for; allowed: 1 to {LONGEST} bytes"))
                    );
                }
                ready.text = Some(text.to_owned());
            }
            _ => read.ignored.push(inner.unknown(&READY_KEYS)),
        }
    }
    Ok(ready)
}

/// What is sent in the first line of a request, so nothing that would end it.
fn path(field: &Field<'_>) -> Result<String, Mistake> {
    let text = field.text()?;
    let is_path =
        text.starts_with('/') && text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path && !text.contains('#') {
        return Ok(text.to_owned());
    }
    Err(field.wrong("is not a path; allowed: \"/health\", beginning with a slash, without blanks"))
}

pub(super) fn after(
    field: &Field<'_>,
    of: &ServiceName,
    read: &mut Read,
) -> Result<Vec<ServiceName>, Mistake> {
    let Kind::List(items) = &field.node.kind else {
        return Err(field.wrong("is not a list of services; allowed: [\"db\", …]"));
    };
    let mut labels: Vec<ServiceName> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{}[{index}]", field.path);
        let label = item.as_text().and_then(|text| ServiceName::new(text).ok()).ok_or_else(|| {
            Mistake::new(item.at, format!("{path}: {} is not a service; allowed: \"db\", …", item.found()))
        })?;
        if labels.contains(&label) {
            return Err(Mistake::new(
                item.at,
                format!("{path}: {label} is there twice; allowed: each service once"),
            ));
        }
        let (of, label) = (of.clone(), label.clone());
        read.mentions.push(Mention { at: item.at, path, of, label: label.clone(), what: Mentioned::Before });
        labels.push(label);
    }
    Ok(labels)
}

pub(super) fn timeout(field: &Field<'_>) -> Result<Duration, Mistake> {
    Ok(Duration::from_millis(field.seconds(TIMES.0)?.millis()))
}

pub(super) fn compose(field: &Field<'_>) -> Result<String, Mistake> {
    let text = field.text()?;
    let is_name = !text.is_empty()
        && text.len() <= 100
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_name {
        return Ok(text.to_owned());
    }
    Err(field.wrong("is not a service of a compose file; allowed: letters, digits, ., _ and -"))
}
