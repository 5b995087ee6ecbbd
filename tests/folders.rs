//! Where a command runs: checkouts of every version control system, folders without one, and home folders.

use std::fs;
use std::path::{Path, PathBuf};

use styxy_core::api::{AllocationsAnswer, Grant, Lease, WhoAnswer, Whose};

use crate::support::{Home, Output, PRINTS_PORT, Server, finish, sort};

#[track_caller]
fn run_in(home: &Home, folder: &Path, words: &[&str]) -> Output {
    finish(home.styxy_command(words).current_dir(folder))
}

/// The port that `styxy env` prints in `folder`.
#[track_caller]
fn told(home: &Home, folder: &Path) -> u16 {
    let variables: serde_json::Value =
        serde_json::from_str(&run_in(home, folder, &["env", sort::WEB, "--json"]).done().stdout).unwrap();
    variables["PORT"].as_str().unwrap().parse().unwrap()
}

/// The port that a command started with `styxy run` in `folder` had.
#[track_caller]
fn ran(home: &Home, folder: &Path) -> u16 {
    let said = run_in(home, folder, &[&["run", "-s", sort::WEB, "--"], PRINTS_PORT].concat()).done();
    assert_eq!(said.stderr, "");
    said.stdout.trim().parse().unwrap()
}

fn folder(home: &Home, path: &str) -> PathBuf {
    let folder = home.top().join(path);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// As [`folder`], with a file in it.
fn with_file(home: &Home, path: &str, file: &str, text: &str) -> PathBuf {
    let folder = folder(home, path);
    let file = folder.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    folder
}

#[track_caller]
fn whose(home: &Home, folder: &Path, port: u16) -> Whose {
    let output = finish(home.styxy_command(&["who", &port.to_string(), "--json"]).current_dir(folder));
    serde_json::from_str::<WhoAnswer>(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr)).whose
}

/// Two folders that have nothing to do with each other.
#[track_caller]
fn are_strangers(home: &Home, one: &Path, other: &Path) {
    let (first, second) = (told(home, one), told(home, other));
    assert_ne!(first, second, "{} and {}", one.display(), other.display());
    assert_eq!((told(home, one), told(home, other)), (first, second));
    let server = Server::in_folder(home, one, first);
    assert_eq!((whose(home, one, first), whose(home, other, first)), (Whose::Mine, Whose::Foreign));
    run_in(home, one, &["wait", sort::WEB, "--timeout", "10"]).done();
    run_in(home, other, &["wait", sort::WEB, "--timeout", "0"]).exits(1);
    let port = first.to_string();
    run_in(home, other, &["release", &port]).exits(1);
    run_in(home, other, &["kill", &port, "--yes"]).exits(1);
    drop(server);
    assert_eq!(ran(home, other), second, "each keeps its port");
}

#[test]
fn two_folders_without_version_control_are_two_projects() {
    let home = Home::new();
    are_strangers(&home, &folder(&home, "lesson-1"), &folder(&home, "lesson-2"));
}

#[test]
fn two_projects_by_their_manifests_are_two_and_the_folders_of_one_are_one() {
    let home = Home::new();
    let one = with_file(&home, "one", "pyproject.toml", "");
    let other = with_file(&home, "two", "package.json", "{}");
    are_strangers(&home, &one, &other);
    assert_eq!(told(&home, &folder(&home, "one/src/deep")), told(&home, &one));
}

#[test]
fn what_one_folder_allocates_is_not_what_another_one_runs_on() {
    let home = Home::new();
    let (one, other) = (folder(&home, "one"), folder(&home, "two"));
    let first = run_in(&home, &one, &["allocate", "-s", sort::WEB, "--reuse", "-q"]).done().number();
    assert_ne!(ran(&home, &other), first);
    assert_eq!(ran(&home, &one), first);
}

