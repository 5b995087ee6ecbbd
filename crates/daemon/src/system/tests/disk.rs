//! That the core's rules reach the disk; the rules have tests of their own in the core.

use std::fs;
use std::path::PathBuf;

use styxy_core::checkout::{branch, root};
use tempfile::TempDir;

use crate::system::disk::{Disk, canonical};

fn worktree() -> (TempDir, PathBuf) {
    let top = tempfile::tempdir().unwrap();
    let root = canonical(top.path()).unwrap().join("fix");
    fs::create_dir_all(root.join("web")).unwrap();
    fs::create_dir_all(root.with_file_name("own")).unwrap();
    fs::write(root.join(".git"), "gitdir: ../own\n").unwrap();
    (top, root)
}

#[test]
fn the_project_and_the_branch_are_read_from_the_disk() {
    let (_held, fix) = worktree();
    fs::write(fix.with_file_name("own").join("HEAD"), "ref: refs/heads/fix\n").unwrap();
    assert_eq!(root(&fix.join("web"), None, &Disk), Some(fix.clone()));
    assert_eq!(root(&fix.join("web"), Some(&fix), &Disk), None);
    assert_eq!(branch(&fix, &Disk).as_deref(), Some("fix"));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_to_the_home_folder_is_the_home_folder() {
    let (_held, fix) = worktree();
    let link = fix.with_file_name("link");
    std::os::unix::fs::symlink(&fix, &link).unwrap();
    assert_eq!(root(&fix.join("web"), Some(&link), &Disk), None);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_does_not_block() {
    let (_held, fix) = worktree();
    let made = std::process::Command::new("mkfifo").arg(fix.with_file_name("own").join("HEAD")).status();
    assert!(made.unwrap().success());
    assert_eq!(branch(&fix, &Disk), None);
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn the_kernel_and_the_standard_library_name_a_folder_alike() {
    // Clients of older versions, and those for other systems, ask the standard library.
    let folder = tempfile::tempdir().unwrap();
    let by_library = styxy_core::checkout::id(&std::fs::metadata(folder.path()).unwrap());
    assert_eq!(crate::system::disk::id(folder.path()), by_library);
}
