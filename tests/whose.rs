//! `styxy who` and `styxy verify` say whose server is on a port, and have an exit code for each answer.

use std::fs;
#[cfg(unix)]
use std::fs::Permissions;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
#[cfg(unix)]
use styxy_core::api::State;
use styxy_core::api::{WhoAnswer, Whose};

use crate::support::{Home, Server, finish, forked_server, helper, sort};
#[cfg(unix)]
use crate::support::{nobody, until};

/// The answer of both commands for `port`, run in `folder`.
#[track_caller]
fn asked_in(home: &Home, folder: &Path, port: u16, code: i32, whose: Whose) -> WhoAnswer {
    let port = port.to_string();
    let ask = |words: &[&str]| finish(home.styxy_command(words).current_dir(folder)).exits(code);
    let answer: WhoAnswer = ask(&["who", &port, "--json"]).wire();
    assert_eq!(answer.whose, whose, "{answer:?}");
    let verified: WhoAnswer = ask(&["verify", &port, "--json"]).wire();
    assert_eq!(
        (verified.whose, verified.reason, &verified.worktree),
        (whose, answer.reason.clone(), &answer.worktree)
    );
    let line = ask(&["verify", &port]).stdout;
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(ask(&["who", &port]).stdout.starts_with(&line), "{line}");
    let quiet = ask(&["verify", &port, "-q"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    answer
}

#[track_caller]
fn asked(home: &Home, port: u16, code: i32, whose: Whose) -> WhoAnswer {
    asked_in(home, &home.project(), port, code, whose)
}

#[track_caller]
fn of(answer: &WhoAnswer, worktree: &Path) {
    assert_eq!(answer.worktree.as_ref().map(|path| Path::new(path.as_str())), Some(worktree), "{answer:?}");
}

#[test]
fn a_server_of_this_worktree_is_mine_from_anywhere_in_it() {
    let home = Home::new();
    let deep = home.project().join("packages/web");
    fs::create_dir_all(&deep).unwrap();
    fs::write(home.project().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let port = home.spare_port();
    let server = Server::in_folder(&home, &deep, port);
    let answer = asked(&home, port, 0, Whose::Mine);
    of(&answer, &home.project());
    assert_eq!(answer.branch.as_deref(), Some("main"));
    let usage = answer.system_usage.expect("a listener");
    assert_eq!(usage.pid.map(styxy_core::Pid::get), Some(server.pid()));
    assert_eq!(usage.working_directory.as_deref(), deep.to_str());
    assert_eq!((usage.working_directory_deleted, usage.same_user), (Some(false), Some(true)));
    asked_in(&home, &deep, port, 0, Whose::Mine);
}

#[test]
fn nobody_listens_on_a_free_or_merely_leased_port() {
    let home = Home::new();
    asked(&home, home.spare_port(), 4, Whose::Nobody);
    let leased = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let answer = asked(&home, leased, 4, Whose::Nobody);
    assert!(answer.allocated_to.is_some() && answer.reason.contains("leased"), "{answer:?}");
}

#[test]
fn a_server_of_a_sibling_worktree_is_not_mine_wherever_the_worktree_is() {
    let home = Home::new();
    for path in ["fix", "project/.worktrees/feature"] {
        let worktree = home.worktree(path);
        let port = home.spare_port();
        let _server = Server::in_folder(&home, &worktree, port);
        let answer = asked(&home, port, 5, Whose::Sibling);
        of(&answer, &worktree);
        assert_eq!(answer.branch.as_deref(), worktree.file_name().unwrap().to_str());
        asked_in(&home, &worktree, port, 0, Whose::Mine);
    }
}

#[test]
fn a_nested_worktrees_server_on_my_lease_is_not_mine() {
    let home = Home::new();
    let worktree = home.worktree("project/.worktrees/feature");
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let _server = Server::in_folder(&home, &worktree, grant.port.get());
    let lease = home.active(&grant);
    assert!(lease.conflict.is_none(), "the daemon takes it for the lease's server: {lease:?}");
    of(&asked(&home, grant.port.get(), 5, Whose::Sibling), &worktree);
}

#[test]
fn another_projects_server_is_foreign() {
    let home = Home::new();
    let port = home.spare_port();
    let _server = Server::in_folder(&home, &home.other_project(), port);
    of(&asked(&home, port, 6, Whose::Foreign), &home.other_project());
}

#[test]
#[cfg(unix)]
fn another_users_server_is_foreign_even_in_this_worktree() {
    let home = Home::new();
    home.start();
    fs::set_permissions(home.top(), Permissions::from_mode(0o755)).unwrap();
    let port = home.spare_port();
    let mut command = helper(&home, "listen", &[&format!("127.0.0.1:{port}")]);
    if !nobody(&mut command) {
        return;
    }
    let _server = Server::listening(&mut command);
    let answer = asked(&home, port, 6, Whose::Foreign);
    assert_eq!(answer.system_usage.expect("a listener").same_user, Some(false));
}

#[test]
#[cfg(unix)]
fn a_server_whose_worktree_was_deleted_is_an_orphan() {
    let home = Home::new();
    let worktree = home.worktree("fix");
    let port = home.spare_port();
    let _server = Server::in_folder(&home, &worktree, port);
    asked(&home, port, 5, Whose::Sibling);
    fs::remove_dir_all(&worktree).unwrap();
    let answer = asked(&home, port, 7, Whose::Orphan);
    of(&answer, &worktree);
    assert_eq!(answer.system_usage.expect("a listener").working_directory_deleted, Some(true));
    // A new worktree with the old name is another one.
    home.worktree("fix");
    asked(&home, port, 7, Whose::Orphan);
    asked_in(&home, &worktree, port, 7, Whose::Orphan);
}

#[test]
#[cfg(unix)]
fn a_leased_server_is_not_an_orphan_when_a_build_replaces_its_folder() {
    let home = Home::new();
    let dist = home.project().join("dist");
    fs::create_dir(&dist).unwrap();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let _server = Server::in_folder(&home, &dist, grant.port.get());
    home.active(&grant);
    fs::remove_dir(&dist).unwrap();
    fs::create_dir(&dist).unwrap();
    asked(&home, grant.port.get(), 0, Whose::Mine);
}

#[test]
fn a_port_that_a_sibling_has_on_another_address_is_not_mine() {
    let home = Home::new();
    let worktree = home.worktree("fix");
    let port = home.spare_port();
    let _mine = Server::on(&home, port);
    let beside: SocketAddr = ([127, 0, 0, 2], port).into();
    let _theirs = Server::listening(helper(&home, "listen", &[&beside.to_string()]).current_dir(&worktree));
    of(&asked(&home, port, 5, Whose::Sibling), &worktree);
    of(&asked_in(&home, &worktree, port, 5, Whose::Sibling), &home.project());
}

#[test]
fn another_sessions_server_in_this_worktree_is_mine_and_the_session_is_named() {
    let home = Home::new();
    let grant = home.allocate(
        &json!({ "service_type": sort::WEB, "project_path": home.project(), "instance_id": "claude-2" }),
    );
    let _server = Server::on(&home, grant.port.get());
    home.active(&grant);
    let port = grant.port.to_string();
    let mut who = home.styxy_command(&["who", &port, "--json"]);
    let answer: WhoAnswer = finish(who.env("STYXY_INSTANCE", "claude-1")).done().wire();
    assert_eq!(answer.instance_id.as_ref().map(styxy_core::InstanceId::as_str), Some("claude-2"));
    assert!(answer.reason.contains("claude-2"), "{}", answer.reason);
}

#[test]
fn outside_of_a_worktree_the_folder_itself_decides() {
    let home = Home::new();
    let (notes, others) = (home.top().join("user/notes"), home.top().join("user/others"));
    fs::create_dir_all(&notes).unwrap();
    fs::create_dir_all(&others).unwrap();
    let port = home.spare_port();
    let _server = Server::in_folder(&home, &notes, port);
    let mine = asked_in(&home, &notes, port, 0, Whose::Mine);
    assert!(mine.reason.ends_with("runs in this folder"), "{}", mine.reason);
    let shown = finish(home.styxy_command(&["who", &port.to_string()]).current_dir(&notes)).done().stdout;
    assert!(!shown.contains("worktree"), "{shown}");
    asked_in(&home, &others, port, 6, Whose::Foreign);
    asked(&home, port, 6, Whose::Foreign);
}

#[test]
fn the_child_that_listens_counts_and_not_its_parent() {
    let home = Home::new();
    let port = home.spare_port();
    let (_parent, child) = forked_server(&home, ([127, 0, 0, 1], port).into());
    let answer = asked(&home, port, 0, Whose::Mine);
    assert_eq!(answer.system_usage.and_then(|usage| usage.pid).map(styxy_core::Pid::get), Some(child));
}

#[test]
fn without_a_daemon_there_is_no_answer() {
    let home = Home::new();
    home.styxy(&["verify", "3000", "-q", "--no-start"]).exits(3);
}

/// The port that a server was started on with `styxy run` in `folder`, and the server.
#[cfg(unix)]
fn run_in(home: &Home, folder: &Path) -> (u16, Server) {
    let port = told(home, folder);
    let server = Server::in_folder(home, folder, port);
    (port, server)
}

#[cfg(unix)]
fn told(home: &Home, folder: &Path) -> u16 {
    let said = finish(home.styxy_command(&["env", sort::WEB, "--json"]).current_dir(folder)).done().stdout;
    serde_json::from_str::<serde_json::Value>(&said).unwrap()["PORT"].as_str().unwrap().parse().unwrap()
}

#[test]
#[cfg(unix)]
fn a_leased_server_of_a_worktree_that_was_removed_and_made_again_is_an_orphan() {
    let home = Home::new();
    let worktree = home.worktree("fix");
    let (port, _server) = run_in(&home, &worktree);
    asked_in(&home, &worktree, port, 0, Whose::Mine);
    fs::remove_dir_all(&worktree).unwrap();
    asked_in(&home, &home.project(), port, 7, Whose::Orphan);
    home.worktree("fix");
    for folder in [&worktree, &home.project()] {
        asked_in(&home, folder, port, 7, Whose::Orphan);
    }
    assert_ne!(told(&home, &worktree), port, "the new checkout gets another port");
    finish(home.styxy_command(&["wait", sort::WEB, "--timeout", "0"]).current_dir(&worktree)).exits(1);
    let kill = ["kill", &port.to_string(), "--yes"];
    finish(home.styxy_command(&kill).current_dir(&worktree)).done();
}

#[test]
#[cfg(unix)]
fn a_server_stays_mine_when_its_checkout_is_moved_and_its_lease_and_ports_follow() {
    let home = Home::new();
    for marked in [true, false] {
        let name = if marked { "shop" } else { "plain" };
        let (before, after) = (home.top().join(name), home.top().join(format!("{name}2")));
        fs::create_dir_all(if marked { before.join(".git") } else { before.clone() }).unwrap();
        let (port, server) = run_in(&home, &before);
        asked_in(&home, &before, port, 0, Whose::Mine);
        fs::rename(&before, &after).unwrap();
        let answer = asked_in(&home, &after, port, 0, Whose::Mine);
        of(&answer, &after);
        assert_eq!(told(&home, &after), port);
        finish(home.styxy_command(&["wait", sort::WEB, "--timeout", "10"]).current_dir(&after)).done();
        let lease = home.leases().into_iter().find(|lease| lease.port.get() == port).unwrap();
        assert_eq!(lease.project_path.as_ref().map(|path| Path::new(path.as_str())), Some(after.as_path()));
        assert_eq!(lease.conflict, None);
        // What is made at the old path has none of it.
        fs::create_dir_all(if marked { before.join(".git") } else { before.clone() }).unwrap();
        assert_ne!(told(&home, &before), port);
        asked_in(&home, &before, port, 6, Whose::Foreign);
        drop(server);
        until("nobody listens", || {
            home.leases().iter().all(|lease| lease.port.get() != port || lease.state == State::Granted)
        });
        assert_eq!(told(&home, &after), port, "the port is the folder's");
    }
}
