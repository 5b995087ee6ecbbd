//! What a project says of requests that reach a server by its name.

use std::sync::mpsc;

use styxy_core::{DoorRules, HostHeader};

use crate::world::{Client, World, backend, says, until};

const NAME: &str = "dev.shop.localhost";
const HI: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const OPEN: DoorRules = DoorRules { open: true, host: HostHeader::Kept };

fn from_evil(name: &str, more: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {name}\r\nOrigin: https://evil.example\r\n{more}\r\n")
}

#[test]
fn pages_of_other_sites_reach_an_open_server_and_no_other_one() {
    let world = World::new();
    let open = world.lease_by(NAME, OPEN);
    let shut = world.lease("dev.other.localhost");
    for lease in [open, shut] {
        world.listens(lease, backend(says(HI)));
    }
    let socket = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let image = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\nSec-Fetch-Site: cross-site\r\n\r\n");
    for request in [from_evil(NAME, ""), from_evil(NAME, socket), image] {
        assert_eq!(world.ask(&request).text(), "hi", "{request}");
    }
    for name in ["dev.other.localhost", "dev.nobody.localhost"] {
        assert_eq!(world.ask(&from_evil(name, "")).status(), 403, "{name}");
    }
}

#[test]
fn a_page_of_another_site_waits_for_an_open_server_too() {
    let world = World::new();
    world.has_ended_by(NAME, 10_000, OPEN);
    let finds = || world.table.finds.load(std::sync::atomic::Ordering::Relaxed);
    let before = finds();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| world.ask(&from_evil(NAME, "")));
        until(|| finds() > before + 5);
        let lease = world.lease_by(NAME, OPEN);
        world.listens(lease, backend(says(HI)));
        assert_eq!(waiting.join().unwrap().text(), "hi");
    });
    world.has_ended_by(NAME, 10_000, DoorRules::default());
    assert_eq!(world.ask(&from_evil(NAME, "")).status(), 403);
}

#[test]
fn a_server_that_refuses_its_name_gets_the_port_as_its_host() {
    let world = World::new();
    let (heads, seen) = mpsc::channel();
    let lease = world.lease_by(NAME, DoorRules { host: HostHeader::Local, ..DoorRules::default() });
    let address = backend(move |stream| {
        let mut client = Client::new(stream);
        while let Some(head) = client.head() {
            heads.send(head.to_lowercase()).unwrap();
            client.send(HI);
        }
    });
    world.listens(lease, address);
    let origin = "origin: http://dev.shop.localhost:9876\r\n";
    world.ask(&format!("GET / HTTP/1.1\r\nHost: {NAME}:9876\r\n{origin}\r\n"));
    let head = seen.recv().unwrap();
    for line in ["host: localhost:3000\r\n", "x-forwarded-host: dev.shop.localhost:9876\r\n", origin] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert_eq!(head.matches("\r\nhost:").count(), 1, "{head}");
}
