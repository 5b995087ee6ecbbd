//! Where the caller is: which checkout, which agent session.

use std::io;
use std::path::{Path, PathBuf};

use styxy_core::{InstanceId, InvalidName};

/// The canonical root of the checkout that `dir` lies in: the nearest folder with a `.git`, be it a folder or, in a
/// worktree, a file.
///
/// Nothing if there is none. A `.git` in the home folder itself or in `/` makes no project: dotfiles are kept that way.
#[must_use]
pub fn project_root(dir: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    let home = home.and_then(|home| home.canonicalize().ok());
    let root = dir.ancestors().find(|folder| folder.join(".git").exists())?;
    let is_project = root.parent().is_some() && home.as_deref() != Some(root);
    is_project.then(|| plain(root))
}

/// Without the `\\?\` that Windows puts before canonical paths and nobody else writes.
fn plain(path: &Path) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) {
        Some(text) if cfg!(windows) && text.as_bytes().get(1) == Some(&b':') => text.into(),
        Some(_) | None => path.to_owned(),
    }
}

/// The variables that [`instance_id`] reads, in the order in which they count.
pub const INSTANCE_VARIABLES: [&str; 3] = ["STYXY_INSTANCE", "CLAUDE_PID", "CLAUDE_CODE_SESSION_ID"];

/// The project that the folder `dir` stands for: the checkout around it, else the folder itself. Canonical.
///
/// # Errors
/// It does not exist, or may not be looked at.
pub fn project_around(dir: &Path, home: Option<&Path>) -> io::Result<PathBuf> {
    let dir = canonical(dir)?;
    Ok(project_root(&dir, home).unwrap_or(dir))
}

/// The canonical form of `path`, as people write it.
///
/// # Errors
/// It does not exist, or may not be looked at.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().map(|path| plain(&path))
}

/// The agent session that the environment names: `STYXY_INSTANCE`, else `claude-$CLAUDE_PID`, else
/// `claude-$CLAUDE_CODE_SESSION_ID`. An empty value counts as unset.
///
/// # Errors
/// The value that counts is no instance id.
pub fn instance_id(env: impl Fn(&str) -> Option<String>) -> Result<Option<InstanceId>, InvalidName> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let claude = |name: &str| set(name).map(|value| format!("claude-{value}"));
    set("STYXY_INSTANCE")
        .or_else(|| claude("CLAUDE_PID"))
        .or_else(|| claude("CLAUDE_CODE_SESSION_ID"))
        .map(|id| InstanceId::new(&id))
        .transpose()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_checkout_is_found_from_anywhere_inside_it() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let deep = top.join("app/packages/web");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir(top.join("app/.git")).unwrap();
        assert_eq!(project_root(&deep, None), Some(top.join("app")));
        assert_eq!(project_root(&top.join("app"), Some(&top)), Some(top.join("app")));
    }

    #[test]
    fn a_worktree_whose_git_is_a_file_is_a_checkout_of_its_own() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let worktree = top.join("app/.worktrees/feature");
        fs::create_dir_all(&worktree).unwrap();
        fs::create_dir(top.join("app/.git")).unwrap();
        fs::write(worktree.join(".git"), "gitdir: ../../.git/worktrees/feature\n").unwrap();
        assert_eq!(project_root(&worktree, None), Some(worktree));
    }

    #[test]
    #[cfg(unix)]
    fn a_symlinked_checkout_has_the_same_root_as_the_real_one() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("app/.git")).unwrap();
        std::os::unix::fs::symlink(top.join("app"), top.join("link")).unwrap();
        assert_eq!(project_root(&top.join("link"), None), Some(top.join("app")));
    }

    #[test]
    fn a_git_in_the_home_folder_makes_no_project() {
        let home = tempfile::tempdir().unwrap();
        let inside = home.path().join("notes");
        fs::create_dir(&inside).unwrap();
        fs::create_dir(home.path().join(".git")).unwrap();
        assert_eq!(project_root(&inside, Some(home.path())), None);
        assert_eq!(project_root(&inside, None), Some(home.path().canonicalize().unwrap()));
    }

    #[test]
    fn the_session_is_named_by_the_first_variable_that_is_set_and_not_empty() {
        let id = |pairs: &[(&str, &str)]| {
            instance_id(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
            .unwrap()
            .map(String::from)
        };
        let claude = ("CLAUDE_PID", "42");
        let session = ("CLAUDE_CODE_SESSION_ID", "0b1c");
        assert_eq!(id(&[("STYXY_INSTANCE", "mine"), claude, session]).as_deref(), Some("mine"));
        assert_eq!(id(&[("STYXY_INSTANCE", ""), claude, session]).as_deref(), Some("claude-42"));
        assert_eq!(id(&[("CLAUDE_PID", ""), session]).as_deref(), Some("claude-0b1c"));
        assert_eq!(id(&[]), None);
    }

    #[test]
    fn a_session_name_of_the_wrong_form_is_refused() {
        assert!(instance_id(|name| (name == "STYXY_INSTANCE").then(|| "a b".into())).is_err());
    }
}
