use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};
use styxy_core::{Occupancy, Port};

use super::support::{Family6, Then, bound, on_one_of_several_ports};
use crate::system::Prober;

/// The probe of macOS makes no call that Linux does not have, so its sockets are tried here too. What differs is which binds succeed
/// beside a listener: on Linux none does.
#[cfg(target_os = "linux")]
#[path = "../macos/probe.rs"]
#[expect(unreachable_pub, clippy::unused_self, reason = "a module of the system's folder, tried here")]
mod of_macos;

type Probe = Box<dyn Fn(Port) -> Occupancy>;

/// This system's probe, and on Linux that of macOS.
fn probers() -> impl Iterator<Item = (&'static str, Probe)> {
    let native = Prober::new();
    let native: Probe = Box::new(move |port| native.occupancy(port));
    #[cfg(target_os = "linux")]
    let more: Option<(_, Probe)> = Some(("macOS", Box::new(|port| of_macos::Prober::new().occupancy(port))));
    #[cfg(not(target_os = "linux"))]
    let more: Option<(_, Probe)> = None;
    std::iter::once(("native", native)).chain(more)
}

/// Loopback's other addresses exist without set-up on Linux only.
const LISTENING: &[&str] = if cfg!(target_os = "linux") {
    &["127.0.0.1:0", "0.0.0.0:0", "127.0.0.2:0", "[::1]:0", "[::]:0"]
} else {
    &["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"]
};

#[test]
fn a_listener_on_any_address_makes_the_port_busy() {
    for address in LISTENING {
        for family in [Family6::Only, Family6::AndV4] {
            let (_held, port) = bound(address, family, Then::Listens);
            for (system, occupancy) in probers() {
                assert_eq!(occupancy(port), Occupancy::Busy, "{address}, {system}");
            }
        }
    }
}

#[test]
fn a_plain_socket_that_is_only_bound_makes_the_port_busy() {
    for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
        let (_held, port) = bound(address, Family6::Only, Then::IsOnlyBound);
        for (system, occupancy) in probers() {
            assert_eq!(occupancy(port), Occupancy::Busy, "{address}, {system}");
        }
    }
}

#[test]
fn a_closed_port_is_free_and_a_probe_leaves_it_free() {
    for (_, occupancy) in probers() {
        on_one_of_several_ports(|| {
            let (held, port) = bound("127.0.0.1:0", Family6::AndV4, Then::Listens);
            drop(held);
            let twice = (occupancy(port), occupancy(port));
            twice == (Occupancy::Free, Occupancy::Free) && plain_bind(port).is_ok()
        });
    }
}

#[test]
fn a_connection_in_time_wait_does_not_make_the_port_busy() {
    for (_, occupancy) in probers() {
        on_one_of_several_ports(|| {
            let port = port_in_time_wait();
            assert!(plain_bind(port).is_err(), "there is no TIME_WAIT to be tested");
            occupancy(port) == Occupancy::Free
        });
    }
}

#[test]
fn a_listener_beside_a_connection_in_time_wait_makes_the_port_busy() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = in_time_wait(&server);
    for (system, occupancy) in probers() {
        assert_eq!(occupancy(port), Occupancy::Busy, "{system}");
    }
}

fn port_in_time_wait() -> Port {
    in_time_wait(&TcpListener::bind("127.0.0.1:0").unwrap())
}

fn in_time_wait(server: &TcpListener) -> Port {
    let address = server.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    // The side that closes first keeps TIME_WAIT; the client closes after it has seen the server close.
    drop(server.accept().unwrap());
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    Port::new(address.port()).unwrap()
}

fn plain_bind(port: Port) -> std::io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], port.get())).into())
}
