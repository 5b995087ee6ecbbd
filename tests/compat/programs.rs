//! An old program and today's, one as the client and one as the daemon. Where there is no old one, these are skipped.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::history::{history, shown};
use super::journal::same;
use super::{commands, fixtures, still};
use crate::support::{Home, Running, eventually, finish, program};

/// The version that the old program is of.
const OLD: &str = "0.1.0";

/// The old program, if there is one.
fn old() -> Option<PathBuf> {
    let old = std::env::var_os("STYXY_OLD_BIN").map(PathBuf::from);
    if old.is_none() {
        println!("skipped: STYXY_OLD_BIN names no program of version {OLD}; npm run test:compat builds one");
    }
    old
}

/// What `client` prints, asked of a daemon of `daemon`, has everything that the old one printed.
#[track_caller]
fn speak(client: &Path, daemon: &Path) {
    let home = Home::new();
    // In the foreground, where no newer command replaces it.
    let _daemon = Running::spawn(home.command(daemon).args(["daemon", "run"]).stderr(Stdio::null()));
    let pid = eventually("the daemon is ready", || home.daemon_file()).pid;
    let said = commands::everything(&home, client);
    still(&fixtures().join(OLD).join("commands.json"), &said);
    let status = said.iter().find(|exchange| exchange.name == "status").unwrap();
    assert_eq!(status.answer["pid"], pid.get(), "the client has put another daemon in place");
}

#[test]
fn an_old_client_understands_the_new_daemon() {
    if let Some(old) = old() {
        speak(&old, program().as_ref());
    }
}

#[test]
fn the_new_client_understands_an_old_daemon() {
    if let Some(old) = old() {
        speak(program().as_ref(), &old);
    }
}

/// One program's daemon is killed, and the other's continues with its journal.
#[track_caller]
fn take_over(first: &Path, second: &Path) {
    let home = Home::new();
    let history = history(&home, first);
    let before = shown(&home, &history);
    home.kill_daemon();
    finish(home.command(second).args(["daemon", "start"])).done();
    assert_eq!(home.status().expect("a daemon").notes, Vec::<String>::new());
    same(&before, &shown(&home, &history));
}

#[test]
fn the_new_daemon_takes_over_from_an_old_one() {
    if let Some(old) = old() {
        take_over(&old, program().as_ref());
    }
}

#[test]
fn an_old_daemon_takes_over_from_the_new_one() {
    if let Some(old) = old() {
        take_over(program().as_ref(), &old);
    }
}

#[test]
fn the_first_command_of_the_new_version_replaces_an_old_daemon() {
    let Some(old) = old() else { return };
    if env!("CARGO_PKG_VERSION") == OLD {
        println!("skipped: both programs are of version {OLD}");
        return;
    }
    let home = Home::new();
    finish(home.command(&old).args(["daemon", "start"])).done();
    let port = finish(home.command(&old).args(["allocate", "-s", "web", "-q"])).done().number();
    let said = home.styxy(&["list"]).done();
    assert!(said.stderr.contains("styxy: restarted the daemon: "), "{said:?}");
    assert_eq!(home.leases()[0].port.get(), port);
}
