//! Where the caller is: which checkout, which agent session.

use std::io;
use std::path::{Path, PathBuf};

use styxy_core::{InstanceId, Invalid, Pid};

use crate::agents::{self, Agent};

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

/// The variables that [`session`] reads, in the order in which they count; the last one only turns a look off.
pub const INSTANCE_VARIABLES: [&str; 4] =
    ["STYXY_INSTANCE", "CLAUDE_PID", "CLAUDE_CODE_SESSION_ID", "STYXY_AGENT"];

/// The canonical form of `path`, as people write it.
///
/// # Errors
/// It does not exist, or may not be looked at.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().map(|path| plain(&path))
}

/// An agent session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub instance: InstanceId,
    /// The agent's process, as far as it is known.
    pub pid: Option<Pid>,
}

/// The agent session that the caller runs in: `STYXY_INSTANCE`, else `claude-$CLAUDE_PID`, else `codex-4242` for the nearest
/// agent among its ancestors, else `claude-$CLAUDE_CODE_SESSION_ID`. An empty value counts as unset, a `CLAUDE_PID` that is no
/// pid too, and with `STYXY_AGENT=off` no ancestor is looked at.
///
/// # Errors
/// The value that counts is no instance id.
pub fn session(
    env: impl Fn(&str) -> Option<String>,
    nearest: impl FnOnce() -> Option<(Agent, u32)>,
) -> Result<Option<Session>, Invalid> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let claude = set("CLAUDE_PID").and_then(|pid| pid.parse().ok()).and_then(Pid::new);
    let around = || if set("STYXY_AGENT").as_deref() == Some("off") { None } else { nearest() };
    let (name, pid) = if let Some(own) = set("STYXY_INSTANCE") {
        (own, claude.or_else(|| around().and_then(|(_, pid)| Pid::new(pid))))
    } else if let Some(pid) = claude {
        (format!("claude-{pid}"), Some(pid))
    } else if let Some((agent, pid)) = around() {
        (format!("{}-{pid}", agent.as_str()), Pid::new(pid))
    } else if let Some(session) = set("CLAUDE_CODE_SESSION_ID") {
        (format!("claude-{session}"), None)
    } else {
        return Ok(None);
    };
    Ok(Some(Session { instance: InstanceId::new(&name)?, pid }))
}

/// The name of [`session`], with the ancestors of this process.
///
/// # Errors
/// As [`session`].
pub fn instance_id(env: impl Fn(&str) -> Option<String>) -> Result<Option<InstanceId>, Invalid> {
    // Who has a name of its own needs no look at its ancestors.
    if let Some(own) = env("STYXY_INSTANCE").filter(|value| !value.is_empty()) {
        return InstanceId::new(&own).map(Some);
    }
    Ok(session(env, agents::nearest)?.map(|session| session.instance))
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

    fn of(pairs: &[(&str, &str)], nearest: Option<(Agent, u32)>) -> Option<(String, Option<u32>)> {
        let env =
            |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let session = session(env, || nearest).unwrap()?;
        Some((session.instance.into(), session.pid.map(Pid::get)))
    }

    #[test]
    fn the_session_is_named_by_the_first_that_is_set_and_not_empty() {
        let claude = ("CLAUDE_PID", "42");
        let session = ("CLAUDE_CODE_SESSION_ID", "0b1c");
        let codex = Some((Agent::Codex, 7));
        let is = |name: &str, pid| Some((name.to_owned(), pid));
        assert_eq!(of(&[("STYXY_INSTANCE", "mine"), claude, session], codex), is("mine", Some(42)));
        assert_eq!(of(&[("STYXY_INSTANCE", "mine")], codex), is("mine", Some(7)));
        assert_eq!(of(&[("STYXY_INSTANCE", ""), claude, session], codex), is("claude-42", Some(42)));
        for no_pid in ["", "abc", "0", "-5", "4294967296"] {
            assert_eq!(of(&[("CLAUDE_PID", no_pid), session], codex), is("codex-7", Some(7)), "{no_pid:?}");
            assert_eq!(of(&[("CLAUDE_PID", no_pid), session], None), is("claude-0b1c", None), "{no_pid:?}");
        }
        assert_eq!(of(&[session, ("STYXY_AGENT", "off")], codex), is("claude-0b1c", None));
        assert_eq!(of(&[session], None), is("claude-0b1c", None));
        assert_eq!(of(&[], None), None);
    }

    #[test]
    fn a_session_name_of_the_wrong_form_is_refused() {
        assert!(instance_id(|name| (name == "STYXY_INSTANCE").then(|| "a b".into())).is_err());
    }
}
