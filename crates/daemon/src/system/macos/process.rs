//! Processes by their pid: their identity, and whether they still run.

use std::ffi::c_char;
use std::io;
use std::path::PathBuf;

use styxy_core::{Link, Pid, Process, ProcessKey, WallTime};
use styxy_os::libproc::{self, BsdInfo, ShortInfo, UniqueInfo};

use crate::system::unix::{User, relation, same};
use crate::system::{Identified, Life};

/// The process that has this pid now. Its start is in microseconds since 1970, 0 for another user's process: that one
/// is identified by the kernel's number for it, which everybody may read.
///
/// Takes some microseconds.
///
/// # Errors
/// `NotFound` if there is none.
pub fn identify(pid: Pid) -> io::Result<Identified> {
    match libproc::info::<BsdInfo>(pid) {
        Ok(info) => {
            let started = info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec;
            let name = Some(text(&info.pbi_name)).filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| text(&info.pbi_comm));
            Ok(found(pid, started, name, info.pbi_ppid, info.pbi_uid, info.pbi_status))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let info = libproc::info::<ShortInfo>(pid)?;
            let name = text(&info.pbsi_comm);
            Ok(found(pid, 0, name, info.pbsi_ppid, info.pbsi_uid, info.pbsi_status))
        }
        Err(error) => Err(error),
    }
}

fn found(pid: Pid, started: u64, name: String, parent: u32, uid: u32, status: u32) -> Identified {
    let unique = libproc::info::<UniqueInfo>(pid).ok();
    let key = ProcessKey { pid, inode: unique.map(|unique| unique.number), started };
    Identified {
        process: Process { key, name: name.into(), started_at: WallTime(started / 1000) },
        parent: Pid::new(parent),
        uid: Some(uid),
        user: relation(uid),
        life: if status == libc::SZOMB { Life::Zombie } else { Life::Running },
    }
}

/// Up to the NUL, if there is one.
fn text(characters: &[c_char]) -> String {
    let bytes: Vec<u8> =
        characters.iter().map(|one| one.to_ne_bytes()[0]).take_while(|one| *one != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether this very process still runs: another one with its pid does not count, nor does a zombie. Once false, it
/// stays false. A process that cannot be inspected counts as alive. Takes some microseconds.
#[must_use]
pub fn is_alive(key: &ProcessKey) -> bool {
    match identify(key.pid) {
        Ok(found) => found.life == Life::Running && same(key, &found.process.key),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Its parent, which runs: [`styxy_os::link`] says why no start is needed.
pub(in crate::system) fn link(of: &Identified) -> Link {
    Link { parent: of.parent, started: None }
}

/// The name of a process' user, and its home folder.
pub(in crate::system) fn user(of: &Identified) -> (Option<String>, Option<PathBuf>) {
    let user = of.uid.map(User::look_up);
    user.map_or((None, None), |user| (Some(user.name), user.home))
}
