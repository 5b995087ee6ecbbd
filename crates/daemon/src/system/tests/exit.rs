use std::io;

use styxy_core::ProcessKey;

use super::support::{Family, soon, this_process};
use crate::system::{ExitWatch, identify};

fn refusal(key: &ProcessKey) -> io::ErrorKind {
    ExitWatch::open(key).map(drop).unwrap_err().kind()
}

#[tokio::test]
async fn a_killed_child_is_reported_before_it_is_reaped() {
    let child = Family::idle();
    let watch = ExitWatch::open(&identify(child.pid()).unwrap().process.key).unwrap();
    child.make_zombie();
    soon(watch.exited()).await.unwrap();
    soon(watch.exited()).await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_process_that_is_not_our_child_is_reported() {
    let shell = Family::shell("sleep 1000 & echo $!; wait", std::process::Stdio::null());
    let children = format!("/proc/{0}/task/{0}/children", shell.pid());
    let grandchild: u32 = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
    let grandchild = styxy_core::Pid::new(grandchild).unwrap();
    let watch = ExitWatch::open(&identify(grandchild).unwrap().process.key).unwrap();
    shell.make_zombie();
    soon(watch.exited()).await.unwrap();
}

#[tokio::test]
async fn a_live_process_is_not_reported() {
    let watch = ExitWatch::open(&identify(this_process()).unwrap().process.key).unwrap();
    let other = Family::idle();
    let others = ExitWatch::open(&identify(other.pid()).unwrap().process.key).unwrap();
    other.make_zombie();
    tokio::select! {
        biased;
        ended = watch.exited() => panic!("reported {ended:?}"),
        // Any event from before would have been reported by now.
        ended = soon(others.exited()) => ended.unwrap(),
    }
}

#[tokio::test]
async fn the_dead_zombies_and_strangers_cannot_be_watched() {
    let mut child = Family::idle();
    let key = identify(child.pid()).unwrap().process.key;
    assert_eq!(
        refusal(&ProcessKey { inode: None, started: key.started + 1, ..key }),
        io::ErrorKind::NotFound
    );
    if let Some(inode) = key.inode {
        assert_eq!(refusal(&ProcessKey { inode: Some(inode + 1), ..key }), io::ErrorKind::NotFound);
    }
    child.make_zombie();
    assert_eq!(refusal(&key), io::ErrorKind::NotFound);
    child.kill_and_reap();
    assert_eq!(refusal(&key), io::ErrorKind::NotFound);
}
