//! The process of a service: in a session of its own, with its log as its output, so that nothing of it needs the keeper (R132).
#![expect(unsafe_code, reason = "a session of its own is made between fork and exec")]

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::setsid;
use styxy_core::Pid;

use super::terminal::Terminal;
use crate::process::Handle;
use crate::up::system::End;
use crate::up::wire::Order;

/// How long a parent may take to learn how its child has ended; nobody else learns it before.
#[cfg(target_os = "linux")]
const REAPED: std::time::Duration = std::time::Duration::from_secs(3);

/// A service that was started.
pub(in crate::up) struct Started {
    pub(in crate::up) pid: u32,
    /// With the pid this identifies it.
    pub(in crate::up) began: u64,
    /// What it is typed into, if it has a terminal.
    pub(in crate::up) terminal: Option<Terminal>,
}

/// What runs `words` in `folder`, with `environment` alone.
///
/// # Errors
/// There is no word.
pub(in crate::up) fn command(
    words: &[String],
    environment: &[(String, String)],
    folder: &Path,
) -> io::Result<Command> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir(folder);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// Starts `order` as `command` says, with `log` as its output.
///
/// # Errors
/// There is no such program, or no room for a process.
pub(in crate::up) fn spawn(
    command: &mut Command,
    order: &Order,
    _mark: &str,
    log: &File,
) -> io::Result<Started> {
    let terminal = if order.tty { Some(Terminal::open(log)?) } else { None };
    if let Some((_, end)) = &terminal {
        let end = || end.try_clone().map(Stdio::from);
        command.stdin(end()?).stdout(end()?).stderr(end()?);
        // SAFETY: between fork and exec only system calls are made.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
    } else {
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        // SAFETY: as above.
        unsafe { command.pre_exec(|| Ok(setsid().map(drop)?)) };
    }
    // Whoever reaps all children of this process waits for it.
    let pid = command.spawn()?.id();
    // It stays a zombie until it is reaped, so it has one.
    let began = Pid::new(pid).and_then(crate::process::started).unwrap_or_default();
    Ok(Started { pid, began, terminal: terminal.map(|(terminal, _)| terminal) })
}

/// Its session keeps a service's processes together, which needs nobody to hold it.
pub(in crate::up) const fn hold(_: &str) {}

/// How a process has ended that was never this one's child, if the system says it to others.
#[cfg(target_os = "linux")]
pub(in crate::up) fn code_of(handle: &Handle) -> Option<End> {
    let status = handle.status(REAPED)?;
    Some(match status & 0x7f {
        0 => End::Code(status >> 8 & 0xff),
        signal => End::Signal(signal),
    })
}

/// The system says it to the parent alone.
#[cfg(not(target_os = "linux"))]
pub(in crate::up) const fn code_of(_: &Handle) -> Option<End> {
    None
}
