//! `styxy kill` ends the server that listens on a port, if it belongs to this worktree, and nothing else.

use std::net::TcpListener;
#[cfg(unix)]
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use serde_json::json;
use styxy_core::api::{Code, Ending, KillAnswer};

#[cfg(unix)]
use crate::kill_forked::{WAITS, forked};
use crate::support::{Home, Output, Running, Server, finish, helper, sort, until, wine_lacks};
#[cfg(unix)]
use crate::support::{has_ended, nobody, on_terminal, words};

#[track_caller]
pub(crate) fn kill(home: &Home, target: &str, more: &[&str]) -> Output {
    home.styxy(&[&["kill", target, "--yes"], more].concat())
}

/// Nothing listens, and the port can be bound.
#[track_caller]
pub(crate) fn is_free(port: u16) {
    TcpListener::bind(("127.0.0.1", port)).unwrap();
}

/// The helper still works.
#[track_caller]
fn lives(server: &mut Server) {
    server.close();
    server.reopen();
}

#[test]
fn the_server_is_asked_to_end_and_the_port_is_free_when_it_returns() {
    let home = Home::new();
    let port = home.spare_port();
    let server = Server::on(&home, port);
    let answer: KillAnswer = kill(&home, &port.to_string(), &["--json"]).done().wire();
    is_free(port);
    // Windows has no signal that asks.
    let ending = if cfg!(windows) { Ending::Killed } else { Ending::Asked };
    assert_eq!((answer.pid.get(), answer.ending), (server.pid(), ending));
    let (code, _) = server.ends();
    assert!(cfg!(windows) || code.is_none(), "it was ended by a signal");
    let again = kill(&home, &port.to_string(), &["--json"]).exits(1);
    assert_eq!(again.refusal().code, Code::NotRunning);
}

#[test]
#[cfg(unix)]
fn a_server_that_a_signal_has_stopped_goes_on_and_ends_by_itself() {
    let home = Home::new();
    let port = home.spare_port();
    let server = Server::on(&home, port);
    let stop = Command::new("kill").args(["-STOP", &server.pid().to_string()]).status().unwrap();
    assert!(stop.success());
    let answer: KillAnswer = kill(&home, &port.to_string(), &["--json"]).done().wire();
    assert_eq!(answer.ending, Ending::Asked);
    is_free(port);
    server.ends();
}

