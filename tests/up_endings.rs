//! However `styxy up` ends, nothing of the services is left: Ctrl-C, a closed terminal, a removed worktree; and whoever only
//! looks on ends nothing (R135, R137).

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::stack::Stack;
use crate::support::{Terminal, alive, eventually, has_ended, kill, until};

fn web() -> Value {
    json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } })
}

#[test]
fn ctrl_c_ends_the_services_and_shows_their_last_words() {
    let stack = Stack::new(&web());
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("web begins");
    terminal.sees("web: ");
    terminal.sees("ready");
    terminal.sees("Ctrl-C ends the services");
    let pid = stack.pid("web");
    stack.ask("web", "PORT");
    terminal.sees("was asked for /PORT");
    // A second one only looks on.
    let mut other = Terminal::shell(&stack.home);
    other.types("$STYXY up; echo exit $?\r");
    other.sees("already running");
    other.sees("the services stay up when you leave");
    other.types("\x03");
    other.sees("exit 0");
    assert!(alive(pid));
    terminal.types("\x03");
    terminal.sees("web ends");
    terminal.sees("exit 0");
    assert!(has_ended(pid));
    stack.is_over();
}

#[test]
fn a_closed_terminal_and_a_killed_command_end_the_services() {
    let stack = Stack::new(&web());
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up\r");
    terminal.sees("Ctrl-C ends the services");
    let pid = stack.pid("web");
    drop(terminal);
    until("the service ends with the terminal", || has_ended(pid));
    stack.is_over();
    // `--wait` is attached without a terminal too.
    let mut command = stack.home.styxy_command(&["up", "--wait"]);
    let attached = crate::support::Running::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()));
    let pid =
        eventually("it runs", || stack.ps().first()?["pid"].as_u64().map(|pid| u32::try_from(pid).unwrap()));
    until("it is ready", || stack.service("web")["state"] == "ready");
    attached.kill();
    until("the service ends with the command", || has_ended(pid));
    stack.is_over();
}

#[test]
fn d_leaves_the_services_running() {
    let stack = Stack::new(&web());
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("d leaves them running");
    terminal.types("d");
    terminal.sees("exit 0");
    // The terminal shows what is typed again.
    terminal.types("echo typed\r");
    terminal.sees("echo typed");
    assert!(stack.ask("web", "PORT").starts_with("web "));
}

#[test]
fn a_service_with_a_terminal_gets_what_is_typed() {
    let stack = Stack::new(&json!({
        "web": { "run": "stty -echo; while read line; do echo got $line on $(tty); done", "port": false, "tty": true },
    }));
    let mut terminal = Terminal::shell(&stack.home);
    terminal.resizes(30, 100);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("running");
    terminal.sees("Ctrl-C ends the services");
    terminal.types("some keys\r");
    terminal.sees("got some keys on /dev/");
    let pid = stack.pid("web");
    terminal.types("\x03");
    terminal.sees("exit 0");
    assert!(has_ended(pid));
}

#[test]
fn a_service_that_is_deaf_is_killed_in_the_end() {
    let deaf = "import signal, time\nfor s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):\n    signal.signal(s, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(1000)\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 deaf.py", "port": false } }));
    fs::write(stack.home.project().join("deaf.py"), deaf).unwrap();
    stack.up();
    until("it is deaf", || stack.logs().contains("deaf\n"));
    let pid = stack.pid("web");
    stack.styxy(&["down"]).done();
    assert!(has_ended(pid));
    // Ctrl-C three times is fast, whatever a service does with the first two.
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    until("it is deaf", || stack.logs().matches("deaf\n").count() == 2);
    let pid = stack.pid("web");
    terminal.types("\x03");
    terminal.sees("faster");
    terminal.types("\x03");
    terminal.types("\x03");
    terminal.sees("exit 0");
    assert!(has_ended(pid));
}

#[test]
fn a_removed_worktree_ends_its_services() {
    let stack = Stack::new(&web());
    stack.up();
    let pid = stack.pid("web");
    fs::remove_dir_all(stack.home.project()).unwrap();
    until("the service ends with its worktree", || has_ended(pid));
    let again = stack.home.project();
    fs::create_dir_all(again.join(".git")).unwrap();
    stack.is_over();
}

#[test]
fn a_worktree_that_git_has_removed_but_for_some_files_ends_its_services() {
    let stack = Stack::new(&web());
    let record = stack.home.other_project().join(".git/worktrees/project");
    let git = stack.home.project().join(".git");
    fs::create_dir_all(&record).unwrap();
    fs::remove_dir(&git).unwrap();
    fs::write(git, format!("gitdir: {}\n", record.display())).unwrap();
    fs::write(record.join("commondir"), "../..\n").unwrap();
    stack.up();
    let pid = stack.pid("web");
    fs::remove_dir_all(&record).unwrap();
    until("the service ends with its worktree", || has_ended(pid));
    stack.is_over();
}

#[test]
fn a_keeper_that_is_told_to_terminate_ends_everything() {
    let stack = Stack::new(&web());
    stack.up();
    let pid = stack.pid("web");
    kill(stack.keeper(), Signal::TERM);
    until("the service ends with the keeper", || has_ended(pid));
    stack.is_over();
}
