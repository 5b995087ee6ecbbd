//! Whether a port is free, where one bind cannot say it: the rule of macOS and Windows.
//!
//! A bind that every listener refuses, on whatever address, is refused there by ended connections too: the system remembers them
//! for 30 s or longer (`TIME_WAIT`), if the server closed them first. Servers bind in a way that ignores such connections. But
//! bound in that way, a socket may also get an address beside somebody's listener on another one. So it takes several looks.

use std::io;

use styxy_core::{Occupancy, Port, PortSet};

use super::SocketTable;

/// The looks at one port. Each remembers nothing and leaves nothing behind.
pub(super) trait Looks {
    /// Binds so that any socket on the port refuses it, on whatever address: a listener, a bound socket, or a connection.
    ///
    /// # Errors
    /// `AddrInUse` for those; `PermissionDenied` if this user may not have the port.
    fn bind_alone(&self) -> io::Result<()>;

    /// Binds as servers do: a connection does not refuse it, a socket that is bound to exactly this address does.
    ///
    /// # Errors
    /// The first refusal.
    fn bind_like_a_server(&self) -> io::Result<()>;

    /// Whether the system keeps the port for itself, so that nobody may bind it. Asked if both binds were refused.
    ///
    /// # Errors
    /// The answer is unknown.
    fn is_reserved(&self) -> io::Result<bool>;

    /// Whether something on loopback accepts a connection, or may. False where a refused connect takes long.
    ///
    /// # Errors
    /// The answer is unknown.
    fn is_answered(&self) -> io::Result<bool>;

    /// Whether the system's table has a listener on the port. Takes some 10 ms, so it comes last.
    ///
    /// # Errors
    /// The answer is unknown.
    fn has_listener(&self) -> io::Result<bool>;
}

/// What the looks say together. Whatever is unknown makes the port busy: a port that could not be tested is not given away.
pub(super) fn occupancy(port: &impl Looks) -> Occupancy {
    let is_refused = match port.bind_alone() {
        Ok(()) => false,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => true,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Occupancy::Denied,
        Err(_) => return Occupancy::Busy,
    };
    // Most often a listener refused the bind, and refuses this one too: then nothing slow is asked.
    if is_refused && port.bind_like_a_server().is_err() {
        return if matches!(port.is_reserved(), Ok(true)) { Occupancy::Reserved } else { Occupancy::Busy };
    }
    if !matches!(port.is_answered(), Ok(false)) {
        return Occupancy::Busy;
    }
    // A listener on an address that nobody bound or connected to, such as that of the network card, is only in the table.
    if is_refused && !matches!(port.has_listener(), Ok(false)) {
        return Occupancy::Busy;
    }
    Occupancy::Free
}

/// Whether the table of sockets has a listener on this port, on any address.
///
/// # Errors
/// The system's refusal.
pub(super) fn is_in_the_table(port: Port) -> io::Result<bool> {
    let found = SocketTable::open()?.listening_on(&PortSet::from_iter([port]))?;
    Ok(!found.is_empty())
}
