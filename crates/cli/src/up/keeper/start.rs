//! Starts a service: in a session of its own, with its log as its output, so that nothing of it needs the keeper (R132).
#![expect(
    unsafe_code,
    reason = "a session of its own is made between fork and exec; what was inherited is closed"
)]

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::setsid;

use super::terminal::Terminal;
use crate::process::table::STACK;
use crate::up::wire::Order;

/// Closes what this process has inherited beside its standard streams: a lock or a pipe of a shell would stay open as long as the
/// services run. To be called before anything is opened.
pub(super) fn close_inherited() {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let open: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // SAFETY: nothing in this process has opened it. The folder itself is closed by now, and closing it again does nothing.
        unsafe { rustix::io::close(descriptor) };
    }
}

/// A service that was started.
pub(super) struct Started {
    pub(super) pid: u32,
    /// What it is typed into, if it has a terminal.
    pub(super) terminal: Option<Terminal>,
}

/// Starts `order` with the environment of all, `mark` in its own, and `log` as its output.
///
/// # Errors
/// There is no such program or folder, or no room for a process.
pub(super) fn start(
    order: &Order,
    environment: &[(String, String)],
    mark: &str,
    log: &File,
) -> io::Result<Started> {
    let mut command = prepared(&order.words, order, environment)?;
    command.env(STACK, mark);
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
    let pid = command.spawn().map_err(|error| named(order, &error))?.id();
    Ok(Started { pid, terminal: terminal.map(|(terminal, _)| terminal) })
}

/// The system does not say which program it has not found.
fn named(order: &Order, error: &io::Error) -> io::Error {
    let program = order.words.first().map(String::as_str).unwrap_or_default();
    io::Error::new(error.kind(), format!("{program}: {error}"))
}

/// Runs what ends a service that has no process of its own, and waits for it.
///
/// # Errors
/// There is no such program.
pub(super) fn stop(
    words: &[String],
    order: &Order,
    environment: &[(String, String)],
    log: &File,
) -> io::Result<()> {
    let mut command = prepared(words, order, environment)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    let mut child = command.process_group(0).spawn()?;
    // Whoever reaps all children of this process may be faster: it has ended then too.
    let _ = child.wait();
    Ok(())
}

fn prepared(words: &[String], order: &Order, environment: &[(String, String)]) -> io::Result<Command> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    if !order.cwd.is_dir() {
        let said = format!("there is no folder {}", order.cwd.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, said));
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&order.cwd).env_clear();
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let is_set = |name: &str| environment.iter().chain(&order.env).any(|(set, _)| set == name);
    if !order.tty && !is_set("FORCE_COLOR") && !is_set("NO_COLOR") {
        command.env("FORCE_COLOR", "1");
    }
    // Into a file Python writes what it prints when it has much of it.
    if !is_set("PYTHONUNBUFFERED") {
        command.env("PYTHONUNBUFFERED", "1");
    }
    command.env("PWD", Path::new(&order.cwd));
    command.envs(order.env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}
