//! The daemon's folder: made 0700, and never shared with another user.

use std::io;
use std::path::Path;

use styxy_core::layout::Layout;

use super::error::{Cannot, Expected, PlaceError};
use crate::files;

/// Makes the folder if it is missing, closes it to other users if it is there, and checks that files can be made in it.
///
/// The folder may be a symbolic link to one of ours.
///
/// # Errors
/// The folder is another user's, or cannot be made or written to.
pub(crate) fn open(layout: &Layout) -> Result<(), PlaceError> {
    open_as(layout.root(), files::own_uid())
}

/// Makes sure that `folder` exists, is the user's `own`, and is closed to others.
pub(crate) fn open_as(folder: &Path, own: u32) -> Result<(), PlaceError> {
    let metadata = match folder.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_maker(folder, own)?;
            files::create_folder(folder).map_err(Cannot::Make.at(folder))?;
            folder.metadata()
        }
        found => found,
    };
    let metadata = metadata.map_err(Cannot::Inspect.at(folder))?;
    if !metadata.is_dir() {
        return Err(PlaceError::Kind { path: folder.to_owned(), expected: Expected::Folder });
    }
    let owner = files::owner(&metadata);
    if owner != own {
        return Err(PlaceError::Foreign { path: folder.to_owned(), owner, own });
    }
    files::close_to_others(folder, &metadata).map_err(Cannot::Close.at(folder))?;
    files::check_writable(folder).map_err(Cannot::Write.at(folder))
}

/// Root in another user's home (`sudo` that keeps HOME) would make a folder that its owner could never use.
fn check_maker(folder: &Path, own: u32) -> Result<(), PlaceError> {
    let above = folder.ancestors().skip(1).find_map(|above| above.metadata().ok());
    match above.map(|metadata| files::owner(&metadata)) {
        Some(owner) if own == 0 && owner != 0 => {
            Err(PlaceError::Foreign { path: folder.to_owned(), owner, own })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use styxy_core::api::{Code, Refusal};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_folder_is_made_for_us_alone() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().join("a/.styxy");
        open(&Layout::new(root.clone())).unwrap();
        assert_eq!(mode(&root), 0o700);
        open(&Layout::new(root)).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_read_is_closed_to_them() {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).unwrap();
        open(&Layout::new(top.path().into())).unwrap();
        assert_eq!(mode(top.path()), 0o700);
    }

    #[test]
    fn a_folder_of_another_user_is_refused_untouched_with_what_to_type() {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let refusal = Refusal::from(open_as(top.path(), files::own_uid() + 1).unwrap_err());
        assert_eq!((refusal.code, &refusal.details["rule"]), (Code::Forbidden, &"home".into()));
        assert!(refusal.hint.unwrap().contains("export STYXY_HOME"));
        assert_eq!(mode(top.path()), 0o755);
    }

    #[test]
    fn a_link_to_a_folder_of_ours_is_accepted_and_a_dangling_one_is_not() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("real")).unwrap();
        symlink("real", top.path().join("link")).unwrap();
        symlink("nowhere", top.path().join("dangling")).unwrap();
        open(&Layout::new(top.path().join("link"))).unwrap();
        let refusal = Refusal::from(open(&Layout::new(top.path().join("dangling"))).unwrap_err());
        assert_eq!(refusal.code, Code::StorageUnavailable);
    }

    #[test]
    fn a_file_in_the_folders_place_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        fs::write(&file, "").unwrap();
        for root in [file.clone(), file.join("below")] {
            let refusal = Refusal::from(open(&Layout::new(root)).unwrap_err());
            assert_eq!(refusal.code, Code::StorageUnavailable);
        }
    }

    #[test]
    fn root_makes_no_folder_in_another_users_home() {
        let top = tempfile::tempdir().unwrap();
        if files::own_uid() == 0 {
            std::os::unix::fs::chown(top.path(), Some(12345), None).unwrap();
        }
        let folder = top.path().join("a/.styxy");
        assert_eq!(Refusal::from(open_as(&folder, 0).unwrap_err()).code, Code::Forbidden);
        assert!(!top.path().join("a").exists());
    }
}
