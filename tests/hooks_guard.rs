//! `styxy hook`: no agent takes the port of another's server or ends it.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use styxy_core::api::{InstancesAnswer, State};

use crate::support::session::{Session, home, worktree};
use crate::support::{Home, Server, helper, until};

#[test]
fn two_sessions_that_fight_over_a_port_both_keep_their_servers() {
    let home = home();
    let fix = worktree(&home, "fix");
    let (one, other) = (Session::new(&home, &home.project()), Session::new(&home, &fix));
    one.begin();
    other.begin();
    let (ours, theirs) = (one.port(), other.port());
    assert_ne!(ours, theirs);
    let held = |server: &Server, port: u16| {
        until("its lease is active", || {
            home.leases().iter().any(|lease| lease.port.get() == port && lease.state == State::Active)
        });
        server.pid()
    };
    // Before anything listens, the lease alone keeps the other session away.
    assert!(
        one.denied(&format!("npx vite --port {theirs}")).starts_with(&format!("Port {theirs} is leased for"))
    );
    let (name, server) = called(&home, &fix, theirs);
    let pid = held(&server, theirs);
    let why = one.denied(&format!("PORT={theirs} npx next dev"));
    let process = other.leases().into_iter().find(|lease| lease.port.get() == theirs).unwrap();
    assert_eq!(process.state, State::Active);
    assert!(why.contains(&format!("({pid})")), "{why}");
    assert!(why.contains(&format!("session {}, {}, branch fix", other.instance(), fix.display())), "{why}");
    assert!(why.contains(&format!("This checkout has web {ours}, api ")), "{why}");
    assert!(why.ends_with("`styxy run -- COMMAND` runs a server on a port of its own."), "{why}");
    for kill in [
        format!("kill -9 $(lsof -ti:{theirs})"),
        format!("lsof -ti :{theirs} | xargs kill -9; PORT={theirs} npm start"),
        format!("npx kill-port {theirs}"),
        format!("fuser -k {theirs}/tcp || true"),
        format!("pkill {name}"),
        format!("killall -9 {name}"),
        format!("pkill -f 'no-such-server|{name}'"),
        format!("kill -9 {pid}"),
    ] {
        assert!(one.denied(&kill).contains("another checkout or session"), "{kill}");
        // Its own session may end it.
        other.runs(&kill);
    }
    for harmless in [
        format!("curl -s localhost:{theirs}"),
        format!("npx playwright test --base-url http://localhost:{theirs}"),
        format!("styxy kill {theirs} --yes"),
        format!("styxy run -p {theirs} -- vite"),
        format!("kill -0 {pid}"),
        format!("git commit -m 'kill $(lsof -ti:{theirs})'"),
        format!("npx vite --port {ours}"),
        "pkill -f no-such-server".to_owned(),
    ] {
        one.runs(&harmless);
    }
    // The other way round, and after the sessions have ended.
    assert!(other.denied(&format!("npx vite --port {ours}")).contains(&one.instance()));
    server.kill();
    other.process.kill();
    until("the port is free", || home.leases().iter().all(|lease| lease.port.get() != theirs));
    one.runs(&format!("npx vite --port {theirs}"));
}

#[test]
fn another_session_of_the_same_worktree_counts_while_it_is_live() {
    let home = home();
    let (one, other) = (Session::new(&home, &home.project()), Session::new(&home, &home.project()));
    one.begin();
    other.begin();
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
    one.begin();
    let lease = home.allocate(&serde_json::json!({
        "service_type": crate::support::sort::API, "project_path": home.project(), "instance_id": other.instance(),
    }));
    let _server = Server::on(&home, lease.port.get());
    home.active(&lease);
    let kill = format!("kill $(lsof -ti:{})", lease.port);
    assert!(one.denied(&kill).contains(&other.instance()));
    other.process.kill();
    one.runs(&kill);
}

#[test]
fn a_persons_server_in_another_worktree_is_kept_and_one_of_this_worktree_is_ours() {
    let home = home();
    let fix = worktree(&home, "fix");
    let session = Session::new(&home, &home.project());
    session.begin();
    let (theirs, ours) = (home.spare_port(), home.spare_port());
    let (_theirs, _ours) = (Server::in_folder(&home, &fix, theirs), Server::on(&home, ours));
    assert!(session.denied(&format!("npx vite --port {theirs}")).contains("branch fix"));
    assert!(session.denied(&format!("fuser -k {theirs}/tcp")).contains("branch fix"));
    // A session that works there may, and so may one that changes to it.
    session.runs(&format!("cd {} && npx vite --port {theirs}", fix.display()));
    session.runs(&format!("fuser -k {ours}/tcp"));
    session.runs(&format!("npx vite --port {ours}"));
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
fn a_persons_server_without_a_lease_is_not_ended_by_name_or_pid() {
    let home = home();
    let fix = worktree(&home, "fix");
    let session = Session::new(&home, &home.project());
    session.begin();
    let (theirs, ours) = (home.spare_port(), home.spare_port());
    let (name, server) = called(&home, &fix, theirs);
    let (own_name, own) = called(&home, &home.project(), ours);
    for command in [format!("pkill {name}"), format!("killall {name}"), format!("kill -9 {}", server.pid())] {
        let why = session.denied(&command);
        assert!(why.contains("branch fix") && why.contains(&theirs.to_string()), "{why}");
    }
    for command in [format!("pkill {own_name}"), format!("kill {}", own.pid())] {
        session.runs(&command);
    }
}
