//! The table of listening sockets, with their processes.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use styxy_core::{Pid, Port, PortSet};

use crate::system::{ListeningSocket, native};

/// Reads the system's table of listening TCP sockets.
#[derive(Debug)]
pub struct SocketTable;

impl SocketTable {
    /// Ready at once.
    ///
    /// # Errors
    /// None on this system.
    pub fn open() -> io::Result<Self> {
        Ok(Self)
    }

    /// None: only Linux has two ways.
    #[must_use]
    pub fn why_files(&self) -> Option<&io::Error> {
        None
    }

    /// Every TCP socket that listens, with its process, as far as this user may see them, in no order.
    ///
    /// Takes some 10 ms.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn listening(&mut self) -> io::Result<Vec<ListeningSocket>> {
        table(|_| true)
    }

    /// Those of [`listening`](Self::listening) whose port is in `ports`; the cost is the same.
    ///
    /// # Errors
    /// As for [`listening`](Self::listening).
    pub fn listening_on(&mut self, ports: &PortSet) -> io::Result<Vec<ListeningSocket>> {
        table(|port| ports.contains(port))
    }
}

fn table(wanted: impl Fn(Port) -> bool) -> io::Result<Vec<ListeningSocket>> {
    let of_interest = |(socket, pid): (SocketAddr, Option<Pid>)| {
        let port = Port::new(socket.port()).ok().filter(|port| wanted(*port))?;
        Some(ListeningSocket { port, address: socket.ip(), inode: 0, uid: None, cookie: 0, pid })
    };
    let found = native::listening()?.into_iter().filter_map(of_interest);
    // The numbers begin at 1: 0 stands for a socket without one.
    Ok((1..).zip(found).map(|(inode, socket)| ListeningSocket { inode, ..socket }).collect())
}

/// The process that the table named; costs nothing.
#[must_use]
pub fn find_holder(socket: &ListeningSocket, _hints: &[Pid], _deadline: Instant) -> Option<Pid> {
    socket.pid
}

/// The same for many sockets of one table, by their inodes.
#[must_use]
pub fn find_holders(sockets: &[ListeningSocket], _hints: &[Pid], _deadline: Instant) -> HashMap<u64, Pid> {
    sockets.iter().filter_map(|socket| Some((socket.inode, socket.pid?))).collect()
}

/// The same: here the table has a line for each process that has the socket.
#[must_use]
pub fn find_all_holders(sockets: &[ListeningSocket], _deadline: Instant) -> HashMap<u64, Vec<Pid>> {
    sockets.iter().filter_map(|socket| Some((socket.inode, vec![socket.pid?]))).collect()
}
