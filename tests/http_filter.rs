//! Who may talk to the daemon: this user's programs, but no web page and no other user.

#[cfg(unix)]
use std::fs::{self, Permissions};
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
#[cfg(unix)]
use std::process::Command;

use serde_json::json;
use styxy_core::api::StatusAnswer;

use crate::support::{Home, Request, Way, proper, sort};
#[cfg(unix)]
use crate::support::{Server, helper, nobody, until};

/// Refused by `rule`, over TCP v4 and v6.
#[track_caller]
fn refused_by(home: &Home, rule: &str, request: &Request) {
    for way in [home.trusted_tcp(), home.trusted_tcp6()] {
        let answer = way.send(request);
        proper(&answer);
        assert_eq!(answer.status, 403, "{request:?}: {}", answer.text());
        assert_eq!(answer.refused(403, "forbidden").details["rule"], rule, "{request:?}");
    }
}

#[track_caller]
fn admitted(home: &Home, request: &Request) {
    for way in [home.trusted_tcp(), home.trusted_tcp6()] {
        let answer = way.send(request);
        proper(&answer);
        assert_eq!(answer.status, 200, "{request:?}: {}", answer.text());
    }
}

#[test]
fn exactly_one_host_header_that_names_this_machine_and_our_port_is_needed() {
    let home = Home::new();
    home.start();
    let port = home.listen_port();
    let get = |hosts: &[String]| {
        Request::get("/status").hosts(&hosts.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let ours: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{port}")).into();
    for host in &ours {
        admitted(&home, &get(std::slice::from_ref(host)));
    }
    refused_by(&home, "host", &get(&[]));
    for two in [[ours[0].clone(), ours[0].clone()], [ours[0].clone(), format!("evil.example:{port}")]] {
        for way in [home.trusted_tcp(), home.trusted_tcp6(), home.socket()] {
            let answer = way.send(&get(&two));
            proper(&answer);
            answer.refused(400, "invalid_request");
        }
    }
    let (before, after) = (port - 1, format!("{port}0"));
    for wrong in [
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("user@localhost:{port}"),
        format!("localhost.:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::]:{port}"),
        format!("::1:{port}"),
        format!("localhost:{before}"),
        format!("localhost:{after}"),
        format!("localhost:{port}:{port}"),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "localhost:".to_owned(),
        format!("localhost:+{port}"),
        String::new(),
    ] {
        refused_by(&home, "host", &get(&[wrong]));
    }
}

#[test]
fn headers_that_web_pages_always_send_are_refused() {
    let home = Home::new();
    home.start();
    let local = format!("http://localhost:{}", home.listen_port());
    for origin in ["http://evil.example", "null", "", "file://", local.as_str()] {
        refused_by(&home, "origin", &Request::get("/status").header("Origin", origin));
        refused_by(&home, "origin", &Request::new("OPTIONS", "/allocate").header("Origin", origin));
    }
    for site in ["cross-site", "same-site", "same-origin", "", "None"] {
        refused_by(&home, "sec_fetch_site", &Request::get("/status").header("Sec-Fetch-Site", site));
    }
    for referer in ["http://evil.example/", local.as_str(), ""] {
        refused_by(&home, "referer", &Request::get("/status").header("Referer", referer));
    }
    // An address that was typed into a browser, and Node's fetch.
    admitted(
        &home,
        &Request::get("/status").header("Sec-Fetch-Site", "none").header("Sec-Fetch-Mode", "navigate"),
    );
    admitted(&home, &Request::get("/status").header("Sec-Fetch-Mode", "cors"));
    let post = |site| {
        Request::new("POST", "/allocate")
            .json(&json!({ "service_type": sort::WEB }))
            .header("Sec-Fetch-Site", site)
    };
    refused_by(&home, "sec_fetch_site", &post("none"));
    let both =
        Request::get("/status").header("Sec-Fetch-Site", "none").header("Sec-Fetch-Site", "cross-site");
    refused_by(&home, "sec_fetch_site", &both);
    assert_eq!(home.leases(), [], "a refused request changed something");
}

#[test]
fn the_first_broken_rule_is_named_in_the_order_of_the_contract() {
    let home = Home::new();
    home.start();
    let port = home.listen_port();
    let ours = format!("localhost:{port}");
    let wrong = |host: &str| Request::get("/status").hosts(&[host]);
    let referer = |request: Request| request.header("Referer", "http://evil.example/");
    let site = |request: Request| referer(request).header("Sec-Fetch-Site", "cross-site");
    let origin = |request: Request| site(request).header("Origin", "http://evil.example");
    refused_by(&home, "host", &origin(wrong("evil.example")));
    refused_by(&home, "origin", &origin(wrong(&ours)));
    refused_by(&home, "sec_fetch_site", &site(wrong(&ours)));
    refused_by(&home, "referer", &referer(wrong(&ours)));
}

#[test]
fn every_route_is_behind_the_filter() {
    let home = Home::new();
    home.start();
    for (method, path) in [
        ("GET", "/status"),
        ("GET", "/events"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/nope"),
        ("GET", "/"),
        ("POST", "/status"),
        ("POST", "/allocate"),
        ("POST", "/shutdown"),
        ("DELETE", "/allocate/x"),
    ] {
        refused_by(&home, "host", &Request::new(method, path).hosts(&["evil.example"]));
    }
}

#[test]
fn a_preflight_gets_no_permission() {
    let home = Home::new();
    home.start();
    let preflight = Request::new("OPTIONS", "/allocate")
        .header("Origin", "http://evil.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type")
        .header("Access-Control-Request-Private-Network", "true");
    // `refused_by` checks that no header of the answer permits the request.
    refused_by(&home, "origin", &preflight);
}

#[test]
fn the_socket_checks_the_peer_and_not_the_headers() {
    let home = Home::new();
    let request = Request::get("/status").hosts(&["anything"]).header("Origin", "http://evil.example");
    home.socket().send(&request).ok::<StatusAnswer>();
}

#[test]
#[cfg(unix)]
fn the_folder_and_its_files_are_private() {
    let home = Home::new();
    // As an older program, or a careless umask, may have left it.
    fs::set_permissions(home.root(), Permissions::from_mode(0o755)).unwrap();
    home.allocate(&json!({ "service_type": sort::WEB }));
    let mode = |path: &std::path::Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.root()), 0o700);
    for entry in fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        let (mode, ours) = (mode(&entry), name != "config.json");
        assert!(!ours || mode.trailing_zeros() >= 6, "{name} is open to others: {mode:o}");
    }
    assert_eq!(mode(&home.root().join("styxy.sock")), 0o600);
}

