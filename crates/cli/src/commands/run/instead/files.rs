//! A file or a folder that is here, and that its name alone does not run.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{Instead, Typed};
use crate::devserver::program::interpreter;
use crate::devserver::shells::of_first_line;
use crate::say::shell_word::quoted;

/// The word for a file that is there and is not executable.
pub(super) fn denied(typed: &Typed<'_>) -> Option<Instead> {
    let path = typed.folder.join(typed.name);
    if path.is_dir() {
        return Some(of_folder(typed));
    }
    path.is_file().then(|| not_executable(typed, &path))
}

/// What is wrong with a name or a path of something that is there.
pub(super) fn of_path(typed: &Typed<'_>) -> Option<Instead> {
    let name = typed.name;
    let path = typed.folder.join(name);
    if path.is_dir() {
        return Some(of_folder(typed));
    }
    if !path.is_file() {
        return None;
    }
    if name.contains('/') {
        return Some(unread(typed, &path));
    }
    Some(if interpreter(name).is_none() && is_executable(&path) {
        let own = format!("./{name}");
        Instead::new("it is a file here, and not in PATH", typed.line(&["styxy run --", &quoted(&own)]))
    } else {
        not_executable(typed, &path)
    })
}

/// The system found the file, and not the program that is to read it.
fn unread(typed: &Typed<'_>, path: &Path) -> Instead {
    let Some(reader) = first_line(path) else {
        return Instead::without_hint("a file that it needs to start is not there");
    };
    let why = format!("its first line names {reader}, which is not there");
    match interpreter(typed.name).or_else(|| of_first_line(&reader)) {
        Some(known) => Instead::new(why, typed.line(&["styxy run --", known, &quoted(typed.name)])),
        None => Instead::without_hint(why),
    }
}

fn of_folder(typed: &Typed<'_>) -> Instead {
    let command = typed.command("styxy run");
    let is_here = typed.name.trim_end_matches('/') == ".";
    let hint = if is_here { command } else { format!("cd {} && {command}", quoted(typed.name)) };
    Instead::new("it is a folder, not a program", hint)
}

/// A file that something else reads: a program's text, or what a tool is told.
fn not_executable(typed: &Typed<'_>, path: &Path) -> Instead {
    let name = typed.name;
    let read_by = |reader: &str| typed.line(&["styxy run --", reader, &quoted(name)]);
    if let Some(reader) = interpreter(name) {
        return Instead::new(format!("it is a file for {reader}, not a program"), read_by(reader));
    }
    if let Some(line) = first_line(path) {
        return match of_first_line(&line) {
            Some(shell) => Instead::new("it is not executable", read_by(shell)),
            None => Instead::new("it is not executable", format!("chmod +x {}", quoted(name))),
        };
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    if let Some((_, tool)) = TOLD.iter().find(|(known, _)| *known == file) {
        let reader = tool.split(' ').next().unwrap_or(tool);
        let why = format!("it is a file for {reader}, not a program");
        return Instead::new(why, typed.line(&["styxy run --", tool]));
    }
    Instead::new("it is a file, not a program", typed.command("styxy run"))
}

/// What reads a file that is called so.
const TOLD: [(&str, &str); 13] = [
    ("Makefile", "make"),
    ("makefile", "make"),
    ("GNUmakefile", "make"),
    ("justfile", "just"),
    ("Justfile", "just"),
    (".justfile", "just"),
    ("Procfile", "foreman start"),
    ("compose.yml", "docker compose up"),
    ("compose.yaml", "docker compose up"),
    ("docker-compose.yml", "docker compose up"),
    ("docker-compose.yaml", "docker compose up"),
    ("Cargo.toml", "cargo run"),
    ("go.mod", "go run ."),
];

/// What the first line of a script names; none if the file is not a script.
fn first_line(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(256).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.strip_prefix("#!")?.lines().next()?.trim_start();
    Some(line.to_owned()).filter(|line| !line.trim().is_empty())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok()
}
