//! `styxy wait` returns when a server is up, and `styxy open` opens only this worktree's.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
#[cfg(unix)]
use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use serde_json::json;
#[cfg(unix)]
use styxy_core::api::OpenAnswer;
use styxy_core::api::{Code, WaitAnswer};

#[cfg(unix)]
use crate::support::finish;
use crate::support::{Home, Server, sort, until};

/// `styxy wait` in the background.
fn waiting(home: &Home, words: &[&str]) -> Server {
    let mut command = home.styxy_command(&[&["wait", "--timeout", "30"], words].concat());
    Server::reading(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))
}

#[test]
fn a_service_is_up_when_its_leases_server_listens() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let wait = waiting(&home, &[sort::WEB]);
    let _server = Server::on(&home, port);
    assert_eq!(wait.hear(), format!("web is up: http://localhost:{port}"));
    assert_eq!(wait.ends().0, Some(0));
    let answer: WaitAnswer = home.styxy(&["wait", sort::WEB, "--json"]).done().wire();
    assert_eq!((answer.port.get(), answer.status), (port, None));
    assert_eq!(home.styxy(&["wait", sort::WEB, "-q"]).done().stdout, format!("http://localhost:{port}\n"));
}

#[test]
fn a_service_may_be_waited_for_before_it_is_leased_and_over_a_restart_of_the_daemon() {
    let home = Home::new();
    home.start();
    let wait = waiting(&home, &[sort::API, "-n", "admin"]);
    home.styxy(&["daemon", "restart"]).done();
    // A server with another name does not count.
    let other = home.styxy(&["allocate", "-s", sort::API, "-n", "web", "-q"]).done().number();
    let _other = Server::on(&home, other);
    let port = home.styxy(&["allocate", "-s", sort::API, "-n", "admin", "-q"]).done().number();
    let _server = Server::on(&home, port);
    assert_eq!(wait.hear(), format!("api/admin is up: http://localhost:{port}"));
}

#[test]
fn another_worktrees_server_is_not_waited_for() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.other_project() }));
    let _server = Server::in_folder(&home, &home.other_project(), grant.port.get());
    home.active(&grant);
    let late = home.styxy(&["wait", sort::WEB, "--timeout", "0.3", "--json"]).exits(1).refusal();
    assert_eq!(late.code, Code::NotRunning);
    assert!(late.error.contains("no lease for web"), "{}", late.error);
}

#[test]
fn a_port_is_up_when_anything_listens_on_it() {
    let home = Home::new();
    let port = home.spare_port();
    let wait = waiting(&home, &[&port.to_string()]);
    let _server = Server::in_folder(&home, &home.other_project(), port);
    assert_eq!(wait.hear(), format!("Port {port} is up: http://localhost:{port}"));
    // That needs no daemon; waiting for a service does.
    home.styxy(&["daemon", "stop"]).done();
    home.styxy(&["wait", &port.to_string(), "--no-start"]).done();
    home.styxy(&["wait", sort::WEB, "--no-start"]).exits(3);
    assert!(home.status().is_none());
}

#[test]
fn too_long_a_wait_says_what_was_seen_last() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let late = |target: &str| home.styxy(&["wait", target, "--timeout", "0.3"]).exits(1).stderr;
    let seen = format!("nothing listens on port {port}, which is leased for web");
    for target in [sort::WEB, &port.to_string()] {
        let said = late(target);
        assert!(said.contains(&seen) && said.contains("\nhint: styxy "), "{said}");
    }
    let free = home.spare_port();
    assert!(late(&free.to_string()).contains(&format!("nothing listens on port {free}")));
    let _stranger = Server::in_folder(&home, &home.other_project(), port);
    until("the stranger is seen", || home.leases()[0].conflict.is_some());
    assert!(late(sort::WEB).contains(&format!("listens on port {port}, which is leased for web")));
}

