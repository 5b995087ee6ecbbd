//! `styxy run` on Windows: it stays beside its command, and both end together.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};

use crate::support::{Home, Server, finish, helper_under, sort, until};

fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A program in the project's `node_modules`, as npm makes it.
fn command_file(home: &Home, name: &str, lines: &[&str]) {
    let folder = home.project().join(r"node_modules\.bin");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), format!("@echo off\r\n{}\r\n", lines.join("\r\n"))).unwrap();
}

#[test]
fn the_command_ends_when_run_is_ended_from_outside() {
    let home = Home::new();
    home.start();
    let port = home.spare_port();
    let (text, address) = (port.to_string(), format!("127.0.0.1:{port}"));
    let run = ["run", "-s", sort::WEB, "-p", &text, "--exact", "--"];
    let mut server = Server::listening(&mut helper_under(&home, &run, "listen", &[&address]));
    assert!(answers(port));
    server.kill_alone();
    until("the server ends", || !answers(port));
    until("the lease ends", || home.leases().is_empty());
}

#[test]
fn what_the_command_has_started_ends_with_run_too() {
    let home = Home::new();
    home.start();
    // As npm does it: a command file whose last line runs a program.
    command_file(&home, "tool.cmd", &["%*"]);
    for shell in [&["cmd.exe", "/c"][..], &["tool"], &["cmd.exe", "/c", "cmd.exe", "/c"]] {
        let port = home.spare_port();
        let (text, address) = (port.to_string(), format!("127.0.0.1:{port}"));
        let run = [&["run", "-s", sort::WEB, "-p", &text, "--exact", "--"][..], shell].concat();
        let mut server = Server::listening(&mut helper_under(&home, &run, "listen", &[&address]));
        assert!(answers(port), "{shell:?}");
        server.kill_alone();
        until("the server ends", || !answers(port));
    }
}

#[test]
fn a_server_that_the_command_leaves_running_stays() {
    let home = Home::new();
    home.start();
    let port = home.spare_port();
    let (text, address) = (port.to_string(), format!("127.0.0.1:{port}"));
    let run = ["run", "-s", sort::WEB, "-p", &text, "--exact", "--"];
    let mut server = Server::run(&mut helper_under(&home, &run, "leaves", &[&address]));
    // The command's own end is that of `run`.
    until("the command ends", || server.has_ended());
    assert!(answers(port));
    server.hang_up();
    until("the server ends with its input", || !answers(port));
}

#[test]
fn the_exit_code_is_the_commands() {
    let home = Home::new();
    for code in [0, 7, 255] {
        let said = home.styxy(&["run", "--", "cmd.exe", "/c", "exit", &code.to_string()]);
        assert_eq!(said.code, code, "{said:?}");
    }
}

#[test]
fn a_command_that_is_not_there_ends_with_127() {
    let home = Home::new();
    assert_eq!(home.styxy(&["run", "--", "no-such-program"]).code, 127);
}

#[test]
fn a_command_finds_its_port_in_its_environment() {
    let home = Home::new();
    let said = home.styxy(&["run", "-s", sort::WEB, "--", "cmd.exe", "/c", "echo", "%PORT%"]).done();
    let port: u16 = said.stdout.trim().parse().unwrap_or_else(|_| panic!("{said:?}"));
    assert!(home.range(sort::WEB).contains(&port));
}

#[test]
fn a_command_file_of_a_package_is_found_without_its_ending_and_keeps_its_exit_code() {
    let home = Home::new();
    command_file(&home, "tool.cmd", &["echo port=%PORT% one=%1", "exit /b 7"]);
    let said = home.styxy(&["run", "-s", sort::WEB, "--", "tool", "first"]).exits(7);
    assert!(said.stdout.contains("one=first"), "{said:?}");
    assert!(!said.stdout.contains("%PORT%"), "{said:?}");
}

#[test]
fn an_argument_of_a_command_file_never_becomes_a_command() {
    let home = Home::new();
    command_file(&home, "tool.cmd", &["echo ran"]);
    let hostile = [
        "x&echo INJECTED",
        "x\"&echo INJECTED",
        "x|echo INJECTED",
        "%PATH%&echo INJECTED",
        "^&echo INJECTED",
        "a b&echo INJECTED",
    ];
    for argument in hostile {
        let said = finish(&mut home.styxy_command(&["run", "-s", sort::WEB, "--", "tool", argument]));
        // Refused, or passed on; never run.
        let lines = said.stdout.lines().filter(|line| line.trim().starts_with("INJECTED"));
        assert_eq!(lines.count(), 0, "{argument}: {said:?}");
    }
}

#[test]
fn blanks_quotes_and_backslashes_reach_a_program_as_they_were_typed() {
    let home = Home::new();
    let words = ["a b", r#"say "hi""#, r"C:\dir\", "", "ü", "%PATH%"];
    let run = ["run", "-s", sort::WEB, "--"];
    let mut command = helper_under(&home, &run, "words", &[]);
    // libtest takes what is behind `--` for names of tests, and `--exact` runs none of them.
    command.args(["--skip"]).args(words.iter().flat_map(|word| [*word, "--skip"])).arg("end");
    let server = Server::run(&mut command);
    let (code, said) = server.ends();
    assert_eq!(code, Some(0), "{said:?}");
    for word in words {
        assert!(said.contains(&format!("{word:?}")), "{word:?}: {said:?}");
    }
}
