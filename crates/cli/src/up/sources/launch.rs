//! The servers of `.claude/launch.json`, which an agent's preview starts.

use std::path::{Component, Path, is_separator};

use styxy_client::Caller;
use styxy_core::Port;
use styxy_core::json::{self, Form, Kind, Node};
use styxy_core::project::{Run, Text, Wish, fence};

use super::super::stack::{Definition, Rank, Serves, Source, shown};
use super::{Found, made};
use crate::devserver::folder::read;
use crate::devserver::inward::allowed_name;
use crate::say::shell_word::quoted;

/// The file, below the root.
const FILE: [&str; 2] = [".claude", "launch.json"];

/// The services of the file in `root`; none if there is none, or no server in it.
pub(super) fn find(here: &Caller, root: &Path) -> Option<Found> {
    let path = FILE.iter().fold(root.to_owned(), |path, part| path.join(part));
    let text = read(&path)?;
    let file = json::read(json::without_mark(&text), Form::Settings).ok()?;
    let entries = file.get("configurations").map(Node::items).unwrap_or_default();
    let mut services = Vec::new();
    let mut reasons = Vec::new();
    for entry in entries {
        let Some((service, reason)) = service(here, root, entry) else { continue };
        reasons.push(format!("{}: {reason}", service.label));
        services.push(service);
    }
    (!services.is_empty()).then_some(Found { source: Source::Launch(path), services, reasons })
}

fn service(here: &Caller, root: &Path, entry: &Node<'_>) -> Option<(Definition, String)> {
    let text = |key: &str| entry.get(key).and_then(Node::as_text);
    let list = |key: &str| -> Vec<String> {
        let items = entry.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.as_text().map(str::to_owned)).collect()
    };
    let name = text("name")?;
    let mut words = match (text("runtimeExecutable"), text("program")) {
        (Some(program), _) => [vec![program.to_owned()], list("runtimeArgs")].concat(),
        (None, Some(_)) => vec!["node".to_owned()],
        (None, None) => return None,
    };
    if let Some(program) = text("program") {
        words.push(program.to_owned());
        words.extend(list("args"));
    }
    let cwd = match text("cwd") {
        Some(cwd) => inside(root, cwd)?,
        None => root.to_owned(),
    };
    let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
    let told = made::of_words(&borrowed, &cwd, root)?;
    let what = told.what.clone();
    let mut service = made::definition(here, &allowed_name(name), told, Run::List(words), &cwd);
    // Whoever wrote it there says that it is a server, and on which port.
    if let Some(port) = entry.get("port").and_then(number) {
        (service.port, service.rank) = (Wish::Port(port), Rank::Usual);
        service.serves = Serves::Known;
    }
    let (own, refused) = env(entry);
    service.env = own;
    if !refused.is_empty() {
        // A project's file cannot have these elsewhere (R141), and what it says has to be the same.
        let assigned = refused.iter().map(|(name, value)| assigned(name, value));
        service.run = Run::Shell(assigned.collect::<String>() + &shown(&service.run));
    }
    Some((service, format!("{name} in {} {what}", FILE.join("/"))))
}

/// What sets a variable in front of a command of the shell.
fn assigned(name: &str, value: &str) -> String {
    if cfg!(windows) { format!("set \"{name}={value}\"&& ") } else { format!("{name}={} ", quoted(value)) }
}

/// A folder below the root, which the file may name by a variable.
fn inside(root: &Path, cwd: &str) -> Option<std::path::PathBuf> {
    let named = cwd.strip_prefix("${workspaceFolder}").map(|rest| rest.trim_start_matches(is_separator));
    let below = named.unwrap_or(cwd);
    let goes_down = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let is_inside = Path::new(below).components().all(goes_down);
    let folder = root.join(below);
    (is_inside && folder.is_dir()).then_some(folder)
}

fn number(node: &Node<'_>) -> Option<Port> {
    Some(node).filter(|node| node.kind == Kind::Number)?.text.parse().ok()
}

/// Names and values.
type Variables<V> = Vec<(String, V)>;

/// Its variables without the port that it gets from us, and those that no project's file may set.
fn env(entry: &Node<'_>) -> (Variables<Text>, Variables<String>) {
    let members = entry.get("env").map(Node::members).unwrap_or_default();
    let texts = members.iter().filter_map(|member| Some((member.key.to_string(), member.value.as_text()?)));
    let (mut own, mut refused) = (Vec::new(), Vec::new());
    for (name, text) in texts.filter(|(name, _)| name != "PORT") {
        match (fence::check(&name), Text::literal(text)) {
            (Ok(()), Some(text)) => own.push((name, text)),
            (Ok(()), None) | (Err(_), _) if is_assignable(&name) => refused.push((name, text.to_owned())),
            // No shell could set it.
            (Ok(()), None) | (Err(_), _) => {}
        }
    }
    (own, refused)
}

fn is_assignable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
