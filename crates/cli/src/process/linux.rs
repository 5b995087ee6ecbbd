//! Linux: pidfds; without them, as on macOS, the start of the process is compared just before each signal.
#![expect(unsafe_code, reason = "rustix has no call that asks a pidfd how its process has ended")]

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::ioctl::{Updater, ioctl, opcode};
use rustix::process::{PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use styxy_client::process::Stat;
use styxy_core::Pid;

/// How often a process without a pidfd is looked at while its end is waited for.
const PAUSE: Duration = Duration::from_millis(10);

/// One process, running or ended.
#[derive(Debug)]
pub(crate) struct Handle {
    pid: rustix::process::Pid,
    identity: Identity,
}

/// What tells the process from a later one with its pid.
#[derive(Debug)]
enum Identity {
    Pidfd(OwnedFd),
    /// The kernel has no pidfds (before Linux 5.3), or a sandbox refuses them.
    Started {
        /// In clock ticks.
        at: u64,
    },
}

impl Handle {
    /// None if there is no such process.
    ///
    /// # Errors
    /// No descriptor is left; or there are neither pidfds nor /proc.
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        Self::open_with(pid, |number| pidfd_open(number, PidfdFlags::empty()))
    }

    fn open_with(
        pid: Pid,
        pidfd: impl FnOnce(rustix::process::Pid) -> Result<OwnedFd, Errno>,
    ) -> io::Result<Option<Self>> {
        let number = i32::try_from(pid.get()).ok().and_then(rustix::process::Pid::from_raw);
        let number = number.ok_or(io::ErrorKind::InvalidInput)?;
        let identity = match pidfd(number) {
            Ok(pidfd) => Identity::Pidfd(pidfd),
            // EINVAL and ENOENT: the id of a thread.
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => return Ok(None),
            Err(why @ (Errno::NOSYS | Errno::PERM)) => match running(pid) {
                Ok(Some(at)) => Identity::Started { at },
                Ok(None) => return Ok(None),
                Err(error) => return Err(neither(why, &error)),
            },
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Self { pid: number, identity }))
    }

    /// Sends it `signal`. It is not an error if it has already ended.
    ///
    /// # Errors
    /// This user may not signal it.
    pub(crate) fn send(&self, signal: Signal) -> io::Result<()> {
        if let Identity::Pidfd(pidfd) = &self.identity {
            match pidfd_send_signal(pidfd, signal) {
                Ok(()) | Err(Errno::SRCH) => return Ok(()),
                // A sandbox may refuse this call alone. EPERM may also be the answer to what is asked: then the other
                // call says so too.
                Err(Errno::NOSYS | Errno::PERM) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Between this look and the signal some microseconds pass, in which no pid was ever seen to be used again.
        if self.ended_within(Duration::ZERO)? {
            return Ok(());
        }
        match kill_process(self.pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How it has ended, as `wait` says it, also if it was never this process' child: its code, or the signal. Waits at most `patience`
    /// for its parent to learn it first. None on Linux before 6.15.
    pub(crate) fn status(&self, patience: Duration) -> Option<i32> {
        let Identity::Pidfd(pidfd) = &self.identity else { return None };
        if let Some(status) = Info::ended(pidfd).ok()? {
            return Some(status);
        }
        let patience = Timespec::try_from(patience).ok()?;
        // That it hangs up is always told.
        retry_on_intr(|| poll(&mut [PollFd::new(pidfd, PollFlags::empty())], Some(&patience))).ok()?;
        Info::ended(pidfd).ok()?
    }

    /// Whether it has ended; waits at most `patience` for that. A zombie has ended.
    ///
    /// # Errors
    /// The system cannot wait.
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        let (started, deadline) = match &self.identity {
            Identity::Pidfd(pidfd) => {
                let patience = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
                let mut asked = [PollFd::new(pidfd, PollFlags::IN)];
                return Ok(retry_on_intr(|| poll(&mut asked, Some(&patience)))? > 0);
            }
            Identity::Started { at } => (*at, Instant::now() + patience),
        };
        let pid =
            Pid::new(self.pid.as_raw_nonzero().get().cast_unsigned()).ok_or(io::ErrorKind::InvalidInput)?;
        while running(pid)? == Some(started) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            thread::sleep(left.min(PAUSE));
        }
        Ok(true)
    }
}

/// What the kernel says of the process of a pidfd (`struct pidfd_info` of Linux 6.13, with the code of 6.15).
#[repr(C)]
#[derive(Default)]
struct Info {
    /// What is asked for, and what is answered.
    mask: u64,
    cgroup: u64,
    /// Pids and ids of users and groups.
    ids: [u32; 11],
    status: i32,
}

impl Info {
    const EXIT: u64 = 1 << 3;

    /// How the process has ended; none as long as its parent has not learnt that.
    ///
    /// # Errors
    /// The kernel is older.
    fn ended(pidfd: &OwnedFd) -> Result<Option<i32>, Errno> {
        const GET: rustix::ioctl::Opcode = opcode::read_write::<Info>(0xff, 11);
        let mut info = Self { mask: Self::EXIT, ..Self::default() };
        // SAFETY: the kernel writes no more than the size that is a part of the opcode.
        unsafe { ioctl(pidfd, Updater::<GET, Self>::new(&mut info)) }?;
        Ok((info.mask & Self::EXIT != 0).then_some(info.status))
    }
}

fn neither(pidfd: Errno, stat: &io::Error) -> io::Error {
    let said = format!("there are neither handles on processes (pidfd_open: {pidfd}) nor /proc ({stat})");
    io::Error::new(io::ErrorKind::Unsupported, said)
}

/// When the process with this pid started, in clock ticks, unless it has ended. A zombie has ended.
fn running(pid: Pid) -> io::Result<Option<u64>> {
    let stat = match Stat::of(pid.get()) {
        Ok(stat) => stat,
        // It has ended if /proc itself is there.
        Err(error) if has_no_entry(&error) && std::fs::exists("/proc/self/stat")? => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok((!stat.has_ended()).then_some(stat.started))
}

fn has_no_entry(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOENT | Errno::SRCH))
}

