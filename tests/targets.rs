//! Every command that takes a port takes what people type: an address, a URL, a service of this worktree, a lease id.

use std::fs;
use std::io::{Read, Write};
#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use serde_json::json;
use styxy_core::api::{CheckAnswer, Code, OpenAnswer, WhoAnswer};

#[cfg(target_os = "linux")]
use crate::support::helper;
use crate::support::{Home, Output, Server, finds, finish, listener, sort};

/// `styxy` with these words, run in `folder`.
#[track_caller]
fn styxy_in(home: &Home, folder: &Path, words: &[&str]) -> Output {
    finish(home.styxy_command(words).current_dir(folder))
}

#[track_caller]
fn leased(home: &Home, words: &[&str]) -> u16 {
    home.styxy(&[&["allocate", "-q", "-s"], words].concat()).done().number()
}

/// Waits until the daemon has seen the server.
#[track_caller]
fn up(home: &Home, target: &str) {
    home.styxy(&["wait", target]).done();
}

#[test]
fn each_command_takes_every_form_of_a_port() {
    let home = Home::new();
    let port = leased(&home, &[sort::WEB]);
    let _server = Server::on(&home, port);
    up(&home, sort::WEB);
    let id = home.leases()[0].lock_id.to_string();
    let forms = [
        port.to_string(),
        format!(":{port}"),
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("http://localhost:{port}/login?next=/"),
        sort::WEB.to_owned(),
        id.clone(),
        id[..8].to_owned(),
    ];
    for form in forms {
        finds(&home, &form, port);
    }
    for form in ["PORT", ":PORT", "http://localhost:PORT/x", sort::API] {
        let port = leased(&home, &[sort::API]);
        home.styxy(&["release", &form.replace("PORT", &port.to_string())]).done();
        assert_eq!(home.leases().len(), 1, "{form}");
    }
}

#[test]
fn another_machines_url_is_refused_and_no_daemon_is_started() {
    let home = Home::new();
    for command in ["check", "who", "verify", "wait", "open", "kill", "release"] {
        let said = home.styxy(&[command, "http://example.com:3000/login"]).exits(2).stderr;
        assert!(said.contains("\"example.com\" is not this machine; allowed: localhost"), "{said}");
    }
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}

#[test]
fn a_service_is_named_with_its_name_as_list_shows_it() {
    let home = Home::new();
    let (web, admin) =
        (leased(&home, &[sort::WEB, "-n", "packages.web"]), leased(&home, &[sort::WEB, "-n", "admin"]));
    let (_web, admin_server) = (Server::on(&home, web), Server::on(&home, admin));
    up(&home, "web/packages.web");
    up(&home, "web/admin");
    for command in ["open", "wait", "kill", "who"] {
        let words: &[&str] =
            if command == "kill" { &["kill", sort::WEB, "--yes"] } else { &[command, sort::WEB] };
        let said = home.styxy(words).exits(1).stderr;
        assert!(said.contains("there are several web servers here: web/admin, web/packages.web"), "{said}");
        assert!(said.contains(&format!("hint: styxy {command} web/admin\n")), "{said}");
    }
    let answer: WhoAnswer = home.styxy(&["who", "web/packages.web", "--json"]).done().wire();
    assert_eq!(answer.port.get(), web);
    home.styxy(&["kill", "web/admin", "--yes"]).done();
    assert!(cfg!(windows) || admin_server.ends().0.is_none(), "it was ended by a signal");
    home.styxy(&["release", "web/packages.web"]).done();
    let gone = home.styxy(&["release", "web/packages.web", "--json"]).exits(1).refusal();
    assert_eq!(
        (gone.code, gone.error.as_str()),
        (Code::UnknownLease, "this worktree has no lease for web/packages.web")
    );
    // Another worktree's service of that name is not meant.
    let other = styxy_in(&home, &home.other_project(), &["check", "web/admin", "--json"]).exits(1).refusal();
    assert_eq!(other.code, Code::UnknownLease);
}

#[test]
fn a_near_miss_names_the_service_that_is_there() {
    let home = Home::new();
    leased(&home, &[sort::WEB, "-n", "packages.shop"]);
    let hint = |words: &[&str]| home.styxy(&[words, &["--json"]].concat()).exits(1).refusal().hint.unwrap();
    let right = format!("{}/packages.shop", sort::WEB);
    for typed in ["shop", "packages.shop", "web/shop", "wweb/packages.shop", "Web/Packages.Shop"] {
        for command in ["check", "who", "open", "kill", "release"] {
            assert_eq!(hint(&[command, typed]), format!("styxy {command} {right}"), "{typed}");
        }
    }
    assert_eq!(hint(&["wait", "web/shop", "--timeout", "10ms"]), format!("styxy wait {right}"));
    assert_eq!(hint(&["wait", "packages.shop"]), format!("styxy wait {right}"));
    assert_eq!(hint(&["check", "nonsense"]), "styxy list");
    let range = home.styxy(&["check", "3000-3010", "--json"]).exits(2).refusal();
    assert_eq!(range.hint.as_deref(), Some("styxy scan 3000-3010"));
}

#[test]
fn a_service_type_that_is_a_slip_is_granted_with_a_warning() {
    let home = Home::with(&json!({ "strict_service_types": false }));
    let port = home.spare_port().to_string();
    let granted = home.styxy(&["allocate", "-s", "Dev", "-p", &port]).done();
    assert!(granted.stdout.contains(&port), "{}", granted.stdout);
    let said = granted.stderr;
    assert!(said.contains("no settings for the service type Dev; did you mean dev?"), "{said}");
    for words in [&["run", "-s", "Dev", "--", "true"][..], &["env", "Dev"], &["suggest", "Dev"]] {
        let said = home.styxy(words).stderr;
        assert!(said.contains("did you mean dev?"), "{words:?}: {said}");
    }
    let said = home.styxy(&["allocate", "-s", "api2", "-p", &port]).stderr;
    assert!(!said.contains("did you mean"), "{said}");
}

