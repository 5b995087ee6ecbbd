//! Everybody that listens on a port counts, and root may serve on the user's behalf.

use std::fs::Permissions;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use styxy_core::api::{CheckAnswer, Lease, State, WhoAnswer, Whose};

use crate::support::{Home, Output, Server, eventually, finish, helper, is_root, nobody, sort, until};

/// A server in `folder`, on the IPv6 loopback if this is `::1`.
fn server(home: &Home, folder: &Path, address: impl Into<std::net::IpAddr>, port: u16) -> Server {
    let address = SocketAddr::new(address.into(), port);
    Server::listening(helper(home, "listen", &[&address.to_string()]).current_dir(folder))
}

#[test]
fn another_checkouts_server_beside_my_own_is_a_conflict_everywhere() {
    let home = Home::new();
    let fix = home.worktree("fix");
    let mine = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let (port, shown) = (mine.port.get(), mine.port.to_string());
    // Whoever comes first.
    let theirs = server(&home, &fix, Ipv4Addr::LOCALHOST, port);
    let _mine = server(&home, &home.project(), Ipv6Addr::LOCALHOST, port);
    let lease = home.active(&mine);
    assert_eq!(
        lease.conflict.and_then(|conflict| conflict.pid).map(styxy_core::Pid::get),
        Some(theirs.pid())
    );
    let list = home.styxy(&["list"]).done();
    assert!(list.stdout.contains("conflict"), "{list:?}");
    let check: CheckAnswer = home.styxy(&["check", &shown, "--json"]).done().wire();
    assert!(check.allocated_to.unwrap().conflict.is_some() && check.others.len() == 1);
    let who: WhoAnswer = home.styxy(&["verify", &shown, "--json"]).exits(5).wire();
    assert_eq!(who.whose, Whose::Sibling);
    assert!(home.styxy(&["doctor"]).stdout.contains("a stranger listens on it"));
    home.styxy(&["open", sort::WEB, "--print"]).exits(1);
    home.styxy(&["open", &shown, "--print"]).exits(1);
    home.styxy(&["wait", sort::WEB, "--timeout", "200ms"]).exits(1);
    let other = home.styxy(&["env", sort::WEB, "--json"]).done().json()["PORT"].clone();
    assert_ne!(other, json!(shown), "it is not handed over");
    drop(theirs);
    until("the conflict ends", || home.lease_of(&mine).is_some_and(|lease| lease.conflict.is_none()));
    home.styxy(&["verify", &shown]).done();
    assert_eq!(home.lease_of(&mine).unwrap().state, State::Active, "its server was there all the time");
}

#[test]
fn a_server_that_ends_beside_another_checkouts_leaves_a_conflict() {
    let home = Home::new();
    let fix = home.worktree("fix");
    let mine = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project(),
        "pid": std::process::id() }));
    let own = server(&home, &home.project(), Ipv6Addr::LOCALHOST, mine.port.get());
    home.active(&mine);
    let _theirs = server(&home, &fix, Ipv4Addr::LOCALHOST, mine.port.get());
    until("the conflict is seen", || home.lease_of(&mine).is_some_and(|lease| lease.conflict.is_some()));
    own.kill();
    let left = |lease: &Lease| lease.state == State::Granted && lease.conflict.is_some();
    until("the stranger alone is left", || home.lease_of(&mine).is_some_and(|lease| left(&lease)));
}

/// `styxy` in the home of another user than root, where this test is root.
fn as_nobody(home: &Home, words: &[&str]) -> Output {
    let mut command = home.styxy_command(words);
    assert!(nobody(&mut command));
    finish(&mut command)
}

/// Gives `home` to another user than root; false where that is impossible.
fn give_away(home: &Home) -> bool {
    if !is_root() || !nobody(&mut Command::new("true")) {
        println!("skipped: only root can have listeners of root beside another user's daemon");
        return false;
    }
    let all = finish(Command::new("find").arg(home.top()).arg("-print")).done();
    for path in all.stdout.lines() {
        chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    std::fs::set_permissions(home.top(), Permissions::from_mode(0o755)).unwrap();
    true
}

#[test]
fn a_listener_of_root_makes_a_lease_active_and_is_not_mine_by_itself() {
    let home = Home::new();
    if !give_away(&home) {
        return;
    }
    let port =
        as_nobody(&home, &["env", sort::WEB, "--json"]).done().json()["PORT"].as_str().unwrap().to_owned();
    // As docker-proxy does.
    let _proxy = server(&home, &home.top(), Ipv4Addr::UNSPECIFIED, port.parse().unwrap());
    let listed = || as_nobody(&home, &["list", "--json"]).done();
    eventually("the lease is active", || listed().stdout.contains("\"active\"").then_some(()));
    assert!(!listed().stdout.contains("conflict"), "{:?}", listed());
    let again = as_nobody(&home, &["env", sort::WEB, "--json"]).done();
    assert_eq!(again.json()["PORT"], json!(port), "the next env names the same port");
    as_nobody(&home, &["wait", sort::WEB, "--timeout", "5s"]).done();
    as_nobody(&home, &["open", sort::WEB, "--print"]).done();
    let who: WhoAnswer = as_nobody(&home, &["verify", &port, "--json"]).exits(6).wire();
    assert_eq!(who.whose, Whose::Foreign, "nobody says whose container it is");
}
