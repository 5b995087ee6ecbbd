//! The table of listening TCP sockets, put together from the descriptors of every process: the way of macOS.
//!
//! A socket counts whatever is known of its process: one that was left out would make its port look free.

use std::collections::BTreeSet;
use std::io;
use std::mem::{offset_of, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use styxy_core::Pid;

/// So many times the processes are listed: those that began since then may have a socket from one that has ended since then.
const ROUNDS: usize = 4;

/// What a list is given room for at first; its double if it fills that.
const ROOM: usize = 1024;

/// What the system says of processes and their descriptors. A list has no more entries than there is room for, and says nothing of
/// those that are left out.
pub(super) trait Processes {
    /// The numbers of processes of every user, and that of the kernel, which is 0.
    ///
    /// # Errors
    /// The system's refusal.
    fn pids(&self, room: usize) -> io::Result<Vec<u32>>;

    /// What the process has open.
    ///
    /// # Errors
    /// `NotFound` if it has ended, `PermissionDenied` if it is another user's.
    fn descriptors(&self, pid: Pid, room: usize) -> io::Result<Vec<Descriptor>>;

    /// The socket that the process has open by this number.
    ///
    /// # Errors
    /// `NotFound` if one of the two is no longer there, `PermissionDenied` if the process is another user's now.
    fn socket(&self, pid: Pid, number: i32) -> io::Result<SocketInfo>;
}

/// What a process has open, by its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// A socket of any kind.
    Socket(i32),
    /// Something else.
    Other,
}

/// Every listening TCP socket, with each process of this user that has it open.
///
/// # Errors
/// A refusal that leaves something unknown. That a process is another user's, or has ended, does not.
pub(super) fn listening(system: &impl Processes) -> io::Result<BTreeSet<(SocketAddr, Pid)>> {
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..ROUNDS {
        let all = whole(|room| system.pids(room))?.into_iter().filter_map(Pid::new);
        let new: Vec<Pid> = all.filter(|pid| seen.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            found.extend(known(of_process(system, pid))?.into_iter().flatten().map(|address| (address, pid)));
        }
    }
    Ok(found)
}

fn of_process(system: &impl Processes, pid: Pid) -> io::Result<Vec<SocketAddr>> {
    let mut found = Vec::new();
    for descriptor in whole(|room| system.descriptors(pid, room))? {
        if let Descriptor::Socket(number) = descriptor {
            let socket = known(system.socket(pid, number))?;
            found.extend(socket.as_ref().and_then(SocketInfo::listens_on));
        }
    }
    Ok(found)
}

/// None for what has gone, and for what is another user's.
fn known<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(known) => Ok(Some(known)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The whole of a list: one that fills its room may go on.
fn whole<T>(mut ask: impl FnMut(usize) -> io::Result<Vec<T>>) -> io::Result<Vec<T>> {
    let mut room = ROOM;
    loop {
        let found = ask(room)?;
        if found.len() < room {
            return Ok(found);
        }
        room *= 2;
    }
}

/// `struct socket_fdinfo` of macOS' `sys/proc_info.h`, with what is not needed here as plain numbers. In place of the union of all
/// protocols it has the part for TCP.
#[repr(C)]
#[derive(Debug, Clone)]
pub(super) struct SocketInfo {
    file: [u64; 3],
    stat: [u64; 17],
    handles: [u64; 2],
    sort: i32,
    protocol: i32,
    family: i32,
    options_to_error: [u16; 8],
    out_of_band: u32,
    buffers: [[u32; 6]; 2],
    /// Which part of the union counts.
    kind: i32,
    reserved: u32,
    tcp: TcpInfo,
    rest_of_union: [u64; 51],
}

/// `struct tcp_sockinfo`, which begins with a `struct in_sockinfo`.
#[repr(C)]
#[derive(Debug, Clone)]
struct TcpInfo {
    foreign_port: i32,
    /// Its first two bytes are the port, the upper one first.
    local_port: [u8; 4],
    generation: u64,
    flags_and_flow: [u32; 2],
    versions: u8,
    time_to_live: u8,
    reserved: u32,
    foreign: [u8; 16],
    /// An IPv4 address has the last four bytes.
    local: [u8; 16],
    of_versions: [u32; 4],
    state: i32,
    timers_to_reserved: [u32; 7],
    handle: u64,
}

// The sizes of the header's structures, and the places of what is read here.
const _: () = assert!(size_of::<SocketInfo>() == 792 && size_of::<TcpInfo>() == 120);
const _: () = assert!(offset_of!(SocketInfo, family) == 184 && offset_of!(SocketInfo, kind) == 256);
const _: () = assert!(offset_of!(SocketInfo, tcp) == 264 && offset_of!(TcpInfo, versions) == 24);
const _: () = assert!(offset_of!(TcpInfo, local) == 48 && offset_of!(TcpInfo, state) == 80);

impl SocketInfo {
    /// `SOCKINFO_TCP`.
    const TCP: i32 = 2;
    /// `TSI_S_LISTEN`.
    const LISTENS: i32 = 1;
    const IPV4: i32 = 2;
    const IPV6: i32 = 30;
    /// Of `versions`: `INI_IPV4` and `INI_IPV6`. A socket for both has both.
    const HAS_IPV4: u8 = 1;
    const HAS_IPV6: u8 = 2;

    /// The address that it listens on; none if it does not listen, or not by TCP.
    fn listens_on(&self) -> Option<SocketAddr> {
        if self.kind != Self::TCP || self.tcp.state != Self::LISTENS {
            return None;
        }
        let [.., a, b, c, d] = self.tcp.local;
        let (four, six) = (Ipv4Addr::new(a, b, c, d), Ipv6Addr::from(self.tcp.local));
        let address = match self.family {
            Self::IPV4 => IpAddr::V4(four),
            // A socket of IPv6 that is bound to an IPv4 address.
            Self::IPV6 if self.tcp.versions & (Self::HAS_IPV4 | Self::HAS_IPV6) == Self::HAS_IPV4 => {
                IpAddr::V6(four.to_ipv6_mapped())
            }
            Self::IPV6 => IpAddr::V6(six),
            _ => return None,
        };
        let [upper, lower, ..] = self.tcp.local_port;
        Some(SocketAddr::new(address, u16::from_be_bytes([upper, lower])))
    }
}

#[cfg(test)]
mod tests;
