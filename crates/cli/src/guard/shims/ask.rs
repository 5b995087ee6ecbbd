//! One question after the other to the daemon's guard, and the process that was asked about held in the meantime (R91).

use std::env;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};
use rustix::process::{self, PidfdFlags, Signal};
use styxy_core::Pid;
use styxy_core::guard::record::{self, ANSWER, By, Target};

use crate::here::guarded::SOCKET;
use crate::say::output;

/// How long an answer is waited for, as in the library.
const PATIENCE: Duration = Duration::from_secs(2);

/// To whom a signal is to be sent.
#[derive(Debug)]
pub(super) enum Aim {
    Process { pid: Pid, held: Held },
    Group(Pid),
    Everybody,
}

/// What keeps another process that gets the same pid from being signalled.
#[derive(Debug)]
pub(super) enum Held {
    By(OwnedFd),
    /// It had ended when it was looked for: whoever has its pid by now was not meant.
    Ended,
    /// The system has no such descriptors, or none is left.
    ByNumber,
}

impl Aim {
    pub(super) fn process(pid: Pid) -> Self {
        let opened = raw(pid).map(|pid| process::pidfd_open(pid, PidfdFlags::empty()));
        let held = match opened {
            Some(Ok(held)) => Held::By(held),
            Some(Err(Errno::SRCH)) => Held::Ended,
            Some(Err(_)) | None => Held::ByNumber,
        };
        Self::Process { pid, held }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Process { pid, .. } => pid.to_string(),
            Self::Group(group) => format!("-{group}"),
            Self::Everybody => "-1".to_owned(),
        }
    }

    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
        let raw = |pid: Pid| raw(pid).ok_or(io::Error::from(io::ErrorKind::InvalidInput));
        match self {
            Self::Process { held: Held::By(held), .. } => process::pidfd_send_signal(held, signal)?,
            Self::Process { held: Held::Ended, .. } => return Err(Errno::SRCH.into()),
            Self::Process { pid, held: Held::ByNumber } => process::kill_process(raw(*pid)?, signal)?,
            Self::Group(group) => process::kill_process_group(raw(*group)?, signal)?,
            // It is asked about alone, so it is either refused or left to the tool.
            Self::Everybody => {}
        }
        Ok(())
    }
}

fn raw(pid: Pid) -> Option<process::Pid> {
    process::Pid::from_raw(i32::try_from(pid.get()).ok()?)
}

/// Asks the daemon, for as long as it answers.
pub(super) struct Judge {
    socket: Option<PathBuf>,
    by: By,
}

impl Judge {
    pub(super) fn new(by: By) -> Self {
        Self { socket: env::var_os(SOCKET).map(PathBuf::from), by }
    }

    /// Whether nothing is to be sent to `aim`. Says why on stderr.
    pub(super) fn spares(&mut self, aim: &Aim, signal: i32) -> bool {
        let to = match aim {
            Aim::Process { held: Held::Ended, .. } => return false,
            Aim::Process { pid, held } => {
                let inode = match held {
                    Held::By(held) => rustix::fs::fstat(held).ok().map(|found| found.st_ino),
                    Held::Ended | Held::ByNumber => None,
                };
                Target::Process { pid: *pid, inode }
            }
            // What is in the shell's own group is its own.
            Aim::Group(group) if is_own_group(*group) => return false,
            Aim::Group(group) => Target::Group(*group),
            Aim::Everybody => Target::Everybody,
        };
        let Some(socket) = &self.socket else { return false };
        match ask(socket, &record::signal(to, signal, self.by)) {
            Ok(Some(words)) => {
                output::note(&words);
                true
            }
            Ok(None) => false,
            Err(error) => {
                if error.kind() == io::ErrorKind::TimedOut {
                    output::note(
                        "styxy: the daemon did not answer within 2 s, so the signal was sent; try: styxy status",
                    );
                }
                // Nobody is asked any more: without an answer everything passes.
                self.socket = None;
                false
            }
        }
    }
}

fn is_own_group(group: Pid) -> bool {
    process::getpgid(None).is_ok_and(|own| raw(group) == Some(own))
}

/// Why the signal must not be sent, if so.
fn ask(path: &PathBuf, question: &[u8]) -> io::Result<Option<String>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect(&socket, &SocketAddrUnix::new(path)?) {
            Ok(()) => break,
            // Its queue is full.
            Err(Errno::AGAIN) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
    }
    send(&socket, question, SendFlags::NOSIGNAL)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
    if poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], Some(&timeout))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut answer = [0; ANSWER];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::DONTWAIT)?;
    Ok(record::refusal(answer.get(..length).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_had_ended_is_not_signalled_by_its_number() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = Pid::new(child.id()).unwrap();
        assert!(matches!(Aim::process(pid), Aim::Process { held: Held::By(_), .. }));
        child.wait().unwrap();
        // Should another process have got the pid by now, it would be meant.
        let aim = Aim::process(pid);
        assert!(matches!(aim, Aim::Process { held: Held::Ended, .. }), "{aim:?}");
        let own = Aim::Process { pid: Pid::new(std::process::id()).unwrap(), held: Held::Ended };
        assert_eq!(own.signal(15).unwrap_err().raw_os_error(), Some(3));
        assert!(!Judge::new(By::Itself).spares(&aim, 15));
    }
}
