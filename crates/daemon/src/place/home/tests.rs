//! The folder of the daemon: made, taken, refused.

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
    Who { user: files::own_uid(), homes: Vec::new() }
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
    let owner = |path: &str| std::os::unix::fs::MetadataExt::uid(&Path::new(path).metadata().unwrap());
    for path in ["/", "/usr", "/var"] {
        let before = mode(Path::new(path));
        refused(Path::new(path), &Who { user: owner(path), homes: Vec::new() });
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
    let refusal = refused(&folder, &Who { user: files::own_uid() + 1, ..me() });
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
    refused(&folder, &Who { user: 0, homes: Vec::new() });
    assert!(!top.path().join("a").exists());
}
