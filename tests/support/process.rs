//! Processes that end with the test, however that ends.

use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use styxy_core::api::OwnerView;

/// A child that is killed, and reaped, when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    #[track_caller]
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self { child: command.spawn().unwrap_or_else(|error| panic!("{error}: {command:?}")) }
    }

    /// A process that does nothing until it is killed.
    pub(crate) fn idle() -> Self {
        // Its end is this process' end too: it reads from us.
        Self::spawn(
            Command::new("cat").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()),
        )
    }

    /// As [`Running::idle`], of another user; only root can have one.
    pub(crate) fn idle_of_nobody() -> Self {
        let mut command = Command::new("cat");
        assert!(nobody(&mut command));
        Self::spawn(command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// kill -9, and gone when this returns.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// kill -9, and a zombie until this is dropped.
    pub(crate) fn kill_unreaped(&mut self) {
        kill(self.pid(), Signal::KILL);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal);
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends `signal` to a process that this test, or its daemon's client, has started.
pub(crate) fn kill(pid: u32, signal: Signal) {
    kill_process(known(pid), signal).unwrap();
}

/// Whether there is such a process, be it a zombie.
pub(crate) fn alive(pid: u32) -> bool {
    test_kill_process(known(pid)).is_ok()
}

/// Whether the process has ended, be it that nobody reaps it: an orphan's new parent need not, in a container.
#[cfg(target_os = "linux")]
pub(crate) fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold blanks and parentheses; an ended process that was reaped has no file.
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['Z', 'X']))
}

/// Whether the process is stopped by a signal.
#[cfg(target_os = "linux")]
pub(crate) fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
}

/// As on Linux, which needs no program for it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn has_ended(pid: u32) -> bool {
    let told = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(told.stdout).unwrap();
    state.trim().is_empty() || state.starts_with('Z')
}

/// The process that a lease's owner is, if it is one.
pub(crate) fn pid_of(owner: &OwnerView) -> Option<u32> {
    owner.pid.map(styxy_core::Pid::get)
}

fn known(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Whether the tests may run processes of other users.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes `command` another user's; says why and answers false if that cannot be.
pub(crate) fn nobody(command: &mut Command) -> bool {
    use std::os::unix::process::CommandExt;
    if !is_root() {
        println!("skipped: only root can run a process of another user");
        return false;
    }
    command.uid(65_534).gid(65_534);
    true
}
