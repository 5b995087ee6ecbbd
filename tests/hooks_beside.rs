//! A session that begins learns what already runs in its checkout, and gets that server's port instead of another one.

use serde_json::json;
use styxy_core::api::State;

use crate::support::session::{Session, home, worktree};
use crate::support::{Home, Server, eventually, sort, until};

/// A server that listens on the port which `session` has for its first service.
fn server_of(home: &Home, session: &Session) -> Server {
    let server = Server::on(home, session.port());
    until("the server is seen", || session.leases().iter().any(|lease| lease.state == State::Active));
    server
}

#[test]
fn the_server_that_an_ended_session_left_is_offered_to_the_next_ones() {
    let home = home();
    let first = Session::new(&home, &home.project());
    first.begin();
    let port = first.port();
    let server = server_of(&home, &first);
    first.process.kill();
    until("its other lease has ended", || home.leases().len() == 1);
    for _ in 0..2 {
        let next = Session::new(&home, &home.project());
        let said = next.begin();
        assert!(said.contains(&format!("this checkout: {} {port} (", sort::WEB)), "{said}");
        let left = format!("Already running in this checkout: {} on {port}, ", sort::WEB);
        let of = format!("({}), of a session that has ended. It can be used as it is", server.pid());
        assert!(said.contains(&left) && said.contains(&of), "{said}");
        assert_eq!(next.port(), port);
        let leased: Vec<String> = next.leases().iter().map(|lease| lease.service_type.to_string()).collect();
        assert_eq!(leased, [sort::API], "no third port");
        let env = home
            .styxy_command(&["env", sort::WEB])
            .env("CLAUDE_PID", next.process.pid().to_string())
            .output();
        let env = String::from_utf8(env.unwrap().stdout).unwrap();
        assert!(env.contains(&format!("export PORT='{port}'\n")), "{env}");
        next.process.kill();
    }
    // When it ends, the shell has a port of the session's own again.
    let last = Session::new(&home, &home.project());
    last.begin();
    server.kill();
    until("the session has a lease of its own", || {
        let web = last.port();
        last.leases().iter().any(|lease| lease.port.get() == web && lease.service_type.as_str() == sort::WEB)
    });
}

#[test]
fn another_live_sessions_server_is_named_and_keeps_its_port_for_itself() {
    let home = home();
    let first = Session::new(&home, &home.project());
    first.begin();
    let server = server_of(&home, &first);
    let second = Session::new(&home, &home.project());
    let said = second.begin();
    let theirs = format!("{} on {}, ", sort::WEB, first.port());
    let of = format!("({}), of session {}", server.pid(), first.instance());
    assert!(said.contains(&theirs) && said.contains(&of), "{said}");
    assert_ne!(first.port(), second.port());
    // The session's own is not anybody else's.
    let again = first.begin();
    assert!(again.contains(&theirs) && !again.contains(", of "), "{again}");
}

#[test]
fn a_persons_server_is_offered_and_one_without_a_lease_is_named() {
    let home = home();
    let other = worktree(&home, "other");
    let [free, elsewhere] = [(); 2].map(|()| home.spare_port());
    let env = home.styxy(&["env", sort::WEB, "--json"]).done().json();
    let port: u16 = env["PORT"].as_str().unwrap().parse().unwrap();
    let _leased = Server::in_folder(&home, &home.project(), port);
    until("the server is seen", || home.leases().iter().any(|lease| lease.state == State::Active));
    let unleased = Server::in_folder(&home, &home.project(), free);
    let _elsewhere = Server::in_folder(&home, &other, elsewhere);
    let session = Session::new(&home, &home.project());
    let said = session.begin();
    assert_eq!(session.port(), port);
    assert!(said.contains(&format!("{} on {port}, ", sort::WEB)), "{said}");
    assert!(said.contains(&format!("({}) on {free}", unleased.pid())), "{said}");
    assert!(!said.contains(&elsewhere.to_string()), "{said}");
    let sub = eventually("an answer", || {
        Some(session.hook("SubagentStart", &json!({ "agent_id": "a1" }))).filter(|said| !said.is_empty())
    });
    let sub: serde_json::Value = serde_json::from_str(&sub).unwrap();
    assert_eq!(sub["hookSpecificOutput"]["hookEventName"], "SubagentStart");
    assert_eq!(sub["hookSpecificOutput"]["additionalContext"], said, "a sub-agent learns the same");
    assert_eq!(session.leases().len(), 1);
}
