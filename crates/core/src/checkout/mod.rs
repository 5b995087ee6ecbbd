//! Checkouts: which folder is the root of one, how two of them are related, which branch is checked out.
//!
//! Only the rules are here. The disk comes in as [`Files`], and of it they read files called `.git`, `HEAD`,
//! `commondir` and `gitdir`, and nothing else.

mod git;
#[cfg(test)]
mod tests;

use std::fs::FileType;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use git::{branch, is_recorded};

/// What marks a folder as the root of a checkout. Git writes a folder, and a file in linked worktrees and submodules.
const MARKERS: [&str; 1] = [".git"];

/// More bytes than any file needs that is read here.
const MOST: u64 = 4096;

/// The file system, as far as these rules read it. Every call follows symbolic links.
pub trait Files {
    /// What is at `path`; none if nothing is there, or if it may not be looked at.
    fn kind(&self, path: &Path) -> Option<Kind>;
    /// Opens the file at `path`. Only regular files are opened: a pipe would wait for somebody who writes into it.
    ///
    /// # Errors
    /// The system's own.
    fn open(&self, path: &Path) -> io::Result<impl Read>;
    /// The paths of what is in `folder`; none if it cannot be read.
    fn entries(&self, folder: &Path) -> Vec<PathBuf>;
    /// The absolute path of `path` without symbolic links, `.` and `..`.
    ///
    /// # Errors
    /// The system's own; most often `NotFound`.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A pipe, a socket or a device.
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        if kind.is_dir() {
            Self::Folder
        } else if kind.is_file() {
            Self::File
        } else {
            Self::Other
        }
    }
}

/// How another checkout is related to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// It is ours, or a repository within it (a submodule), or the other way round.
    Same,
    /// It is another worktree of our repository, or lies in one.
    Sibling,
    /// Neither.
    Unrelated,
}

/// The root of the checkout that `folder` lies in: the nearest folder, itself or above it, with a `.git`.
///
/// `folder` is canonical, and may be gone. A `.git` in `home` or in `/` does not count, since dotfiles are kept that way:
/// the search goes on above. Costs one look at the disk for each folder on the way up.
#[must_use]
pub fn root(folder: &Path, home: Option<&Path>, files: &impl Files) -> Option<PathBuf> {
    let is_marked = |folder: &Path| {
        let kind = |marker: &str| files.kind(&folder.join(marker));
        MARKERS.into_iter().any(|marker| matches!(kind(marker), Some(Kind::Folder | Kind::File)))
    };
    let is_home =
        |folder: &Path| home.is_some_and(|home| canonical(home, files).is_ok_and(|home| home == folder));
    let mut folders = folder.ancestors().filter(|folder| folder.parent().is_some());
    folders.find(|folder| is_marked(folder) && !is_home(folder)).map(Path::to_path_buf)
}

/// How `theirs` is related to `ours`; both are canonical. A worktree inside another one is its sibling, not a part of it.
#[must_use]
pub fn kinship(ours: &Path, theirs: &Path, home: Option<&Path>, files: &impl Files) -> Kinship {
    if ours == theirs {
        return Kinship::Same;
    }
    // From each side outwards: what is met first decides.
    for (inner, outer) in [(theirs, ours), (ours, theirs)] {
        let repository = git::repository(outer, files);
        for root in roots(inner, home, files) {
            if root == outer {
                return Kinship::Same;
            }
            if repository.is_some() && repository == git::repository(&root, files) {
                return Kinship::Sibling;
            }
        }
    }
    Kinship::Unrelated
}

/// The root of the checkout that `folder` lies in, of the one around that, and so on.
fn roots(folder: &Path, home: Option<&Path>, files: &impl Files) -> impl Iterator<Item = PathBuf> {
    std::iter::successors(root(folder, home, files), move |inner| root(inner.parent()?, home, files))
}

/// The canonical form of `path` as people write it: without the `\\?\` that Windows puts in front.
///
/// # Errors
/// It does not exist, or may not be looked at.
pub fn canonical(path: &Path, files: &impl Files) -> io::Result<PathBuf> {
    let path = files.canonical(path)?;
    Ok(match path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) {
        Some(text) if cfg!(windows) && text.as_bytes().get(1) == Some(&b':') => text.into(),
        Some(_) | None => path,
    })
}

/// The text of the regular file at `path`; none if there is no such file, or if it is longer than 4 KiB.
fn text(path: &Path, files: &impl Files) -> Option<String> {
    if files.kind(path) != Some(Kind::File) {
        return None;
    }
    let mut text = String::new();
    let read = files.open(path).ok()?.take(MOST + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= MOST).then_some(text)
}
