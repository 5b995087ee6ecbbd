//! What a service's name says after its end: at once if it was ended on purpose, and soon if it ended by itself (R123).

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use styxy_core::api::{OwnerKind, RegisterAnswer, State};

use crate::door::{get, page};
use crate::support::stack::{Stack, named};
use crate::support::{Answer, Running, Terminal, finish, kill, until};

/// A worktree with one service, whose leases are kept for so many seconds after a server ended by itself.
fn stack(grace: f64) -> Stack {
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } }));
    stack.home.configure(&json!({ "unbind_grace": grace }));
    stack
}

/// The host name of the service, and its port.
fn place(services: &[Value]) -> (String, String) {
    let web = named(services, "web");
    let url = web["named_url"].as_str().unwrap_or_else(|| panic!("{web}"));
    let host = url.trim_start_matches("http://").split(':').next().unwrap().to_owned();
    (host, web["port"].to_string())
}

/// The answer of a name that must not keep anybody waiting.
#[track_caller]
fn at_once(stack: &Stack, host: &str) -> Answer {
    let began = Instant::now();
    let answer = get(&stack.home, host);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {}", began.elapsed(), answer.text());
    answer
}

#[test]
fn the_name_of_a_service_that_was_ended_on_purpose_says_so_at_once() {
    let stack = stack(3600.0);
    let (host, port) = place(&stack.up());
    for ends in [&["down"][..], &["kill", &port, "--yes"]] {
        assert_eq!(place(&stack.up()), (host.clone(), port.clone()), "its port stays its own");
        assert_eq!(get(&stack.home, &host).status, 200);
        stack.styxy(ends).done();
        let answer = at_once(&stack, &host);
        assert_eq!(answer.status, 503, "{}", answer.text());
        for said in ["has ended at", "its port was released", "styxy up, or styxy run -- COMMAND"] {
            assert!(answer.text().contains(said), "{ends:?}: {}", answer.text());
        }
        assert!(stack.home.leases().is_empty());
    }
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    terminal.types("\x03");
    terminal.sees("exit 0");
    assert!(at_once(&stack, &host).text().contains("its port was released"));
    // What somebody starts there by hand is the key's server again.
    let mut command = stack.home.command("python3");
    let _by_hand = Running::spawn(command.args(["server.py", "by hand"]).env("PORT", &port));
    until("it is leased", || stack.styxy(&["list", "--json"]).done().stdout.contains(&host));
    assert!(get(&stack.home, &host).text().starts_with("by hand"));
}

#[test]
fn so_does_that_of_a_server_that_was_started_by_hand_and_of_one_whose_first_lease_was_released() {
    let stack = stack(3600.0);
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "web", "--", "python3", "server.py", "x"]);
    let _by_hand = Running::spawn(&mut command);
    until("it listens", || stack.home.leases().iter().any(|lease| lease.state == State::Active));
    let (host, _) = place(&stack.ps());
    stack.styxy(&["down", "--all"]).done();
    let answer = at_once(&stack, &host);
    assert!(answer.text().contains("its port was released"), "{}", answer.text());
    let elsewhere = stack.home.spare_port();
    std::fs::write(stack.home.project().join("deaf.py"), DEAF).unwrap();
    stack.say(&json!({ "web": { "run": format!("python3 deaf.py {elsewhere}; true") } }));
    stack.up();
    let leases = stack.home.leases();
    let first = leases.iter().find(|lease| lease.port.get() != elsewhere).unwrap();
    stack.styxy(&["release", &first.port.to_string()]).done();
    assert_eq!(get(&stack.home, &host).status, 200);
    stack.styxy(&["down"]).done();
    assert!(at_once(&stack, &host).text().contains("its port was released"));
}

#[test]
fn the_name_of_a_service_that_ended_by_itself_waits_no_longer_than_for_one_that_has_no_lease() {
    let stack = stack(0.5);
    let (host, _) = place(&stack.up());
    kill(stack.pid("web"), Signal::KILL);
    until("it has failed", || stack.service("web")["state"] == "failed");
    let answer = at_once(&stack, &host);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("its process ended"), "{}", answer.text());
    let shown = crate::door::ask(&stack.home, &host, &page());
    assert!(shown.text().contains("styxy up, or styxy run -- COMMAND"), "{}", shown.text());
    assert_eq!(shown.header("refresh"), None);
    // Its port is kept all the same.
    assert_eq!(stack.home.leases().len(), 1);
    assert_eq!(place(&stack.up()).0, host);
    assert_eq!(get(&stack.home, &host).status, 200);
}

#[test]
fn the_port_that_a_session_was_told_waits_after_its_service() {
    let stack = stack(0.5);
    let session = Running::idle();
    stack.home.start();
    let name = format!("claude-{}", session.pid());
    let register = json!({ "instance_id": name, "pid": session.pid() });
    stack.home.socket().post("/instance/register", &register).ok::<RegisterAnswer>();
    let styxy = |words: &[&str]| {
        let mut command = stack.home.styxy_command(words);
        finish(command.env("CLAUDE_PID", session.pid().to_string())).done()
    };
    let up = styxy(&["up", "-d", "--json"]).json();
    let (host, _) = place(up["services"].as_array().unwrap());
    styxy(&["down"]);
    let leases = stack.home.leases();
    // It waits as long as the session lives, for whoever starts the service.
    let kinds: Vec<_> = leases.iter().map(|lease| (lease.owner.kind, lease.stack)).collect();
    assert_eq!(kinds, [(OwnerKind::Listener, Some(true))]);
    assert!(at_once(&stack, &host).text().contains("its process ended"));
}

/// Listens elsewhere than it is told to.
const DEAF: &str = r#"
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"#;

#[test]
fn a_service_that_ignores_its_port_has_one_name_wherever_it_is_shown() {
    let stack = stack(0.5);
    let elsewhere = stack.home.spare_port();
    std::fs::write(stack.home.project().join("deaf.py"), DEAF).unwrap();
    stack.say(&json!({ "web": { "run": format!("python3 deaf.py {elsewhere}; true") } }));
    let up = stack.up();
    let (host, port) = place(&up);
    assert_eq!(port, elsewhere.to_string());
    let leases = stack.home.leases();
    assert_eq!(leases.len(), 2, "{leases:?}");
    for lease in leases {
        assert_eq!(lease.host.as_ref(), Some(&host));
        assert_eq!(lease.named_url.as_deref(), named(&up, "web")["named_url"].as_str());
    }
    let list = stack.styxy(&["list"]).done().stdout;
    assert!(!list.contains("web-2"), "{list}");
    assert!(stack.styxy(&["who", &port]).done().stdout.contains(&host));
    assert_eq!(get(&stack.home, &host).status, 200);
    stack.styxy(&["down"]).done();
    assert!(at_once(&stack, &host).text().contains("its port was released"));
}

#[test]
fn a_port_that_is_typed_in_the_command_is_the_services_and_its_name_leads_there() {
    let stack = Stack::new(&json!({}));
    let port = stack.home.spare_port();
    stack.say(&json!({ "web": { "run": format!("python3 -m http.server {port} --bind 127.0.0.1") } }));
    let said = stack.styxy(&["up", "-d"]).done();
    let web = stack.service("web");
    assert_eq!((&web["port"], &web["state"]), (&json!(port), &json!("ready")), "{said:?}");
    let leases = stack.home.styxy(&["list", "--json"]).done().json()["allocations"].clone();
    let leases = leases.as_array().unwrap();
    assert_eq!(leases.len(), 1, "{leases:?}");
    assert_eq!(leases[0]["named_url"], web["named_url"]);
}
