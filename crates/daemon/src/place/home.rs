//! The daemon's folder: made for this user alone, and taken over only if Styxy made it.
//!
//! `STYXY_HOME` may name anything. A folder that has other files, or that others may write to, is refused as it is: no
//! mode is changed, and nothing is made in it.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use styxy_core::layout::{Layout, is_own_file};

use super::error::{Cannot, Expected, PlaceError, Unfit};
use crate::files;
use crate::system::disk::canonical;

/// So many foreign files are named in a refusal.
const NAMED: usize = 3;

/// For whom a folder is looked at.
#[derive(Debug, Clone)]
struct Who {
    uid: u32,
    /// Their home folders: by the environment, and by the system's list of users.
    homes: Vec<PathBuf>,
}

impl Who {
    fn this_user() -> Self {
        let named = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
        let homes = named.into_iter().chain(files::own_home()).filter(|home| home.is_absolute()).collect();
        Self { uid: files::own_uid(), homes }
    }
}

/// Makes the folder if it is missing; if it is there, checks that it is ours to use and that files can be made in it.
///
/// The folder may be a symbolic link of ours to one of ours.
///
/// # Errors
/// The folder is not Styxy's, others may write to it, or it cannot be made or written to.
pub(crate) fn open(layout: &Layout) -> Result<(), PlaceError> {
    open_for(layout.root(), &Who::this_user())
}

/// Checks what [`open`] would check, and tries what it would make; what was made for that is gone afterwards.
///
/// # Errors
/// The folder is not one that Styxy may use, or it cannot be made.
pub(super) fn inspect(folder: &Path) -> Result<(), PlaceError> {
    let who = Who::this_user();
    match judge(folder, &who)? {
        Some(_) => Ok(()),
        None => check_maker(folder, who.uid).and_then(|()| try_to_make(folder)),
    }
}

/// Makes the missing folders under another name, since a daemon that starts now makes the real ones.
fn try_to_make(folder: &Path) -> Result<(), PlaceError> {
    let is_there = |folder: &&Path| folder.as_os_str().is_empty() || folder.symlink_metadata().is_ok();
    let Some(above) = folder.ancestors().skip(1).find(is_there) else { return Ok(()) };
    let mut missing = folder.strip_prefix(above).into_iter().flatten();
    let mut name = missing.next().unwrap_or_default().to_owned();
    name.push(format!(".try-{}", std::process::id()));
    let first = above.join(name);
    let last = missing.fold(first.clone(), |path, name| path.join(name));
    let made = files::create_folder(&last);
    let left = last.ancestors().take_while(|left| left.starts_with(&first));
    left.for_each(|left| drop(fs::remove_dir(left)));
    made.map_err(Cannot::Make.at(folder))
}

/// The folder if it is there and Styxy may use it.
fn judge(folder: &Path, who: &Who) -> Result<Option<Metadata>, PlaceError> {
    if let Some(missing) = who.homes.first().filter(|home| folder.starts_with(home) && !home.exists()) {
        return Err(Unfit::NoHome { home: missing.clone() }.at(folder));
    }
    let Some(metadata) = look_at(folder, who)? else { return Ok(None) };
    check_role(folder, who)?;
    let foreign = foreign_files(folder).map_err(Cannot::Read.at(folder))?;
    if !foreign.is_empty() && !has_journal(folder) {
        return Err(Unfit::ForeignFiles { some: foreign }.at(folder));
    }
    check_not_shared(folder, &metadata)?;
    Ok(Some(metadata))
}

fn open_for(folder: &Path, who: &Who) -> Result<(), PlaceError> {
    let Some(metadata) = judge(folder, who)? else { return make(folder, who.uid) };
    // A folder that was there keeps its mode: what is private is so by the modes of its files. Only one that Styxy has just
    // made is closed, if a careless umask left it open: it has our files, and no daemon has served in it.
    if !has_journal(folder) && !is_empty(folder) {
        close(folder, &metadata)?;
    }
    files::check_writable(folder).map_err(Cannot::Write.at(folder))
}

/// Makes sure that the folder of sockets is there, is this user's, and is closed to others. Its name is Styxy's own.
///
/// # Errors
/// The folder is another user's, others may write to it, or it cannot be made or written to.
pub(super) fn open_for_sockets(folder: &Path) -> Result<(), PlaceError> {
    let who = Who::this_user();
    let Some(metadata) = look_at(folder, &who)? else { return make(folder, who.uid) };
    check_not_shared(folder, &metadata)?;
    close(folder, &metadata)?;
    files::check_writable(folder).map_err(Cannot::Write.at(folder))
}

