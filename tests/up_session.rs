//! Services that end with the agent session that has started them, if the user's settings say so (R146).

use std::process::Stdio;

use serde_json::json;

use crate::support::stack::{Stack, named};
use crate::support::{Output, Running, alive, eventually, finish, has_ended, kill, until};

/// A worktree whose services end soon after their session.
fn stack() -> Stack {
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } }));
    stack.home.configure(&json!({ "end_with": "session", "session_grace": 0.5 }));
    stack
}

/// `styxy up -d` of the session with this process.
fn up(stack: &Stack, session: &Running) -> Output {
    let mut command = stack.home.styxy_command(&["up", "-d"]);
    finish(command.env("CLAUDE_PID", session.pid().to_string()).stdin(Stdio::null())).done()
}

#[test]
fn services_end_after_their_session_and_say_so() {
    let stack = stack();
    let session = Running::idle();
    let name = format!("the agent session claude-{}", session.pid());
    let said = up(&stack, &session);
    assert!(said.stderr.contains(&format!("the services end 0 s after {name}")), "{said:?}");
    assert!(!up(&stack, &session).stderr.contains("the services end"), "it is said once");
    let pid = stack.pid("web");
    session.kill();
    until("the service ends", || has_ended(pid));
    let why = eventually("it is known why", || stack.service("web")["why"].as_str().map(str::to_owned));
    assert_eq!(why, format!("{name} has ended"));
    stack.is_over();
    // A session that has ended ends nothing of what is started later.
    let pid = u32::try_from(named(&stack.up(), "web")["pid"].as_u64().unwrap()).unwrap();
    assert!(stack.ask("web", "PORT").starts_with("web ") && alive(pid));
}

#[test]
fn a_persons_up_takes_the_services_over_and_a_new_keeper_knows_the_session() {
    let stack = stack();
    let session = Running::idle();
    up(&stack, &session);
    let pid = stack.pid("web");
    let said = stack.styxy(&["up", "-d"]).done();
    let no_longer = format!("the services no longer end with the agent session claude-{}", session.pid());
    assert!(said.stderr.contains(&no_longer), "{said:?}");
    session.kill();
    // Another session's, whose keeper is killed.
    let session = Running::idle();
    up(&stack, &session);
    assert!(alive(pid) && stack.pid("web") == pid, "the first one's end was nothing");
    let keeper = stack.keeper();
    kill(keeper, rustix::process::Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
    let mut look = stack.home.styxy_command(&["up", "-d", "--json"]);
    finish(look.env("CLAUDE_PID", session.pid().to_string())).done();
    session.kill();
    until("the service ends with its session", || has_ended(pid));
    stack.is_over();
}

#[test]
fn services_may_outlive_their_worktree() {
    let stack = stack();
    stack.home.configure(&json!({ "end_with": "never" }));
    let session = Running::idle();
    up(&stack, &session);
    let pid = stack.pid("web");
    session.kill();
    let (project, moved) = (stack.home.project(), stack.home.top().join("moved"));
    std::fs::rename(&project, &moved).unwrap();
    // The keeper would have noticed by the time that it answers this.
    std::fs::rename(&moved, &project).unwrap();
    assert!(stack.ask("web", "PORT").starts_with("web ") && alive(pid));
}

#[test]
fn a_wrong_setting_is_refused_with_its_place() {
    let stack = stack();
    stack.home.configure(&json!({}));
    stack.home.start();
    stack.home.write_config("{\n  \"end_with\": \"sesion\"\n}");
    let said = stack.styxy(&["up", "-d"]).exits(2);
    assert!(said.stderr.contains("config.json:2:15: ") && said.stderr.contains("session"), "{said:?}");
}
