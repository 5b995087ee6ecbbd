//! The commands that show what is on which port.

use std::fs;
use std::process::Stdio;

use serde_json::json;
use styxy_core::Pid;
use styxy_core::api::{AllocationsAnswer, CheckAnswer, RegisterAnswer, ScanAnswer};

use crate::support::{Home, Running, Server, sort, wine_lacks};

#[test]
fn check_names_a_foreign_listeners_process_command_project_and_branch() {
    if wine_lacks("the words of another process") {
        return;
    }
    let home = Home::new();
    fs::write(home.project().join(".git/HEAD"), "ref: refs/heads/feature/login\n").unwrap();
    let port = home.spare_port();
    let server = Server::on(&home, port);
    let answer: CheckAnswer = home.styxy(&["check", &port.to_string(), "--json"]).done().wire();
    assert!(!answer.available && answer.allocated_to.is_none());
    let usage = answer.system_usage.expect("a listener");
    assert_eq!(usage.pid.map(Pid::get), Some(server.pid()));
    assert!(usage.process.is_some() && usage.started_at.is_some() && usage.user.is_some(), "{usage:?}");
    assert!(usage.command.as_ref().unwrap().contains("a_helper_does_as_it_is_told"), "{usage:?}");
    assert_eq!(usage.project_path.as_ref().map(styxy_core::ProjectPath::as_str), home.project().to_str());
    assert_eq!(usage.branch.as_deref(), Some("feature/login"));
    let said = home.styxy(&["check", &port.to_string()]).done().stdout;
    for fact in [
        server.pid().to_string().as_str(),
        "a_helper_does_as_it_is_told",
        home.project().to_str().unwrap(),
        "feature/login",
    ] {
        assert!(said.contains(fact), "{fact}:\n{said}");
    }
    let free = home.styxy(&["check", &home.spare_port().to_string()]).done().stdout;
    assert!(free.contains("is free"), "{free}");
}

#[test]
fn a_worktrees_branch_is_found_behind_its_git_file() {
    let home = Home::new();
    let worktree = home.top().join("feature");
    let git = home.project().join(".git/worktrees/feature");
    fs::create_dir_all(&worktree).unwrap();
    fs::create_dir_all(&git).unwrap();
    fs::write(worktree.join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
    fs::write(git.join("HEAD"), "ref: refs/heads/feature\n").unwrap();
    let port = home.spare_port();
    let _server = Server::in_folder(&home, &worktree, port);
    let answer: CheckAnswer = home.styxy(&["check", &port.to_string(), "--json"]).done().wire();
    let usage = answer.system_usage.expect("a listener");
    assert_eq!(
        (usage.project_path.unwrap().as_str(), usage.branch.as_deref()),
        (worktree.to_str().unwrap(), Some("feature"))
    );
}

#[test]
fn list_shows_who_has_what_and_filters() {
    let home = Home::new();
    let allocate =
        |more: &[&str]| home.styxy(&[&["allocate", "-q"], more].concat()).done().number().to_string();
    let first = allocate(&["-s", sort::WEB, "-n", "front", "--instance", "claude-1"]);
    let second = allocate(&["-s", sort::API, "--project", home.other_project().to_str().unwrap()]);
    let said = home.styxy(&["list"]).done().stdout;
    assert_eq!(said.lines().count(), 3, "{said}");
    for (row, facts) in [
        (1, [first.as_str(), "web/front", "granted", "claude-1", "project"]),
        (2, [&second, "api", "granted", "nobody yet", "other"]),
    ] {
        let row = said.lines().nth(row).unwrap();
        assert!(facts.iter().all(|fact| row.contains(fact)), "{facts:?} in {row}");
    }
    let ports = |filter: &[&str]| -> Vec<String> {
        let answer: AllocationsAnswer = home.styxy(&[&["list", "--json"], filter].concat()).done().wire();
        answer.allocations.iter().map(|lease| lease.port.to_string()).collect()
    };
    assert_eq!(ports(&[]), [first.clone(), second.clone()]);
    for filter in [["--service", sort::WEB], ["--project", "."]] {
        assert_eq!(ports(&filter), std::slice::from_ref(&first), "{filter:?}");
    }
    assert_eq!(ports(&["--instance", "claude-1"]), [first]);
    assert_eq!(ports(&["--port", &second]), [second]);
    assert_eq!(ports(&["--service", "none-like-it"]), Vec::<String>::new());
}

#[test]
fn scan_lists_listeners_and_leases_with_their_processes() {
    let home = Home::new();
    let leased = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let foreign = home.spare_port();
    let server = Server::on(&home, foreign);
    let range = format!("{}-{foreign}", home.listen_port());
    let answer: ScanAnswer = home.styxy(&["scan", &range, "--json"]).done().wire();
    let ports: Vec<u16> = answer.ports_in_use.iter().map(|used| used.port.get()).collect();
    assert_eq!((answer.scan_range, ports), (range.clone(), vec![home.listen_port(), leased, foreign]));
    let said = home.styxy(&["scan", &range]).done().stdout;
    assert!(said.contains(&server.pid().to_string()) && said.contains(&leased.to_string()), "{said}");
    // The whole machine, without a range.
    assert!(home.styxy(&["scan"]).done().stdout.contains(&foreign.to_string()));
}

#[test]
fn suggest_lists_ports_and_exits_1_if_none_is_free() {
    let home = Home::new();
    let said = home.styxy(&["suggest", sort::TINY, "--count", "5"]).done().stdout;
    assert_eq!(
        said.lines().map(|line| line.parse::<u16>().unwrap()).collect::<Vec<_>>(),
        home.range(sort::TINY).collect::<Vec<_>>()
    );
    home.styxy(&["allocate", "-s", sort::TINY, "-s", sort::TINY, "-q"]).done();
    let none = home.styxy(&["suggest", sort::TINY]).exits(1);
    assert_eq!(none.stdout, "");
}

#[test]
fn instances_shows_the_live_sessions() {
    let home = Home::new();
    let session = Running::idle();
    home.socket()
        .post("/instance/register", &json!({ "instance_id": "claude-1", "pid": session.pid() }))
        .ok::<RegisterAnswer>();
    let port = home
        .styxy(&["allocate", "-s", sort::WEB, "--instance", "claude-1", "-q"])
        .done()
        .number()
        .to_string();
    let said = home.styxy(&["instances"]).done().stdout;
    assert!(["claude-1", &port, &session.pid().to_string()].iter().all(|fact| said.contains(fact)), "{said}");
}

#[test]
fn status_shows_the_state_of_the_daemon() {
    let home = Home::new();
    let pid = home.start().pid.to_string();
    let socket = home.daemon_file().unwrap().socket;
    let said = home.styxy(&["daemon", "status"]).done().stdout;
    let address = format!("127.0.0.1:{}", home.listen_port());
    for fact in [pid.as_str(), env!("CARGO_PKG_VERSION"), "uptime", &address, &socket, "leases", "instances"]
    {
        assert!(said.contains(fact), "{fact}:\n{said}");
    }
}

#[test]
fn logs_shows_the_log_and_follows_it() {
    let home = Home::new();
    home.start();
    let log = home.styxy(&["daemon", "logs"]).done().stdout;
    assert!(log.contains("ready"), "{log}");
    let mut follow = home.styxy_command(&["daemon", "logs", "-f", "-n", "1"]);
    let follow = Server::reading(follow.stdout(Stdio::piped()));
    assert!(follow.hear().contains("ready"));
    home.styxy(&["daemon", "restart"]).done();
    assert!(follow.hear().contains("stopped"));
    // Its notes come first, if it has any.
    while !follow.hear().contains("ready") {}
}
