//! What an agent session may end: what it has started, and what is detached in the worktree that it began in (R147).

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::session::Session;
use crate::support::stack::{Stack, named, services};
use crate::support::{Agent, Output, Terminal, alive, finish, has_ended};

fn stack() -> Stack {
    Stack::new(&web())
}

fn web() -> Value {
    json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } })
}

/// A command of a session in `folder`.
fn command(stack: &Stack, session: &Session, folder: &Path, words: &[&str]) -> Command {
    let mut command = stack.home.styxy_command(words);
    command.current_dir(folder).env("CLAUDE_PID", session.process.pid().to_string()).stdin(Stdio::null());
    command
}

fn typed(stack: &Stack, session: &Session, folder: &Path, words: &[&str]) -> Output {
    finish(&mut command(stack, session, folder, words))
}

/// The pid and the port of `web`.
fn place(up: &Output) -> (u32, String) {
    let web = named(&services(up), "web");
    (u32::try_from(web["pid"].as_u64().unwrap()).unwrap(), web["port"].to_string())
}

/// What refuses each way to end `web`, which runs with this pid on this port; `there` is a folder of its worktree.
fn refused(stack: &Stack, session: &Session, there: &Path, (pid, port): &(u32, String), why: &str) {
    let root = there.to_str().unwrap();
    let began = session.folder.clone();
    let ways: [(&Path, &[&str], &str); 6] = [
        (there, &["release", "web"], "--force"),
        (there, &["release", port], "--force"),
        (there, &["down"], "styxy down --force"),
        (there, &["down", "web", "--now"], "styxy down web --force"),
        (&began, &["down", "-C", root], "styxy down --force -C "),
        (there, &["kill", port, "--yes"], "--force --yes"),
    ];
    for (folder, words, hint) in ways {
        let said = typed(stack, session, folder, words).exits(1);
        assert!(said.stderr.contains(why) && said.stderr.contains(hint), "{words:?}: {said:?}");
        assert!(alive(*pid), "{words:?}");
    }
    let mut agent = Agent::of(&mut command(stack, session, &began, &["mcp"]));
    let said = agent.refused("stop_service", &json!({ "service": "web", "project": root }));
    assert!(said.text().contains(why) && !said.text().contains("--force"), "{}", said.text());
    let number: u16 = port.parse().unwrap();
    agent.refused("release_port", &json!({ "port": number, "project": root }));
    assert!(stack.home.leases().iter().any(|lease| lease.port.get() == number), "its lease stays");
    assert!(alive(*pid));
}

/// Another worktree with the same services.
fn other(stack: &Stack) -> std::path::PathBuf {
    let other = stack.home.other_project();
    fs::copy(stack.home.project().join("server.py"), other.join("server.py")).unwrap();
    fs::write(other.join(".styxy.json"), json!({ "services": web() }).to_string()).unwrap();
    other
}

#[test]
fn a_cd_makes_no_other_worktrees_services_a_sessions_own() {
    let stack = stack();
    let other = other(&stack);
    let session = Session::new(&stack.home, &stack.home.project());
    session.begin();
    let up = || finish(stack.home.styxy_command(&["up", "-d", "--json"]).current_dir(&other)).done();
    let there = place(&up());
    refused(&stack, &session, &other, &there, "web is of another worktree, ");
    typed(&stack, &session, &other, &["down", "--force"]).done();
    assert!(has_ended(there.0));
    // A person is hindered by nothing.
    let there = place(&up());
    finish(stack.home.styxy_command(&["down"]).current_dir(&other)).done();
    assert!(has_ended(there.0));
    // What it has started there itself, it may end, and what is detached where it began.
    let there = place(&typed(&stack, &session, &other, &["up", "-d", "--json"]).done());
    typed(&stack, &session, &other, &["down"]).done();
    assert!(has_ended(there.0));
    stack.up();
    let pid = stack.pid("web");
    typed(&stack, &session, &other, &["down", "-C", session.folder.to_str().unwrap()]).done();
    assert!(has_ended(pid));
}

#[test]
fn what_belongs_to_a_persons_terminal_is_the_persons() {
    let stack = stack();
    let session = Session::new(&stack.home, &stack.home.project());
    session.begin();
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    let here = (stack.pid("web"), stack.service("web")["port"].to_string());
    refused(
        &stack,
        &session,
        &session.folder,
        &here,
        "web belongs to a terminal in which a person runs styxy up",
    );
    stack.styxy(&["down"]).done();
    assert!(has_ended(here.0));
}

#[test]
fn what_another_session_has_started_is_its_as_long_as_it_lives() {
    let stack = stack();
    let [one, two] = [(); 2].map(|()| Session::new(&stack.home, &stack.home.project()));
    one.begin();
    two.begin();
    let here = place(&typed(&stack, &one, &one.folder, &["up", "-d", "--json"]).done());
    let instance = one.instance();
    for (words, hint) in
        [(&["down"][..], "styxy down --force"), (&["kill", &here.1, "--yes"], "--force --yes")]
    {
        let said = typed(&stack, &two, &two.folder, words).exits(1);
        assert!(said.stderr.contains(&instance) && said.stderr.contains(hint), "{words:?}: {said:?}");
    }
    assert!(alive(here.0));
    one.process.kill();
    typed(&stack, &two, &two.folder, &["down"]).done();
    assert!(has_ended(here.0));
}

#[test]
fn a_server_that_a_session_started_by_hand_is_its_as_long_as_it_lives() {
    let stack = stack();
    let [one, two] = [(); 2].map(|()| Session::new(&stack.home, &stack.home.project()));
    one.begin();
    two.begin();
    let words = ["run", "-q", "-s", "web", "--", "python3", "server.py", "web"];
    let mut by_hand = command(&stack, &one, &one.folder, &words);
    let by_hand = crate::support::Running::spawn(&mut by_hand);
    crate::support::until("it listens", || {
        stack.home.leases().iter().any(|lease| lease.state == styxy_core::api::State::Active)
    });
    // The keeper knows it from now on, and not whose it is.
    assert_eq!(
        named(&services(&typed(&stack, &two, &two.folder, &["up", "-d", "--json"]).done()), "web")["state"],
        "outside"
    );
    let said = typed(&stack, &two, &two.folder, &["down", "--all"]).exits(1);
    assert!(said.stderr.contains(&one.instance()), "{said:?}");
    assert!(alive(by_hand.pid()));
    typed(&stack, &one, &one.folder, &["down", "--all"]).done();
    assert!(has_ended(by_hand.pid()));
}
