//! Where a process works: its folder, and the project that this lies in.

use std::path::{Path, PathBuf};

use styxy_core::{ProjectId, ProjectPath, checkout};

use super::disk::{self, Disk};

/// Where a process works. What is unknown, or took too long to look up, is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Its working directory, unless that was deleted or is not seen from here.
    pub working_directory: Option<PathBuf>,
    /// The name that its working directory had, if it was deleted.
    pub deleted_directory: Option<PathBuf>,
    /// The root of the worktree that the working directory lies in.
    pub project_path: Option<ProjectPath>,
    /// Where the folder is that a lease may be for, the project's or else the working directory, and which one it is.
    pub found: Option<(ProjectId, ProjectPath)>,
    /// The branch checked out there; none for a detached head.
    pub branch: Option<String>,
}

impl Place {
    /// In `folder`, which lies in the worktree at `root`. The branch is not looked up.
    pub(super) fn inside(folder: PathBuf, root: Option<&Path>) -> Self {
        let named = |folder: &Path| folder.to_str().and_then(|folder| ProjectPath::new(folder).ok());
        let which = root.unwrap_or(&folder);
        Self {
            project_path: root.and_then(named),
            found: disk::id(which).zip(named(which)),
            working_directory: Some(folder),
            ..Self::default()
        }
    }

    /// The same with the branch that is checked out there.
    #[must_use]
    pub fn with_branch(self) -> Self {
        let root = self.project_path.as_ref().map(|root| Path::new(root.as_str()));
        Self { branch: root.and_then(|root| checkout::branch(root, &Disk)), ..self }
    }
}
