//! Everything that can be shown of one process.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, readlinkat, statat};
use styxy_core::{Pid, Relation, checkout};

use super::machine::resident_in;
use super::process::Handle;
use crate::system::disk::Disk;
use crate::system::unix::User;
use crate::system::{Details, Identified, Place};

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
    let in_time = || Instant::now() < deadline;
    let command = command(&folder);
    let resident = resident_in(&folder, "statm");
    let user = identified.uid.map(User::look_up);
    let home = match identified.user {
        Relation::Own => std::env::home_dir(),
        Relation::Root | Relation::Other => user.as_ref().and_then(|user| user.home.clone()),
    };
    let place = place(&folder, in_time, |folder| checkout::root(folder, home.as_deref(), &Disk));
    let place = if in_time() { place.with_branch() } else { place };
    Ok(Details { identified, command, user_name: user.map(|user| user.name), place, resident })
}

/// Which process has this pid, and where it works, but not on which branch. `root_of` says in which worktree a folder lies. As
/// [`describe`], in a fifth of its time.
///
/// # Errors
/// `NotFound` if there is no such process.
pub fn locate(
    pid: Pid,
    deadline: Instant,
    root_of: impl Fn(&Path) -> Option<PathBuf>,
) -> io::Result<(Identified, Place)> {
    let Handle { identified, folder, pidfd: _ } = Handle::open(pid)?;
    let place = place(&folder, || Instant::now() < deadline, root_of);
    Ok((identified, place))
}

fn place(folder: &OwnedFd, in_time: impl Fn() -> bool, root_of: impl Fn(&Path) -> Option<PathBuf>) -> Place {
    match in_time().then(|| directory(folder)).flatten() {
        Some(Directory::Here(path)) => {
            let root = root_of(&path);
            if in_time() {
                Place::inside(path, root.as_deref())
            } else {
                Place { working_directory: Some(path), ..Place::default() }
            }
        }
        Some(Directory::Deleted(path)) => Place { deleted_directory: Some(path), ..Place::default() },
        None => Place::default(),
    }
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
