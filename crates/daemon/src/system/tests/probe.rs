use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};
use styxy_core::{Occupancy, Port};

use super::support::{Family6, Then, bound, on_one_of_several_ports};
use crate::system::Prober;

#[test]
fn a_listener_on_any_address_makes_the_port_busy() {
    let prober = Prober::new();
    for address in ["127.0.0.1:0", "0.0.0.0:0", "127.0.0.2:0", "[::1]:0", "[::]:0"] {
        for family in [Family6::Only, Family6::AndV4] {
            let (_held, port) = bound(address, family, Then::Listens);
            assert_eq!(prober.occupancy(port), Occupancy::Busy, "{address}");
        }
    }
}

#[test]
fn a_plain_socket_that_is_only_bound_makes_the_port_busy() {
    for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
        let (_held, port) = bound(address, Family6::Only, Then::IsOnlyBound);
        assert_eq!(Prober::new().occupancy(port), Occupancy::Busy, "{address}");
    }
}

#[test]
fn a_closed_port_is_free_and_a_probe_leaves_it_free() {
    on_one_of_several_ports(|| {
        let (held, port) = bound("127.0.0.1:0", Family6::AndV4, Then::Listens);
        drop(held);
        let prober = Prober::new();
        let twice = (prober.occupancy(port), prober.occupancy(port));
        twice == (Occupancy::Free, Occupancy::Free) && plain_bind(port).is_ok()
    });
}

#[test]
fn a_connection_in_time_wait_does_not_make_the_port_busy() {
    on_one_of_several_ports(|| {
        let port = port_in_time_wait();
        assert!(plain_bind(port).is_err(), "there is no TIME_WAIT to be tested");
        Prober::new().occupancy(port) == Occupancy::Free
    });
}

fn port_in_time_wait() -> Port {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
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
