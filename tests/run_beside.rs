//! What `styxy run` says and passes of the project's other servers: one that runs already, and those of the other services.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Home, Server, finish, helper_under, sort, until, words};

/// A server under `styxy run`, which listens when this returns.
fn server(home: &Home, words: &[&str], port: u16) -> Server {
    let port_word = port.to_string();
    let line = [&["run", "-s", sort::WEB, "-p", &port_word], words, &["--"]].concat();
    let address = format!("127.0.0.1:{port}");
    let server = Server::listening(&mut helper_under(home, &line, "listen", &[&address]));
    until("its lease is active", || {
        home.leases().iter().any(|lease| lease.port.get() == port && lease.last_seen_listening.is_some())
    });
    server
}

fn run(home: &Home, words: &[&str]) -> Command {
    home.styxy_command(&[&["run", "-s", sort::WEB], words, &["--", "sh", "-c", "echo $PORT"]].concat())
}

#[test]
fn a_second_server_of_one_kind_is_named_as_another_one() {
    let home = Home::new();
    let first = server(&home, &[], home.spare_port());
    let port = home.leases()[0].port;
    let said = finish(&mut run(&home, &[])).done();
    let expected = format!(
        "styxy: web already runs at http://localhost:{port} (pid {}); this is another one\n",
        first.pid()
    );
    assert_eq!(said.stderr, expected);
    assert_ne!(said.stdout.trim(), port.to_string());
    assert_eq!(finish(&mut run(&home, &["-q"])).done().stderr, "");
    assert_eq!(home.styxy(&["run", "-s", sort::API, "--", "true"]).done().stderr, "", "another type");
    assert_eq!(finish(&mut run(&home, &["-n", "admin"])).done().stderr, "", "another name");
    let mut elsewhere = run(&home, &[]);
    assert_eq!(finish(elsewhere.current_dir(home.other_project())).done().stderr, "", "another checkout");
    // Inside of a run there is one server, the outer one's.
    let inner = "$STYXY run -s web -- true";
    let mut outer = home.styxy_command(&["run", "-s", sort::WEB, "--", "sh", "-c", inner]);
    let said = finish(outer.env("STYXY", crate::support::program())).done();
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
}

#[test]
fn once_prints_the_address_of_the_server_that_runs_and_else_starts_one() {
    let home = Home::new();
    let port = home.spare_port();
    let first = finish(&mut run(&home, &["--once"])).done();
    assert_eq!(first.stderr, "");
    let _server = server(&home, &["--once"], port);
    let said = finish(&mut run(&home, &["--once"])).done();
    assert_eq!((said.stdout, said.stderr), (format!("http://localhost:{port}\n"), String::new()));
    let json = finish(&mut run(&home, &["--once", "--json"])).done().json();
    assert_eq!(json["port"], port);
    let other = finish(&mut run(&home, &["--once", "-n", "admin"])).done();
    assert_ne!(other.stdout.trim(), port.to_string());
    assert_eq!(finish(run(&home, &["--once"]).current_dir(home.other_project())).done().stderr, "");
}

/// The variables of Styxy that a command sees.
fn seen(home: &Home, line: &str) -> BTreeMap<String, String> {
    let said = finish(&mut home.styxy_command(&words(line))).done();
    assert_eq!(said.stderr, "");
    let pairs = said.stdout.lines().filter_map(|line| line.split_once('='));
    let ours = pairs.filter(|(name, _)| name.contains("PORT") || name.starts_with("STYXY_"));
    let ours = ours.filter(|(name, _)| !["STYXY_HOME", "STYXY_AGENT", "STYXY_LOCK_ID"].contains(name));
    ours.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect()
}

#[test]
fn a_command_has_the_ports_and_addresses_of_all_services_of_the_projects_file() {
    let home = Home::new();
    let file =
        r#"{"services": {"web": {"env": ["SITE_PORT"]}, "api": {"env": ["BACKEND_PORT"]}, "tiny": {}}}"#;
    fs::write(home.project().join(".styxy.json"), file).unwrap();
    let web = seen(&home, "run -s web -- env");
    let first = home.range(sort::API).start().to_string();
    assert_eq!(
        (web["STYXY_API_PORT"].as_str(), web["BACKEND_PORT"].as_str()),
        (first.as_str(), first.as_str())
    );
    assert_eq!(web["STYXY_API_URL"], format!("http://localhost:{first}"));
    assert_eq!((&web["PORT"], &web["SITE_PORT"]), (&web["STYXY_WEB_PORT"], &web["STYXY_WEB_PORT"]));
    assert_eq!(web["STYXY_WEB_URL"], format!("http://localhost:{}", web["PORT"]));
    // `styxy env` prints the same, and the other server gets the port that was told.
    assert_eq!(seen(&home, "env --format dotenv"), web);
    let mut api = home.styxy_command(&["run", "-s", sort::API, "--", "sh", "-c", "env; exec cat"]);
    let server = Server::reading(api.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let of_api = std::iter::from_fn(|| Some(server.hear())).find(|line| line.starts_with("PORT=")).unwrap();
    assert_eq!(of_api, format!("PORT={first}"));
    assert_eq!(seen(&home, "run -s web -- env"), web, "also while it runs");
}

#[test]
fn a_sibling_without_a_port_keeps_no_command_from_running() {
    let home = Home::new();
    let file = json!({ "services": { sort::WEB: {}, "mystery": {} } });
    fs::write(home.project().join(".styxy.json"), file.to_string()).unwrap();
    let said = finish(&mut run(&home, &[])).done();
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    assert!(said.stderr.contains("mystery") && said.stderr.contains("gets no port of mystery"), "{said:?}");
    let without = finish(&mut run(&home, &["--no-start"])).done();
    assert_eq!(without.stderr, said.stderr, "a daemon runs");
    home.styxy(&["daemon", "stop"]).done();
    let without = finish(&mut run(&home, &["--no-start"])).done();
    assert!(without.stderr.contains("not leased") && without.stderr.lines().count() == 1, "{without:?}");
}