/// The folder if it is there and is this user's.
fn look_at(folder: &Path, who: &Who) -> Result<Option<Metadata>, PlaceError> {
    let found = match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(Cannot::Inspect.at(folder))?,
    };
    if found.is_symlink() && files::owner(&found) != who.uid {
        return Err(Unfit::Link { owner: files::owner(&found) }.at(folder));
    }
    let metadata = folder.metadata().map_err(Cannot::Inspect.at(folder))?;
    if !metadata.is_dir() {
        return Err(PlaceError::Kind { path: folder.to_owned(), expected: Expected::Folder });
    }
    let owner = files::owner(&metadata);
    if owner != who.uid {
        return Err(PlaceError::Foreign { path: folder.to_owned(), owner, own: who.uid });
    }
    Ok(Some(metadata))
}

/// Others may not write to it. Asked last: only a folder that is Styxy's otherwise is worth closing by hand.
fn check_not_shared(folder: &Path, metadata: &Metadata) -> Result<(), PlaceError> {
    match files::mode_for_others_to_write(metadata) {
        Some(mode) => Err(Unfit::Writable { mode }.at(folder)),
        None => Ok(()),
    }
}

fn make(folder: &Path, own: u32) -> Result<(), PlaceError> {
    check_maker(folder, own)?;
    files::create_folder(folder).map_err(Cannot::Make.at(folder))?;
    files::check_writable(folder).map_err(Cannot::Write.at(folder))
}

fn close(folder: &Path, metadata: &Metadata) -> Result<(), PlaceError> {
    files::close_to_others(folder, metadata).map(drop).map_err(Cannot::Close.at(folder))
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

/// Refuses folders that have another role, even if they are empty.
fn check_role(folder: &Path, who: &Who) -> Result<(), PlaceError> {
    let real = canonical(folder).map_err(Cannot::Inspect.at(folder))?;
    let is_home = || who.homes.iter().filter_map(|home| canonical(home).ok()).any(|home| home == real);
    if real.parent().is_none() {
        Err(Unfit::Root.at(folder))
    } else if is_home() {
        Err(Unfit::Home.at(folder))
    } else if files::is_of_the_system(&real) {
        Err(Unfit::System.at(folder))
    } else {
        Ok(())
    }
}

/// Some of the names in the folder that are not Styxy's.
fn foreign_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut foreign = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !is_own_file(&name) {
            foreign.push(name.to_string_lossy().into_owned());
        }
        if foreign.len() > NAMED {
            break;
        }
    }
    Ok(foreign)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Whether a daemon has served in the folder, so that it is Styxy's whatever was put there since.
