//! Who holds the lock of a daemon that cannot be asked, and why it cannot.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use styxy_core::Pid;
use styxy_core::handshake::DaemonFile;
use styxy_core::layout::Layout;
use styxy_os::disk::canonical;

use crate::connection::Connection;

/// How long a socket may be missing: a daemon that lost it makes it again within milliseconds.
const WITHOUT_SOCKET: Duration = Duration::from_secs(1);
/// How long another daemon may take to start or to stop.
const TAKEOVER: Duration = Duration::from_secs(3);

/// The daemon that holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// This process, as the kernel's list of locks says.
    Process {
        /// Its process.
        pid: Pid,
        /// Why it does not answer.
        mute: Mute,
    },
    /// A process of another user.
    Foreign {
        /// Its process.
        pid: Pid,
        /// The user's number.
        uid: u32,
    },
    /// A process that is not seen from here, as `daemon.json` says.
    Named {
        /// Its process, by the numbers of its own machine.
        pid: Pid,
        /// The machine that it runs on, if that is another one.
        machine: Option<String>,
    },
    /// Neither says who it is.
    Unknown,
}

/// Why a daemon does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    /// Its socket was removed.
    NoSocket,
    /// It is stopped by SIGSTOP or by a debugger.
    Stopped,
    /// It starts, ends, or is stuck.
    Silent,
}

impl Holder {
    /// How long such a daemon is waited for. One that is stopped, or on another machine, will not come by itself.
    pub(crate) const fn patience(&self) -> Duration {
        match self {
            Self::Process { mute: Mute::Stopped, .. }
            | Self::Foreign { .. }
            | Self::Named { machine: Some(_), .. } => Duration::ZERO,
            Self::Process { mute: Mute::NoSocket, .. } => WITHOUT_SOCKET,
            Self::Process { mute: Mute::Silent, .. } | Self::Named { machine: None, .. } | Self::Unknown => {
                TAKEOVER
            }
        }
    }

    /// Whether it is another user's: no daemon of this home, whatever it is.
    pub(crate) const fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign { .. })
    }

    /// Whether it is a process of this machine that is stopped.
    pub(crate) const fn is_stopped(&self) -> bool {
        matches!(self, Self::Process { mute: Mute::Stopped, .. })
    }
}

