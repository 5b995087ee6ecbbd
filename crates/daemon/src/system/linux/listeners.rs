//! The table of listening sockets, by one `sock_diag` dump, or from the files of /proc where there is none.

use std::io;

use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP};
use styxy_core::{Port, PortSet};

use super::netlink::{Diag, Question};
use super::socket_files;
use crate::system::{ListeningSocket, is_exhausted};

/// Reads the kernel's table of listening TCP sockets.
#[derive(Debug)]
pub struct SocketTable {
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// One netlink socket and a 32 KiB buffer.
    Diag(Diag),
    /// The files of /proc.
    Files {
        /// Why there is no netlink socket.
        why: io::Error,
    },
}

impl SocketTable {
    /// Opens the netlink socket, or finds that the files can be read; no privilege is needed.
    ///
    /// # Errors
    /// No descriptor is left, or the kernel or a sandbox has neither `sock_diag` nor the files.
    pub fn open() -> io::Result<Self> {
        Self::open_with(Diag::open)
    }

    fn open_with(diag: impl FnOnce() -> io::Result<Diag>) -> io::Result<Self> {
        let tried = diag().and_then(|diag| {
            let mut table = Self { source: Source::Diag(diag) };
            // Some kernels have the socket and no answers.
            match table.listening() {
                Err(error) if !is_passing(&error) => Err(error),
                Ok(_) | Err(_) => Ok(table),
            }
        });
        match tried {
            Err(why) if !is_passing(&why) => match socket_files::listening() {
                Err(error) if !is_passing(&error) => Err(neither(&why, &error)),
                Ok(_) | Err(_) => Ok(Self { source: Source::Files { why } }),
            },
            tried => tried,
        }
    }

    /// Why the table is read from the files of /proc, which takes longer and knows no closed sockets; none if it is not.
    #[must_use]
    pub fn why_files(&self) -> Option<&io::Error> {
        match &self.source {
            Source::Diag(_) => None,
            Source::Files { why } => Some(why),
        }
    }

    /// Every TCP socket that listens in this network namespace, on IPv4 and IPv6, of any user, in no order.
    ///
    /// Takes about 50 µs and 1 µs more for each socket; from the files, 10 µs for each TCP socket. Never blocks.
    ///
    /// # Errors
    /// A part of the answer was lost, and the files cannot be read either: the result is the whole table or an error. The next
    /// call begins again.
    pub fn listening(&mut self) -> io::Result<Vec<ListeningSocket>> {
        self.dump(|_| true)
    }

    /// Those of [`listening`](Self::listening) whose port is in `ports`; the cost is the same.
    ///
    /// # Errors
    /// As for [`listening`](Self::listening).
    pub fn listening_on(&mut self, ports: &PortSet) -> io::Result<Vec<ListeningSocket>> {
        self.dump(|port| ports.contains(port))
    }

    fn dump(&mut self, wanted: impl Fn(Port) -> bool) -> io::Result<Vec<ListeningSocket>> {
        match &mut self.source {
            // An answer may be refused or broken although the first one was not. The next one may be whole again.
            Source::Diag(diag) => match dump(diag, &wanted) {
                Err(why) if !is_passing(&why) => from_files(wanted).map_err(|error| neither(&why, &error)),
                dumped => dumped,
            },
            Source::Files { .. } => from_files(wanted),
        }
    }
}

fn from_files(wanted: impl Fn(Port) -> bool) -> io::Result<Vec<ListeningSocket>> {
    let mut sockets = socket_files::listening()?;
    sockets.retain(|socket| wanted(socket.port));
    Ok(sockets)
}

/// Whether another try may succeed, so that nothing follows about what the system offers.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) || is_exhausted(error)
}

fn neither(diag: &io::Error, files: &io::Error) -> io::Error {
    let said = format!("there are neither socket diagnostics ({diag}) nor /proc/net/tcp ({files})");
    io::Error::new(io::ErrorKind::Unsupported, said)
}

fn dump(diag: &mut Diag, wanted: impl Fn(Port) -> bool) -> io::Result<Vec<ListeningSocket>> {
    let mut sockets = Vec::new();
    let mut keep = |header: &InetResponseHeader| {
        sockets.extend(Port::new(header.socket_id.source_port).ok().filter(|port| wanted(*port)).map(
            |port| ListeningSocket {
                port,
                address: header.socket_id.source_address,
                inode: header.inode.into(),
                uid: Some(header.uid),
                cookie: u64::from_ne_bytes(header.socket_id.cookie),
                pid: None,
            },
        ));
    };
    for (family, socket_id) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::LISTEN,
            socket_id,
        };
        diag.ask(&request, Question::Dump, &mut keep)?;
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::io::Errno;
    use styxy_core::Pid;

    use super::*;
    use crate::system::find_holder;
    use crate::system::tests::support::{Family6, Then, bound};

    /// A table of a kernel without `sock_diag`.
    fn from_files() -> SocketTable {
        SocketTable::open_with(|| Err(Errno::PROTONOSUPPORT.into())).unwrap()
    }

    #[test]
    fn the_files_answer_as_a_dump_does() {
        let kinds = [
            ("127.0.0.1:0", Family6::AndV4),
            ("127.0.0.2:0", Family6::AndV4),
            ("0.0.0.0:0", Family6::AndV4),
            ("[::1]:0", Family6::Only),
            ("[::]:0", Family6::Only),
            ("[::]:0", Family6::AndV4),
            ("[::ffff:127.0.0.1]:0", Family6::AndV4),
        ];
        let (mut dumped, mut files) = (SocketTable::open().unwrap(), from_files());
        assert!(dumped.why_files().is_none() && files.why_files().is_some());
        let held: Vec<_> = kinds.map(|(address, family)| bound(address, family, Then::Listens)).into();
        let (_only_bound, silent) = bound("127.0.0.1:0", Family6::AndV4, Then::IsOnlyBound);
        let ports: PortSet = held.iter().map(|(_, port)| *port).chain([silent]).collect();
        let of = |mut sockets: Vec<ListeningSocket>| {
            let inodes: Vec<_> =
                held.iter().map(|(socket, _)| rustix::fs::fstat(socket).unwrap().st_ino).collect();
            // Parallel tests may listen on the same ports at other addresses.
            sockets.retain(|socket| inodes.contains(&socket.inode) || socket.port == silent);
            sockets.sort_unstable_by_key(|socket| socket.inode);
            sockets.into_iter().map(|socket| ListeningSocket { cookie: 0, ..socket }).collect::<Vec<_>>()
        };
        let by_dump = of(dumped.listening_on(&ports).unwrap());
        assert_eq!(by_dump.len(), kinds.len());
        assert_eq!(of(files.listening_on(&ports).unwrap()), by_dump);
        assert_eq!(of(files.listening().unwrap()), by_dump);
        let ours = Pid::new(std::process::id()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        for (_, port) in &held {
            let found = files.listening_on(&[*port].into_iter().collect()).unwrap();
            let mut holders = found.iter().filter_map(|socket| find_holder(socket, &[ours], deadline));
            assert!(holders.any(|pid| pid == ours), "{port}");
        }
    }

    #[test]
    fn a_lack_of_descriptors_is_not_a_lack_of_diagnostics() {
        let error = SocketTable::open_with(|| Err(Errno::MFILE.into())).unwrap_err();
        assert!(is_exhausted(&error), "{error}");
    }
}
