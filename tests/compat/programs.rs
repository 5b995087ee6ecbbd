//! An old program and today's, one as the client and one as the daemon. `npm run test:compat` runs these, for it builds the old one.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::history::{history, shown};
use super::journal::same;
use super::{commands, fixtures, still};
use crate::support::{Home, Running, eventually, finish, program};

/// The version that the old program is of.
const OLD: &str = "0.1.0";

/// The old program, which `npm run test:compat` builds.
fn old() -> PathBuf {
    std::env::var_os("STYXY_OLD_BIN").expect("STYXY_OLD_BIN names the program of the old version").into()
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
#[ignore = "npm run test:compat builds the old program"]
fn an_old_client_understands_the_new_daemon() {
    speak(&old(), program().as_ref());
}

#[test]
#[ignore = "npm run test:compat builds the old program"]
fn the_new_client_understands_an_old_daemon() {
    speak(program().as_ref(), &old());
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
#[ignore = "npm run test:compat builds the old program"]
fn the_new_daemon_takes_over_from_an_old_one() {
    take_over(&old(), program().as_ref());
}

#[test]
#[ignore = "npm run test:compat builds the old program"]
fn an_old_daemon_takes_over_from_the_new_one() {
    take_over(program().as_ref(), &old());
}

#[test]
#[ignore = "npm run test:compat builds the old program"]
fn the_first_command_of_the_new_version_replaces_an_old_daemon() {
    let (home, old) = (Home::new(), old());
    finish(home.command(&old).args(["daemon", "start"])).done();
    let port = finish(home.command(&old).args(["allocate", "-s", "web", "-q"])).done().number();
    let before = home.status().unwrap().pid;
    let said = home.styxy(&["list"]).done();
    // Until the first release after it, today's program has the old one's version.
    let is_newer = env!("CARGO_PKG_VERSION") != OLD;
    assert_eq!(said.stderr.contains("styxy: restarted the daemon: "), is_newer, "{said:?}");
    assert_eq!(home.status().unwrap().pid != before, is_newer);
    assert_eq!(home.leases()[0].port.get(), port);
}
