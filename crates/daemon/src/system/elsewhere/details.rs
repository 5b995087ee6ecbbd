//! Everything that can be shown of one process, by sysinfo.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use styxy_core::{Pid, Relation};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::super::native;
use crate::system::folder;
use crate::system::{Details, identify};

/// The longest command line that is shown, in bytes.
const MOST_COMMAND: usize = 4096;

/// What can be shown of the process with this pid, as far as it is known before `deadline`.
///
/// Takes some milliseconds, and 250 more if the disk where the process works hangs or a person has to open the folder first: call
/// it where blocking is allowed. It stops between two steps, not within one.
///
/// # Errors
/// `NotFound` if there is no such process.
pub fn describe(pid: Pid, deadline: Instant) -> io::Result<Details> {
    let identified = identify(pid)?;
    let in_time = || (Instant::now() < deadline).then_some(());
    let Asked { command, folder, resident } = in_time().map(|()| ask(pid)).unwrap_or_default();
    let (user_name, home) = native::user(&identified);
    let home = match identified.user {
        Relation::Own => std::env::home_dir(),
        Relation::Root | Relation::Other => home,
    };
    let look = |folder| folder::look(folder, identified.user, home, deadline);
    let place = folder.filter(|_| in_time().is_some()).map(look).unwrap_or_default();
    // The pid may have been reused during the look-up.
    if identify(pid)?.process.key != identified.process.key {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Details { identified, command, user_name, place, resident })
}

/// The name of the folder that a process works in cannot be asked for cheaply here: the sweep and requests that say which
/// folder they mean find out what has moved.
#[must_use]
pub const fn folder_of(_: Pid) -> Option<PathBuf> {
    None
}

/// What sysinfo says of a process in one look.
#[derive(Default)]
struct Asked {
    command: Option<String>,
    folder: Option<PathBuf>,
    resident: Option<u64>,
}

fn ask(pid: Pid) -> Asked {
    let Ok(mut system) = System::new() else { return Asked::default() };
    let number = sysinfo::Pid::from_u32(pid.get());
    let wanted = ProcessRefreshKind::nothing()
        .without_tasks()
        .with_memory()
        .with_cmd(UpdateKind::Always)
        .with_cwd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[number]), true, wanted);
    let Some(found) = system.process(number) else { return Asked::default() };
    let words: Vec<_> = found.cmd().iter().map(|word| word.to_string_lossy()).collect();
    let mut command = words.join(" ");
    command.truncate(command.floor_char_boundary(MOST_COMMAND));
    Asked {
        command: Some(command).filter(|text| !text.is_empty()),
        // Windows has a `\` at the end of every folder, which no other name of it has.
        folder: found.cwd().map(|folder| folder.components().collect()),
        // 0 is what it says of a process that it may not ask about.
        resident: Some(found.memory()).filter(|bytes| *bytes > 0),
    }
}
