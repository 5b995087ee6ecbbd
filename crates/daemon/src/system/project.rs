//! Which worktree a folder lies in, and which branch is checked out there. Opens only files called `.git` and `HEAD`.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// More than any `.git` or `HEAD` file needs.
const MOST: u64 = 4096;

/// The root of the worktree that `folder` lies in: the nearest folder, itself or above it, with a `.git` (a folder, or
/// the file of a linked worktree or submodule).
///
/// A `.git` in `home` itself or in `/` does not count. Asks the file system once for each folder on the way up, and
/// hangs if the disk does.
#[must_use]
pub fn project_of(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let may_be_root = |folder: &&Path| folder.parent().is_some() && Some(*folder) != home;
    let has_git = |folder: &&Path| {
        fs::metadata(folder.join(".git")).is_ok_and(|found| found.is_dir() || found.is_file())
    };
    folder.ancestors().filter(may_be_root).find(has_git).map(Path::to_path_buf)
}

/// The branch checked out in the worktree with this root; none for a detached head.
#[must_use]
pub fn branch_of(root: &Path) -> Option<String> {
    let git = root.join(".git");
    let folder = if git.is_dir() {
        git
    } else {
        let pointer = read_short(&git)?;
        root.join(pointer.strip_prefix("gitdir:")?.trim())
    };
    let head = read_short(&folder.join("HEAD"))?;
    let branch = head.strip_prefix("ref:")?.trim().strip_prefix("refs/heads/")?;
    // What is there when the branches are not kept in files (reftable).
    (branch != ".invalid").then(|| branch.to_owned())
}

/// A regular file of at most 4 KiB of text: opening a pipe would wait for its writer.
fn read_short(path: &Path) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let read = File::open(path).ok()?.take(MOST + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= MOST).then_some(text)
}
