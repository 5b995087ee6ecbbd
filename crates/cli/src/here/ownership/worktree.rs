//! How two worktrees stand to each other, by what git keeps in them. Reads files called `.git` and `commondir` only.

use std::fs;
use std::path::{Path, PathBuf};

use styxy_client::place::project_root;

/// How another worktree stands to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinship {
    /// It is ours, or a repository within it (a submodule), or the other way round.
    Same,
    /// It is another worktree of our repository, or lies in one.
    Sibling,
    /// Neither.
    Unrelated,
}

/// How `theirs` stands to `ours`; both are canonical. A worktree kept inside another one is a sibling, not a part of it.
pub(crate) fn kinship(ours: &Path, theirs: &Path, home: Option<&Path>) -> Kinship {
    if ours == theirs {
        return Kinship::Same;
    }
    // From each side outwards: what is met first decides.
    for (inner, outer) in [(theirs, ours), (ours, theirs)] {
        let repository = repository(outer);
        for root in roots(inner, home) {
            if root == outer {
                return Kinship::Same;
            }
            if repository.is_some() && repository == self::repository(&root) {
                return Kinship::Sibling;
            }
        }
    }
    Kinship::Unrelated
}

/// The worktree that `folder` lies in, the one around that, and so on.
fn roots(folder: &Path, home: Option<&Path>) -> impl Iterator<Item = PathBuf> {
    std::iter::successors(project_root(folder, home), move |root| project_root(root.parent()?, home))
}

/// Whether git has it on record that `theirs` lies in a worktree of `ours`' repository, be it deleted or not.
pub(super) fn is_recorded(ours: &Path, theirs: &Path) -> bool {
    let Some(records) = repository(ours).and_then(|git| fs::read_dir(git.join("worktrees")).ok()) else {
        return false;
    };
    records.flatten().filter_map(|record| recorded(&record.path())).any(|root| theirs.starts_with(root))
}

/// The root of the worktree that git keeps `record` of; the worktree itself need not be there.
fn recorded(record: &Path) -> Option<PathBuf> {
    let file = record.join(fs::read_to_string(record.join("gitdir")).ok()?.trim());
    let root = file.parent()?;
    Some(root.parent()?.canonicalize().ok()?.join(root.file_name()?))
}

/// The folder of the repository that the worktree with this root belongs to: the same for all its worktrees.
fn repository(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return git.canonicalize().ok();
    }
    let pointer = fs::read_to_string(&git).ok()?;
    let own = root.join(pointer.strip_prefix("gitdir:")?.trim());
    let common = match fs::read_to_string(own.join("commondir")) {
        Ok(common) => own.join(common.trim()),
        // A submodule has no `commondir`; a worktree that was pruned no longer has any of it.
        Err(_) if own.parent()?.ends_with("worktrees") => own.parent()?.parent()?.to_owned(),
        Err(_) => own,
    };
    common.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    struct Place(TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(place.at("app/.git/worktrees")).unwrap();
            place
        }
        fn at(&self, path: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(path)
        }
        /// As `git worktree add` leaves it.
        fn worktree(&self, path: &str, name: &str) -> PathBuf {
            let (root, own) = (self.at(path), self.at("app/.git/worktrees").join(name));
            fs::create_dir_all(&root).unwrap();
            fs::create_dir_all(&own).unwrap();
            fs::write(root.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
            fs::write(own.join("commondir"), "../..\n").unwrap();
            fs::write(own.join("gitdir"), format!("{}/.git\n", root.display())).unwrap();
            root
        }
        fn submodule(&self, path: &str) -> PathBuf {
            let root = self.at(path);
            fs::create_dir_all(&root).unwrap();
            fs::create_dir_all(self.at("app/.git/modules/sub")).unwrap();
            let own = self.at("app/.git/modules/sub");
            fs::write(root.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
            root
        }
    }

    #[track_caller]
    fn both_ways(one: &Path, other: &Path, expected: Kinship) {
        assert_eq!(kinship(one, other, None), expected, "{one:?} {other:?}");
        assert_eq!(kinship(other, one, None), expected, "{other:?} {one:?}");
    }

    #[test]
    fn worktrees_of_one_repository_are_siblings_wherever_they_lie() {
        let place = Place::new();
        let (main, beside) = (place.at("app"), place.worktree("app-fix", "fix"));
        let inside = place.worktree("app/.worktrees/feature", "feature");
        both_ways(&main, &main, Kinship::Same);
        both_ways(&main, &beside, Kinship::Sibling);
        both_ways(&main, &inside, Kinship::Sibling);
        both_ways(&beside, &inside, Kinship::Sibling);
    }

    #[test]
    fn a_submodule_is_part_of_its_worktree_and_of_no_other() {
        let place = Place::new();
        let (main, sub) = (place.at("app"), place.submodule("app/vendor/sub"));
        let inside = place.worktree("app/.worktrees/feature", "feature");
        let deep = place.submodule("app/.worktrees/feature/vendor/sub");
        both_ways(&main, &sub, Kinship::Same);
        both_ways(&inside, &deep, Kinship::Same);
        both_ways(&main, &deep, Kinship::Sibling);
    }

    #[test]
    fn other_repositories_and_folders_without_one_are_unrelated() {
        let place = Place::new();
        let (other, plain) = (place.at("other"), place.at("plain"));
        fs::create_dir_all(other.join(".git")).unwrap();
        fs::create_dir_all(&plain).unwrap();
        both_ways(&place.at("app"), &other, Kinship::Unrelated);
        both_ways(&place.at("app"), &plain, Kinship::Unrelated);
        both_ways(&plain, &plain, Kinship::Same);
    }

    #[test]
    fn a_deleted_worktree_is_known_by_gits_record_of_it() {
        let place = Place::new();
        let (fix, inside) = (place.worktree("app-fix", "fix"), place.worktree("app/.worktrees/old", "old"));
        fs::create_dir_all(place.at("other/.git")).unwrap();
        fs::write(place.at("app/.git/worktrees/old/gitdir"), "../../../.worktrees/old/.git\n").unwrap();
        for gone in [&fix, &inside] {
            fs::remove_dir_all(gone).unwrap();
            assert!(is_recorded(&place.at("app"), &gone.join("web")), "{gone:?}");
            assert!(!is_recorded(&place.at("other"), &gone.join("web")), "{gone:?}");
        }
        assert!(!is_recorded(&place.at("app"), &place.at("app-fixed")));
    }

    #[test]
    fn a_worktree_that_git_has_pruned_is_still_a_sibling() {
        let place = Place::new();
        let pruned = place.worktree("app-old", "old");
        fs::remove_dir_all(place.at("app/.git/worktrees/old")).unwrap();
        both_ways(&place.at("app"), &pruned, Kinship::Sibling);
    }
}