#[test]
fn in_a_home_of_dotfiles_each_folder_is_its_own_and_the_home_is_nobodys() {
    let home = Home::new();
    let user = folder(&home, "user");
    for marker in [".git", ".jj/repo"] {
        folder(&home, &format!("user/{marker}"));
    }
    fs::write(user.join("package.json"), r#"{"workspaces": ["*"]}"#).unwrap();
    are_strangers(&home, &folder(&home, "user/notes"), &folder(&home, "user/site"));
    let first: Grant =
        run_in(&home, &user, &["allocate", "-s", sort::WEB, "--reuse", "--json"]).done().wire();
    let second = run_in(&home, &user, &["allocate", "-s", sort::WEB, "--reuse", "-q"]).done().number();
    let given =
        run_in(&home, &user, &["allocate", "-s", sort::WEB, "--reuse", "--project", ".", "-q"]).done();
    assert_ne!(first.port.get(), second);
    assert!(![first.port.get(), second].contains(&given.number()));
    assert!(![first.port.get(), second].contains(&told(&home, &user)));
    let leases: AllocationsAnswer = home.styxy(&["list", "--json"]).done().wire();
    let in_home = |lease: &&Lease| {
        lease.project_path.as_ref().is_some_and(|path| path.as_str() == user.to_str().unwrap())
    };
    assert_eq!(leases.allocations.iter().find(in_home), None);
    run_in(&home, &user, &["wait", sort::WEB, "--timeout", "0"]).exits(1);
}

#[test]
fn a_request_without_a_project_gets_a_port_of_its_own() {
    let home = Home::new();
    let ask = serde_json::json!({ "service_type": sort::WEB, "reuse": true });
    let (first, second) = (home.allocate(&ask), home.allocate(&ask));
    assert_ne!(first.port, second.port);
}

#[test]
fn checkouts_of_every_version_control_system_are_projects_of_their_own() {
    let home = Home::new();
    for marker in [".jj/repo/x", ".hg/x", ".sl/x", ".svn/x", ".pijul/x", ".fslckout", "_FOSSIL_", "_darcs/x"]
    {
        let name = marker.split('/').next().unwrap();
        let checkout = with_file(&home, &format!("project/vendor/{name}-checkout"), marker, "");
        let deep = folder(&home, &format!("project/vendor/{name}-checkout/src"));
        let port = home.styxy(&["allocate", "-s", sort::MANY, "-q"]).done().number();
        let grant: Lease = {
            run_in(&home, &deep, &["allocate", "-s", sort::MANY, "-q"]).done();
            let words = ["list", "--project", checkout.to_str().unwrap(), "--json"];
            home.styxy(&words).done().wire::<AllocationsAnswer>().allocations.remove(0)
        };
        assert_ne!(grant.port.get(), port, "{marker}");
    }
}

#[test]
fn a_jujutsu_workspaces_server_is_a_siblings_and_may_not_be_ended_from_another_one() {
    let home = Home::new();
    let main = with_file(&home, "shop", ".jj/repo/store/type", "git");
    let beside = with_file(&home, "shop-fix", ".jj/repo", "../../shop/.jj/repo");
    let inside = with_file(&home, "shop/.workspaces/deep", ".jj/repo", "../../../.jj/repo");
    for workspace in [&beside, &inside] {
        let port = told(&home, workspace);
        assert_ne!(port, told(&home, &main));
        let _server = Server::in_folder(&home, workspace, port);
        assert_eq!((whose(&home, workspace, port), whose(&home, &main, port)), (Whose::Mine, Whose::Sibling));
        run_in(&home, &main, &["kill", &port.to_string(), "--yes"]).exits(1);
    }
}

#[test]
fn a_shared_mercurial_checkout_is_a_sibling() {
    let home = Home::new();
    let main = with_file(&home, "shop", ".hg/requires", "");
    let store = main.join(".hg");
    let shared = with_file(&home, "shop-fix", ".hg/sharedpath", store.to_str().unwrap());
    let port = home.spare_port();
    let _server = Server::in_folder(&home, &shared, port);
    assert_eq!((whose(&home, &main, port), whose(&home, &shared, port)), (Whose::Sibling, Whose::Mine));
}
