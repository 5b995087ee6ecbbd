//! Everything that can be shown of one process, by sysinfo.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use styxy_core::{Pid, ProjectPath, Relation, checkout};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::super::native;
use crate::system::disk::{self, Disk};
use crate::system::{Details, identify};

/// The longest command line that is shown, in bytes.
const MOST_COMMAND: usize = 4096;

/// What can be shown of the process with this pid, as far as it is known before `deadline`.
///
/// Takes some milliseconds. It reads from the disk where the process works, which may hang: call it where blocking is
/// allowed. It stops between two steps, not within one.
///
/// # Errors
/// `NotFound` if there is no such process.
pub fn describe(pid: Pid, deadline: Instant) -> io::Result<Details> {
    let identified = identify(pid)?;
    let in_time = || (Instant::now() < deadline).then_some(());
    let (command, folder) = in_time().map(|()| command_and_folder(pid)).unwrap_or_default();
    let (user_name, home) = native::user(&identified);
    let home = match identified.user {
        Relation::Own => std::env::home_dir(),
        Relation::Root | Relation::Other => home,
    };
    let folder = folder.filter(|_| in_time().is_some());
    let (working_directory, deleted_directory) = match folder {
        // Windows knows it as it was typed: in any case, by a short name, with a `\` at its end.
        Some(folder) if folder.is_dir() => (Some(disk::canonical(&folder).unwrap_or(folder)), None),
        // Another user's process may run, but we may not inspect it.
        Some(folder) if identified.user == Relation::Own && !folder.exists() => (None, Some(folder)),
        Some(_) | None => (None, None),
    };
    let root = in_time().and_then(|()| checkout::root(working_directory.as_deref()?, home.as_deref(), &Disk));
    let branch = in_time().and_then(|()| checkout::branch(root.as_deref()?, &Disk));
    let named = |folder: &Path| folder.to_str().and_then(|folder| ProjectPath::new(folder).ok());
    let project_path = root.as_deref().and_then(named);
    let folder = root.as_deref().or(working_directory.as_deref());
    let found = in_time().and_then(|()| Some((disk::id(folder?)?, named(folder?)?)));
    // The pid may have been reused during the look-up.
    if identify(pid)?.process.key != identified.process.key {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Details {
        identified,
        command,
        working_directory,
        deleted_directory,
        user_name,
        project_path,
        found,
        branch,
    })
}

/// The name of the folder that a process works in cannot be asked for cheaply here: the sweep and requests that say which
/// folder they mean find out what has moved.
#[must_use]
pub const fn folder_of(_: Pid) -> Option<PathBuf> {
    None
}

fn command_and_folder(pid: Pid) -> (Option<String>, Option<PathBuf>) {
    let Ok(mut system) = System::new() else { return (None, None) };
    let number = sysinfo::Pid::from_u32(pid.get());
    let wanted = ProcessRefreshKind::nothing()
        .without_tasks()
        .with_cmd(UpdateKind::Always)
        .with_cwd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[number]), true, wanted);
    let Some(found) = system.process(number) else { return (None, None) };
    let words: Vec<_> = found.cmd().iter().map(|word| word.to_string_lossy()).collect();
    let mut command = words.join(" ");
    command.truncate(command.floor_char_boundary(MOST_COMMAND));
    (Some(command).filter(|text| !text.is_empty()), found.cwd().map(Path::to_path_buf))
}