#[test]
fn the_only_server_that_runs_is_meant_where_the_roots_lease_waits() {
    let home = Home::new();
    let root = leased(&home, &[sort::WEB]);
    let port = leased(&home, &[sort::WEB, "-n", "packages.web"]);
    let _server = Server::on(&home, port);
    up(&home, "web/packages.web");
    assert_eq!(
        home.styxy(&["open", sort::WEB, "--print"]).done().stdout,
        format!("http://localhost:{port}\n")
    );
    home.styxy(&["verify", sort::WEB, "-q"]).done();
    // What is about leases means the root's.
    let late = home.styxy(&["wait", sort::WEB, "--timeout", "0"]).exits(1).stderr;
    assert!(late.contains(&format!("nothing listens on port {root}")), "{late}");
}

#[test]
fn a_word_of_hexadecimal_digits_is_a_service_if_there_is_one() {
    let home = Home::with(&json!({ "strict_service_types": false }));
    let missing = home.styxy(&["check", "db", "--json"]).exits(1).refusal();
    assert_eq!(missing.error, "this worktree has no lease for db");
    let db = leased(&home, &["db", "-p", &home.spare_port().to_string()]);
    let checked: CheckAnswer = home.styxy(&["check", "db", "--json"]).done().wire();
    assert_eq!(checked.port.get(), db);
    home.styxy(&["release", "db"]).done();
    assert_eq!(home.leases(), []);
}

#[test]
fn a_mistake_in_the_projects_file_keeps_nobody_from_naming_an_id_or_a_port() {
    let home = Home::new();
    let port = leased(&home, &[sort::WEB]);
    let id = home.leases()[0].lock_id.to_string();
    fs::write(home.project().join(".styxy.json"), "{").unwrap();
    home.styxy(&["check", &port.to_string()]).done();
    home.styxy(&["check", sort::WEB]).exits(2);
    home.styxy(&["release", &id[..8]]).done();
}

#[test]
fn another_sessions_service_is_released_only_with_force() {
    let home = Home::new();
    let port = leased(&home, &[sort::WEB, "--instance", "claude-1"]);
    let _server = Server::on(&home, port);
    up(&home, sort::WEB);
    home.socket().post("/instance/register", &json!({ "instance_id": "claude-1" }));
    let by = |more: &[&str]| {
        finish(
            home.styxy_command(&[&["release", sort::WEB], more].concat()).env("STYXY_INSTANCE", "claude-2"),
        )
    };
    assert!(by(&[]).exits(1).stderr.contains("belongs to another agent session"));
    by(&["--force"]).done();
}

/// A server on `address`, seen by the daemon.
#[cfg(target_os = "linux")]
fn on(home: &Home, address: SocketAddr) -> Server {
    Server::listening(&mut helper(home, "listen", &[&address.to_string()]))
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_on_another_loopback_address_is_waited_for_and_opened_there() {
    let home = Home::new();
    let port = home.spare_port();
    let _server = on(&home, ([127, 0, 0, 2], port).into());
    home.styxy(&["wait", &port.to_string(), "--timeout", "5"]).done();
    home.styxy(&["verify", &port.to_string(), "-q"]).done();
    let opened: OpenAnswer = home.styxy(&["open", &port.to_string(), "--print", "--json"]).done().wire();
    assert_eq!(opened.url, format!("http://127.0.0.2:{port}"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_path_is_requested_where_the_server_listens() {
    let home = Home::new();
    let port = home.spare_port();
    let listener = TcpListener::bind(("127.0.0.2", port)).unwrap();
    thread::spawn(move || serve(&listener, |_| b"HTTP/1.1 204 x\r\nconnection: close\r\n\r\n"));
    let wait: styxy_core::api::WaitAnswer =
        home.styxy(&["wait", &port.to_string(), "--http", "/", "--timeout", "5", "--json"]).done().wire();
    assert_eq!((wait.status, wait.url), (Some(204), format!("http://localhost:{port}")));
}

/// Answers each connection by its first bytes.
fn serve(listener: &TcpListener, answer: fn(&[u8]) -> &'static [u8]) {
    for mut stream in listener.incoming().map_while(Result::ok) {
        let mut asked = [0; 512];
        let length = stream.read(&mut asked).unwrap_or(0);
        let _ = stream.write_all(answer(&asked[..length]));
    }
}

#[test]
fn a_server_that_speaks_tls_is_opened_by_https() {
    const ALERT: &[u8] = &[0x15, 3, 1, 0, 2, 2, 40];
    let home = Home::new();
    let port = home.spare_port();
    let listener = listener(&([127, 0, 0, 1], port).into());
    thread::spawn(move || serve(&listener, |asked| if asked.starts_with(&[0x16]) { ALERT } else { b"" }));
    // The test itself listens, and works in no folder of the project's.
    let here = std::env::current_dir().unwrap();
    let opened: OpenAnswer =
        styxy_in(&home, &here, &["open", &port.to_string(), "--print", "--json"]).done().wire();
    assert_eq!(opened.url, format!("https://localhost:{port}"));
    let refused = home.styxy(&["wait", &port.to_string(), "--http", "/health"]).exits(1).stderr;
    assert!(
        refused.contains("speaks HTTPS") && refused.contains(&format!("hint: styxy wait {port}\n")),
        "{refused}"
    );
    home.styxy(&["wait", &port.to_string(), "--timeout", "5"]).done();
}
