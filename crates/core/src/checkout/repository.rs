//! To which repository a checkout belongs, as far as its marker says so: checkouts of one repository are siblings.

use std::path::{Path, PathBuf};

use super::{Files, Kind, canonical, git, text};

/// The folders that make out the repository of the checkout with this root: two checkouts that share one are of the same
/// repository. None if the marker does not say, as with Subversion, Pijul and Fossil.
pub(super) fn all(root: &Path, files: &impl Files) -> Vec<PathBuf> {
    let jujutsu = jujutsu(root, files);
    // A Jujutsu repository usually keeps its commits in one of Git, which may have worktrees of its own.
    let behind = jujutsu.as_ref().and_then(|repository| {
        let store = repository.join("store");
        canonical(&store.join(text(&store.join("git_target"), files)?.trim()), files).ok()
    });
    let shared = [".hg", ".sl"].into_iter().filter_map(|marker| mercurial(&root.join(marker), files));
    let got = named_in(&root.join(".got"), "repository", files);
    git::repository(root, files).into_iter().chain(jujutsu).chain(behind).chain(shared).chain(got).collect()
}

/// The one that counts for names: Jujutsu's own, else the first of [`all`]. The others are not looked for.
pub(super) fn first(root: &Path, files: &impl Files) -> Option<PathBuf> {
    jujutsu(root, files)
        .or_else(|| git::repository(root, files))
        .or_else(|| [".hg", ".sl"].into_iter().find_map(|marker| mercurial(&root.join(marker), files)))
        .or_else(|| named_in(&root.join(".got"), "repository", files))
}

/// What people call the repository of the checkout with this root: the name of the folder that it was made in, for all of its
/// worktrees. The root's own name if its marker names no other folder. None only for `/`.
#[must_use]
pub fn name(root: &Path, files: &impl Files) -> Option<String> {
    name_by(root, first(root, files).as_deref())
}

/// As [`name`], by what [`first`] gives.
pub(super) fn name_by(root: &Path, repository: Option<&Path>) -> Option<String> {
    let Some(folder) = repository.and_then(made_in) else {
        return Some(root.file_name()?.to_string_lossy().into_owned());
    };
    let name = folder.file_name()?.to_string_lossy();
    Some(name.strip_suffix(".git").unwrap_or(&name).to_owned())
}

/// The folder that the repository of the checkout with this root was made in: the same for all of its worktrees, and for
/// checkouts of no other repository. The root itself if its marker names no other folder.
#[must_use]
pub fn folder(root: &Path, files: &impl Files) -> PathBuf {
    first(root, files).as_deref().and_then(made_in).unwrap_or(root).to_owned()
}

fn made_in(repository: &Path) -> Option<&Path> {
    // `shop/.git`, `shop/.jj/repo` and `shop/.bare` are shop's; `shop.git` and `shop/.git/modules/lib` have names of their own.
    let is_named = |folder: &Path, name: &str| folder.file_name().is_some_and(|found| found == name);
    let is_hidden =
        |folder: &Path| folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let marker = repository.parent().filter(|above| is_named(above, ".jj")).unwrap_or(repository);
    if is_hidden(marker) { marker.parent() } else { Some(marker) }
}

/// `.jj/repo`: the repository itself, or in a secondary workspace a file with its path, relative to `.jj`.
fn jujutsu(root: &Path, files: &impl Files) -> Option<PathBuf> {
    let marker = root.join(".jj");
    let repo = marker.join("repo");
    match files.kind(&repo)? {
        Kind::Folder => canonical(&repo, files).ok(),
        Kind::File => named_in(&marker, "repo", files),
        Kind::Other => None,
    }
}

/// The marker folder itself, or that of the checkout whose store it uses: `hg share` keeps the path in `sharedpath`.
fn mercurial(marker: &Path, files: &impl Files) -> Option<PathBuf> {
    named_in(marker, "sharedpath", files).or_else(|| canonical(marker, files).ok())
}

/// The folder whose path, relative to `marker`, is the text of a file in it.
fn named_in(marker: &Path, file: &str, files: &impl Files) -> Option<PathBuf> {
    let text = text(&marker.join(file), files)?;
    let path = text.trim_end_matches(['\n', '\r', '\0']);
    if path.is_empty() { None } else { canonical(&marker.join(path), files).ok() }
}
