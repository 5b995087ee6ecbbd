//! Ports that no other test has, in this run or another one's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use super::skip::wine_lacks;

/// How many ports a block has.
pub(super) const BLOCK: u16 = 200;
/// Above what is given for unknown service types, below what systems hand out for outgoing connections.
const FROM: u16 = 20_000;
const BLOCKS: u16 = 60;

/// A block of ports on which nobody listened when it was taken.
///
/// The claim is a UDP socket on the first number: it keeps other runs off and disturbs no TCP port.
#[derive(Debug)]
pub(super) struct Ports {
    first: u16,
    _claim: UdpSocket,
}

impl Ports {
    pub(super) fn claim() -> Self {
        static TURN: AtomicU16 = AtomicU16::new(0);
        // Runs begin at different blocks, so that they seldom meet.
        let start = u16::try_from(process::id() % u32::from(BLOCKS)).unwrap();
        for _ in 0..BLOCKS {
            let turn = TURN.fetch_add(1, Ordering::Relaxed);
            let first = FROM + (start + turn) % BLOCKS * BLOCK;
            let Ok(claim) = UdpSocket::bind((Ipv4Addr::LOCALHOST, first)) else { continue };
            if (first..first + BLOCK).all(is_free) {
                return Self { first, _claim: claim };
            }
        }
        panic!("no {BLOCK} ports in a row are free on this machine");
    }

    /// The port so many after the first.
    pub(super) fn at(&self, offset: u16) -> u16 {
        assert!(offset < BLOCK);
        self.first + offset
    }
}

fn is_free(port: u16) -> bool {
    // Two binds, because the second alone would miss a listener of the other family on some systems.
    let v4 = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
    v4 && TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
        .map_or_else(|error| error.kind() != std::io::ErrorKind::AddrInUse, |_| true)
}

/// Every address a server may listen on alone, and that a client of `localhost` may be led to.
pub(crate) fn addresses(port: u16) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = vec![
        (Ipv4Addr::LOCALHOST, port).into(),
        (Ipv4Addr::UNSPECIFIED, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
        // Dual-stack, as Node listens.
        (Ipv6Addr::UNSPECIFIED, port).into(),
    ];
    // macOS has no other address of loopback unless an administrator adds it.
    if !cfg!(target_os = "macos") {
        all.push(([127, 0, 0, 2], port).into());
    }
    all
}

/// Whether the system says which process listens on an address. Wine does not for IPv6.
pub(crate) fn names_process(address: &SocketAddr) -> bool {
    address.is_ipv4() || !wine_lacks("the process of an IPv6 socket")
}

/// Whether something on 127.0.0.1 keeps off a socket that ignores nothing, while servers can bind there: ended connections
/// do so. Call it when nobody listens on the port.
#[cfg(unix)]
pub(crate) fn is_in_time_wait(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // The standard library's listeners ignore such connections.
    TcpListener::bind(address).is_ok() && !can_bind_alone(address)
}

#[cfg(unix)]
fn can_bind_alone(address: SocketAddr) -> bool {
    use rustix::net::{AddressFamily, SocketType, bind, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &address).is_ok()
}
