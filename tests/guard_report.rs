//! What the guard has refused reaches the agent, whatever the program did with its line: by its hook, by a route and by an event.

use std::process::Stdio;

use serde_json::{Value, json};
use styxy_core::api::RefusalsAnswer;

use crate::support::session::{Session, home};
use crate::support::{Home, Server, alive, finish, sort};

/// `command` in bash, in the folder and the session of `session`, under the guard.
fn runs(home: &Home, session: &Session, command: &str) {
    let mut agent = home.styxy_command(&["agent", "--", "bash", "-c", command]);
    agent.current_dir(&session.folder).stdin(Stdio::null());
    finish(agent.env("CLAUDE_PID", session.process.pid().to_string()));
}

/// What the hook tells the agent after a command.
fn told(session: &Session, event: &str) -> String {
    let said = session.hook(event, &json!({ "tool_name": "Bash", "tool_input": { "command": "x" } }));
    if said.is_empty() {
        return said;
    }
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["hookSpecificOutput"]["hookEventName"], event);
    json["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned()
}

#[test]
fn a_refusal_whose_line_was_swallowed_reaches_the_agent_once() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    let stranger = Session::new(&home, &home.other_project());
    stranger.begin();
    let port = home.range(sort::WEB).nth(3).unwrap();
    let other = Server::in_folder(&home, &home.other_project(), port);
    assert_eq!(told(&session, "PostToolUse"), "");
    let mut events = home.socket().events(None);
    runs(&home, &session, &format!("kill {pid} 2>/dev/null; kill -9 {pid} 2>/dev/null", pid = other.pid()));
    assert!(alive(other.pid()));
    for _ in 0..2 {
        // It is not in the journal, so it has no number to resume after.
        let event = events.next().unwrap();
        assert_eq!((event.name.as_str(), event.id), ("signal_refused", None));
        assert_eq!(event.data["refused"]["instance_id"], session.instance());
        assert_eq!(event.data["refused"]["wanted"], "signal");
    }
    assert_eq!(told(&stranger, "PostToolUse"), "", "it is another session's");
    let said = told(&session, "PostToolUseFailure");
    let [line] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert!(line.starts_with("Styxy's guard: not signalled: ") && line.contains("other"), "{line}");
    assert!(line.ends_with(&format!("styxy kill {port} --force")), "{line}");
    assert_eq!(told(&session, "PostToolUse"), "", "it was said");
    let kept: RefusalsAnswer =
        home.socket().get(&format!("/refusals?instance_id={}", session.instance())).ok();
    assert_eq!(kept.refusals.len(), 2);
    assert!(kept.refusals.iter().all(|refused| refused.message.contains(&format!("on {port}"))));
    let none: RefusalsAnswer =
        home.socket().get(&format!("/refusals?instance_id={}", stranger.instance())).ok();
    assert!(none.refusals.is_empty());
}

#[test]
fn a_port_that_was_refused_reaches_the_agent() {
    let home = home();
    let (session, stranger) =
        (Session::new(&home, &home.project()), Session::new(&home, &home.other_project()));
    session.begin();
    stranger.begin();
    let bind = format!("import socket; socket.socket().bind(('127.0.0.1', {}))", stranger.port());
    runs(&home, &session, &format!("python3 -c \"{bind}\" 2>/dev/null"));
    let said = told(&session, "PostToolUseFailure");
    assert!(said.starts_with(&format!("Styxy's guard: port {} is leased to ", stranger.port())), "{said}");
}
