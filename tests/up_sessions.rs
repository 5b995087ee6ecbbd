//! A service of the worktree's stack is the worktree's: every session and a person have one port and one name for it (R68).

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::session::Session;
use crate::support::stack::{Stack, named, services};
use crate::support::{finish, sort, until};

fn stack() -> Stack {
    Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } }))
}

/// A command of a session, or of a person.
fn typed(stack: &Stack, session: Option<&Session>, words: &[&str]) -> Value {
    let mut command = stack.home.styxy_command(words);
    if let Some(session) = session {
        command.env("CLAUDE_PID", session.process.pid().to_string());
    }
    finish(command.arg("--json").stdin(Stdio::null())).done().json()
}

/// `styxy up -d`, which says where `web` is.
fn up(stack: &Stack, session: Option<&Session>) -> (u64, String) {
    let all = typed(stack, session, &["up", "-d"]);
    let web = named(all["services"].as_array().unwrap(), "web");
    assert_eq!(web["state"], "ready", "{web}");
    let named_url = web["named_url"].as_str().unwrap_or_default().to_owned();
    (web["port"].as_u64().unwrap(), named_url)
}

#[test]
fn whoever_starts_a_service_after_whom_it_has_one_port_and_one_name() {
    let stack = stack();
    let (one, two) =
        (Session::new(&stack.home, &stack.home.project()), Session::new(&stack.home, &stack.home.project()));
    one.begin();
    let port = one.port();
    let said = two.begin();
    assert!(said.contains(&format!("web {port} (in a browser http://web.project.localhost")), "{said}");
    let mut urls = Vec::new();
    for who in [Some(&one), None, Some(&two), None, Some(&one), Some(&two)] {
        let (now, url) = up(&stack, who);
        assert_eq!(now, u64::from(port));
        urls.push(url);
        // Another one ends it.
        let other = if who.is_some() { None } else { Some(&one) };
        let ends = typed(&stack, other, &["down"]);
        assert_eq!(named(ends["services"].as_array().unwrap(), "web")["state"], "ended");
    }
    assert!(urls.iter().all(|url| *url == urls[0] && url.contains("//web.project.localhost")), "{urls:?}");
    let leases = stack.home.leases();
    assert_eq!(leases.len(), 1, "{leases:?}");
    assert_eq!((leases[0].stack, &leases[0].instance_id), (Some(true), &None), "{leases:?}");
}

#[test]
fn a_session_that_begins_is_told_what_runs_and_leases_nothing_beside_it() {
    let stack = stack();
    let one = Session::new(&stack.home, &stack.home.project());
    one.begin();
    let (port, url) = up(&stack, Some(&one));
    let two = Session::new(&stack.home, &stack.home.project());
    let said = two.begin();
    assert!(said.contains(&format!("checkout: web {port} (in a browser {url}")), "{said}");
    assert!(said.contains(&format!("web runs at {url}")), "{said}");
    assert_eq!((u64::from(two.port()), stack.home.leases().len()), (port, 1));
    let env = typed(&stack, Some(&two), &["env"]);
    assert_eq!(env["STYXY_WEB_PORT"].as_str(), Some(&*port.to_string()), "{env}");
    assert_eq!(typed(&stack, None, &["env"])["STYXY_WEB_PORT"], env["STYXY_WEB_PORT"]);
    assert_eq!(stack.home.leases()[0].instance_id.as_ref().map(ToString::to_string), Some(one.instance()));
}

#[test]
fn the_end_of_a_session_leaves_the_port_to_the_others() {
    let stack = stack();
    let (one, two) =
        (Session::new(&stack.home, &stack.home.project()), Session::new(&stack.home, &stack.home.project()));
    one.begin();
    let port = one.port();
    two.begin();
    one.hook("SessionEnd", &json!({ "reason": "other" }));
    one.process.kill();
    until("the session has ended", || {
        stack.home.socket().get("/instance/list").ok::<Value>()["instances"].as_array().unwrap().len() == 1
    });
    assert_eq!((two.port(), up(&stack, None).0), (port, u64::from(port)));
    typed(&stack, None, &["down"]);
    two.process.kill();
    until("the port waits for nobody's session", || {
        stack.home.socket().get("/instance/list").ok::<Value>()["instances"].as_array().unwrap().is_empty()
    });
    assert_eq!(up(&stack, None).0, u64::from(port));
}

