//! What people type after `styxy run`: a program of a package, a script, a command line in quotes.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Home, Output, finish, on_terminal, sort};

/// A program in `folder` that says `word`, its name and its arguments.
fn program(folder: &Path, name: &str, word: &str) {
    fs::create_dir_all(folder).unwrap();
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\necho {word} $*\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(home: &Home, folder: &Path, words: &[&str]) -> Output {
    let line = [&["run", "-q", "-s", sort::WEB, "--"], words].concat();
    finish(home.styxy_command(&line).env("PATH", path()).current_dir(folder))
}

/// `PATH` without the programs that npm adds for these tests: a real Vite is one of them.
fn path() -> OsString {
    let path = env::var_os("PATH").unwrap();
    let folders = env::split_paths(&path).filter(|folder| !folder.ends_with("node_modules/.bin"));
    env::join_paths(folders).unwrap()
}

#[test]
fn a_program_of_a_package_is_found_in_every_folder_above_and_after_those_in_the_path() {
    let home = Home::new();
    let deep = home.project().join("packages/web/src");
    fs::create_dir_all(&deep).unwrap();
    program(&home.project().join("node_modules/.bin"), "vite", "root");
    let port = home.range(sort::WEB).start().to_string();
    let flags = format!("--port {port} --strictPort");
    assert_eq!(run(&home, &deep, &["vite", "--open"]).done().stdout, format!("root --open {flags}\n"));
    program(&home.project().join("packages/web/node_modules/.bin"), "vite", "package");
    assert_eq!(run(&home, &deep, &["vite"]).done().stdout, format!("package {flags}\n"), "the nearest one");
    // What the shell would find is run, as without Styxy.
    program(&home.project().join("node_modules/.bin"), "echo", "ours");
    assert_eq!(run(&home, &deep, &["echo", "theirs"]).done().stdout, "theirs\n");
    let off = finish(
        home.styxy_command(&["run", "--", "vite"]).env("STYXY", "off").env("PATH", path()).current_dir(&deep),
    )
    .done();
    assert_eq!(off.stdout, "package\n");
    run(&home, &home.other_project(), &["vite"]).exits(127);
    run(&home, &home.project(), &["./vite"]).exits(127);
}

#[test]
fn what_was_probably_meant_is_said() {
    let home = Home::new();
    fs::write(home.project().join("package.json"), r#"{"scripts": {"dev": "true", "start": "true"}}"#)
        .unwrap();
    for (words, hint) in [
        (&["dev"][..], "styxy run -- npm run dev"),
        (&["npm run dev"], "without the quotes: styxy run -- npm run dev"),
        (&["true && true"], "for a shell: styxy run -- sh -c 'true && true'"),
        (&["A=1", "true"], "styxy run -- env A=1 true"),
    ] {
        let said = run(&home, &home.project(), words).exits(127);
        let expected = format!("\nhint: {hint}\n");
        assert!(
            said.stderr.starts_with("error: could not run ") && said.stderr.ends_with(&expected),
            "{said:?}"
        );
    }
    fs::write(home.project().join("server.js"), "").unwrap();
    for (words, hint) in [
        (&["PORT=5000", "npm", "run", "dev"][..], "styxy run -- env PORT=5000 npm run dev"),
        (&["server.js"], "styxy run -- node server.js"),
        (&["node server.js", "--foo"], "without the quotes: styxy run -- node server.js --foo"),
        (&["export", "A=1"], "styxy run -- env A=1 COMMAND"),
        (&["nmp", "run", "dev"], "styxy run -- npm run dev"),
        (&["dve"], "styxy run -- npm run dev"),
        (&["serve.js"], "styxy run -- node server.js"),
        (&["vite"], "styxy run -- npx vite"),
        (&["3000"], "styxy run -p 3000"),
        (&["cd", "shop", "npm", "run", "dev"], "cd shop && styxy run -- npm run dev"),
        (&["exit", "1"], "for a shell: styxy run -- sh -c 'exit 1'"),
        (&["package.json"], "styxy run"),
        (&["PORT=5000"], "styxy run -p 5000"),
    ] {
        // One message, also on a terminal, and nothing leased for it.
        let line = [&["run", "-s", sort::WEB], words].concat();
        let mut command = home.styxy_command(&line);
        let (code, shown) = on_terminal(command.env("PATH", path()).current_dir(home.project()), "");
        assert_eq!((code, shown.lines().count()), (127, 2), "{shown}");
        assert!(shown.contains(&format!("hint: {hint}\r\n")), "{shown}");
    }
    // A program of that name is what was meant.
    program(&home.project().join("node_modules/.bin"), "dev", "program");
    assert_eq!(run(&home, &home.project(), &["dev"]).done().stdout, "program\n");
}

#[test]
fn an_operator_that_is_an_argument_is_one_warning_and_the_command_runs() {
    let home = Home::new();
    let said = run(&home, &home.project(), &["echo", "a", "&&", "echo", "b"]).done();
    assert_eq!(said.stdout, "a && echo b\n");
    let typed = "styxy run -- sh -c 'echo a && echo b'";
    assert_eq!(said.stderr, format!("warning: && is an argument of echo here; for a shell: {typed}\n"));
    let said = home.styxy(&["run", "-q", "--", "echo", "-F", "|"]).done();
    assert_eq!(said.stderr, "", "the value of an option is the command's");
}
