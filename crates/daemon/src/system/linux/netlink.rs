//! One netlink socket to the kernel's `sock_diag`, and the framing of its answers.
//! An answer is complete or an error: parts that are lost, cut, foreign or unfinished never lead to a short table.

use std::io;
use std::time::Duration;

use netlink_packet_core::{
    Emitable, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN,
    NetlinkBuffer, Parseable,
};
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;
use netlink_packet_sock_diag::inet::{InetRequest, InetResponseHeader};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
};

/// The kernel fills parts of a dump up to this size if it is offered so much.
const PART: usize = 32 * 1024;
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
/// The kernel answers within the request; after this time the answer is lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Every socket that fits.
    Dump,
    /// The one socket of this address pair.
    Exact,
}

/// A socket to `sock_diag`, opened when first used and again after any failure.
#[derive(Debug)]
pub(super) struct Diag {
    socket: Option<OwnedFd>,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Diag {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { socket: Some(open()?), sequence: 0, buffer: vec![0; PART] })
    }

    /// Sends `request` and gives each socket of the answer to `each`.
    ///
    /// # Errors
    /// `NotFound` if an exact question has no answer; else a part was lost, and the sockets given so far are incomplete.
    pub(super) fn ask(
        &mut self,
        request: &InetRequest,
        question: Question,
        each: impl FnMut(&InetResponseHeader),
    ) -> io::Result<()> {
        // After a failure, parts of the answer may still be queued. Only a new socket is surely empty.
        let socket = self.socket.take().map_or_else(open, Ok)?;
        self.sequence = self.sequence.wrapping_add(1);
        send(&socket, request, question, self.sequence)?;
        let answer = receive(&socket, question, self.sequence, &mut self.buffer, each);
        if answer.is_ok() || is_not_found(&answer) {
            self.socket = Some(socket);
        }
        answer
    }
}

/// "No such socket" is a whole answer: nothing of it is left in the queue.
fn is_not_found(answer: &io::Result<()>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn open() -> io::Result<OwnedFd> {
    let socket = unbound()?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    join(&socket, 0)?;
    Ok(socket)
}

/// A `sock_diag` socket that [`join`] makes ready to receive.
pub(super) fn unbound() -> io::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?)
}

/// Gives the socket its address and makes it a member of the multicast `groups`, a bit mask.
pub(super) fn join(socket: &OwnedFd, groups: u32) -> io::Result<()> {
    Ok(bind(socket, &SocketAddrNetlink::new(0, groups))?)
}

fn send(socket: &OwnedFd, request: &InetRequest, question: Question, sequence: u32) -> io::Result<()> {
    let mut bytes = [0; REQUEST];
    let mut message = NetlinkBuffer::new(&mut bytes[..]);
    message.set_length(u32::try_from(REQUEST).unwrap_or(u32::MAX));
    message.set_message_type(SOCK_DIAG_BY_FAMILY);
    message.set_flags(match question {
        Question::Dump => NLM_F_REQUEST | NLM_F_DUMP,
        Question::Exact => NLM_F_REQUEST,
    });
    message.set_sequence_number(sequence);
    request.emit(message.payload_mut());
    let kernel = SocketAddrNetlink::new(0, 0);
    retry_on_intr(|| sendto(socket, &bytes, SendFlags::empty(), &kernel))?;
    Ok(())
}

fn receive(
    socket: &OwnedFd,
    question: Question,
    sequence: u32,
    buffer: &mut [u8],
    mut each: impl FnMut(&InetResponseHeader),
) -> io::Result<()> {
    loop {
        // ENOBUFS, the kernel's word for a lost part, comes out here.
        let (length, whole) = retry_on_intr(|| recv(socket, &mut *buffer, RecvFlags::TRUNC))?;
        if whole > buffer.len() {
            return Err(broken("a part of the answer is larger than the buffer"));
        }
        for message in messages(&buffer[..length]) {
            let message = message?;
            if message.sequence_number() != sequence {
                continue;
            }
            if message.flags() & NLM_F_DUMP_INTR != 0 {
                return Err(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "the table of sockets changed while it was read",
                ));
            }
            match message.message_type() {
                SOCK_DIAG_BY_FAMILY => {
                    let header = InetResponseHeader::parse(message.payload())
                        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                    each(&header);
                    if question == Question::Exact {
                        return Ok(());
                    }
                }
                NLMSG_ERROR | NLMSG_DONE => return code(message.payload()),
                NLMSG_OVERRUN => return Err(Errno::NOBUFS.into()),
                _ => {}
            }
        }
    }
}

/// The error in the first word of an error or done message: zero or a negated errno.
fn code(payload: &[u8]) -> io::Result<()> {
    let word = payload.first_chunk().ok_or_else(|| broken("the answer's end is cut off"))?;
    match i32::from_ne_bytes(*word) {
        0.. => Ok(()),
        negated => Err(Errno::from_raw_os_error(negated.saturating_neg()).into()),
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The messages in one datagram; the last one is an error if bytes are left that are not a message.
pub(super) fn messages(mut rest: &[u8]) -> impl Iterator<Item = io::Result<NetlinkBuffer<&[u8]>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Ok(message) = NetlinkBuffer::new_checked(rest) else {
            rest = &[];
            return Some(Err(broken("a message is cut off")));
        };
        // Messages begin at multiples of four.
        let length = (message.length() as usize).next_multiple_of(4);
        let (this, next) = rest.split_at(length.min(rest.len()));
        rest = next;
        Some(Ok(NetlinkBuffer::new(this)))
    })
}

#[cfg(test)]
mod tests;
