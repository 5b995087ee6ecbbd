//! The daemon's folder: made 0700, and never shared with another user.

use std::io;
use std::path::Path;

use styxy_core::api::{Code, Refusal, Rule};
use styxy_core::layout::Layout;

use crate::private;

/// Makes the folder if it is missing, closes it to others if it is not, and checks that files can be made in it.
///
/// The folder may be a symbolic link to one of ours.
///
/// # Errors
/// `forbidden` (rule `home`) if it is another user's, `storage_unavailable` if it cannot be made or written to.
pub(crate) fn open(layout: &Layout) -> Result<(), Refusal> {
    open_as(layout.root(), private::us())
}

/// Makes sure that `folder` exists, is `us`'s, and is closed to others.
pub(crate) fn open_as(folder: &Path, us: u32) -> Result<(), Refusal> {
    let cannot = |what: &str, error: &io::Error| unusable(folder, what, error);
    let metadata = match folder.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_maker(folder, us)?;
            private::create_folder(folder).map_err(|error| cannot("cannot be made", &error))?;
            folder.metadata()
        }
        found => found,
    };
    let metadata = metadata.map_err(|error| cannot("cannot be looked at", &error))?;
    if !metadata.is_dir() {
        return Err(cannot("is not a folder", &io::ErrorKind::NotADirectory.into()));
    }
    let owner = private::owner(&metadata);
    if owner != us {
        return Err(foreign(folder, owner, us));
    }
    private::close_to_others(folder, &metadata).map_err(|error| cannot("is open to others", &error))?;
    private::check_writable(folder).map_err(|error| cannot("cannot be written to", &error))
}

/// Root in another user's home (`sudo` that keeps HOME) would make a folder that its owner could never use.
fn check_maker(folder: &Path, us: u32) -> Result<(), Refusal> {
    let above = folder.ancestors().skip(1).find_map(|above| above.metadata().ok());
    match above.map(|metadata| private::owner(&metadata)) {
        Some(owner) if us == 0 && owner != 0 => Err(foreign(folder, owner, us)),
        Some(_) | None => Ok(()),
    }
}

fn foreign(folder: &Path, owner: u32, us: u32) -> Refusal {
    let folder = folder.display().to_string();
    let error = format!("{folder} belongs to another user (uid {owner}, ours is {us})");
    Refusal::new(Code::Forbidden, error)
        .rule(Rule::Home)
        .detail("path", folder)
        .detail("owner", owner)
        .hint("run styxy as the folder's owner (without sudo), or export STYXY_HOME=/a/folder/of/yours")
}

/// Why the daemon cannot keep its files at `path`.
pub(crate) fn unusable(path: &Path, what: &str, error: &io::Error) -> Refusal {
    let path = path.display().to_string();
    Refusal::new(Code::StorageUnavailable, format!("{path} {what}: {error}"))
        .hint(format!(
            "ls -ld {path}   # it must be yours and writable, or export STYXY_HOME=/a/folder/of/yours"
        ))
        .detail("path", path)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

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
    fn a_folder_that_others_may_look_into_is_closed_to_them() {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).unwrap();
        open(&Layout::new(top.path().into())).unwrap();
        assert_eq!(mode(top.path()), 0o700);
    }

    #[test]
    fn a_folder_of_another_user_is_refused_untouched_with_what_to_type() {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let refusal = open_as(top.path(), private::us() + 1).unwrap_err();
        assert_eq!((refusal.code, refusal.broken_rule()), (Code::Forbidden, Some(Rule::Home)));
        assert!(refusal.hint.unwrap().contains("export STYXY_HOME"));
        assert_eq!(mode(top.path()), 0o755);
    }

    #[test]
    fn a_link_to_a_folder_of_ours_will_do_and_a_dangling_one_will_not() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("real")).unwrap();
        symlink("real", top.path().join("link")).unwrap();
        symlink("nowhere", top.path().join("dangling")).unwrap();
        open(&Layout::new(top.path().join("link"))).unwrap();
        let refusal = open(&Layout::new(top.path().join("dangling"))).unwrap_err();
        assert_eq!(refusal.code, Code::StorageUnavailable);
    }

    #[test]
    fn a_file_in_the_folders_place_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        fs::write(&file, "").unwrap();
        for root in [file.clone(), file.join("below")] {
            assert_eq!(open(&Layout::new(root)).unwrap_err().code, Code::StorageUnavailable);
        }
    }

    #[test]
    fn root_makes_no_folder_in_another_users_home() {
        let top = tempfile::tempdir().unwrap();
        if private::us() == 0 {
            std::os::unix::fs::chown(top.path(), Some(12345), None).unwrap();
        }
        let folder = top.path().join("a/.styxy");
        assert_eq!(open_as(&folder, 0).unwrap_err().code, Code::Forbidden);
        assert!(!top.path().join("a").exists());
    }
}
