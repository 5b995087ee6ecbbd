//! What people call a worktree: its repository and its branch; and what it is called in host names.

use std::path::{Path, PathBuf};

use styxy_core::ProjectPath;
use styxy_core::checkout::{self, Standing};
use styxy_core::label::Label;
use styxy_os::disk::{self, Disk};

use crate::project;

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

/// What the worktree at `root` is called in host names, unless another one has that name (R113).
#[must_use]
pub fn worktree_label(root: &Path) -> Option<String> {
    label_of(&ProjectPath::new(root.to_str()?).ok()?).map(|label| label.to_string())
}

/// The folder that git keeps of the linked worktree at `root`, which goes when git removes the worktree.
#[must_use]
pub fn worktree_record(root: &Path) -> Option<PathBuf> {
    checkout::record(root, &Disk)
}

/// What the worktree with this root is called in host names (R111). The project's file at the root may call the repository
/// otherwise.
pub(crate) fn label_of(root: &ProjectPath) -> Option<Label> {
    let root = Path::new(root.as_str());
    let standing = checkout::standing(root, &Disk)?;
    // What is wrong with the file is said where it is read for its services.
    let name = project::find(root, None).ok().flatten().and_then(|file| file.project.name);
    let repository = name.map_or(standing.repository, |name| name.to_string());
    Some(Label::of_worktree(&Standing { repository, ..standing }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_at_the_root_may_call_a_repository_otherwise() {
        let top = tempfile::tempdir().unwrap();
        let top = disk::canonical(top.path()).unwrap();
        let own = top.join("Shop/.git/worktrees/login");
        fs::create_dir_all(&own).unwrap();
        fs::create_dir_all(top.join("elsewhere")).unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        fs::write(top.join("elsewhere/.git"), format!("gitdir: {}\n", own.display())).unwrap();
        let label = |folder: &str| {
            let root = ProjectPath::new(top.join(folder).to_str().unwrap()).unwrap();
            label_of(&root).map(|label| label.to_string())
        };
        assert_eq!(label("Shop").as_deref(), Some("shop"));
        assert_eq!(label("elsewhere").as_deref(), Some("login-shop"));
        fs::write(top.join("elsewhere/.styxy.json"), r#"{"name": "store"}"#).unwrap();
        fs::write(top.join("Shop/package.json"), r#"{"name": "x", "styxy": {"name": "store"}}"#).unwrap();
        assert_eq!(label("Shop").as_deref(), Some("store"));
        assert_eq!(label("elsewhere").as_deref(), Some("login-store"));
        fs::write(top.join("elsewhere/.styxy.json"), r#"{"name": 3}"#).unwrap();
        assert_eq!(label("elsewhere").as_deref(), Some("login-shop"));
    }
}
