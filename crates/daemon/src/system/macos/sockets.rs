//! The table of listening TCP sockets.

use std::io;
use std::net::SocketAddr;

use styxy_core::Pid;

use super::libproc;
use crate::system::descriptor_table::{self, Descriptor, Processes, SocketInfo};

/// Every listening TCP socket with its process, as far as this user may see them.
///
/// # Errors
/// The system's refusal.
pub(in crate::system) fn listening() -> io::Result<Vec<(SocketAddr, Option<Pid>)>> {
    let found = descriptor_table::listening(&Libproc)?;
    Ok(found.into_iter().map(|(address, pid)| (address, Some(pid))).collect())
}

struct Libproc;

impl Processes for Libproc {
    fn pids(&self, room: usize) -> io::Result<Vec<u32>> {
        libproc::pids(room)
    }

    fn descriptors(&self, pid: Pid, room: usize) -> io::Result<Vec<Descriptor>> {
        libproc::descriptors(pid, room)
    }

    fn socket(&self, pid: Pid, number: i32) -> io::Result<SocketInfo> {
        libproc::socket(pid, number)
    }
}
