//! A tool that ignores the port it was given: where it really listens is leased too.

use std::process::Command;

use styxy_core::api::{Lease, OwnerKind, State};

use crate::support::{Home, Server, helper_under, pid_of, sort, until};

/// `styxy run` with a helper that listens on these ports, whatever `PORT` says.
fn deaf(home: &Home, role: &str, ports: &[u16]) -> Command {
    let addresses: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    helper_under(home, &["run", "-s", sort::WEB, "--"], role, &addresses)
}

fn lease_on(home: &Home, port: u16) -> Option<Lease> {
    home.leases().into_iter().find(|lease| lease.port.get() == port)
}

#[test]
fn a_tool_that_ignores_its_port_has_the_one_where_it_listens_leased_too() {
    let home = Home::new();
    home.configure(&serde_json::json!({ "unbind_grace": 0.1 }));
    let elsewhere = home.spare_port();
    let server = Server::run(&mut deaf(&home, "parent", &[elsewhere]));
    until("where it listens is leased", || lease_on(&home, elsewhere).is_some());
    let (first, second): (Vec<_>, Vec<_>) =
        home.leases().into_iter().partition(|lease| lease.port.get() != elsewhere);
    let ([first], [second]) = (first.as_slice(), second.as_slice()) else { panic!("{first:?} {second:?}") };
    assert_eq!((first.state, second.state), (State::Granted, State::Active));
    assert_eq!((pid_of(&first.owner), pid_of(&second.owner)), (Some(server.pid()), Some(server.pid())));
    assert_eq!(second.owner.kind, OwnerKind::Process);
    assert_eq!((&first.service_type, &first.project_path), (&second.service_type, &second.project_path));
    server.kill();
    until("both leases end with the command", || home.leases().is_empty());
}

#[test]
fn of_two_other_ports_none_is_leased() {
    let home = Home::new();
    let two = [home.spare_port(), home.spare_port()];
    let _two = Server::listening(&mut deaf(&home, "listen", &two));
    // It is looked at before this one is, which is younger.
    let one = home.spare_port();
    let _one = Server::listening(&mut deaf(&home, "listen", &[one]));
    until("where the other one listens is leased", || lease_on(&home, one).is_some());
    assert_eq!((home.leases().len(), two.map(|port| lease_on(&home, port))), (3, [None, None]));
}