#[test]
fn nobody_can_stop_the_daemon_by_tcp() {
    let home = Home::new();
    let pid = home.start().pid;
    for way in [home.trusted_tcp(), home.trusted_tcp6()] {
        let answer = way.post("/shutdown", &json!({}));
        proper(&answer);
        assert!([403, 404].contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(home.status().expect("the daemon").pid, pid);
}

#[test]
fn the_daemon_listens_on_loopback_alone() {
    let home = Home::new();
    let status = home.start();
    for address in &status.listen.tcp {
        assert!(address.parse::<SocketAddr>().unwrap().ip().is_loopback(), "{address}");
    }
    // Of 127.0.0.0/8 only 127.0.0.1 answers.
    let beside = SocketAddr::from(([127, 0, 0, 2], home.listen_port()));
    assert!(Way::Tcp(beside).begin(b"").is_err());
}

/// The answer to another user who asks for the status at `place`; none, with the reason printed, if there is no other user.
#[cfg(unix)]
fn told_to_others(home: &Home, place: &str) -> Option<String> {
    let mut command: Command = helper(home, "get", &[place, "/status"]);
    command.current_dir("/");
    nobody(&mut command).then(|| Server::run(&mut command).hear())
}

#[test]
#[cfg(unix)]
fn another_user_is_refused_by_tcp() {
    let home = Home::new();
    let status = home.start();
    for address in status.listen.tcp {
        let Some(told) = told_to_others(&home, &address) else { return };
        assert!(told.starts_with("403 ") && told.contains("peer_uid"), "{told}");
    }
}

#[test]
#[cfg(unix)]
fn another_user_cannot_reach_the_socket() {
    let home = Home::new();
    home.start();
    // The test's own folder is open to them.
    fs::set_permissions(home.top(), Permissions::from_mode(0o755)).unwrap();
    let socket = home.daemon_file().unwrap().socket;
    let Some(told) = told_to_others(&home, &socket) else { return };
    assert_eq!(told, "PermissionDenied");
}

#[test]
#[cfg(unix)]
fn another_user_who_does_reach_the_socket_is_refused() {
    let home = Home::new();
    home.start();
    let socket = home.daemon_file().unwrap().socket;
    for (path, mode) in [(home.top(), 0o755), (home.root().to_owned(), 0o755), (socket.clone().into(), 0o666)]
    {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    let Some(told) = told_to_others(&home, &socket) else { return };
    assert!(told.starts_with("403 ") && told.contains("peer_uid"), "{told}");
}

#[test]
#[cfg(unix)]
fn another_user_who_sends_half_a_request_blocks_nothing() {
    const CONNECTIONS: usize = 200;
    let home = Home::new();
    let pid = home.start().pid;
    let mut command = helper(&home, "half-asks", &[&format!("127.0.0.1:{}", home.listen_port()), "200"]);
    if !nobody(&mut command) {
        return;
    }
    let mut stranger = Server::run(&mut command);
    assert_eq!(stranger.hear(), "connected");
    // Each connection is refused or closed as soon as it is accepted.
    until("the daemon has closed every connection", || {
        stranger.tell("count");
        stranger.hear() == "0 open"
    });
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert!(descriptors < CONNECTIONS / 4, "{descriptors} descriptors are open");
    assert_eq!(home.socket().get("/status").status, 200);
}
