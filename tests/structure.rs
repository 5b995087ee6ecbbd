//! The floors of `crates/cli`: a folder uses what is below it, and no command uses another one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each floor, and what it may use: floors below it and crates. The command line as a whole, `cli.rs`, may use all.
const FLOORS: [(&str, &[&str]); 7] = [
    (
        "commands",
        &["guard", "up", "here", "devserver", "process", "say", "styxy_client", "styxy_core", "styxy_daemon"],
    ),
    ("guard", &["up", "here", "devserver", "say", "styxy_client", "styxy_core"]),
    ("up", &["here", "devserver", "process", "say", "styxy_client", "styxy_core", "styxy_daemon"]),
    // The daemon's probe finds a port when there is no daemon.
    ("here", &["devserver", "process", "say", "styxy_client", "styxy_core", "styxy_daemon"]),
    ("devserver", &["styxy_core"]),
    // The daemon knows when a process started where Linux' files do not say it.
    ("process", &["styxy_client", "styxy_core", "styxy_daemon"]),
    ("say", &["styxy_core"]),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn every_folder_of_the_command_line_has_its_floor() {
    let folders = fs::read_dir(src()).unwrap().map(|entry| entry.unwrap().path());
    let with_code: BTreeSet<PathBuf> =
        folders.filter(|path| path.is_dir() && !files(path).is_empty()).collect();
    assert_eq!(with_code, FLOORS.iter().map(|(floor, _)| src().join(floor)).collect());
}

#[test]
fn no_folder_of_the_command_line_uses_one_above_it_and_no_command_another_command() {
    let mut wrong = Vec::new();
    for (floor, below) in FLOORS {
        // Each command is a room of its own.
        let own = if floor == "commands" { 2 } else { 1 };
        for file in files(&src().join(floor)) {
            let module = module(file.strip_prefix(src()).unwrap());
            for used in used(&fs::read_to_string(&file).unwrap(), &module) {
                let is_own = used.iter().take(own).eq(module.iter().take(own));
                // Any test may say that it is skipped.
                let is_below = used[0] == "skip" || below.contains(&used[0].as_str());
                if !is_own && !is_below {
                    wrong.push(format!("{} uses {}", module.join("::"), used.join("::")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The source files in `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// `commands`, `run` and `ask` for `commands/run/ask.rs`.
fn module(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name != "mod").collect()
}

/// The paths into this crate or another one of ours in the text of `module`, from a crate's root.
fn used(text: &str, module: &[String]) -> Vec<Vec<String>> {
    let (code, tests) = text.split_once("mod tests {").unwrap_or((text, ""));
    let within_tests = [module, &["tests".to_owned()]].concat();
    let mut found = Vec::new();
    for (text, module) in [(code, module), (tests, &within_tests)] {
        for from in ["crate::", "super::", "styxy_"] {
            let starts = text.match_indices(from).map(|(at, _)| at);
            // Not the second one of `super::super::`.
            found.extend(
                starts.filter(|at| !text[..*at].ends_with(':')).map(|at| absolute(&text[at..], module)),
            );
        }
    }
    found
}

/// The path that `text` begins with, seen from `module`.
fn absolute(text: &str, module: &[String]) -> Vec<String> {
    let mut path = module.to_vec();
    for name in text.split("::") {
        let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        match &name[..end.unwrap_or(name.len())] {
            "crate" => path.clear(),
            "super" => drop(path.pop()),
            ours if ours.starts_with("styxy_") => path = vec![ours.to_owned()],
            name => path.push(name.to_owned()),
        }
        if end.is_some() {
            break;
        }
    }
    path
}
