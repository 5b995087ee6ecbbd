//! Processes: which run, which belong together, and how one or a whole tree ends.
//!
//! Each is held by a handle, so that a signal reaches the right process or none: pids are reused.
//! On Linux the handle is a pidfd, on Windows a process handle; both refer to one process for as long as they are held.
//! On macOS it is a kqueue that reports the process's end, and on a Linux without pidfds the start time in /proc; between the last
//! check and the signal some microseconds pass there.

#[cfg(target_os = "linux")]
pub(crate) mod cgroup;
pub(crate) mod ending;
#[cfg(target_os = "linux")]
pub(crate) mod orphans;
pub(crate) mod table;
pub(crate) mod tree;
#[cfg(unix)]
mod unix;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod native;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod native;
#[cfg(windows)]
#[path = "windows.rs"]
mod native;

pub(crate) use native::Handle;
#[cfg(windows)]
pub(crate) use native::{Together, command, interrupt};
#[cfg(target_os = "linux")]
pub(crate) use native::{runs, started};
#[cfg(unix)]
pub(crate) use unix::{Together, interrupt};

/// What is sent to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is asked to end (SIGTERM).
    Ask,
    /// It goes on if it is stopped (SIGCONT), so that it receives what it was sent.
    Resume,
    /// It is stopped (SIGSTOP), so that it starts nothing until it is killed.
    Freeze,
    /// It is killed (SIGKILL), or terminated on Windows, which knows nothing of the others: there they do nothing.
    Kill,
}

/// When the process began, in the system's units; none if there is no such process, or it is not known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn started(pid: styxy_core::Pid) -> Option<u64> {
    let found = styxy_daemon::system::identify(pid).ok()?;
    let runs = found.life == styxy_daemon::system::Life::Running;
    Some(found.process.key.started).filter(|started| runs && *started != 0)
}

/// Whether the process with this pid that started at `then` still runs. One that cannot be inspected does, and one whose start was
/// noted as 0, as earlier versions did, is known by its pid alone.
#[cfg(not(target_os = "linux"))]
pub(crate) fn runs(pid: styxy_core::Pid, then: u64) -> bool {
    styxy_client::process::runs(pid) && (then == 0 || started(pid).is_none_or(|start| start == then))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use styxy_core::Pid;

    use super::*;

    /// A program that ends when its standard input does.
    fn waiting() -> std::process::Child {
        let mut command = Command::new(if cfg!(windows) { "findstr" } else { "cat" });
        if cfg!(windows) {
            command.arg("what nobody says");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn pid(child: &std::process::Child) -> Pid {
        Pid::new(child.id()).unwrap()
    }

    #[test]
    fn a_handle_reports_the_end_of_its_process_and_sends_nothing_after_it() {
        let mut child = waiting();
        let handle = Handle::open(pid(&child)).unwrap().expect("a process");
        assert!(!handle.ended_within(Duration::ZERO).unwrap());
        drop(child.stdin.take());
        assert!(handle.ended_within(Duration::from_secs(30)).unwrap());
        child.wait().unwrap();
        // Another process may have the pid by now.
        assert!(handle.act(Act::Ask).is_ok() && handle.act(Act::Kill).is_ok());
    }

    #[test]
    fn a_process_ends_when_it_is_killed_through_its_handle() {
        let mut child = waiting();
        let handle = Handle::open(pid(&child)).unwrap().expect("a process");
        handle.act(Act::Kill).unwrap();
        assert!(handle.ended_within(Duration::from_secs(30)).unwrap());
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_process_runs_until_it_has_ended() {
        let mut child = waiting();
        let (pid, start) = (pid(&child), started(pid(&child)));
        assert!(start.is_some() && runs(pid, start.unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!runs(pid, start.unwrap()));
    }

    #[test]
    fn another_process_with_the_same_pid_does_not_count() {
        let own = Pid::new(std::process::id()).unwrap();
        let start = started(own).unwrap();
        assert!(runs(own, start) && !runs(own, start + 1));
    }
}
