//! A port that was told to somebody comes back to the server of its checkout, whoever starts it and however late.

use styxy_core::api::{OwnerKind, State};

use crate::support::{Home, NOTHING, Server, eventually, finish, sort, until};

/// The port that `styxy env` tells in this checkout.
fn told(home: &Home) -> u16 {
    let json = home.styxy(&["env", sort::WEB, "--json"]).done().json();
    json["PORT"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_server_that_is_built_anew_finds_the_port_that_it_was_told() {
    let home = Home::new();
    // Silences are over at once, as a rebuild of twelve seconds is longer than the ten of the default.
    home.configure(&serde_json::json!({ "unbind_grace": 0.1 }));
    let port = told(&home);
    let server = Server::on(&home, port);
    until("it is active", || home.leases().iter().any(|lease| lease.state == State::Active));
    server.kill();
    until("its server is gone", || home.leases().iter().any(|lease| lease.state == State::Granted));
    let lease = home.leases().remove(0);
    assert_eq!((lease.port.get(), lease.owner.kind, lease.owner.pid), (port, OwnerKind::Listener, None));
    assert_eq!(told(&home), port);
    let again = Server::on(&home, port);
    until("it is active again", || home.leases()[0].state == State::Active);
    assert_eq!(home.leases()[0].lock_id, lease.lock_id);
    drop(again);
}

#[test]
fn a_reserved_port_is_given_to_whoever_insists() {
    let home = Home::new();
    let port = told(&home);
    let server = Server::on(&home, port);
    until("it is active", || home.leases()[0].state == State::Active);
    server.kill();
    until("its server is gone", || home.leases()[0].state == State::Granted);
    let ports = port.to_string();
    let other = home.styxy_command(&["allocate", "-s", sort::WEB, "-p", &ports, "--exact", "-q"]);
    let mut other = other;
    let given = finish(other.current_dir(home.other_project())).done().number();
    assert_eq!((given, home.leases().len()), (port, 1));
}

#[test]
fn a_short_run_gives_the_port_back_that_was_told() {
    let home = Home::new();
    let port = told(&home);
    let before = home.leases().remove(0);
    home.styxy(&[&["run", "-s", sort::WEB, "--"], NOTHING].concat()).done();
    until("it waits again", || home.leases().iter().all(|lease| lease.owner.kind == OwnerKind::Listener));
    let after = home.leases().remove(0);
    assert_eq!((after.lock_id, after.port.get()), (before.lock_id, port));
    assert_eq!(told(&home), port);
}

#[test]
fn a_server_on_a_port_that_its_checkout_had_gets_the_lease_however_late() {
    let home = Home::new();
    home.configure(&serde_json::json!({ "unbind_grace": 0.1, "bind_ttl": 0.2 }));
    let port = told(&home);
    until("nobody came in time", || home.leases().is_empty());
    let server = Server::on(&home, port);
    // A daemon whose look at the sockets takes longer than a list is to wait for it answers before.
    let lease = eventually("its server has the lease", || home.leases().into_iter().next());
    assert_eq!(
        (lease.port.get(), lease.state, lease.owner.pid.unwrap().get()),
        (port, State::Active, server.pid())
    );
    assert_eq!(told(&home), port, "the one that runs");
    // Given back by name, it stays given back.
    home.styxy(&["release", &port.to_string()]).done();
    assert_eq!(home.leases(), []);
}

#[test]
fn another_checkouts_server_is_not_adopted() {
    let home = Home::new();
    home.configure(&serde_json::json!({ "unbind_grace": 0.1, "bind_ttl": 0.2 }));
    let port = told(&home);
    until("nobody came in time", || home.leases().is_empty());
    let _other = Server::in_folder(&home, &home.other_project(), port);
    assert_eq!(home.leases(), []);
    assert_ne!(told(&home), port);
}
