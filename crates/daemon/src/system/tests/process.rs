use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::process::geteuid;
use styxy_core::{ProcessKey, Relation};

use super::support::{Family, in_5_seconds, this_process};
use crate::system::disk::canonical;
use crate::system::{Life, ancestors, describe, identify, is_alive};

#[test]
fn a_live_child_is_known_by_name_parent_user_and_start() {
    let child = Family::waiting(Path::new("sh"), "", Path::new("/"));
    let found = identify(child.pid()).unwrap();
    assert_eq!(&*found.process.name, "sh");
    assert_eq!(found.parent, Some(this_process()));
    assert_eq!((found.uid, found.user), (Some(geteuid().as_raw()), Relation::Own));
    assert_eq!(found.life, Life::Running);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let age = now.saturating_sub(u128::from(found.process.started_at.0));
    assert!(age < 60_000, "started {age} ms ago");
    assert!(is_alive(&found.process.key));
    assert_eq!(identify(child.pid()).unwrap().process.started_at, found.process.started_at);
}

#[test]
fn a_zombie_is_found_but_not_alive() {
    let child = Family::idle();
    let key = identify(child.pid()).unwrap().process.key;
    child.make_zombie();
    let found = identify(child.pid()).unwrap();
    assert_eq!((found.life, found.process.key), (Life::Zombie, key));
    assert!(!is_alive(&key) && !is_alive(&ProcessKey { inode: None, ..key }));
}

#[test]
fn a_dead_process_is_not_found() {
    let mut child = Family::idle();
    let key = identify(child.pid()).unwrap().process.key;
    child.kill_and_reap();
    assert_eq!(identify(key.pid).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!is_alive(&key));
}

#[test]
fn a_process_with_a_reused_pid_is_not_taken_for_the_earlier_one() {
    let key = identify(this_process()).unwrap().process.key;
    // The key of an earlier process with our pid: another identity, or at least another start.
    let by_start = ProcessKey { inode: None, started: key.started - 1, ..key };
    assert!(!is_alive(&by_start) && is_alive(&ProcessKey { inode: None, ..key }));
    if let Some(inode) = key.inode {
        assert!(!is_alive(&ProcessKey { inode: Some(inode - 1), ..key }));
    }
}

#[test]
fn processes_do_not_share_an_identity() {
    let (one, other) = (Family::idle(), Family::idle());
    let key = |child: &Family| identify(child.pid()).unwrap().process.key;
    assert!(key(&one).inode.is_none() || key(&one).inode != key(&other).inode);
    assert_eq!(key(&one), key(&one));
}

#[test]
fn the_number_of_a_thread_is_not_a_process() {
    let thread = std::thread::spawn(rustix::thread::gettid).join().unwrap();
    let (stop, wait) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let live = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid()).unwrap();
        let _ = wait.recv();
    });
    for id in [thread, told.recv().unwrap()] {
        let pid = styxy_core::Pid::new(id.as_raw_nonzero().get().try_into().unwrap()).unwrap();
        assert_eq!(identify(pid).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
    drop(stop);
    live.join().unwrap();
}

#[test]
fn a_long_name_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("a-name-longer-than-the-kernel-keeps");
    // Copied by another process, so that no child of a parallel test inherits it open for writing.
    assert!(Command::new("cp").arg("/bin/sh").arg(&program).status().unwrap().success());
    let child = Family::waiting(&program, "", folder.path());
    assert_eq!(&*identify(child.pid()).unwrap().process.name, "a-name-longer-than-the-kernel-keeps");
}

#[test]
fn ancestors_come_nearest_first_and_no_more_than_asked_for() {
    let script = "sleep 1000 & echo $!; wait";
    let shell = Family::shell(script, Stdio::null());
    let line = ancestors(shell.pid(), 64);
    assert_eq!(line[0], identify(this_process()).unwrap().process.key);
    assert!(line.len() > 1 && line.last().unwrap().pid.get() <= line[0].pid.get());
    assert_eq!(ancestors(shell.pid(), 1).len(), 1);
}

#[test]
fn a_process_is_described_with_its_command_folder_user_and_project() {
    let home = tempfile::tempdir().unwrap();
    let root = canonical(home.path()).unwrap().join("app");
    std::fs::create_dir_all(root.join("packages/web")).unwrap();
    std::fs::create_dir(root.join(".git")).unwrap();
    std::fs::write(root.join(".git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();
    let child = Family::waiting(Path::new("sh"), "end", &root.join("packages/web"));
    let details = describe(child.pid(), in_5_seconds()).unwrap();
    assert_eq!(details.command.as_deref(), Some("sh -c echo ready; read line end"));
    assert_eq!(details.place.working_directory, Some(root.join("packages/web")));
    assert_eq!(details.place.project_path.unwrap().as_str(), root.to_str().unwrap());
    assert_eq!(details.place.branch.as_deref(), Some("feature/x"));
    assert!(details.user_name.is_some_and(|name| !name.is_empty()));
    assert_eq!(details.identified.process.key.pid, child.pid());

    let late = describe(child.pid(), Instant::now()).unwrap();
    assert_eq!(
        (late.place.working_directory, late.place.project_path, late.place.branch),
        (None, None, None)
    );
    assert_eq!(late.identified.process.key.pid, child.pid());
}

#[test]
fn a_deleted_folder_is_not_a_project() {
    let place = tempfile::tempdir().unwrap();
    let (gone, left) = (place.path().join("app"), place.path().join("app (deleted)"));
    std::fs::create_dir_all(gone.join(".git")).unwrap();
    let child = Family::waiting(Path::new("sh"), "", &gone);
    std::fs::remove_dir_all(&gone).unwrap();
    // The folder that the kernel's remark would lead to if it were read as a name.
    std::fs::create_dir_all(left.join(".git")).unwrap();
    let details = describe(child.pid(), in_5_seconds()).unwrap();
    assert_eq!((details.place.working_directory, details.place.project_path), (None, None));
    let called = details.place.deleted_directory.expect("what it was called");
    assert!(called.ends_with("app"), "{called:?}");
    // And a new folder of the old name is another one.
    std::fs::create_dir_all(gone.join(".git")).unwrap();
    assert_eq!(describe(child.pid(), in_5_seconds()).unwrap().place.project_path, None);
}

#[test]
fn a_long_command_line_is_cut() {
    let child = Family::waiting(Path::new("sh"), &"y".repeat(9000), Path::new("/"));
    let command = describe(child.pid(), in_5_seconds()).unwrap().command.unwrap();
    assert!(command.starts_with("sh -c echo ready; read line yyy") && command.len() == 4096);
}
