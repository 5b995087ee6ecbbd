//! The table of listening TCP sockets.

use std::io;
use std::net::SocketAddr;

use listeners::{Protocol, SocketState};
use styxy_core::Pid;

/// Every listening TCP socket with its process, as far as this user may see them.
///
/// # Errors
/// The system's refusal.
pub(in crate::system) fn listening() -> io::Result<Vec<(SocketAddr, Option<Pid>)>> {
    let all = ::listeners::get_all().map_err(|error| io::Error::other(error.to_string()))?;
    let listening =
        all.into_iter().filter(|one| one.protocol == Protocol::TCP && one.state == SocketState::Listen);
    Ok(listening.map(|one| (one.socket, Pid::new(one.process.pid))).collect())
}
