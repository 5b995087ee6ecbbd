//! What only Windows has: pipes that run out of instances, handles that everybody inherits, several spellings of one folder,
//! carriage returns and byte order marks, and access lists instead of modes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{fs, thread};

use serde_json::json;
use styxy_core::api::{AllocationsAnswer, Lease, WhoAnswer, Whose};

use crate::support::{Home, Request, Running, Server, alive, finish, real, sort, until};

fn listed(home: &Home, words: &[&str]) -> Vec<Lease> {
    let all = home.styxy(&[&["list", "--json"], words].concat()).done();
    all.wire::<AllocationsAnswer>().allocations
}

/// The same folder as people, editors and shells spell it.
fn spellings(folder: &str) -> Vec<PathBuf> {
    let (drive, rest) = folder.split_at(1);
    let all = [
        folder.to_uppercase(),
        folder.to_lowercase(),
        format!("{}{rest}", drive.to_lowercase()),
        folder.replace('\\', "/"),
        format!(r"{folder}\"),
        format!(r"{folder}\..\project"),
        format!(r"\\?\{folder}"),
    ];
    all.map(PathBuf::from).into()
}

#[test]
fn clients_that_come_together_all_get_a_port() {
    let home = Home::new();
    home.start();
    let ports = thread::scope(|scope| {
        let ask =
            |name: String| home.styxy(&["allocate", "-q", "-s", sort::MANY, "-n", &name]).done().number();
        let clients: Vec<_> = (0..24).map(|n| scope.spawn(move || ask(format!("c{n}")))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect::<BTreeSet<_>>()
    });
    assert_eq!(ports.len(), 24);
}

#[test]
fn clients_that_start_together_start_one_daemon() {
    let home = Home::new();
    let ports = thread::scope(|scope| {
        let ask = |name: String| home.styxy(&["allocate", "-q", "-s", sort::MANY, "-n", &name]).done();
        let clients: Vec<_> = (0..6).map(|n| scope.spawn(move || ask(format!("c{n}")))).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap().number_of_first_line())
            .collect::<BTreeSet<_>>()
    });
    assert_eq!(ports.len(), 6);
    assert_eq!(listed(&home, &[]).len(), 6);
}

#[test]
fn whoever_captures_the_output_of_the_start_does_not_wait_for_the_daemons_end() {
    let home = Home::new();
    // It waits until nobody can write to its output any more.
    let said = home.styxy(&["allocate", "-s", sort::WEB]).done();
    assert!(said.stdout.contains("http://localhost:"), "{said:?}");
    assert!(alive(home.daemon_file().expect("a daemon runs").pid.get()));
}

#[test]
fn leases_survive_a_hard_end_of_the_daemon() {
    let home = Home::new();
    let before: Vec<u16> = (0..3)
        .map(|n| {
            home.styxy(&["allocate", "-q", "-s", sort::WEB, "-n", &format!("s{n}")])
                .done()
                .number_of_first_line()
        })
        .collect();
    home.kill_daemon();
    let after: Vec<u16> = listed(&home, &[]).iter().map(|lease| lease.port.get()).collect();
    assert_eq!(before.iter().collect::<BTreeSet<_>>(), after.iter().collect::<BTreeSet<_>>());
}

#[test]
fn a_lease_ends_with_its_owner() {
    let home = Home::new();
    let owner = Running::idle();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
    assert!(home.lease_of(&grant).is_some());
    owner.kill();
    home.ended(&grant);
}

#[test]
fn a_server_is_its_projects_however_its_folder_was_typed() {
    let home = Home::new();
    let project = home.project().to_str().unwrap().to_owned();
    for folder in spellings(&project) {
        let mut command = home.styxy_command(&["allocate", "-q", "-s", sort::WEB]);
        finish(command.current_dir(&folder)).done();
    }
    let found = listed(&home, &[]);
    assert_eq!(found.len(), 7, "each allocate is a lease of its own");
    for lease in &found {
        assert_eq!(lease.project_path.as_ref().map(styxy_core::ProjectPath::as_str), Some(project.as_str()));
    }
}

#[test]
fn the_same_project_gets_the_same_lease_from_every_spelling_of_its_folder() {
    let home = Home::new();
    let variables = |folder: &PathBuf| {
        let mut command = home.styxy_command(&["env", sort::WEB, "--format", "json"]);
        let said = finish(command.current_dir(folder)).done();
        serde_json::from_str::<serde_json::Value>(&said.stdout).unwrap()["PORT"].clone()
    };
    let port = variables(&home.project());
    for folder in spellings(home.project().to_str().unwrap()) {
        assert_eq!(variables(&folder), port, "{}", folder.display());
    }
    assert_eq!(listed(&home, &[]).len(), 1);
}

#[test]
fn a_project_is_named_by_any_path_to_it() {
    let home = Home::new();
    home.styxy(&["allocate", "-q", "-s", sort::WEB]).done();
    let project = home.project();
    let named = spellings(project.to_str().unwrap());
    for folder in named.iter().map(|folder| folder.to_str().unwrap()).chain(["."]) {
        assert_eq!(listed(&home, &["--project", folder]).len(), 1, "{folder}");
    }
}

#[test]
fn a_plain_folder_is_named_without_the_verbatim_prefix() {
    let home = Home::new();
    let plain = home.top().join("plain");
    fs::create_dir(&plain).unwrap();
    let mut command = home.styxy_command(&["allocate", "-q", "-s", sort::WEB, "--project", "."]);
    finish(command.current_dir(&plain)).done();
    let leases = listed(&home, &["--project", plain.to_str().unwrap()]);
    assert_eq!(leases.len(), 1);
    let text = leases[0].project_path.as_ref().unwrap().as_str().to_owned();
    assert!(!text.contains(r"\\?\"), "{text}");
    assert_eq!(PathBuf::from(text), real(&plain));
}

#[test]
fn the_daemons_folder_is_one_in_every_spelling() {
    let home = Home::new();
    let pid = home.start().pid;
    for spelling in
        spellings(home.root().to_str().unwrap()).into_iter().filter(|path| !path.ends_with("project"))
    {
        let mut command = home.styxy_command(&["daemon", "status", "--json"]);
        let status: styxy_core::api::StatusAnswer =
            finish(command.env("STYXY_HOME", &spelling)).done().wire();
        assert_eq!(status.pid, pid, "{}", spelling.display());
    }
}

#[test]
fn a_project_file_may_begin_with_a_byte_order_mark_and_have_carriage_returns() {
    let home = Home::new();
    let port = home.spare_port();
    let text = format!(
        "\u{feff}{{\r\n  \"services\": {{\r\n    \"{}\": {{ \"port\": {port} }}\r\n  }}\r\n}}\r\n",
        sort::WEB
    );
    fs::write(home.project().join(".styxy.json"), text).unwrap();
    let said = home.styxy(&["env", "--format", "json"]).done();
    assert_eq!(said.json()["PORT"], json!(port.to_string()), "{said:?}");
}

#[test]
fn tcp_needs_the_token_and_the_token_is_enough() {
    let home = Home::new();
    home.start();
    let token = fs::read_to_string(home.root().join("token")).unwrap();
    let right = format!("Bearer {}", token.trim());
    for way in [home.tcp(), home.tcp6()] {
        way.get("/status").refused(403, "forbidden");
        let wrong = Request::get("/status").header("Authorization", "Bearer 0123");
        way.send(&wrong).refused(403, "forbidden");
        assert_eq!(way.send(&Request::get("/status").header("Authorization", &right)).status, 200);
        // Only the pipe may stop the daemon.
        let stop = Request::new("POST", "/shutdown").header("Authorization", &right);
        assert_eq!(way.send(&stop).status, 404);
    }
}

#[test]
fn the_formats_of_env_are_each_shells_own() {
    let home = Home::new();
    let said = |format: &str| home.styxy(&["env", sort::WEB, "--format", format]).done().stdout;
    let port = home.styxy(&["env", sort::WEB, "--format", "json"]).done().json()["PORT"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(said("powershell").contains(&format!("$env:PORT = '{port}'")), "{}", said("powershell"));
    assert!(said("dotenv").contains(&format!("PORT={port}\n")), "{}", said("dotenv"));
}

#[test]
fn a_session_of_commands_does_what_it_does_elsewhere() {
    let home = Home::new();
    assert_eq!(home.styxy(&["daemon", "status"]).code, 3);
    let suggested = home.styxy(&["suggest", "-s", sort::WEB, "-q"]);
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number_of_first_line();
    assert!(suggested.code == 0 || suggested.code == 2, "{suggested:?}");
    let text = port.to_string();
    assert!(home.styxy(&["list"]).done().stdout.contains(&text));
    let server = Server::on(&home, port);
    home.styxy(&["wait", &text]).done();
    server.kill();
    home.styxy(&["release", &text, "--force"]).done();
    assert!(listed(&home, &[]).is_empty());
    assert!(home.styxy(&["doctor"]).stdout.contains("ok"));
    home.styxy(&["daemon", "stop"]).done();
    assert_eq!(home.styxy(&["daemon", "status"]).code, 3);
    until("the daemon has gone", || home.daemon_file().is_none());
}

#[test]
fn a_server_in_a_plain_folder_is_ones_own() {
    let home = Home::new();
    let plain = home.top().join("plain");
    fs::create_dir(&plain).unwrap();
    let port = home.spare_port();
    let _server = Server::in_folder(&home, &plain, port);
    let mut command = home.styxy_command(&["who", &port.to_string(), "--json"]);
    let answer: WhoAnswer = finish(command.current_dir(&plain)).done().wire();
    assert_eq!(answer.whose, Whose::Mine);
}
