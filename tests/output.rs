//! Where the command line prints, and in which colours.

use std::fs;
#[cfg(unix)]
use std::process::Stdio;

use crate::cli::COMMANDS;
use crate::support::{Home, words};
#[cfg(unix)]
use crate::support::{Need, finish, lacks, on_terminal, sort};

#[test]
#[cfg(unix)]
fn colour_is_for_terminals_and_never_under_no_color() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    for line in ["list", "--help", "doctor", "release 1", "daemon status", "check 1"] {
        let piped = home.styxy(&words(line));
        assert!(!piped.stdout.contains('\x1b') && !piped.stderr.contains('\x1b'), "{line}: {piped:?}");
        let (_, plain) = on_terminal(
            home.styxy_command(&words(line)).env("TERM", "xterm-256color").env("NO_COLOR", "1"),
            "",
        );
        assert!(!plain.contains('\x1b'), "{line}: {plain:?}");
        let (_, coloured) = on_terminal(home.styxy_command(&words(line)).env("TERM", "xterm-256color"), "");
        assert!(coloured.contains("\x1b["), "{line}: {coloured:?}");
        let (_, json) = on_terminal(
            home.styxy_command(&[words(line), vec!["--json"]].concat()).env("TERM", "xterm-256color"),
            "",
        );
        assert!(line == "--help" || !json.contains('\x1b'), "{line}: {json:?}");
    }
}

#[test]
#[cfg(unix)]
fn a_reader_that_went_away_is_not_an_error() {
    let home = Home::new();
    home.styxy(&["allocate", "-s", sort::WEB]).done();
    for line in [
        "list",
        "list --json",
        "--help",
        "scan",
        "completions bash",
        "config show",
        "config schema",
        "daemon status",
        "daemon logs",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.styxy_command(&words(line));
        let ended = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), said.as_str()), (Some(0), ""), "{line}");
    }
    finish(&mut home.shell("$STYXY list | head -0")).done();
}

#[test]
#[cfg(target_os = "linux")] // which alone has /dev/full
fn an_output_that_cannot_be_written_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let home = Home::new();
    home.start();
    let mut command = home.styxy_command(&["list"]);
    let ended = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stderr).unwrap().starts_with("error: "));
}

#[test]
#[cfg(unix)]
fn every_shell_has_completions() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = home.styxy(&["completions", shell]).done().stdout;
        // What there is to complete is asked of the program itself: `completion` types Tab.
        assert!(script.contains(&format!("styxy complete {shell} ")), "{shell}: {script}");
    }
    let file = home.top().join("styxy.bash");
    finish(&mut home.shell(&format!("$STYXY completions bash > {}", file.display()))).done();
    let bash = || std::process::Command::new("bash");
    if lacks(Need::Shells, bash().arg("--version")) {
        return;
    }
    assert!(bash().arg("-n").arg(&file).status().unwrap().success());
}

#[test]
fn every_command_has_a_man_page() {
    let home = Home::new();
    let folder = home.top().join("man");
    home.styxy(&["man", folder.to_str().unwrap()]).done();
    for command in COMMANDS {
        let name = [&["styxy"], &words(command)[..]].concat().join("-");
        let page = fs::read_to_string(folder.join(format!("{name}.1")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".TH"), "{name}");
    }
}
