//! The folder that a process works in, by its name: what is there, and to which project it belongs.
//!
//! Where a system names the folder instead of opening it, the name may lead to something that this process may not read: macOS
//! closes Documents, Desktop and Downloads to programs without a grant, and asks the person, which takes as long as the person does.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use styxy_core::{Relation, checkout};

use super::disk::{self, Disk};
use super::{Place, patience};

/// The longest look at one folder. It goes on without an answer.
const PATIENCE: Duration = Duration::from_millis(250);

/// What is at `folder`, in which a process of `user` works; only its name if there was no answer in time. `home` is that user's. Takes
/// 250 ms at most, and ends by `deadline`.
pub(super) fn look(folder: PathBuf, user: Relation, home: Option<PathBuf>, deadline: Instant) -> Place {
    let name = folder.clone();
    let deadline = deadline.min(Instant::now() + PATIENCE);
    let seen = patience::within(deadline, move || {
        let there = fs::metadata(&folder).map(|found| found.is_dir());
        place(folder, there, user, home.as_deref())
    });
    // Its name is known all the same.
    seen.unwrap_or_else(|| Place { working_directory: Some(name), ..Place::default() })
}

fn place(folder: PathBuf, is_folder: io::Result<bool>, user: Relation, home: Option<&Path>) -> Place {
    match is_folder {
        // Windows knows it as it was typed: in any case, by a short name, with a `\` at its end.
        Ok(true) => inside(disk::canonical(&folder).unwrap_or(folder), home),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            // Another user's folder may be one that is only hidden from us.
            let deleted_directory = (user == Relation::Own).then_some(folder);
            Place { deleted_directory, ..Place::default() }
        }
        Ok(false) => Place::default(),
        Err(_) => Place { working_directory: Some(folder), ..Place::default() },
    }
}

fn inside(folder: PathBuf, home: Option<&Path>) -> Place {
    let root = checkout::root(&folder, home, &Disk);
    Place::inside(folder, root.as_deref()).with_branch()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(folder: &Path, error: ErrorKind, user: Relation) -> (Option<PathBuf>, Option<PathBuf>) {
        let found = place(folder.to_owned(), Err(error.into()), user, None);
        assert_eq!((found.project_path, found.found, found.branch), (None, None, None));
        (found.working_directory, found.deleted_directory)
    }

    #[test]
    fn a_folder_that_may_not_be_read_is_not_deleted_and_in_no_project() {
        let folder = Path::new("/Users/ada/Documents/app");
        let closed = at(folder, ErrorKind::PermissionDenied, Relation::Own);
        assert_eq!(closed, (Some(folder.to_owned()), None));
    }

    #[test]
    fn a_folder_is_deleted_only_if_the_system_says_that_nothing_is_there() {
        let folder = Path::new("/Users/ada/app");
        for nothing in [ErrorKind::NotFound, ErrorKind::NotADirectory] {
            assert_eq!(at(folder, nothing, Relation::Own), (None, Some(folder.to_owned())));
            assert_eq!(at(folder, nothing, Relation::Other), (None, None));
        }
        assert_eq!(at(folder, ErrorKind::TimedOut, Relation::Own), (Some(folder.to_owned()), None));
    }

    #[test]
    fn a_folder_that_is_there_has_its_project_and_its_branch() {
        let top = tempfile::tempdir().unwrap();
        let inner = top.path().join("app/src");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir(top.path().join("app/.git")).unwrap();
        std::fs::write(top.path().join("app/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let found = look(inner.clone(), Relation::Own, None, Instant::now() + Duration::from_secs(5));
        assert_eq!(found.working_directory, Some(inner));
        assert!(found.project_path.as_ref().is_some_and(|path| path.as_str().ends_with("app")), "{found:?}");
        let project = found.project_path.clone().filter(|path| disk::id(Path::new(path.as_str())).is_some());
        assert_eq!(found.found.map(|(_, path)| path), project, "where the system says which folder it is");
        assert_eq!(found.branch.as_deref(), Some("main"));
    }

    #[test]
    fn a_look_that_takes_too_long_leaves_the_name() {
        let folder = PathBuf::from("/Users/ada/Desktop/app");
        let found = look(folder.clone(), Relation::Own, None, Instant::now());
        assert_eq!(found.working_directory, Some(folder));
        assert_eq!((found.deleted_directory, found.project_path), (None, None));
    }
}
