//! Where a folder belongs: to which checkout, project and package, how two checkouts are related, which branch is checked
//! out.
//!
//! Only the rules are here. The disk comes in as [`Files`], and of it they read small files by which version control
//! systems tell their checkouts apart, and manifests that may make a workspace.

mod git;
mod identity;
mod manifests;
mod markers;
mod package;
mod repository;
mod standing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fs::FileType;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use git::{branch, is_recorded, record};
pub use identity::{Folder, born_ns, id};
pub use package::{package, package_folder};
pub use repository::{folder as repository_folder, name as repository_name};
pub use standing::{Standing, standing};

/// More bytes than any file of a version control system needs that is read here.
const MOST: u64 = 4096;
/// Folders that everybody on the machine shares: a manifest there, which somebody left behind, joins nothing.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

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

/// Where a folder belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The root: the same for all folders that belong together.
    pub root: PathBuf,
    /// By what it is the root.
    pub ground: Ground,
}

/// By what a folder is the root of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// A version control system put its marker there.
    Checkout,
    /// A manifest is there, and no checkout is around it.
    Manifest,
    /// Nothing: a folder that stands for itself.
    Folder,
}

/// Where `folder`, which is canonical, belongs (R29); none in `home` and in `/`.
///
/// The innermost checkout around it counts. Outside of one it is the topmost workspace, else the nearest manifest, else the
/// folder itself. `home`, `/` and what is above `home` are none of these, whatever is in them, since dotfiles are kept that
/// way: the search goes on above. Costs some looks at the disk for each folder on the way up.
#[must_use]
pub fn place(folder: &Path, home: Option<&Path>, files: &impl Files) -> Option<Place> {
    if let Some(known) = known(folder, home, files) {
        return Some(known);
    }
    let home = home.and_then(|home| canonical(home, files).ok());
    let is_place = folder.parent().is_some() && home.as_deref() != Some(folder);
    is_place.then(|| Place { root: folder.to_owned(), ground: Ground::Folder })
}

/// The root of the checkout, or of the project outside of one, that `folder` lies in: as [`place`], without folders that
/// stand for themselves. `folder` may be gone.
#[must_use]
pub fn root(folder: &Path, home: Option<&Path>, files: &impl Files) -> Option<PathBuf> {
    known(folder, home, files).map(|place| place.root)
}

fn known(folder: &Path, home: Option<&Path>, files: &impl Files) -> Option<Place> {
    let home = home.and_then(|home| canonical(home, files).ok());
    let folders = || {
        let below_top = folder.ancestors().filter(|folder| folder.parent().is_some());
        below_top.filter(|folder| home.as_deref() != Some(*folder))
    };
    if let Some(root) = markers::root(folders(), files) {
        return Some(Place { root, ground: Ground::Checkout });
    }
    let is_above_home = |folder: &Path| home.as_ref().is_some_and(|home| home.starts_with(folder));
    let is_shared = |folder: &Path| SHARED.iter().any(|shared| Path::new(shared) == folder);
    let own: Vec<&Path> =
        folders().take_while(|folder| !is_above_home(folder) && !is_shared(folder)).collect();
    let workspace = own.iter().rev().find(|folder| manifests::is_workspace(folder, files));
    let root = workspace.or_else(|| own.iter().find(|folder| manifests::is_package(folder, files)))?;
    Some(Place { root: root.to_path_buf(), ground: Ground::Manifest })
}

/// How `theirs` is related to `ours`; both are canonical. A checkout of our repository that lies inside of ours is its
/// sibling, not a part of it.
#[must_use]
pub fn kinship(ours: &Path, theirs: &Path, home: Option<&Path>, files: &impl Files) -> Kinship {
    if ours == theirs {
        return Kinship::Same;
    }
    // From each side outwards: what is met first decides.
    for (inner, outer) in [(theirs, ours), (ours, theirs)] {
        let repositories = repository::all(outer, files);
        for root in roots(inner, home, files) {
            if root == outer {
                return Kinship::Same;
            }
            if repository::all(&root, files).iter().any(|repository| repositories.contains(repository)) {
                return Kinship::Sibling;
            }
        }
    }
    Kinship::Unrelated
}

/// The root of the checkout that `folder` lies in, of the one around that, and so on. A project by its manifest is not
/// around the checkouts that lie in it.
fn roots(folder: &Path, home: Option<&Path>, files: &impl Files) -> impl Iterator<Item = PathBuf> {
    let around = move |inner: &Place| {
        known(inner.root.parent()?, home, files).filter(|outer| outer.ground == inner.ground)
    };
    std::iter::successors(known(folder, home, files), around).map(|place| place.root)
}

/// The canonical form of `path` as people write it: without the `\\?\` that Windows puts in front. It is the only form that
/// paths are compared in.
///
/// # Errors
/// It does not exist, or may not be looked at.
pub fn canonical(path: &Path, files: &impl Files) -> io::Result<PathBuf> {
    let path = files.canonical(path)?;
    let plain = path.to_str().filter(|_| cfg!(windows)).and_then(plain);
    Ok(plain.unwrap_or(path))
}

/// A path of Windows without `\\?\`: of a drive, or of a network share (and so of `\\wsl.localhost`); none for anything else.
fn plain(verbatim: &str) -> Option<PathBuf> {
    let rest = verbatim.strip_prefix(r"\\?\")?;
    if let Some(share) = rest.strip_prefix(r"UNC\") {
        return Some(format!(r"\\{share}").into());
    }
    (rest.as_bytes().get(1) == Some(&b':')).then(|| rest.into())
}

/// A path as somebody said it, as this system reads it: on Windows Git Bash says `/c/Users/ada`, and an editor `/c:/Users/ada`.
#[must_use]
pub fn said(path: &Path) -> Cow<'_, Path> {
    match path.to_str().filter(|_| cfg!(windows)).and_then(on_a_drive) {
        Some(path) => Cow::Owned(path),
        None => Cow::Borrowed(path),
    }
}

/// A path of Windows whose drive was said as the first folder of a Unix path; none for anything else.
fn on_a_drive(unix: &str) -> Option<PathBuf> {
    let (drive, rest) = unix.strip_prefix('/')?.split_at_checked(1)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let is_drive = drive.bytes().all(|byte| byte.is_ascii_alphabetic());
    let rest = rest.strip_prefix('/').or_else(|| rest.is_empty().then_some(""))?;
    is_drive.then(|| format!(r"{}:\{}", drive.to_ascii_uppercase(), rest.replace('/', r"\")).into())
}

/// The text of the regular file at `path`; none if there is no such file, or if it is longer than 4 KiB.
fn text(path: &Path, files: &impl Files) -> Option<String> {
    text_up_to(MOST, path, files)
}

/// As [`text`], up to `most` bytes.
fn text_up_to(most: u64, path: &Path, files: &impl Files) -> Option<String> {
    if files.kind(path) != Some(Kind::File) {
        return None;
    }
    // Most are short.
    let mut text = String::with_capacity(512);
    let read = files.open(path).ok()?.take(most + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= most).then_some(text)
}