#[test]
fn a_server_that_another_session_started_by_hand_stays_that_sessions() {
    let stack = stack();
    let one = Session::new(&stack.home, &stack.home.project());
    one.begin();
    let port = one.port();
    let mut by_hand =
        stack.home.styxy_command(&["run", "-q", "-s", "web", "--", "python3", "server.py", "hand"]);
    by_hand.env("CLAUDE_PID", one.process.pid().to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut by_hand = by_hand.stderr(Stdio::null()).spawn().unwrap();
    until("it serves", || crate::support::stack::ask(port, "").is_some());
    let two = Session::new(&stack.home, &stack.home.project());
    let said = two.begin();
    assert!(said.contains(&format!("web on {port}")) && said.contains(&one.instance()), "{said}");
    let mut command = stack.home.styxy_command(&["up", "-d", "--json"]);
    let up = finish(command.env("CLAUDE_PID", two.process.pid().to_string()).stdin(Stdio::null()));
    let web = named(&services(&up), "web");
    assert_eq!(
        (web["state"].as_str(), web["port"].as_u64()),
        (Some("outside"), Some(u64::from(port))),
        "{up:?}"
    );
    by_hand.kill().unwrap();
    by_hand.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_a_session_starts_by_itself_on_the_port_it_was_told_is_that_sessions() {
    let stack = stack();
    let project = stack.home.project();
    let (one, two) = (Session::new(&stack.home, &project), Session::new(&stack.home, &project));
    one.begin();
    let port = one.port();
    two.begin();
    let mut direct = std::process::Command::new("python3");
    direct.args(["server.py", "direct"]).current_dir(&project).env("PORT", port.to_string());
    direct.env("CLAUDE_PID", one.process.pid().to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut direct = direct.stderr(Stdio::null()).spawn().unwrap();
    until("it is known whose it is", || {
        let leases = stack.home.leases();
        leases[0].listener.is_some()
            && leases[0].instance_id.as_ref().is_some_and(|id| id.as_str() == one.instance())
    });
    let port = port.to_string();
    let refusals = [&["kill", &*port, "--yes"][..], &["down", "--all", "--json"]];
    for words in refusals.into_iter().chain([&["up", "-d"][..], &["down", "--all", "--json"]]) {
        let mut command = stack.home.styxy_command(words);
        let refused = finish(command.env("CLAUDE_PID", two.process.pid().to_string()).stdin(Stdio::null()));
        if words == ["up", "-d"] {
            // There is a keeper from now on, which has not started the server.
            continue;
        }
        assert_eq!(refused.code, 1, "{words:?}: {refused:?}");
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(&one.instance()), "{words:?}: {said}");
    }
    assert!(direct.try_wait().unwrap().is_none(), "it runs");
    direct.kill().unwrap();
    direct.wait().unwrap();
    until("it waits for anybody again", || {
        stack.home.leases().iter().all(|lease| lease.instance_id.is_none())
    });
}

#[test]
fn what_a_session_has_started_is_given_back_by_down_after_its_end_too() {
    let stack = stack();
    let one = Session::new(&stack.home, &stack.home.project());
    one.begin();
    up(&stack, Some(&one));
    one.process.kill();
    until("the session has ended", || {
        stack.home.socket().get("/instance/list").ok::<Value>()["instances"].as_array().unwrap().is_empty()
    });
    typed(&stack, None, &["down"]);
    assert_eq!(stack.home.leases(), []);
}

#[test]
fn a_lease_that_somebody_asked_for_beside_a_service_changes_neither_its_port_nor_its_name() {
    let stack = stack();
    let first = up(&stack, None);
    let beside = typed(&stack, None, &["allocate", "-s", "web"]);
    assert_ne!(beside["port"].as_u64(), Some(first.0), "{beside}");
    for _ in 0..2 {
        typed(&stack, None, &["down"]);
        assert_eq!(up(&stack, None), first);
    }
}

#[test]
fn a_procfile_is_a_stack_too() {
    let stack = Stack::new(&json!({})).with_own_dev();
    let project = stack.home.project();
    fs::remove_file(project.join(".styxy.json")).unwrap();
    fs::write(
        project.join("Procfile.dev"),
        "web: exec python3 server.py web\nslow: exec python3 server.py slow\n",
    )
    .unwrap();
    let one = Session::new(&stack.home, &project);
    let said = one.begin();
    assert!(said.contains("dev/web ") && said.contains(", dev/slow "), "{said}");
    let env = typed(&stack, None, &["env"]);
    assert_eq!(env["PORT"].as_str(), Some(&*one.port().to_string()), "{env}");
    assert_eq!(env["STYXY_SLOW_PORT"].as_str(), Some(&*one.exported("STYXY_SLOW_PORT")));
    assert_eq!(u64::from(one.port()), up(&stack, None).0);
    assert_eq!(stack.home.leases().len(), 2);
}

#[test]
fn where_nothing_is_to_run_each_session_has_a_port_of_its_own() {
    let stack = Stack::new(&json!({ sort::WEB: {} }));
    let (one, two) =
        (Session::new(&stack.home, &stack.home.project()), Session::new(&stack.home, &stack.home.project()));
    one.begin();
    two.begin();
    assert_ne!(one.port(), two.port());
}
