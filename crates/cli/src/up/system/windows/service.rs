//! The process of a service: in a job of its own, with its log as its output, so that nothing of it needs the keeper (R132).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle as _;
use std::os::windows::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use styxy_client::process::resume;
use styxy_core::Pid;
use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_SUSPENDED};

use super::children;
use super::terminal::Terminal;
use crate::process::{self, Handle, Together};
use crate::up::system::End;
use crate::up::wire::Order;

/// A service that was started.
pub(in crate::up) struct Started {
    pub(in crate::up) pid: u32,
    /// With the pid this identifies it.
    pub(in crate::up) began: u64,
    /// No service has one here.
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
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let path = environment.iter().find(|(name, _)| name.eq_ignore_ascii_case("PATH"));
    let path = path.map(|(_, path)| OsStr::new(path));
    let mut command = process::command(&words, path, std::iter::empty(), folder)?;
    command.env_clear().current_dir(folder);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// Starts `order` as `command` says, with `log` as its output.
///
/// # Errors
/// There is no such program, or no room for a process.
pub(in crate::up) fn spawn(command: &mut Command, _: &Order, mark: &str, log: &File) -> io::Result<Started> {
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    // Its console is its own, and nobody sees it. It does not run before it is in its job.
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW | CREATE_SUSPENDED);
    let mut child = command.spawn()?;
    match begin(&child, mark) {
        Ok(started) => children::wait_for(child).map(|()| started),
        Err(error) => {
            // It has not run yet.
            let _ = child.kill();
            Err(error)
        }
    }
}

fn begin(child: &Child, mark: &str) -> io::Result<Started> {
    let pid = Pid::new(child.id()).ok_or(io::ErrorKind::NotFound)?;
    let began = process::started(pid).unwrap_or_default();
    // Where no further job is allowed, its processes are found by their parents.
    if let Ok(together) = Together::new(mark, child.as_handle()) {
        held(|all| all.insert(mark.to_owned(), together));
    }
    resume(pid)?;
    Ok(Started { pid: pid.get(), began, terminal: None })
}

/// The jobs of this keeper's services: what a service leaves behind that ends by itself is found by its job, which nobody else holds then.
static HELD: Mutex<BTreeMap<String, Together>> = Mutex::new(BTreeMap::new());

fn held<T>(with: impl FnOnce(&mut BTreeMap<String, Together>) -> T) -> T {
    let mut all = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, together| !together.pids().is_empty());
    with(&mut all)
}

/// Holds the job of a service that an earlier keeper has started.
pub(in crate::up) fn hold(mark: &str) {
    if let Some(together) = Together::of(mark) {
        held(|all| all.insert(mark.to_owned(), together));
    }
}

/// How a process has ended that was never this one's child.
pub(in crate::up) fn code_of(handle: &Handle) -> Option<End> {
    handle.code().map(End::Code)
}