pub(super) fn has_journal(folder: &Path) -> bool {
    let is_journal = |name: &str| {
        name.strip_prefix("journal.")
            .is_some_and(|digits| digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_journal)).any(|entry| {
        entry.metadata().is_ok_and(|found| found.is_file() && files::owner(&found) == files::own_uid())
    })
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use styxy_core::api::{Code, Refusal};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A folder that was made for the test, and is not this user's home.
    fn folder(top: &Path, mode: u32) -> PathBuf {
        let folder = top.join("styxy");
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, mode);
        folder
    }

    #[track_caller]
    fn refused(folder: &Path, who: &Who) -> Refusal {
        let refusal = Refusal::from(open_for(folder, who).unwrap_err());
        assert_eq!((refusal.code, &refusal.details["rule"]), (Code::Forbidden, &"home".into()), "{refusal}");
        assert!(refusal.hint.is_some());
        refusal
    }

    fn me() -> Who {
        Who { uid: files::own_uid(), homes: Vec::new() }
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
    fn a_folder_that_was_there_keeps_its_mode() {
        for before in [0o755, 0o1755, 0o2750, 0o700] {
            let top = tempfile::tempdir().unwrap();
            let folder = folder(top.path(), before);
            open_for(&folder, &me()).unwrap();
            for name in ["config.json", "config.json~", "daemon.lock", "journal.0000000007", "token"] {
                fs::write(folder.join(name), "").unwrap();
            }
            fs::create_dir(folder.join("logs")).unwrap();
            open_for(&folder, &me()).unwrap();
            assert_eq!(mode(&folder), before, "{before:o}");
        }
    }

    #[test]
    fn a_folder_with_files_of_others_is_refused_as_it_is() {
        let top = tempfile::tempdir().unwrap();
        let folder = folder(top.path(), 0o1755);
        for name in ["package.json", "src"] {
            fs::write(folder.join(name), "").unwrap();
        }
        let refusal = refused(&folder, &me());
        assert!(refusal.error.contains("package.json") && refusal.error.contains("src"), "{refusal}");
        assert_eq!(mode(&folder), 0o1755);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_others_use_is_not_told_to_be_closed() {
        let top = tempfile::tempdir().unwrap();
        let folder = folder(top.path(), 0o1777);
        fs::write(folder.join("theirs"), "").unwrap();
        let refusal = refused(&folder, &me());
        assert!(refusal.hint.unwrap().contains("STYXY_HOME") && refusal.error.contains("theirs"));
    }

    #[test]
    fn a_folder_that_a_daemon_has_served_in_is_used_whatever_was_put_there() {
        let top = tempfile::tempdir().unwrap();
        let folder = folder(top.path(), 0o755);
        for name in ["notes.txt", "journal.0000000001"] {
            fs::write(folder.join(name), "").unwrap();
        }
        open_for(&folder, &me()).unwrap();
        assert_eq!(mode(&folder), 0o755, "who put other files there may have chosen it");
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused_as_it_is() {
        for open in [0o777, 0o1777, 0o757] {
            let top = tempfile::tempdir().unwrap();
            let folder = folder(top.path(), open);
            let refusal = refused(&folder, &me());
            assert!(refusal.hint.unwrap().contains("chmod go-w"));
            assert_eq!(mode(&folder), open);
        }
    }

    #[test]
    fn the_root_a_home_and_a_folder_of_the_system_are_refused_even_if_empty() {
        let top = tempfile::tempdir().unwrap();
        let home = folder(top.path(), 0o755);
        let who = Who { homes: vec![home.clone()], ..me() };
        refused(&home, &who);
        let link = top.path().join("link");
        symlink(&home, &link).unwrap();
        refused(&link, &who);
        assert_eq!(mode(&home), 0o755);
        // As far as they are this user's, else for their owner.
        let own = |path: &str| files::owner(&Path::new(path).metadata().unwrap());
        for path in ["/", "/usr", "/var"] {
            let before = mode(Path::new(path));
            refused(Path::new(path), &Who { uid: own(path), homes: Vec::new() });
            assert_eq!(mode(Path::new(path)), before);
        }
    }

    #[test]
    fn a_missing_home_is_not_made() {
        let top = tempfile::tempdir().unwrap();
        let home = top.path().join("ada");
        let who = Who { homes: vec![home.clone()], ..me() };
        let refusal = Refusal::from(open_for(&home.join(".styxy"), &who).unwrap_err());
        assert!(refusal.error.contains("ada does not exist"), "{refusal}");
        assert!(!home.exists());
        open_for(&top.path().join("elsewhere"), &who).unwrap();
    }

    #[test]
    fn a_missing_folder_is_tried_as_the_start_would_make_it_and_leaves_nothing() {
        let top = tempfile::tempdir().unwrap();
        inspect(&top.path().join("a/b/styxy")).unwrap();
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
        fs::write(top.path().join("file"), "").unwrap();
        for impossible in [top.path().join("file/styxy"), top.path().join("x".repeat(300))] {
            let refusal = Refusal::from(inspect(&impossible).unwrap_err());
            assert_eq!(refusal.code, Code::StorageUnavailable, "{refusal}");
        }
        if cfg!(target_os = "linux") {
            // Everybody may search it, and root may write to it; nothing can be made there.
            let refusal = Refusal::from(inspect(Path::new("/proc/styxy")).unwrap_err());
            assert!(refusal.error.contains("/proc/styxy"), "{refusal}");
        }
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_of_another_user_is_refused_as_it_is_with_what_to_type() {
        let top = tempfile::tempdir().unwrap();
        let folder = folder(top.path(), 0o755);
        let refusal = refused(&folder, &Who { uid: files::own_uid() + 1, ..me() });
        assert!(refusal.hint.unwrap().contains("export STYXY_HOME"));
        assert_eq!(mode(&folder), 0o755);
    }

    #[test]
    fn a_link_of_ours_to_a_folder_of_ours_is_accepted_and_another_one_is_not() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("real")).unwrap();
        symlink("real", top.path().join("link")).unwrap();
        symlink("nowhere", top.path().join("dangling")).unwrap();
        open_for(&top.path().join("link"), &me()).unwrap();
        let refusal = Refusal::from(open_for(&top.path().join("dangling"), &me()).unwrap_err());
        assert_eq!(refusal.code, Code::StorageUnavailable);
        if files::own_uid() == 0 {
            std::os::unix::fs::lchown(top.path().join("link"), Some(12345), None).unwrap();
            let refusal = refused(&top.path().join("link"), &me());
            assert!(refusal.error.contains("symbolic link of another user"), "{refusal}");
        }
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
        refused(&folder, &Who { uid: 0, homes: Vec::new() });
        assert!(!top.path().join("a").exists());
    }
}
