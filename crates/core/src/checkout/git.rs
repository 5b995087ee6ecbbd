//! What git keeps in its files about a worktree.

use std::path::{Path, PathBuf};

use super::{Files, Kind, canonical, text};

/// The branch checked out in the worktree with this root; none for a detached head.
#[must_use]
pub fn branch(root: &Path, files: &impl Files) -> Option<String> {
    let head = text(&git_folder(root, files)?.join("HEAD"), files)?;
    let branch = head.strip_prefix("ref:")?.trim().strip_prefix("refs/heads/")?;
    // What is there when the branches are not kept in files (reftable).
    (branch != ".invalid").then(|| branch.to_owned())
}

/// Whether git has a record that `folder`, which may be deleted, lies in a worktree of the repository of `ours`.
#[must_use]
pub fn is_recorded(ours: &Path, folder: &Path, files: &impl Files) -> bool {
    let Some(repository) = repository(ours, files) else { return false };
    let records = files.entries(&repository.join("worktrees"));
    records.iter().filter_map(|record| recorded(record, files)).any(|root| folder.starts_with(root))
}

/// The root of the worktree that git keeps `record` of. The worktree itself may be deleted.
fn recorded(record: &Path, files: &impl Files) -> Option<PathBuf> {
    let file = record.join(text(&record.join("gitdir"), files)?.trim());
    let root = file.parent()?;
    Some(canonical(root.parent()?, files).ok()?.join(root.file_name()?))
}

/// The folder of the repository that the worktree with this root belongs to: the same for all its worktrees.
pub(super) fn repository(root: &Path, files: &impl Files) -> Option<PathBuf> {
    let own = git_folder(root, files)?;
    let is_linked = files.kind(&root.join(".git")) == Some(Kind::File);
    let common = match is_linked.then(|| text(&own.join("commondir"), files)).flatten() {
        Some(common) => own.join(common.trim()),
        // A submodule has no `commondir`; a worktree that was pruned no longer has any of it.
        None if is_linked && own.parent()?.ends_with("worktrees") => own.parent()?.parent()?.to_owned(),
        None => own,
    };
    canonical(&common, files).ok()
}

/// What git calls the linked worktree with this root: the name of its [`record`], which stays the same when the worktree is moved and
/// when its branch is changed.
pub(super) fn worktree_id(root: &Path, files: &impl Files) -> Option<String> {
    Some(record(root, files)?.file_name()?.to_string_lossy().into_owned())
}

/// The folder in `.git/worktrees` that git keeps of the linked worktree with this root: it goes when git removes the worktree, also if
/// files stay behind. None for a main worktree and for a submodule.
#[must_use]
pub fn record(root: &Path, files: &impl Files) -> Option<PathBuf> {
    if files.kind(&root.join(".git")) != Some(Kind::File) {
        return None;
    }
    git_folder(root, files).filter(|own| own.parent().is_some_and(|above| above.ends_with("worktrees")))
}

/// Where git keeps what belongs to the worktree with this root: its `.git`, or the folder that this file names.
fn git_folder(root: &Path, files: &impl Files) -> Option<PathBuf> {
    let git = root.join(".git");
    if files.kind(&git) == Some(Kind::Folder) {
        return Some(git);
    }
    Some(root.join(text(&git, files)?.strip_prefix("gitdir:")?.trim()))
}
