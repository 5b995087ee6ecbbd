//! A command that is newer than the daemon replaces it, and loses no lease. Nothing else does: no hook, and no command that
//! may not start a daemon. A daemon in the foreground stays.

use std::fs;
use std::process::Stdio;

use serde_json::json;
use styxy_core::api::Lease;

use crate::support::{Home, finish, is_stopped_by_request, old_daemon, old_daemon_for, sort};

/// A home with a lease, whose daemon is one of 0.0.9 now.
fn with_a_lease() -> (Home, Vec<Lease>) {
    let home = Home::new();
    home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    let leases = home.leases();
    home.styxy(&["daemon", "stop"]).done();
    (home, leases)
}

#[track_caller]
fn is_restarted_by(words: &[&str]) {
    let (home, leases) = with_a_lease();
    let old = old_daemon(&home, "detached");
    let said = home.styxy(words).done();
    is_stopped_by_request(old);
    let ours = env!("CARGO_PKG_VERSION");
    let line = format!("styxy: restarted the daemon: {ours} in place of 0.0.9; leases are kept\n");
    assert!(said.stderr.starts_with(&line), "{said:?}");
    assert_eq!(home.status().expect("a daemon").version, ours);
    assert!(home.leases().iter().any(|lease| lease.lock_id == leases[0].lock_id), "the lease is lost");
    let again = home.styxy(words).done();
    assert!(!again.stderr.contains("restarted"), "{again:?}");
}

#[test]
fn a_command_replaces_an_older_daemon_and_its_leases_stay() {
    is_restarted_by(&["list"]);
}

#[test]
fn daemon_start_replaces_an_older_daemon() {
    is_restarted_by(&["daemon", "start"]);
}

#[test]
fn run_replaces_an_older_daemon_and_leases_from_the_new_one() {
    is_restarted_by(&["run", "-s", sort::API, "--", "true"]);
}

#[test]
fn many_commands_at_once_replace_an_older_daemon_once() {
    let (home, _) = with_a_lease();
    // Each of them has found the older daemon before the first one stops it.
    let old = old_daemon_for(&home, "detached", 8);
    let commands: Vec<_> = (0..8)
        .map(|_| {
            let mut command = home.styxy_command(&["list"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let said: Vec<String> = commands
        .into_iter()
        .map(|command| {
            let output = command.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            said
        })
        .collect();
    is_stopped_by_request(old);
    let count = said.iter().filter(|said| said.contains("restarted the daemon")).count();
    assert_eq!(count, 1, "{said:?}");
}

/// The old daemon still serves after `words`.
#[track_caller]
fn stays_after(mode: &str, words: &[&str], variables: &[(&str, &str)]) {
    let (home, _) = with_a_lease();
    let old = old_daemon(&home, mode);
    let event =
        json!({ "hook_event_name": "SessionStart", "cwd": home.project(), "session_id": "s" }).to_string();
    let mut command = home.shell("printf %s \"$EVENT\" | $STYXY \"$@\"");
    let said = finish(command.arg("sh").args(words).envs(variables.iter().copied()).env("EVENT", event));
    assert_eq!(home.daemon_file().expect("daemon.json").pid.get(), old.pid(), "{words:?}: {said:?}");
    assert!(!said.stderr.contains("restarted"), "{words:?}: {said:?}");
}

#[test]
fn a_daemon_in_the_foreground_stays() {
    for words in [&["list"][..], &["daemon", "start"], &["run", "-s", sort::API, "--", "true"]] {
        stays_after("foreground", words, &[]);
    }
}

#[test]
fn who_may_not_start_a_daemon_replaces_none() {
    stays_after("detached", &["list", "--no-start"], &[]);
    stays_after("detached", &["list"], &[("STYXY_NO_AUTOSTART", "1")]);
    stays_after("detached", &["list"], &[("SANDBOX_RUNTIME", "1")]);
    stays_after("detached", &["daemon", "status"], &[]);
}

#[test]
fn a_hook_replaces_no_daemon() {
    stays_after("detached", &["hook", "claude"], &[]);
}

#[test]
fn a_mistake_in_the_settings_keeps_the_older_daemon_and_is_said() {
    let (home, _) = with_a_lease();
    let old = old_daemon(&home, "detached");
    fs::write(home.root().join("config.json"), "{").unwrap();
    let said = home.styxy(&["list"]).done();
    assert!(said.stderr.contains("the daemon is still 0.0.9"), "{said:?}");
    assert_eq!(home.daemon_file().expect("daemon.json").pid.get(), old.pid());
}
