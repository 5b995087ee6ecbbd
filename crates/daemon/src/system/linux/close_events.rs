//! Listeners that closed, reported by the kernel microseconds later: no polling.

use std::io;

use netlink_packet_core::Parseable as _;
use netlink_packet_sock_diag::inet::InetResponseHeader;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{RecvFlags, recv};
use socket2::{SockFilter, SockRef};
use styxy_core::Port;
use tokio::io::unix::AsyncFd;

use super::marker::MARK;
use super::netlink;
use crate::system::Closed;
use crate::system::unix::register;

/// Whether this system reports that a listener closed. If not, read the table from time to time.
pub const CLOSE_EVENTS: bool = true;

/// `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY`, groups 1 and 3.
const GROUPS: u32 = 1 << 0 | 1 << 2;
/// Asked for; the kernel gives what `net.core.rmem_max` allows.
const RECEIVE_BUFFER: usize = 1 << 20;

/// The stream of close events of this network namespace. One descriptor.
#[derive(Debug)]
pub struct CloseEvents {
    socket: AsyncFd<OwnedFd>,
    buffer: Box<[u8; 4096]>,
}

impl CloseEvents {
    /// Subscribes, within a tokio runtime; no privilege is needed. Sockets that closed before are not reported.
    ///
    /// # Errors
    /// No descriptor is left, or the kernel or a sandbox has no such events: then read the table from time to time.
    pub fn subscribe() -> io::Result<Self> {
        Self::with_buffer(RECEIVE_BUFFER)
    }

    /// The same with room for so many bytes of events.
    pub(in crate::system) fn with_buffer(bytes: usize) -> io::Result<Self> {
        let socket = netlink::unbound()?;
        // Before the groups are joined, so that no unwanted event wakes the daemon.
        SockRef::from(&socket).attach_filter(&filter())?;
        set_socket_recv_buffer_size(&socket, bytes)?;
        netlink::join(&socket, GROUPS)?;
        Ok(Self { socket: register(socket)?, buffer: Box::new([0; 4096]) })
    }

    /// The next event, about 10 µs after the close. It resolves when a socket closes in this network namespace, or when
    /// events were lost. The future may be dropped while it waits: no event is lost by that.
    ///
    /// Reports every socket that was bound and never connected, whether it listened or not: the kernel's events do not
    /// say which, and only a cookie known from a table is surely a listener's. Connections, refused or not, and the
    /// probes of [`Prober`](super::Prober) are not reported.
    ///
    /// # Errors
    /// The socket cannot be used any more: subscribe again.
    pub async fn next(&mut self) -> io::Result<Closed> {
        loop {
            let mut ready = self.socket.readable().await?;
            let buffer = &mut self.buffer[..];
            let read = ready.try_io(|socket| match receive(socket.get_ref(), buffer) {
                Err(Errno::NOBUFS) => {
                    // The kernel silently drops further events until everything from before the loss has been read.
                    while receive(socket.get_ref(), buffer) != Err(Errno::AGAIN) {}
                    Ok(None)
                }
                received => Ok(received.map(Some)?),
            });
            match read {
                Ok(Ok(None)) => return Ok(Closed::Lost),
                Ok(Ok(Some(length))) => {
                    if let Some(closed) = read_event(&self.buffer[..length]) {
                        return Ok(closed);
                    }
                }
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    retry_on_intr(|| recv(socket, &mut *buffer, RecvFlags::DONTWAIT)).map(|(length, _)| length)
}

/// An event that cannot be parsed counts as a lost one.
fn read_event(datagram: &[u8]) -> Option<Closed> {
    let message = netlink::messages(datagram).next()?;
    let Some(socket) = message.ok().and_then(|message| InetResponseHeader::parse(message.payload()).ok())
    else {
        return Some(Closed::Lost);
    };
    let port = Port::new(socket.socket_id.source_port).ok()?;
    Some(Closed::Port { port, cookie: u64::from_ne_bytes(socket.socket_id.cookie) })
}

/// Lets an event through if its socket was bound, is connected to nothing, never began to connect, and is no probe.
///
/// It runs in the kernel, because every connection on the machine that closes is an event. The filter sees a netlink
/// message: a header of 16 bytes, `inet_diag_msg` of 72, then attributes.
fn filter() -> [SockFilter; 17] {
    const LOAD_HALF: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const LOAD_AT_X: u16 = 0x40; // BPF_LD | BPF_W | BPF_IND
    const SET_A: u16 = 0x00; // BPF_LD | BPF_IMM
    const SET_X: u16 = 0x01; // BPF_LDX | BPF_IMM
    const X_IS_A: u16 = 0x07; // BPF_MISC | BPF_TAX
    const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K

    const SOURCE_PORT: u32 = 16 + 4;
    const REMOTE_PORT: u32 = 16 + 6;
    const ATTRIBUTES: u32 = 16 + 72;
    const INET_DIAG_INFO: u32 = 2;
    /// Finds the attribute of type X from the offset A on: `SKF_AD_OFF + SKF_AD_NLATTR`.
    const FIND_ATTRIBUTE: u32 = 0xffff_f000 + 12;
    /// In the attribute, after its header: `tcpi_rcv_mss`, not zero once a connection was begun.
    const RECEIVED_SEGMENT: u32 = 4 + 20;
    /// In the attribute, after its header: `tcpi_max_pacing_rate`, 64 bits.
    const RATE: u32 = 4 + 112;

    // The filter loads big-endian words; the mark lies there in the machine's own order.
    let mark = u64::from(MARK).to_ne_bytes();
    let word = |at: usize| u32::from_be_bytes([mark[at], mark[at + 1], mark[at + 2], mark[at + 3]]);
    let step = SockFilter::new;
    let (accept, drop) = (15, 16);
    // How many steps lie between the step `at` and its target.
    let to = |target: u8, at: u8| target - at - 1;
    [
        step(LOAD_HALF, 0, 0, SOURCE_PORT),
        step(IF_EQUAL, to(drop, 1), 0, 0),
        step(LOAD_HALF, 0, 0, REMOTE_PORT),
        step(IF_EQUAL, 0, to(drop, 3), 0),
        step(SET_A, 0, 0, ATTRIBUTES),
        step(SET_X, 0, 0, INET_DIAG_INFO),
        step(LOAD, 0, 0, FIND_ATTRIBUTE),
        step(IF_EQUAL, to(accept, 7), 0, 0),
        step(X_IS_A, 0, 0, 0),
        step(LOAD_AT_X, 0, 0, RECEIVED_SEGMENT),
        step(IF_EQUAL, 0, to(drop, 10), 0),
        step(LOAD_AT_X, 0, 0, RATE),
        step(IF_EQUAL, 0, to(accept, 12), word(0)),
        step(LOAD_AT_X, 0, 0, RATE + 4),
        step(IF_EQUAL, to(drop, 14), 0, word(4)),
        step(RETURN, 0, 0, u32::MAX),
        step(RETURN, 0, 0, 0),
    ]
}