/// When the process with this pid started, in clock ticks, if there is one: with the pid this identifies it.
pub(crate) fn started(pid: Pid) -> Option<u64> {
    Stat::of(pid.get()).ok().map(|stat| stat.started)
}

/// Whether the process with this pid that started at `then` still runs.
pub(crate) fn runs(pid: Pid, then: u64) -> bool {
    started(pid) == Some(then)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::Act;
    use super::*;

    fn without_pidfd(pid: Pid) -> io::Result<Option<Handle>> {
        Handle::open_with(pid, |_| Err(Errno::NOSYS))
    }

    #[test]
    fn without_pidfds_a_process_is_known_by_its_start_and_a_zombie_has_ended() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = Pid::new(child.id()).unwrap();
        let handle = without_pidfd(pid).unwrap().expect("a process");
        assert!(
            matches!(handle.identity, Identity::Started { .. })
                && !handle.ended_within(Duration::ZERO).unwrap()
        );
        handle.act(Act::Ask).unwrap();
        assert!(handle.ended_within(Duration::from_secs(30)).unwrap(), "a zombie");
        assert!(without_pidfd(pid).unwrap().is_none(), "nobody gets a handle on a zombie");
        child.wait().unwrap();
        assert!(handle.act(Act::Kill).is_ok(), "another process may have the pid by now");
        assert!(without_pidfd(pid).unwrap().is_none());
    }

    #[test]
    fn how_a_process_ended_is_known_to_others_than_its_parent() {
        // A shell's child, which is not this process'.
        let script = "sleep 1000 & echo $!; wait $!; exit 0";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut says = std::io::BufReader::new(shell.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut says, &mut line).unwrap();
        let pid = Pid::new(line.trim().parse().unwrap()).unwrap();
        let handle = Handle::open(pid).unwrap().expect("a process");
        handle.act(Act::Kill).unwrap();
        assert!(handle.ended_within(Duration::from_secs(30)).unwrap());
        shell.wait().unwrap();
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let numbers: Vec<u32> =
            release.split(['.', '-']).take(2).filter_map(|part| part.parse().ok()).collect();
        // An older kernel knows no such question, or no such answer.
        let expected = (numbers >= vec![6, 15]).then_some(9);
        assert_eq!(handle.status(Duration::from_secs(30)), expected, "{release}");
    }

    #[test]
    fn another_process_with_the_pid_gets_no_signal() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut handle = without_pidfd(Pid::new(child.id()).unwrap()).unwrap().expect("a process");
        let Identity::Started { at } = &mut handle.identity else { panic!("{handle:?}") };
        *at += 1;
        handle.act(Act::Kill).unwrap();
        assert!(handle.ended_within(Duration::ZERO).unwrap());
        assert!(child.try_wait().unwrap().is_none(), "it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_lack_of_descriptors_is_not_a_lack_of_pidfds() {
        let own = Pid::new(std::process::id()).unwrap();
        let error = Handle::open_with(own, |_| Err(Errno::MFILE)).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::MFILE));
    }
}
