//! That the core's rules reach the disk; the rules have tests of their own in the core.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::system::{branch_of, project_of};

fn worktree() -> (TempDir, PathBuf) {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().canonicalize().unwrap().join("fix");
    fs::create_dir_all(root.join("web")).unwrap();
    fs::create_dir_all(root.with_file_name("own")).unwrap();
    fs::write(root.join(".git"), "gitdir: ../own\n").unwrap();
    (top, root)
}

#[test]
fn the_project_and_the_branch_are_read_from_the_disk() {
    let (_held, root) = worktree();
    fs::write(root.with_file_name("own").join("HEAD"), "ref: refs/heads/fix\n").unwrap();
    assert_eq!(project_of(&root.join("web"), None), Some(root.clone()));
    assert_eq!(project_of(&root.join("web"), Some(&root)), None);
    assert_eq!(branch_of(&root).as_deref(), Some("fix"));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_to_the_home_folder_is_the_home_folder() {
    let (_held, root) = worktree();
    let link = root.with_file_name("link");
    std::os::unix::fs::symlink(&root, &link).unwrap();
    assert_eq!(project_of(&root.join("web"), Some(&link)), None);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_does_not_block() {
    let (_held, root) = worktree();
    let made = std::process::Command::new("mkfifo").arg(root.with_file_name("own").join("HEAD")).status();
    assert!(made.unwrap().success());
    assert_eq!(branch_of(&root), None);
}
