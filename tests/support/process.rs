//! Processes that end with the test, however that ends.

use std::process::{Child, Command, Stdio};

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use styxy_core::api::OwnerView;
#[cfg(windows)]
pub(crate) use windows::{alive, end, has_ended};

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
        // Nor is it in a worktree, as an agent's process may be.
        let folder = if cfg!(windows) { "C:\\" } else { "/" };
        Self::spawn(reader().current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()))
    }

    /// As [`Running::idle`], of another user; only root can have one.
    #[cfg(unix)]
    pub(crate) fn idle_of_nobody() -> Self {
        let mut command = reader();
        become_nobody(&mut command);
        Self::spawn(command.stdin(Stdio::piped()).stdout(Stdio::null()))
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
        end(self.pid());
    }

    #[cfg(unix)]
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

/// A program that reads until the end of its standard input.
#[cfg(unix)]
fn reader() -> Command {
    Command::new("cat")
}

/// This very test binary, since every program of Windows that reads its input ends with a console's rules.
#[cfg(windows)]
fn reader() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(super::helper::ARGUMENTS).env(super::helper::ROLE, "idle");
    command
}

/// kill -9 of a process that this test, or its daemon's client, has started.
#[cfg(unix)]
pub(crate) fn end(pid: u32) {
    kill(pid, Signal::KILL);
}

/// Sends `signal` to a process that this test, or its daemon's client, has started.
#[cfg(unix)]
pub(crate) fn kill(pid: u32, signal: Signal) {
    kill_process(known(pid), signal).unwrap();
}

/// Whether there is such a process, be it a zombie.
#[cfg(unix)]
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
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn has_ended(pid: u32) -> bool {
    let told = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(told.stdout).unwrap();
    state.trim().is_empty() || state.starts_with('Z')
}

/// The process that a lease's owner is, if it is one.
pub(crate) fn pid_of(owner: &OwnerView) -> Option<u32> {
    owner.pid.map(styxy_core::Pid::get)
}

#[cfg(unix)]
fn known(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Whether the tests may run processes of other users.
#[cfg(unix)]
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes `command` another user's. Only root may start it then.
#[cfg(unix)]
pub(super) fn become_nobody(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.uid(65_534).gid(65_534);
}

#[cfg(windows)]
mod windows {
    #![expect(
        unsafe_code,
        reason = "a process by its number can only be ended and asked by the system's own calls"
    )]

    use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};

    use windows_sys::Win32::Foundation::WAIT_TIMEOUT;
    use windows_sys::Win32::System::Threading::{
        OpenProcess, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, TerminateProcess, WaitForSingleObject,
    };

    fn open(pid: u32, rights: u32) -> Option<OwnedHandle> {
        // SAFETY: takes numbers, and gives a new handle or null.
        let handle = unsafe { OpenProcess(rights, 0, pid) };
        // SAFETY: the handle is new, open, and nobody else's.
        (!handle.is_null()).then(|| unsafe { OwnedHandle::from_raw_handle(handle) })
    }

    /// Ends a process that this test, or its daemon's client, has started; it cannot refuse.
    pub(crate) fn end(pid: u32) {
        let process = open(pid, PROCESS_TERMINATE).unwrap_or_else(|| panic!("no process {pid}"));
        // SAFETY: the handle is open and may end the process.
        assert_ne!(unsafe { TerminateProcess(process.as_raw_handle(), 9) }, 0);
    }

    /// Whether there is such a process that runs.
    pub(crate) fn alive(pid: u32) -> bool {
        open(pid, PROCESS_SYNCHRONIZE).is_some_and(|process| {
            // SAFETY: the handle is open and may be waited for; no time is spent.
            unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_TIMEOUT }
        })
    }

    /// Whether the process has ended; nobody has to reap it here.
    pub(crate) fn has_ended(pid: u32) -> bool {
        !alive(pid)
    }
}
