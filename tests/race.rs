//! Sixteen dev servers start at the same instant, and each binds the port that it was granted.

use std::collections::HashSet;
use std::thread;

use serde_json::json;

use crate::support::{Home, Request, Server, helper, sort};

const SERVERS: usize = 16;
const ROUNDS: usize = 30;

#[test]
fn sixteen_servers_that_start_at_once_in_a_range_of_32_all_bind_their_own_port() {
    let home = Home::new();
    home.start();
    let socket = home.daemon_file().unwrap().socket;
    let start = || Server::listening(&mut helper(&home, "race", &[socket.as_str(), sort::RACE]));
    let mut servers: Vec<Server> = (0..SERVERS).map(|_| start()).collect();
    for round in 0..ROUNDS {
        for server in &mut servers {
            server.tell("go");
        }
        let mut bound = HashSet::new();
        for server in &servers {
            let said = server.hear();
            let port = said.strip_prefix("bound ").unwrap_or_else(|| panic!("round {round}: {said}"));
            let port: u16 = port.parse().unwrap();
            assert!(home.range(sort::RACE).contains(&port));
            assert!(bound.insert(port), "round {round}: {port} was given twice");
        }
        for server in &mut servers {
            server.tell("let go");
        }
        for server in &servers {
            assert_eq!(server.hear(), "ready");
        }
    }
    assert_eq!(home.leases(), []);
}

#[test]
fn of_many_that_want_one_port_exactly_one_gets_it() {
    let home = Home::new();
    let (socket, port) = (home.socket(), home.spare_port());
    let ask = Request::new("POST", "/allocate")
        .json(&json!({ "service_type": sort::WEB, "port": port, "exact": true }));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let askers: Vec<_> = (0..SERVERS).map(|_| scope.spawn(|| socket.send(&ask).status)).collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
}
