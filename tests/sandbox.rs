//! Inside a sandbox: commands run on the port that was exported outside, and no daemon begins there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{Home, finish, sort};

/// What Styxy exports for a session, and what an agent's sandbox sets.
const EXPORTED: [(&str, &str); 2] = [("STYXY_WEB_PORT", "8123"), ("STYXY_API_PORT", "8124")];
const SANDBOXES: [(&str, &str); 2] = [("CODEX_SANDBOX_NETWORK_DISABLED", "1"), ("SANDBOX_RUNTIME", "1")];

#[test]
fn no_daemon_is_started_inside_a_known_sandbox() {
    let home = Home::new();
    for sandbox in SANDBOXES {
        for words in [&["list"][..], &["env", sort::WEB], &["daemon", "start"], &["daemon", "restart"]] {
            let said = finish(home.styxy_command(words).envs([sandbox])).exits(3);
            assert!(said.stderr.contains("sandbox"), "{words:?}: {said:?}");
        }
    }
    assert!(home.status().is_none());
}

#[test]
fn a_command_in_a_sandbox_runs_on_the_exported_port_without_a_word() {
    let home = Home::new();
    for sandbox in SANDBOXES {
        let run = |variables: &[(&str, &str)]| {
            let mut run =
                home.styxy_command(&["run", "-s", sort::WEB, "--", "sh", "-c", "echo $PORT $STYXY_WEB_PORT"]);
            finish(run.envs([sandbox]).envs(variables.iter().copied())).done()
        };
        let told = run(&EXPORTED);
        assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("8123 8123\n", ""));
        let untold = run(&[]);
        assert_eq!(untold.stderr.lines().count(), 1, "{untold:?}");
        assert!(untold.stderr.contains("inside") && untold.stderr.contains("sandbox"), "{untold:?}");
        let mut env = home.styxy_command(&["env", sort::WEB, sort::API, "--json"]);
        let env = finish(env.envs([sandbox]).envs(EXPORTED)).done();
        assert_eq!((&env.json()["PORT"], &env.json()["STYXY_API_PORT"]), (&json!("8123"), &json!("8124")));
    }
    assert!(home.status().is_none());
}

#[test]
fn where_the_socket_is_denied_the_exported_port_counts_too() {
    let home = Home::new();
    home.give_away();
    home.unprivileged(&["daemon", "start"], &[]).done();
    let socket = home.root().join("styxy.sock");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o400)).unwrap();
    let run = ["run", "-s", sort::WEB, "--", "sh", "-c", "echo $PORT"];
    let told = home.unprivileged(&run, &EXPORTED).done();
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("8123\n", ""));
    let untold = home.unprivileged(&run, &[]).done();
    assert!(untold.stderr.contains("inside a sandbox"), "{untold:?}");
    let env = home.unprivileged(&["env", sort::WEB, "--json"], &EXPORTED).done();
    assert_eq!(env.json()["PORT"], json!("8123"));
    home.unprivileged(&["env", sort::API, "--json"], &EXPORTED[..1]).exits(3);
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    home.unprivileged(&["daemon", "stop"], &[]).done();
}