#[test]
#[cfg(unix)]
fn a_server_that_does_not_end_by_itself_is_killed_after_the_grace() {
    let home = Home::new();
    let port = home.spare_port();
    let inner = helper(&home, "listen", &[&format!("127.0.0.1:{port}")]);
    let mut deaf = home.command("sh");
    // An ignored signal stays ignored in the program that replaces the shell.
    deaf.args(["-c", "trap '' TERM; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    deaf.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let _server = Server::listening(deaf.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()));
    let answer: KillAnswer = kill(&home, &port.to_string(), &["--grace", "0.2", "--json"]).done().wire();
    assert_eq!(answer.ending, Ending::Killed);
    is_free(port);
}

#[test]
#[cfg(unix)]
fn without_a_terminal_each_hint_leads_on() {
    let home = Home::new();
    home.start();
    let port = home.spare_port();
    let running = forked(&home, port, &[(&home.worktree("fix"), WAITS)]);
    let mut typed = String::new();
    for flag in ["", " --yes"] {
        let refused = home.styxy(&words(&format!("kill {port}{flag} --json"))).exits(1).refusal();
        typed = refused.hint.unwrap();
        assert_eq!(typed, format!("styxy kill {port} --force --yes"));
    }
    let refused = home.styxy(&["kill", &port.to_string(), "--force", "--json"]).exits(2).refusal();
    assert_eq!(refused.hint, Some(typed.clone()));
    home.styxy(&words(&typed["styxy ".len()..])).done();
    assert!(running.iter().all(|process| has_ended(process.pid())));
}

#[test]
fn a_client_of_the_port_is_never_touched() {
    let home = Home::new();
    let port = home.spare_port();
    let server = Server::on(&home, port);
    // Both hold sockets of the same port; the server's are the only ones that listen.
    let mut client = Server::run(&mut helper(&home, "half-asks", &[&format!("127.0.0.1:{port}"), "3"]));
    assert_eq!(client.hear(), "connected");
    let (killed, browser) = (server.pid(), client.pid());
    let answer: KillAnswer = kill(&home, &port.to_string(), &["--force", "--json"]).done().wire();
    assert!(answer.pid.get() == killed && killed != browser);
    client.tell("count");
    assert!(client.hear().ends_with("open"), "the client lives");
    // If only clients are left, there is nothing to end.
    kill(&home, &port.to_string(), &["--force"]).exits(1);
    client.tell("count");
    assert!(client.hear().ends_with("open"));
}

#[test]
fn other_worktrees_servers_are_refused_without_force() {
    let home = Home::new();
    for folder in [home.worktree("fix"), home.worktree("project/.worktrees/deep"), home.other_project()] {
        let port = home.spare_port();
        let mut server = Server::in_folder(&home, &folder, port);
        let refused = kill(&home, &port.to_string(), &["--json"]).exits(1).refusal();
        assert_eq!((refused.code, refused.details["rule"].as_str()), (Code::Forbidden, Some("owner")));
        assert_eq!(refused.hint, Some(format!("styxy kill {port} --force --yes")));
        lives(&mut server);
        kill(&home, &port.to_string(), &["--force"]).done();
        is_free(port);
    }
}

#[test]
fn another_agent_sessions_server_is_refused_without_force() {
    let home = Home::new();
    let grant = home.allocate(
        &json!({ "service_type": sort::WEB, "project_path": home.project(), "instance_id": "claude-2" }),
    );
    let port = grant.port.to_string();
    let mut server = Server::on(&home, grant.port.get());
    home.active(&grant);
    home.socket().post("/instance/register", &json!({ "instance_id": "claude-2" }));
    let by = |session: &str| {
        let mut command = home.styxy_command(&["kill", &port, "--yes"]);
        finish(command.env("STYXY_INSTANCE", session))
    };
    assert!(by("claude-1").exits(1).stderr.contains("claude-2"));
    lives(&mut server);
    home.active(&grant);
    by("claude-2").done();
    is_free(grant.port.get());
}

#[test]
fn a_session_that_has_ended_keeps_nobody_from_its_server() {
    let home = Home::new();
    let session = Running::idle();
    let id = format!("claude-{}", session.pid());
    let grant = home
        .allocate(&json!({ "service_type": sort::WEB, "project_path": home.project(), "instance_id": id }));
    let mut server = Server::on(&home, grant.port.get());
    home.active(&grant);
    let port = grant.port.to_string();
    kill(&home, &port, &[]).exits(1);
    home.styxy(&["release", &port]).exits(1);
    lives(&mut server);
    session.kill();
    kill(&home, &port, &[]).done();
    is_free(grant.port.get());
}

#[test]
#[cfg(unix)]
fn a_leased_server_of_a_worktree_that_git_removed_needs_no_force() {
    let home = Home::new();
    let worktree = home.worktree("fix");
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": worktree }));
    let _server = Server::in_folder(&home, &worktree, grant.port.get());
    home.active(&grant);
    let port = grant.port.to_string();
    kill(&home, &port, &[]).exits(1);
    // As `git worktree remove --force` does: no record is left.
    fs::remove_dir_all(&worktree).unwrap();
    fs::remove_dir_all(home.project().join(".git/worktrees/fix")).unwrap();
    kill(&home, &port, &[]).done();
    is_free(grant.port.get());
}

#[test]
#[cfg(unix)]
fn another_users_server_is_refused_without_force() {
    let home = Home::new();
    home.start();
    fs::set_permissions(home.top(), Permissions::from_mode(0o755)).unwrap();
    let port = home.spare_port();
    let mut command: Command = helper(&home, "listen", &[&format!("127.0.0.1:{port}")]);
    if !nobody(&mut command) {
        return;
    }
    let mut server = Server::listening(&mut command);
    let refused = kill(&home, &port.to_string(), &["--json"]).exits(1).refusal();
    assert_eq!(refused.code, Code::Forbidden);
    lives(&mut server);
}

#[test]
#[cfg(unix)]
fn an_orphan_of_a_deleted_worktree_needs_no_force() {
    let home = Home::new();
    let worktree = home.worktree("fix");
    let port = home.spare_port();
    let _server = Server::in_folder(&home, &worktree, port);
    fs::remove_dir_all(&worktree).unwrap();
    kill(&home, &port.to_string(), &[]).done();
    is_free(port);
}

#[test]
#[cfg(unix)]
fn an_orphan_of_another_project_needs_force() {
    let home = Home::new();
    let other = home.other_project();
    let port = home.spare_port();
    let mut server = Server::in_folder(&home, &other, port);
    fs::remove_dir_all(&other).unwrap();
    let refused = kill(&home, &port.to_string(), &["--json"]).exits(1).refusal();
    assert_eq!(refused.hint, Some(format!("styxy kill {port} --force --yes")));
    lives(&mut server);
    kill(&home, &port.to_string(), &["--force"]).done();
    is_free(port);
}

#[test]
#[cfg(unix)]
fn a_sibling_whose_served_folder_was_replaced_still_needs_force() {
    let home = Home::new();
    let dist = home.worktree("fix").join("dist");
    fs::create_dir(&dist).unwrap();
    let port = home.spare_port();
    let mut server = Server::in_folder(&home, &dist, port);
    fs::remove_dir(&dist).unwrap();
    kill(&home, &port.to_string(), &[]).exits(1);
    lives(&mut server);
}

#[test]
fn a_lease_is_named_by_its_id_or_the_beginning_of_it() {
    let home = Home::new();
    for whole in [true, false] {
        let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
        let id = grant.lock_id.unwrap().to_string();
        let target = if whole { id.as_str() } else { &id[..9] };
        // Nothing listens, so nothing is ended.
        assert_eq!(kill(&home, target, &["--json"]).exits(1).refusal().code, Code::NotRunning);
        let _server = Server::on(&home, grant.port.get());
        home.active(&grant);
        kill(&home, target, &[]).done();
        is_free(grant.port.get());
    }
    assert_eq!(
        kill(&home, "00000000-0000-4000-8000-000000000000", &["--json"]).exits(1).refusal().code,
        Code::UnknownLease
    );
}

#[test]
fn a_stranger_on_a_leased_port_is_not_ended_by_the_leases_id() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let mut stranger = Server::in_folder(&home, &home.other_project(), grant.port.get());
    until("the conflict is seen", || home.lease_of(&grant).is_some_and(|lease| lease.conflict.is_some()));
    let refused = kill(&home, &grant.lock_id.unwrap().to_string(), &["--force", "--json"]).exits(1);
    assert_eq!(refused.refusal().code, Code::Forbidden);
    lives(&mut stranger);
}

#[test]
fn the_daemon_is_never_ended() {
    if wine_lacks("the process of the daemon's own listening socket") {
        return;
    }
    let home = Home::new();
    let pid = home.start().pid;
    let refused = kill(&home, &home.listen_port().to_string(), &["--force", "--json"]).exits(1).refusal();
    assert_eq!((refused.code, refused.hint.as_deref()), (Code::Forbidden, Some("styxy daemon stop")));
    assert_eq!(home.status().expect("the daemon").pid, pid);
}

#[test]
#[cfg(unix)]
fn a_person_sees_what_will_end_and_confirms_it() {
    let home = Home::new();
    let port = home.spare_port();
    let mut server = Server::on(&home, port);
    let ask = |typed: &str| on_terminal(&mut home.styxy_command(&["kill", &port.to_string()]), typed);
    let (code, shown) = ask("n\n");
    assert_eq!(code, 1);
    for fact in
        [&server.pid().to_string(), "a_helper_does_as_it_is_told", home.project().to_str().unwrap(), "[y/N]"]
    {
        assert!(shown.contains(fact), "{fact}:\n{shown}");
    }
    lives(&mut server);
    let (code, shown) = ask("y\n");
    assert_eq!(code, 0, "{shown}");
    is_free(port);
}

#[test]
fn without_a_terminal_nothing_is_ended_without_yes() {
    let home = Home::new();
    let port = home.spare_port();
    let mut server = Server::on(&home, port);
    let said = home.styxy(&["kill", &port.to_string()]).exits(2).stderr;
    assert!(said.contains(&format!("hint: styxy kill {port} --yes")), "{said}");
    // What cannot be ended anyway says so first.
    let said = home.styxy(&["kill", "nonsense"]).exits(1).stderr;
    assert!(said.contains("this worktree has no lease for nonsense"), "{said}");
    lives(&mut server);
}