impl Connection {
    /// Whether a daemon holds the lock. The check delays a starting daemon by a few microseconds at most.
    pub(crate) fn is_held(&self) -> bool {
        let lock = File::open(self.layout.lock());
        lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Whether the lock is not in its place and a daemon of this folder lives all the same, as far as the system says: it has a
    /// name in the kernel that goes with no file (R24).
    pub(crate) fn outlives_its_folder(&self) -> bool {
        let root = self.layout.root();
        let canonical = canonical(root).ok().or_else(|| {
            // The folder itself may be gone.
            Some(canonical(root.parent()?).ok()?.join(root.file_name()?))
        });
        !self.layout.lock().exists()
            && canonical.is_some_and(|root| system::is_claimed(&Layout::new(root).name()))
    }

    /// Who holds the lock, for a caller that got no answer. Takes about 50 µs.
    pub(crate) fn holder(&self) -> Holder {
        let holder = match system::lock_holder(&self.layout.lock()) {
            Some(Seen::Foreign { pid, uid }) => return Holder::Foreign { pid, uid },
            Some(Seen::Own(pid)) => Some(pid),
            None => None,
        };
        let stopped = holder.is_some_and(system::is_stopped);
        identify(holder, stopped, self.daemon_file(), Path::exists, system::machine().as_deref())
    }
}

/// A process that holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux lists who holds a lock"))]
enum Seen {
    Own(Pid),
    Foreign { pid: Pid, uid: u32 },
}

fn identify(
    holder: Option<Pid>,
    stopped: bool,
    file: Option<DaemonFile>,
    exists: impl FnOnce(&Path) -> bool,
    here: Option<&str>,
) -> Holder {
    match (holder, file) {
        (Some(pid), _) if stopped => Holder::Process { pid, mute: Mute::Stopped },
        // A daemon that starts has no file yet, and one that ends has none any more.
        (Some(pid), Some(file)) if file.pid == pid && !exists(Path::new(&file.socket)) => {
            Holder::Process { pid, mute: Mute::NoSocket }
        }
        (Some(pid), _) => Holder::Process { pid, mute: Mute::Silent },
        (None, Some(file)) => {
            let machine = file.machine.filter(|machine| here.is_some_and(|here| here != machine));
            Holder::Named { pid: file.pid, machine }
        }
        (None, None) => Holder::Unknown,
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::{self, Metadata};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::path::Path;

    use styxy_core::{Pid, locks};

    use super::Seen;

    /// The process that holds the lock on this file, if it is seen from here: of those that lock a file of this number, the
    /// one that has this very file open. Files of another user's process cannot be looked at; it is believed.
    pub(super) fn lock_holder(lock: &Path) -> Option<Seen> {
        let file = lock.symlink_metadata().ok()?;
        let own = rustix::process::geteuid().as_raw();
        let list = fs::read_to_string("/proc/locks").ok()?;
        let seen = |pid: Pid| {
            let uid = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
            if uid != own {
                return Some(Seen::Foreign { pid, uid });
            }
            has_open(pid, &file).then_some(Seen::Own(pid))
        };
        let holders: Vec<Seen> = locks::exclusive_holders(&list, file.ino()).filter_map(seen).collect();
        let own = holders.iter().find(|seen| matches!(seen, Seen::Own(_)));
        own.or_else(|| holders.first()).copied()
    }

    fn has_open(pid: Pid, file: &Metadata) -> bool {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.filter_map(|entry| fs::metadata(entry.path()).ok())
            .any(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
    }

    /// Whether the process is stopped by a signal or by a debugger.
    pub(super) fn is_stopped(pid: Pid) -> bool {
        styxy_os::Stat::of(pid.get()).is_ok_and(|stat| matches!(stat.state, b'T' | b't'))
    }

    pub(super) fn machine() -> Option<String> {
        Some(rustix::system::uname().nodename().to_str().ok()?.to_owned())
    }

    /// Whether a process of this network namespace has this name. Nothing is sent.
    pub(super) fn is_claimed(name: &str) -> bool {
        let there = SocketAddr::from_abstract_name(name);
        let ask = |there| UnixDatagram::unbound()?.connect_addr(&there);
        there.and_then(ask).is_ok()
    }
}

/// These systems list no locks.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    use styxy_core::Pid;

    use super::Seen;

    pub(super) fn lock_holder(_: &Path) -> Option<Seen> {
        None
    }

    pub(super) fn is_stopped(_: Pid) -> bool {
        false
    }

    pub(super) fn is_claimed(_: &str) -> bool {
        false
    }

    #[cfg(unix)]
    pub(super) fn machine() -> Option<String> {
        Some(rustix::system::uname().nodename().to_str().ok()?.to_owned())
    }

    #[cfg(not(unix))]
    pub(super) fn machine() -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(machine: Option<&str>) -> DaemonFile {
        DaemonFile {
            pid: Pid::new(7).unwrap(),
            version: "0.1.0".into(),
            api_version: 1,
            tcp: Vec::new(),
            socket: "/h/styxy.sock".into(),
            machine: machine.map(str::to_owned),
            mode: None,
        }
    }

    #[test]
    fn the_lock_says_who_it_is_and_the_file_only_where_the_lock_cannot() {
        let pid = |number| Pid::new(number).unwrap();
        let seen = |holder, stopped, file: Option<DaemonFile>, socket: bool| {
            identify(holder, stopped, file, |_| socket, Some("atlas"))
        };
        let process = |number, mute| Holder::Process { pid: pid(number), mute };
        assert_eq!(seen(Some(pid(7)), false, Some(file(None)), true), process(7, Mute::Silent));
        assert_eq!(seen(Some(pid(7)), false, Some(file(None)), false), process(7, Mute::NoSocket));
        assert_eq!(seen(Some(pid(7)), true, Some(file(None)), false), process(7, Mute::Stopped));
        assert_eq!(
            seen(Some(pid(8)), false, Some(file(None)), false),
            process(8, Mute::Silent),
            "a stale file"
        );
        assert_eq!(seen(Some(pid(8)), false, None, false), process(8, Mute::Silent), "it starts");
        let named =
            |machine: Option<&str>| Holder::Named { pid: pid(7), machine: machine.map(str::to_owned) };
        assert_eq!(seen(None, false, Some(file(Some("hera"))), true), named(Some("hera")));
        assert_eq!(seen(None, false, Some(file(Some("atlas"))), true), named(None));
        assert_eq!(seen(None, false, Some(file(None)), true), named(None));
        assert_eq!(seen(None, false, None, true), Holder::Unknown);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_the_process_that_has_the_very_file_open_holds_its_lock() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("daemon.lock");
        let file = File::create(&path).unwrap();
        assert_eq!(system::lock_holder(&path), None);
        file.lock().unwrap();
        assert_eq!(system::lock_holder(&path), Pid::new(std::process::id()).map(Seen::Own));
        // Another file that has the number of the locked one, on another disk.
        let elsewhere = top.path().join("elsewhere");
        fs::hard_link(&path, &elsewhere).unwrap();
        fs::remove_file(&path).unwrap();
        File::create(&path).unwrap();
        assert_eq!(system::lock_holder(&path), None);
    }

    #[test]
    fn only_a_daemon_that_can_still_answer_is_waited_for() {
        let pid = Pid::new(7).unwrap();
        let elsewhere = Holder::Named { pid, machine: Some("hera".into()) };
        assert_eq!(elsewhere.patience(), Duration::ZERO);
        let process = |mute| Holder::Process { pid, mute }.patience();
        assert_eq!(process(Mute::Stopped), Duration::ZERO);
        assert!(process(Mute::NoSocket) < process(Mute::Silent));
    }
}
