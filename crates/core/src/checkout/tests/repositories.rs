//! Checkouts of one repository, in other systems than Git.

use super::*;

#[test]
fn workspaces_of_one_jujutsu_repository_are_siblings_and_so_are_its_git_worktrees() {
    let mut disk = Disk::with_app();
    disk.folder("/w/app/.jj/repo/store");
    disk.file("/w/app/.jj/repo/store/git_target", "../../../.git");
    for path in ["/w/app-fix", "/w/app/.workspaces/fix"] {
        let levels = if path == "/w/app-fix" { "../../app" } else { "../../.." };
        disk.file(&format!("{path}/.jj/repo"), &format!("{levels}/.jj/repo"));
        disk.both_ways("/w/app", path, Kinship::Sibling);
    }
    disk.both_ways("/w/app-fix", "/w/app/.workspaces/fix", Kinship::Sibling);
    disk.worktree("/w/app-git", "git");
    disk.both_ways("/w/app-git", "/w/app-fix", Kinship::Sibling);
    disk.folder("/w/other/.jj/repo");
    disk.both_ways("/w/other", "/w/app-fix", Kinship::Unrelated);
}

#[test]
fn checkouts_that_share_a_store_are_siblings() {
    for marker in [".hg", ".sl"] {
        let mut disk = Disk::default();
        disk.folder(&format!("/w/main/{marker}"));
        disk.file(&format!("/w/shared/{marker}/sharedpath"), &format!("/w/main/{marker}\n"));
        disk.file(&format!("/w/too/{marker}/sharedpath"), &format!("../../main/{marker}"));
        disk.folder(&format!("/w/other/{marker}"));
        disk.both_ways("/w/main", "/w/shared", Kinship::Sibling);
        disk.both_ways("/w/shared", "/w/too", Kinship::Sibling);
        disk.both_ways("/w/main", "/w/other", Kinship::Unrelated);
    }
    let mut disk = Disk::default();
    disk.folder("/w/app.git");
    for checkout in ["/w/one", "/w/two"] {
        disk.file(&format!("{checkout}/.got/repository"), "/w/app.git\n");
    }
    disk.both_ways("/w/one", "/w/two", Kinship::Sibling);
}

#[test]
fn a_project_by_its_manifest_is_not_around_the_checkouts_in_it() {
    let mut disk = Disk::with_app();
    disk.file("/w/package.json", "{}");
    disk.folder("/w/plain/src");
    disk.both_ways("/w", "/w/app", Kinship::Unrelated);
    disk.both_ways("/w", "/w/plain/src", Kinship::Same);
}

#[test]
fn all_checkouts_of_a_repository_call_it_by_the_folder_that_it_was_made_in() {
    let mut disk = Disk::with_app();
    disk.worktree("/w/app-fix", "fix");
    disk.worktree("/w/app/.worktrees/feature", "feature");
    disk.submodule("/w/app/vendor/lib");
    disk.folder("/w/jj/.jj/repo/store");
    disk.file("/w/jj-fix/.jj/repo", "../../jj/.jj/repo");
    disk.folder("/w/hg/.hg");
    disk.file("/w/hg-fix/.hg/sharedpath", "/w/hg/.hg");
    for (bare, root) in [("/w/bare.git", "/w/main"), ("/w/shop/.bare", "/w/shop/main")] {
        disk.folder(&format!("{bare}/worktrees/main"));
        disk.file(&format!("{bare}/worktrees/main/commondir"), "../..\n");
        disk.file(&format!("{root}/.git"), &format!("gitdir: {bare}/worktrees/main\n"));
    }
    disk.folder("/w/.dotfiles/.git");
    disk.file("/w/svn/.svn", "");
    disk.folder("/w/plain");
    for (root, expected) in [
        ("/w/app", "app"),
        ("/w/app-fix", "app"),
        ("/w/app/.worktrees/feature", "app"),
        ("/w/app/vendor/lib", "sub"),
        ("/w/jj", "jj"),
        ("/w/jj-fix", "jj"),
        ("/w/hg-fix", "hg"),
        ("/w/main", "bare"),
        ("/w/shop/main", "shop"),
        ("/w/.dotfiles", ".dotfiles"),
        ("/w/svn", "svn"),
        ("/w/plain", "plain"),
        ("/w/gone", "gone"),
    ] {
        assert_eq!(repository_name(Path::new(root), &disk).as_deref(), Some(expected), "{root}");
    }
    assert_eq!(repository_name(Path::new("/"), &disk), None);
    for (root, expected) in [
        ("/w/app-fix", "/w/app"),
        ("/w/jj-fix", "/w/jj"),
        ("/w/main", "/w/bare.git"),
        ("/w/shop/main", "/w/shop"),
        ("/w/app/vendor/lib", "/w/app/.git/modules/sub"),
        ("/w/plain", "/w/plain"),
    ] {
        assert_eq!(repository_folder(Path::new(root), &disk), Path::new(expected), "{root}");
    }
}

#[test]
fn a_linked_worktree_keeps_its_own_name_wherever_it_is_moved() {
    let mut disk = Disk::with_app();
    disk.worktree("/w/app-fix", "fix");
    disk.worktree("/moved/elsewhere", "feature");
    disk.submodule("/w/app/vendor/lib");
    disk.file("/w/separate/.git", "gitdir: /repositories/separate.git\n");
    disk.folder("/repositories/separate.git");
    disk.folder("/w/jj/.jj/repo/store");
    disk.file("/w/jj-fix/.jj/repo", "../../jj/.jj/repo");
    disk.folder("/w/hg/.hg");
    disk.file("/w/hg-fix/.hg/sharedpath", "/w/hg/.hg");
    disk.folder("/w/plain");
    for (root, repository, linked) in [
        ("/w/app", "app", None),
        ("/w/app-fix", "app", Some("fix")),
        ("/moved/elsewhere", "app", Some("feature")),
        ("/w/app/vendor/lib", "sub", None),
        ("/w/separate", "separate", None),
        ("/w/jj", "jj", None),
        ("/w/jj-fix", "jj", Some("jj-fix")),
        ("/w/hg", "hg", None),
        ("/w/hg-fix", "hg", Some("hg-fix")),
        ("/w/plain", "plain", None),
    ] {
        let found = standing(Path::new(root), &disk).unwrap();
        assert_eq!((found.repository.as_str(), found.linked.as_deref()), (repository, linked), "{root}");
    }
}
