//! What a project's file says of the requests that reach its servers by name.

use std::fs;
use std::net::Ipv4Addr;

use styxy_core::api::{Grant, State};

use crate::door::{ask, get, web};
use crate::support::web::{HOST, MARK};
use crate::support::{Answer, Home, Request, finish, sort, until};

/// What `styxy allocate` is granted in the project, whose file says `rules` of its web server.
fn granted(home: &Home, rules: &str) -> Grant {
    let file = format!("{{\"services\": {{\"{}\": {{{rules}}}}}}}", sort::WEB);
    fs::write(home.project().join(".styxy.json"), file).unwrap();
    let words = ["allocate", "-s", sort::WEB, "--reuse", "--json"];
    let mut command = home.styxy_command(&words);
    let said = finish(command.current_dir(home.project())).done().stdout;
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn from_evil(home: &Home, host: &str) -> Answer {
    ask(home, host, &Request::get("/").header("Origin", "https://evil.example"))
}

#[test]
fn a_file_opens_a_server_to_pages_of_other_sites_and_shuts_it_again() {
    let home = Home::new();
    home.start();
    let grant = granted(&home, "\"open\": true");
    let host = grant.host.clone().unwrap();
    let serve = || web(&home, &home.project(), Ipv4Addr::LOCALHOST, grant.port.get(), "web");
    let server = serve();
    let answer = from_evil(&home, &host);
    assert_eq!((answer.status, answer.header(MARK)), (200, Some("web")), "{}", answer.text());
    // A restart of the daemon changes nothing. The next start of the server does.
    home.kill_daemon();
    home.start();
    assert_eq!(from_evil(&home, &host).header(MARK), Some("web"));
    server.kill();
    until("its port waits again", || {
        home.lease_of(&grant).is_some_and(|lease| lease.state == State::Granted)
    });
    assert_eq!(granted(&home, "").lock_id, grant.lock_id);
    let _server = serve();
    assert_eq!(from_evil(&home, &host).status, 403);
    assert_eq!(get(&home, &host).header(MARK), Some("web"));
}

#[test]
fn a_file_gives_a_server_the_port_as_its_host() {
    let home = Home::new();
    home.start();
    for (rules, local) in [("\"host\": \"local\"", true), ("\"host\": \"kept\"", false), ("", false)] {
        let grant = granted(&home, rules);
        let host = grant.host.clone().unwrap();
        let _server = web(&home, &home.project(), Ipv4Addr::LOCALHOST, grant.port.get(), "web");
        let expected = if local { format!("localhost:{}", grant.port) } else { host.clone() };
        assert_eq!(get(&home, &host).header(HOST), Some(expected.as_str()), "{rules}");
    }
}
