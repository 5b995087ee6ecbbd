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
