//! What marks a folder as the root of a checkout: the one list of version control systems.

use std::path::{Path, PathBuf};

use super::{Files, Kind};

/// What one version control system puts into a checkout.
struct Marker {
    /// Its path, from the root of the checkout.
    path: &'static str,
    found: Found,
    /// Which of several marked folders above each other is the root.
    root: Root,
}

/// As what a marker is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Folder,
    File,
    Either,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    /// The nearest one: the others are checkouts around it.
    Nearest,
    /// The topmost one without a gap: old versions of the system mark every folder.
    Topmost,
}

const fn marker(path: &'static str, found: Found) -> Marker {
    Marker { path, found, root: Root::Nearest }
}

const MARKERS: &[Marker] = &[
    // Git: a folder; a file in linked worktrees and submodules.
    marker(".git", Found::Either),
    // Jujutsu. In a secondary workspace `.jj/repo` is a file.
    marker(".jj", Found::Folder),
    // Sapling.
    marker(".sl", Found::Folder),
    // Mercurial.
    marker(".hg", Found::Folder),
    // Subversion. Before version 1.7 every folder had one.
    Marker { path: ".svn", found: Found::Folder, root: Root::Topmost },
    marker(".pijul", Found::Folder),
    // Fossil: the database of the checkout, under its names on different systems.
    marker(".fslckout", Found::File),
    marker("_FOSSIL_", Found::File),
    marker("_darcs", Found::Folder),
    // Bazaar and Breezy.
    marker(".bzr", Found::Folder),
    // Game of Trees.
    marker(".got", Found::Folder),
    // Unity Version Control, formerly Plastic SCM.
    marker(".plastic", Found::Folder),
    Marker { path: "CVS/Root", found: Found::File, root: Root::Topmost },
];

impl Marker {
    fn is_in(&self, folder: &Path, files: &impl Files) -> bool {
        match files.kind(&folder.join(self.path)) {
            Some(Kind::Folder) => self.found != Found::File,
            Some(Kind::File) => self.found != Found::Folder,
            Some(Kind::Other) | None => false,
        }
    }
}

/// The root of the innermost checkout among `folders`, which lead upwards, each the parent of the one before it.
pub(super) fn root<'a>(folders: impl Iterator<Item = &'a Path>, files: &impl Files) -> Option<PathBuf> {
    let mut folders = folders.skip_while(|folder| MARKERS.iter().all(|marker| !marker.is_in(folder, files)));
    let nearest = folders.next()?;
    let has = |folder: &Path, root: Root| {
        MARKERS.iter().any(|marker| marker.root == root && marker.is_in(folder, files))
    };
    if has(nearest, Root::Nearest) {
        return Some(nearest.to_owned());
    }
    let around = folders.take_while(|folder| has(folder, Root::Topmost)).last();
    Some(around.unwrap_or(nearest).to_owned())
}
