//! Everybody that listens on a port counts, and root may serve on the user's behalf.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use serde_json::json;
use styxy_core::api::{CheckAnswer, Lease, State, WhoAnswer, Whose};

use crate::support::{Home, Server, helper, sort, until, wine_lacks};
#[cfg(unix)]
use crate::support::{eventually, lacks_root};

/// A server in `folder`, on the IPv6 loopback if this is `::1`.
fn server(home: &Home, folder: &Path, address: impl Into<std::net::IpAddr>, port: u16) -> Server {
    let address = SocketAddr::new(address.into(), port);
    Server::listening(helper(home, "listen", &[&address.to_string()]).current_dir(folder))
}

#[test]
fn another_checkouts_server_beside_my_own_is_a_conflict_everywhere() {
    if wine_lacks("the processes of IPv6 sockets") {
        return;
    }
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
    if wine_lacks("the processes of IPv6 sockets") {
        return;
    }
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

#[test]
#[cfg(unix)]
fn a_listener_of_root_makes_a_lease_active_and_is_not_mine_by_itself() {
    if lacks_root() {
        return;
    }
    let home = Home::new();
    home.give_away();
    let port = home.unprivileged(&["env", sort::WEB, "--json"], &[]).done().json()["PORT"]
        .as_str()
        .unwrap()
        .to_owned();
    // As docker-proxy does.
    let _proxy = server(&home, &home.top(), Ipv4Addr::UNSPECIFIED, port.parse().unwrap());
    let listed = || home.unprivileged(&["list", "--json"], &[]).done();
    eventually("the lease is active", || listed().stdout.contains("\"active\"").then_some(()));
    assert!(!listed().stdout.contains("conflict"), "{:?}", listed());
    let again = home.unprivileged(&["env", sort::WEB, "--json"], &[]).done();
    assert_eq!(again.json()["PORT"], json!(port), "the next env names the same port");
    home.unprivileged(&["wait", sort::WEB, "--timeout", "5s"], &[]).done();
    home.unprivileged(&["open", sort::WEB, "--print"], &[]).done();
    let who: WhoAnswer = home.unprivileged(&["verify", &port, "--json"], &[]).exits(6).wire();
    assert_eq!(who.whose, Whose::Foreign, "nobody says whose container it is");
}
