//! `styxy hook`: where the guard does not reach, a literal command that would end another's server is denied (R38).

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use styxy_core::api::{InstancesAnswer, State};

use crate::support::session::{Session, home, worktree};
use crate::support::{Home, Server, helper, sort, until};

#[test]
fn two_sessions_that_fight_over_a_port_both_keep_their_servers() {
    let home = home();
    let fix = worktree(&home, "fix");
    let (one, other) = (Session::new(&home, &home.project()), Session::new(&home, &fix));
    one.begin_as_before();
    other.begin_as_before();
    let (ours, theirs) = (one.port(), other.port());
    assert_ne!(ours, theirs);
    let (name, server) = called(&home, &fix, theirs);
    until("its lease is active", || {
        home.leases().iter().any(|lease| lease.port.get() == theirs && lease.state == State::Active)
    });
    let pid = server.pid();
    let why = one.denied(&format!("npx kill-port {theirs}"));
    assert!(why.contains(&format!("({pid})")), "{why}");
    assert!(why.contains(&format!("session {}, {}, branch fix", other.instance(), fix.display())), "{why}");
    assert!(why.contains(&format!("This checkout has web {ours}, api ")), "{why}");
    for kill in [
        format!("kill -9 $(lsof -ti:{theirs})"),
        format!("lsof -ti :{theirs} | xargs kill -9"),
        format!("fuser -k {theirs}/tcp || true"),
        format!("pkill {name}"),
        format!("killall -9 {name}"),
        format!("pkill -f {name}"),
        format!("kill -9 {pid}"),
        format!("taskkill /PID {pid} /F"),
        format!("Stop-Process -Id {pid}"),
    ] {
        assert!(one.denied(&kill).contains("another checkout or session"), "{kill}");
        // Its own session may end it.
        other.runs(&kill);
    }
    for harmless in [
        format!("curl -s localhost:{theirs}"),
        format!("styxy kill {theirs} --yes"),
        format!("kill -0 {pid}"),
        format!("git commit -m 'kill $(lsof -ti:{theirs})'"),
        format!("npx vite --port {theirs}"),
        format!("STYXY=off kill {pid}"),
        "pkill -f no-such-server".to_owned(),
    ] {
        one.runs(&harmless);
    }
    // After the session has ended.
    server.kill();
    other.process.kill();
    until("the port is free", || home.leases().iter().all(|lease| lease.port.get() != theirs));
    one.runs(&format!("npx kill-port {theirs}"));
}

#[test]
fn another_session_of_the_same_worktree_counts_while_it_is_live() {
    let home = home();
    let (one, other) = (Session::new(&home, &home.project()), Session::new(&home, &home.project()));
    one.begin_as_before();
    other.begin_as_before();
    let port = other.port();
    let _server = Server::on(&home, port);
    until("it is seen", || other.leases().iter().any(|lease| lease.state == State::Active));
    assert!(one.denied(&format!("kill $(lsof -ti:{port})")).contains(&other.instance()));
    other.process.kill();
    until("the session is over", || {
        home.socket().get("/instance/list").ok::<InstancesAnswer>().instances.len() == 1
    });
    one.runs(&format!("kill $(lsof -ti:{port})"));
}

#[test]
fn a_live_session_without_hooks_counts_too() {
    let home = home();
    let (one, other) = (Session::new(&home, &home.project()), Session::new(&home, &home.project()));
    one.begin_as_before();
    let lease = home.allocate(&json!({
        "service_type": sort::API, "project_path": home.project(), "instance_id": other.instance(),
    }));
    let _server = Server::on(&home, lease.port.get());
    home.active(&lease);
    let kill = format!("kill $(lsof -ti:{})", lease.port);
    assert!(one.denied(&kill).contains(&other.instance()));
    other.process.kill();
    one.runs(&kill);
}

/// A server without a lease, of a program whose name no other test uses.
fn called(home: &Home, folder: &Path, port: u16) -> (String, Server) {
    let name = format!("serves-{port}");
    let program = home.top().join(&name);
    let inner = helper(home, "listen", &[&format!("127.0.0.1:{port}")]);
    symlink(inner.get_program(), &program).unwrap();
    let mut command = Command::new(program);
    command.args(inner.get_args()).envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    (name, Server::listening(command.current_dir(folder)))
}

#[test]
fn a_persons_server_in_another_worktree_is_kept_and_one_of_this_worktree_is_ours() {
    let home = home();
    let fix = worktree(&home, "fix");
    let session = Session::new(&home, &home.project());
    session.begin_as_before();
    let (theirs, ours) = (home.spare_port(), home.spare_port());
    let (name, server) = called(&home, &fix, theirs);
    let (own_name, own) = called(&home, &home.project(), ours);
    for kill in [
        format!("pkill {name}"),
        format!("killall {name}"),
        format!("kill -9 {}", server.pid()),
        format!("fuser -k {theirs}/tcp"),
    ] {
        let why = session.denied(&kill);
        assert!(why.contains("branch fix") && why.contains(&theirs.to_string()), "{why}");
        // A sub-agent that works there may.
        let there =
            json!({ "cwd": fix, "agent_id": "a1", "tool_name": "Bash", "tool_input": { "command": kill } });
        assert_eq!(session.hook("PreToolUse", &there), "", "{kill}");
    }
    for kill in [format!("pkill {own_name}"), format!("kill {}", own.pid()), format!("fuser -k {ours}/tcp")] {
        session.runs(&kill);
    }
}

#[test]
fn the_daemon_is_not_ended() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin_as_before();
    let daemon = home.daemon_file().unwrap().pid;
    let why = session.denied(&format!("kill -9 {daemon}"));
    assert!(why.ends_with("which is Styxy's daemon. `styxy daemon stop` stops it."), "{why}");
}

#[test]
fn no_text_is_judged_where_the_guard_is_live_or_off() {
    let home = home();
    let fix = worktree(&home, "fix");
    let port = home.spare_port();
    let session = Session::new(&home, &home.project());
    session.begin_as_before();
    let server = Server::in_folder(&home, &fix, port);
    let kill = format!("kill {}", server.pid());
    session.denied(&kill);
    for variable in [
        ("STYXY_GUARD_SOCKET", "/run/styxy/guard.sock"),
        ("BASH_ENV", "/home/ada/.styxy/guard/env.bash"),
        ("STYXY_GUARD", "off"),
    ] {
        assert_eq!(session.bash_with(&kill, &[variable]), "", "{variable:?}");
    }
    until("a denial", || session.bash_with(&kill, &[("BASH_ENV", "/home/ada/.bashrc")]).contains("deny"));
    // Where the system has the guard, the session that begins gets it.
    session.begin();
    if cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        session.runs(&kill);
    } else {
        session.denied(&kill);
    }
}
