//! The shims: this program under the names of the tools that signal, in a folder for `PATH` (R95).

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Cannot, files};

/// The folder of the shims, in that of the guard.
pub(super) const FOLDER: &str = "bin";
/// Says that a folder has shims, of whatever installation: no shim takes another for the tool itself.
pub(crate) const MARKER: &str = ".styxy-shims";
/// `kill-judge` is for the shell's own `kill`.
const NAMES: [&str; 6] = ["kill", "kill-judge", "pkill", "killall", "fuser", "skill"];

/// One copy of this program, and a hard link to it for each name.
///
/// It is a copy, or a link where both are on one file system: the package may be removed while a session lives.
pub(super) fn install(guard: &Path) -> Result<PathBuf, Cannot> {
    let folder = guard.join(FOLDER);
    files::folder(&folder)?;
    files::write(&folder.join(MARKER), b"")?;
    let copy = copy(guard)?;
    let copied = at(&copy)?;
    for name in NAMES {
        let link = folder.join(name);
        let is_there = fs::symlink_metadata(&link).is_ok_and(|found| is_one_file(&found, &copied));
        if !is_there {
            files::make(&link, |unfinished| fs::hard_link(&copy, unfinished))?;
        }
    }
    Ok(folder)
}

/// This program, in the guard's folder. Those of other versions go: programs that run are not changed by that.
fn copy(guard: &Path) -> Result<PathBuf, Cannot> {
    let name = format!("styxy-{}", env!("CARGO_PKG_VERSION"));
    let path = guard.join(&name);
    let own = styxy_client::own_program();
    let own = own.map_err(|source| Cannot::Write { path: path.clone(), source })?;
    let this = at(&own)?;
    let is_same = |found: &Metadata| {
        let of = |file: &Metadata| (file.len(), file.mtime(), file.mtime_nsec());
        is_one_file(found, &this) || of(found) == of(&this)
    };
    if !fs::metadata(&path).is_ok_and(|found| is_same(&found)) {
        files::make(&path, |unfinished| {
            fs::hard_link(&own, unfinished).or_else(|_| {
                fs::copy(&own, unfinished)?;
                File::open(unfinished)?.set_modified(this.modified()?)
            })
        })?;
    }
    for entry in fs::read_dir(guard).into_iter().flatten().flatten() {
        let found = entry.file_name();
        if found.to_string_lossy().starts_with("styxy-") && *found != *name {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(path)
}

fn at(path: &Path) -> Result<Metadata, Cannot> {
    fs::metadata(path).map_err(|source| Cannot::Write { path: path.to_owned(), source })
}

fn is_one_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
