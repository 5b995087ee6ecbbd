//! One bind for each kind of address: on macOS and Windows none of them covers the others.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use styxy_core::Port;

const ALL: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];

/// Binds `port` on each of the four addresses in turn and lets go at once, `prepare` having set each socket's options.
///
/// # Errors
/// The first refusal. A machine without IPv6 is not a refusal.
pub(super) fn bind_all(port: Port, prepare: impl Fn(&Socket) -> io::Result<()>) -> io::Result<()> {
    on_all_addresses(port, |address| bind(address, &prepare))
}

/// Binds `port` on the two addresses that stand for all others, and lets go at once.
///
/// # Errors
/// As for [`bind_all`].
#[cfg(windows)]
pub(super) fn bind_everywhere(port: Port, prepare: impl Fn(&Socket) -> io::Result<()>) -> io::Result<()> {
    on_all_addresses(
        port,
        |address| {
            if address.ip().is_unspecified() { bind(address, &prepare) } else { Ok(()) }
        },
    )
}

fn bind(address: SocketAddr, prepare: impl Fn(&Socket) -> io::Result<()>) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}

/// Tries each of the four addresses in turn.
///
/// # Errors
/// As for [`bind_all`].
pub(super) fn on_all_addresses(port: Port, try_one: impl Fn(SocketAddr) -> io::Result<()>) -> io::Result<()> {
    ALL.iter().map(|ip| SocketAddr::new(*ip, port.get())).try_for_each(|address| match try_one(address) {
        Err(error) if address.is_ipv6() && is_without_ipv6(&error) => Ok(()),
        tried => tried,
    })
}

fn is_without_ipv6(error: &io::Error) -> bool {
    #[cfg(windows)]
    const NO_SUCH_FAMILY: i32 = windows_sys::Win32::Networking::WinSock::WSAEAFNOSUPPORT;
    #[cfg(not(windows))]
    const NO_SUCH_FAMILY: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}
