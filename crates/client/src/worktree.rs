//! What people call a worktree: its repository and its branch.

use std::path::Path;

use styxy_core::checkout;

use crate::disk::{self, Disk};

/// What people call a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// The name of the folder that the repository was made in, for all of its worktrees; else the project's own.
    pub repository: String,
    /// The branch that is checked out; none for a detached head, and where the system does not say.
    pub branch: Option<String>,
}

impl Worktree {
    /// The worktree, or outside of one the project, that `folder` lies in. It reads some small files, which may hang on a
    /// network's disk. None for `/`, and for a folder that is gone.
    #[must_use]
    pub fn around(folder: &Path, home: Option<&Path>) -> Option<Self> {
        // What was around a folder that is gone says nothing of it.
        let folder = disk::canonical(folder).ok()?;
        let root = checkout::root(&folder, home, &Disk).unwrap_or(folder);
        let repository = checkout::repository_name(&root, &Disk)?;
        Some(Self { repository, branch: checkout::branch(&root, &Disk) })
    }
}
