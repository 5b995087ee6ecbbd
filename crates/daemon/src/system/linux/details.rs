//! Everything that can be shown of one process.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, readlinkat, statat};
use styxy_core::{Pid, ProjectPath, Relation, checkout};

use super::machine::resident_in;
use super::process::Handle;
use crate::system::Details;
use crate::system::disk::{self, Disk};
use crate::system::unix::User;

/// The longest command line that is shown, in bytes.
const MOST_COMMAND: usize = 4096;

/// What can be shown of the process with this pid, as far as it is known before `deadline`.
///
/// Takes about 50 µs. It reads from the disk where the process works, which may hang: call it where blocking is
/// allowed. It stops between two steps, not within one.
///
/// # Errors
/// `NotFound` if there is no such process.
pub fn describe(pid: Pid, deadline: Instant) -> io::Result<Details> {
    let Handle { identified, folder, pidfd: _ } = Handle::open(pid)?;
    let in_time = || (Instant::now() < deadline).then_some(());
    let command = command(&folder);
    let resident = resident_in(&folder, "statm");
    let user = identified.uid.map(User::look_up);
    let home = match identified.user {
        Relation::Own => std::env::home_dir(),
        Relation::Root | Relation::Other => user.as_ref().and_then(|user| user.home.clone()),
    };
    let (working_directory, deleted_directory) = match in_time().and_then(|()| directory(&folder)) {
        Some(Directory::Here(path)) => (Some(path), None),
        Some(Directory::Deleted(path)) => (None, Some(path)),
        None => (None, None),
    };
    let root = in_time().and_then(|()| checkout::root(working_directory.as_deref()?, home.as_deref(), &Disk));
    let branch = in_time().and_then(|()| checkout::branch(root.as_deref()?, &Disk));
    let named = |folder: &Path| folder.to_str().and_then(|folder| ProjectPath::new(folder).ok());
    let project_path = root.as_deref().and_then(named);
    let folder = root.as_deref().or(working_directory.as_deref());
    let found = in_time().and_then(|()| Some((disk::id(folder?)?, named(folder?)?)));
    Ok(Details {
        identified,
        command,
        working_directory,
        deleted_directory,
        user_name: user.map(|user| user.name),
        project_path,
        found,
        branch,
        resident,
    })
}

/// The name of the folder that the process works in now, as the kernel knows it: it changes when the folder moves. Takes about
/// a microsecond, and reads nothing from the disk. None if there is no such process, or if it is another user's.
#[must_use]
pub fn folder_of(pid: Pid) -> Option<PathBuf> {
    let text = readlinkat(CWD, format!("/proc/{pid}/cwd"), Vec::new()).ok()?;
    Some(PathBuf::from(OsString::from_vec(text.into_bytes())))
}

/// None for kernel threads and zombies, which have none.
fn command(folder: &OwnedFd) -> Option<String> {
    let mut buffer = [0; MOST_COMMAND];
    let arguments = super::read_some(folder, "cmdline", &mut buffer).ok()?;
    let text = String::from_utf8_lossy(arguments).replace('\0', " ");
    Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// Where a process works.
enum Directory {
    Here(PathBuf),
    /// It was deleted, and had this name.
    Deleted(PathBuf),
}

/// The link's text counts only if it leads to the folder that the process is in. It does not if that folder was deleted
/// (the kernel then appends a remark), or if the process sees another file system, as in a container.
fn directory(folder: &OwnedFd) -> Option<Directory> {
    let text = readlinkat(folder, "cwd", Vec::new()).ok()?.into_bytes();
    let there = statat(folder, "cwd", AtFlags::empty()).ok()?;
    let path = |text: &[u8]| PathBuf::from(OsString::from_vec(text.to_vec()));
    let shown = statat(CWD, path(&text), AtFlags::empty()).ok();
    if shown.is_some_and(|shown| (there.st_dev, there.st_ino) == (shown.st_dev, shown.st_ino)) {
        return Some(Directory::Here(path(&text)));
    }
    text.strip_suffix(b" (deleted)").map(|name| Directory::Deleted(path(name)))
}
