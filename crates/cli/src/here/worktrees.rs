//! What the worktrees are called that a table shows: the repository and the branch of each, read from the disk.

#[cfg(unix)]
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use styxy_client::Worktree;
use styxy_core::ProjectPath;
use styxy_core::order::set;
#[cfg(unix)]
use styxy_core::view::Place;

use crate::here::caller::user_home;
use crate::say::table::{Cell, Column, UNKNOWN};
use styxy_core::printable::tilde;

/// How long all of them may take: one may lie on a network's disk that does not answer.
const PATIENCE: Duration = Duration::from_millis(200);

/// The columns of [`Worktrees::cells`]. The repository and the branch stay where there is little room.
pub(crate) const COLUMNS: [Column; 3] = [
    Column::new("PROJECT").at_least(6).better(10).leaves(9),
    Column::new("BRANCH").at_least(6).better(12).leaves(8).if_known(),
    Column::new("FOLDER").at_least(16).leaves(1),
];

/// What worktrees are called, by their paths.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worktrees {
    by_path: HashMap<ProjectPath, Worktree>,
}

impl Worktrees {
    /// Reads what the worktrees at `paths` are called. Those that do not answer in time have no branch.
    pub(crate) fn at<'a>(paths: impl IntoIterator<Item = &'a ProjectPath>) -> Self {
        Self::within(PATIENCE, paths)
    }

    fn within<'a>(patience: Duration, paths: impl IntoIterator<Item = &'a ProjectPath>) -> Self {
        let paths = set(paths.into_iter().map(|path| path.as_str().to_owned()));
        let (send, answers) = mpsc::channel();
        let home = user_home();
        let read = move || {
            for path in paths {
                let worktree = Worktree::around(Path::new(&path), home.as_deref());
                let named = ProjectPath::new(&path).ok().zip(worktree);
                if named.is_some_and(|named| send.send(named).is_err()) {
                    return;
                }
            }
        };
        // Without another thread there is no limit of time, and the table does without branches.
        if thread::Builder::new().spawn(read).is_err() {
            return Self::default();
        }
        let until = Instant::now() + patience;
        let next = || answers.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
        Self { by_path: std::iter::from_fn(next).collect() }
    }

    /// The repository, the branch, and the folder with the home folder written `~`.
    pub(crate) fn cells(&self, path: Option<&ProjectPath>, home: Option<&Path>) -> [Cell; 3] {
        let Some(path) = path else { return [UNKNOWN, UNKNOWN, UNKNOWN].map(Cell::from) };
        let worktree = self.by_path.get(path);
        self.with_branch(path, worktree.and_then(|worktree| worktree.branch.as_deref()), home)
    }

    /// As [`Worktrees::cells`], where somebody else says which branch it is.
    pub(crate) fn with_branch(
        &self,
        path: &ProjectPath,
        branch: Option<&str>,
        home: Option<&Path>,
    ) -> [Cell; 3] {
        [self.project(path).into(), branch.unwrap_or(UNKNOWN).into(), Cell::path(tilde(path.as_str(), home))]
    }

    /// What the PROJECT column calls the worktree at `path`.
    pub(crate) fn project(&self, path: &ProjectPath) -> String {
        self.by_path.get(path).map_or_else(|| own_name(path), |worktree| worktree.repository.clone())
    }

    /// The same for the live view's model. Which repository it is, is known by its name only.
    #[cfg(unix)]
    pub(crate) fn places(self) -> BTreeMap<ProjectPath, Place> {
        let place = |worktree: Worktree| Place {
            repository: worktree.repository.clone(),
            name: worktree.repository,
            branch: worktree.branch,
        };
        self.by_path.into_iter().map(|(path, worktree)| (path, place(worktree))).collect()
    }

    /// For tests: as they would be read.
    #[cfg(test)]
    pub(crate) fn known(all: &[(&str, &str, Option<&str>)]) -> Self {
        let by_path = all.iter().map(|(path, repository, branch)| {
            let worktree =
                Worktree { repository: (*repository).to_owned(), branch: branch.map(str::to_owned) };
            (ProjectPath::new(path).unwrap(), worktree)
        });
        Self { by_path: by_path.collect() }
    }
}

fn own_name(path: &ProjectPath) -> String {
    let name = Path::new(path.as_str()).file_name();
    name.map_or_else(|| path.as_str().to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_worktrees_of_a_repository_are_called_by_it_and_their_branches() {
        let top = tempfile::tempdir().unwrap();
        let top = crate::here::caller::canonical(top.path());
        let main = top.join("shop");
        fs::create_dir_all(main.join(".git/worktrees/fix")).unwrap();
        fs::write(main.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(main.join(".git/worktrees/fix/HEAD"), "ref: refs/heads/fix/cart\n").unwrap();
        fs::write(main.join(".git/worktrees/fix/commondir"), "../..\n").unwrap();
        let fix = top.join("elsewhere");
        fs::create_dir(&fix).unwrap();
        fs::write(fix.join(".git"), format!("gitdir: {}/.git/worktrees/fix\n", main.display())).unwrap();
        let paths =
            [main, fix, top.join("gone")].map(|path| ProjectPath::new(path.to_str().unwrap()).unwrap());
        let worktrees = Worktrees::within(Duration::from_secs(30), &paths);
        let of = |path: &ProjectPath| {
            let [name, branch, _] = worktrees.cells(Some(path), None);
            (name.at_width(99).into_owned(), branch.at_width(99).into_owned())
        };
        let named = |name: &str, branch: &str| (name.to_owned(), branch.to_owned());
        assert_eq!(
            [0, 1, 2].map(|at| of(&paths[at])),
            [named("shop", "main"), named("shop", "fix/cart"), named("gone", UNKNOWN)]
        );
    }
}