/// Answers each request with the next of these statuses, and from then on with the last.
fn answering(port: u16, statuses: &[u16]) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let statuses = statuses.to_vec();
    thread::spawn(move || {
        let mut next = 0;
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            // A check whether anything listens sends nothing.
            let Some(request) = lines.next() else { continue };
            let _ = lines.find(String::is_empty);
            let status = if request.starts_with("GET /health?x=1 ") { statuses[next] } else { 404 };
            next = (next + 1).min(statuses.len() - 1);
            let head = format!(
                "HTTP/1.1 {status} x\r\nlocation: /else\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let _ = (&stream).write_all(head.as_bytes());
        }
    });
}

#[test]
fn a_path_is_requested_until_the_status_is_below_500() {
    let home = Home::new();
    let port = home.spare_port();
    answering(port, &[503, 500, 204]);
    let wait: WaitAnswer =
        home.styxy(&["wait", &port.to_string(), "--http", "/health?x=1", "--json"]).done().wire();
    assert_eq!(wait.status, Some(204));
    // A redirect is an answer, and is not followed.
    let port = home.spare_port();
    answering(port, &[302]);
    let wait: WaitAnswer =
        home.styxy(&["wait", &port.to_string(), "--http", "/health?x=1", "--json"]).done().wire();
    assert_eq!(wait.status, Some(302));
    let port = home.spare_port();
    answering(port, &[503]);
    let late =
        home.styxy(&["wait", &port.to_string(), "--http", "/health?x=1", "--timeout", "2"]).exits(1).stderr;
    assert!(late.contains("answers 503"), "{late}");
}

#[test]
fn an_impossible_wait_is_wrong_usage() {
    let home = Home::new();
    for words in [
        &["wait"][..],
        &["wait", "0"],
        &["wait", "a b"],
        &["wait", "3000", "-n", "web"],
        &["wait", "3000", "--http", "health"],
        &["wait", "3000", "--timeout", "-1"],
        &["wait", "3000", "--timeout", "soon"],
        &["open", "3000", "-n", "web"],
    ] {
        home.styxy(words).exits(2);
    }
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}

/// `styxy open` with a browser that records its arguments.
#[cfg(unix)]
fn open(home: &Home, words: &[&str]) -> Command {
    let bin = home.top().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let browser = bin.join("xdg-open");
    let shown = home.top().join("shown");
    fs::write(&browser, format!("#!/bin/sh\necho \"$@\" > {0}.part && mv {0}.part {0}\n", shown.display()))
        .unwrap();
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = home.styxy_command(&[&["open"], words].concat());
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", bin.display()));
    command
}

#[test]
#[cfg(unix)]
fn open_opens_this_worktrees_server_where_there_is_a_display() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let _server = Server::on(&home, port);
    home.styxy(&["wait", sort::WEB]).done();
    let url = format!("http://localhost:{port}");
    for (words, display) in
        [(&[sort::WEB, "--print"][..], true), (&[sort::WEB], false), (&[&port.to_string()], false)]
    {
        let mut command = open(&home, &[words, &["--json"]].concat());
        if display {
            command.env("DISPLAY", ":0");
        }
        let answer: OpenAnswer = finish(&mut command).done().wire();
        assert_eq!((answer.url.as_str(), answer.opened), (url.as_str(), false));
    }
    let shown = home.top().join("shown");
    assert!(!shown.exists());
    let named = format!("http://web.project.localhost:{}", home.listen_port());
    for (words, opened) in [(&[sort::WEB][..], &named), (&[sort::WEB, "--port"], &url)] {
        let said = finish(open(&home, words).env("DISPLAY", ":0")).done();
        assert_eq!(said.stdout, format!("{opened}\n"));
        until("the browser was started", || shown.exists());
        assert_eq!(fs::read_to_string(&shown).unwrap(), format!("{opened}\n"));
        fs::remove_file(&shown).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn open_fails_if_no_server_of_this_worktree_runs() {
    let home = Home::new();
    let refused = |target: &str| {
        let said = finish(open(&home, &[target, "--json"]).env("DISPLAY", ":0")).exits(1).refusal();
        assert_eq!(said.code, Code::NotRunning);
    };
    refused(sort::WEB);
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    refused(sort::WEB);
    refused(&port.to_string());
    let other = home.spare_port();
    let _sibling = Server::in_folder(&home, &home.worktree("fix"), other);
    refused(&other.to_string());
    assert!(!home.top().join("shown").exists());
}
