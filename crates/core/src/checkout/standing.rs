//! Which of its repository's worktrees a checkout is.

use std::path::Path;

use super::{Files, git, repository};

/// What a checkout and its repository are called, for a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The name of the folder that the repository was made in, the same for all its worktrees; outside of version control that
    /// of the folder.
    pub repository: String,
    /// What a linked worktree is called: by git itself, which changes this neither with the branch nor with the folder; by
    /// other systems, as its folder. None for the main worktree.
    pub linked: Option<String>,
}

/// What the checkout with this root and its repository are called. None only for `/`.
#[must_use]
pub fn standing(root: &Path, files: &impl Files) -> Option<Standing> {
    let first = repository::first(root, files);
    let repository = repository::name_by(root, first.as_deref())?;
    let linked = git::worktree_id(root, files).or_else(|| {
        // As with `jj workspace` and `hg share`.
        let is_elsewhere = first.is_some_and(|repository| !repository.starts_with(root));
        (is_elsewhere && git::repository(root, files).is_none())
            .then(|| root.file_name().map(|name| name.to_string_lossy().into_owned()))?
    });
    Some(Standing { repository, linked })
}
