//! `styxy env`: the variables of this worktree's ports.

use std::fs;

use serde_json::json;
use styxy_core::api::Code;

use crate::support::{Home, Server, finish, helper_under, sort, until, words};

fn port(home: &Home, line: &str) -> u16 {
    let json = home.styxy(&[&["env", "--json"], &words(line)[..]].concat()).done().json();
    json["PORT"].as_str().unwrap().parse().unwrap()
}

#[test]
fn asking_again_gives_the_same_lines_and_leases_nothing_more() {
    let home = Home::new();
    let first = home.styxy(&["env", sort::WEB, sort::API]).done().stdout;
    assert_eq!(home.styxy(&["env", sort::WEB, sort::API]).done().stdout, first);
    assert_eq!(home.leases().len(), 2);
    let names: Vec<&str> = first.lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(
        names,
        [
            "export PORT",
            "export STYXY_PORT",
            "export STYXY_URL",
            "export STYXY_NAMED_URL",
            "export STYXY_WEB_PORT",
            "export STYXY_WEB_URL",
            "export STYXY_WEB_NAMED_URL",
            "export STYXY_API_PORT",
            "export STYXY_API_URL",
            "export STYXY_API_NAMED_URL"
        ]
    );
}

#[test]
#[cfg(unix)]
fn a_shell_takes_the_lines_as_they_are() {
    let home = Home::new();
    let lines = home.styxy(&["env", sort::WEB, sort::API]).done().stdout;
    let script = format!("{lines} echo $PORT $STYXY_URL");
    let said = finish(&mut home.shell(&script)).done().stdout;
    let port = home.range(sort::WEB).start().to_string();
    assert_eq!(said, format!("{port} http://localhost:{port}\n"));
}

#[test]
fn the_port_shown_is_the_one_that_the_server_has() {
    let home = Home::new();
    let announced = port(&home, sort::WEB);
    let running = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    assert_eq!(port(&home, sort::WEB), announced, "the oldest one, as none listens");
    let server = Server::on(&home, running.port.get());
    home.active(&running);
    assert_eq!(port(&home, sort::WEB), running.port.get());
    server.kill();
    until("its lease ends", || home.leases().len() == 1);
    assert_eq!(port(&home, sort::WEB), announced);
}

#[test]
fn the_lease_of_styxy_run_is_shown_also_before_it_listens() {
    let home = Home::new();
    let server = Server::run(&mut helper_under(&home, &["run", "-s", sort::WEB, "--"], "port", &[]));
    let given = server.hear();
    assert_eq!(port(&home, sort::WEB).to_string(), given);
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn the_port_of_this_session_is_shown_and_not_another_sessions() {
    let home = Home::new();
    let shown = |session: Option<&str>| {
        let mut command = home.styxy_command(&["env", sort::WEB, "--json"]);
        if let Some(session) = session {
            command.env("STYXY_INSTANCE", session);
        }
        finish(&mut command).done().json()["PORT"].clone()
    };
    let (one, other) = (shown(Some("claude-1")), shown(Some("claude-2")));
    assert_ne!(one, other);
    assert_eq!((shown(Some("claude-1")), shown(Some("claude-2"))), (one.clone(), other));
    assert_eq!(shown(None), one, "who has no session means the worktree's oldest");
    assert_eq!(home.leases().len(), 2);
}

#[test]
fn a_port_that_the_parent_sets_is_wished_for_as_by_run() {
    let home = Home::new();
    let wished = home.spare_port();
    let env = |variables: &[(&str, &str)]| {
        let mut command = home.styxy_command(&["env", sort::WEB, "--json"]);
        let said = finish(command.envs(variables.iter().copied())).done();
        (said.json()["PORT"].as_str().unwrap().parse::<u16>().unwrap(), said.stderr)
    };
    let (text, other) = (wished.to_string(), home.spare_port().to_string());
    assert_eq!(env(&[("PORT", &text)]), (wished, String::new()));
    let told = format!(
        "styxy: PORT is {wished}, and not {other} as before (this server has port {wished} already)\n"
    );
    assert_eq!(env(&[("PORT", &other)]), (wished, told));
    assert_eq!(env(&[("PORT", &other), ("STYXY_PORT", &other)]), (wished, String::new()), "Styxy has set it");
}

#[test]
fn another_worktree_has_another_port() {
    let home = Home::new();
    let ours = port(&home, sort::WEB);
    let mut there = home.styxy_command(&["env", sort::WEB, "--format", "dotenv"]);
    let said = finish(there.current_dir(home.other_project())).done().stdout;
    assert!(!said.contains(&ours.to_string()), "{said}");
}

#[test]
fn github_gets_its_lines_in_its_file_or_on_standard_output() {
    let home = Home::new();
    let file = home.top().join("github env");
    fs::write(&file, "BEFORE=1\n").unwrap();
    let mut command = home.styxy_command(&["env", sort::WEB, "-f", "github"]);
    assert_eq!(finish(command.env("GITHUB_ENV", &file)).done().stdout, "");
    let said = home.styxy(&["env", sort::WEB, "-f", "github"]).done().stdout;
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("BEFORE=1\n{said}"));
    assert!(said.starts_with("PORT=") && said.lines().all(|line| !line.contains(['\'', ' ', '$'])), "{said}");
}

#[test]
fn an_unfinished_line_in_githubs_file_is_kept() {
    let home = Home::new();
    let file = home.top().join("github");
    for (before, after) in [("BEFORE=1", "BEFORE=1\nPORT="), ("", "PORT="), ("A=1\n", "A=1\nPORT=")] {
        fs::write(&file, before).unwrap();
        let mut command = home.styxy_command(&["env", sort::WEB, "-f", "github"]);
        finish(command.env("GITHUB_ENV", &file)).done();
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.starts_with(after), "{written:?}");
    }
}

#[test]
fn without_ports_nothing_is_printed_that_a_shell_would_evaluate() {
    let home = Home::new();
    let said = home.styxy(&["env", sort::WEB, "--no-start"]).exits(3);
    assert_eq!(said.stdout, "");
    assert_eq!(home.styxy(&["env", "wep"]).exits(1).stdout, "");
    assert_eq!(home.styxy(&["env", "wep", "--json"]).exits(1).refusal().code, Code::InvalidRequest);
    for line in ["web web", "a'b", "web api -n x", "web --format tcsh"] {
        assert_eq!(home.styxy(&[&["env"], &words(line)[..]].concat()).exits(2).stdout, "", "{line}");
    }
}
