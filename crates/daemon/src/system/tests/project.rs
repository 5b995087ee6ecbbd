use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::system::{branch_of, project_of};

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().canonicalize().unwrap();
    (place, path)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn the_nearest_folder_with_a_git_folder_is_the_project() {
    let (_held, place) = place();
    fs::create_dir_all(place.join("app/.git")).unwrap();
    fs::create_dir_all(place.join("app/packages/web")).unwrap();
    fs::create_dir_all(place.join("app/vendor/lib/.git")).unwrap();
    let app = Some(place.join("app"));
    assert_eq!(project_of(&place.join("app"), None), app);
    assert_eq!(project_of(&place.join("app/packages/web"), None), app);
    assert_eq!(project_of(&place.join("app/vendor/lib"), None), Some(place.join("app/vendor/lib")));
}

#[test]
fn a_linked_worktree_is_a_project_of_its_own() {
    let (_held, place) = place();
    fs::create_dir_all(place.join("app/.git")).unwrap();
    write(&place.join("app/trees/fix/.git"), "gitdir: /elsewhere\n");
    assert_eq!(project_of(&place.join("app/trees/fix"), None), Some(place.join("app/trees/fix")));
}

#[test]
fn a_git_folder_in_the_home_folder_does_not_count() {
    let (_held, home) = place();
    fs::create_dir_all(home.join(".git")).unwrap();
    fs::create_dir_all(home.join("work/app/.git")).unwrap();
    assert_eq!(project_of(&home.join("work"), Some(&home)), None);
    assert_eq!(project_of(&home, Some(&home)), None);
    assert_eq!(project_of(&home.join("work/app"), Some(&home)), Some(home.join("work/app")));
    assert_eq!(project_of(&home.join("work"), None), Some(home));
}

#[test]
fn a_folder_that_is_gone_lies_in_the_project_it_lay_in() {
    let (_held, place) = place();
    fs::create_dir_all(place.join("app/.git")).unwrap();
    assert_eq!(project_of(&place.join("app/gone/deep"), None), Some(place.join("app")));
}

#[test]
fn the_branch_is_read_from_the_head() {
    let (_held, root) = place();
    write(&root.join(".git/HEAD"), "ref: refs/heads/feature/login\n");
    assert_eq!(branch_of(&root).as_deref(), Some("feature/login"));
}

#[test]
fn a_worktrees_branch_is_read_where_its_file_points() {
    let (_held, place) = place();
    write(&place.join("main/.git/worktrees/fix/HEAD"), "ref: refs/heads/fix\n");
    write(&place.join("main/.git/HEAD"), "ref: refs/heads/main\n");
    let absolute = format!("gitdir: {}\n", place.join("main/.git/worktrees/fix").display());
    write(&place.join("absolute/.git"), &absolute);
    write(&place.join("relative/.git"), "gitdir: ../main/.git/worktrees/fix\n");
    for root in ["absolute", "relative"] {
        assert_eq!(branch_of(&place.join(root)).as_deref(), Some("fix"), "{root}");
    }
}

#[test]
fn a_detached_or_strange_head_has_no_branch() {
    let (_held, place) = place();
    for (number, head) in [
        "3f786850e387550fdab836ed7e6dc881de23001b\n",
        "ref: refs/remotes/origin/main\n",
        "ref: refs/heads/.invalid\n",
        "",
        "\u{0}\u{1}",
        &format!("ref: refs/heads/{}", "x".repeat(5000)),
    ]
    .iter()
    .enumerate()
    {
        let root = place.join(number.to_string());
        write(&root.join(".git/HEAD"), head);
        assert_eq!(branch_of(&root), None, "{head}");
    }
    assert_eq!(branch_of(&place.join("absent")), None);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_does_not_block() {
    let (_held, root) = place();
    fs::create_dir_all(root.join(".git")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(root.join(".git/HEAD")).status().unwrap();
    assert!(made.success());
    assert_eq!(branch_of(&root), None);
}
