//! Where the daemon's files are, and its settings.

use std::fs;

use serde_json::{Value, json};
use styxy_core::api::StatusAnswer;

use crate::support::{Home, Output, finish, words};

#[test]
fn the_folder_is_in_the_home_folder_by_default() {
    let home = Home::new();
    let root = home.top().join("user/.styxy");
    let home = home.at(root.clone());
    home.configure(&json!({}));
    let said = finish(home.styxy_command(&["daemon", "start", "--json"]).env_remove("STYXY_HOME")).done();
    let status: StatusAnswer = said.wire();
    // A pipe is in no folder.
    assert!(cfg!(windows) || status.listen.socket == root.join("styxy.sock").to_str().unwrap(), "{status:?}");
    assert_eq!(home.daemon_file().expect("daemon.json in that folder").pid, status.pid);
}

const NEED_THE_FOLDER: [&str; 7] =
    ["list", "allocate -s web -q", "daemon start", "daemon run", "daemon status", "doctor", "config path"];

// Windows always knows where a user's profile is.
#[test]
#[cfg(unix)]
fn without_a_home_folder_a_command_says_what_to_set() {
    let home = Home::new();
    for line in NEED_THE_FOLDER {
        let mut command = home.styxy_command(&words(line));
        let said = finish(command.env_remove("HOME").env_remove("STYXY_HOME")).exits(2);
        assert!(
            said.stderr.contains("STYXY_HOME") && said.stderr.contains("HOME is not set"),
            "{line}: {}",
            said.stderr
        );
    }
    // These need no folder.
    for line in ["--help", "completions fish", "config schema", "--version"] {
        finish(home.styxy_command(&words(line)).env_remove("HOME").env_remove("STYXY_HOME")).done();
    }
}

#[test]
fn a_start_that_the_settings_prevent_is_in_the_log() {
    let home = Home::new();
    fs::create_dir_all(home.root()).unwrap();
    fs::write(home.root().join("config.json"), "{ \"listen_port\": \"many\" }").unwrap();
    assert_ne!(home.styxy(&["daemon", "start"]).code, 0);
    let log = fs::read_to_string(home.root().join("logs/daemon.log")).unwrap();
    assert!(log.contains("the daemon ends") && log.contains("listen_port"), "{log}");
}

#[test]
fn a_relative_folder_is_refused() {
    let home = Home::new();
    for line in NEED_THE_FOLDER {
        let said = finish(home.styxy_command(&words(line)).env("STYXY_HOME", "relative/folder")).exits(2);
        assert!(said.stderr.contains("absolute"), "{line}: {}", said.stderr);
    }
}

/// Every command that starts the daemon names its folder and says what to do.
#[track_caller]
fn folder_is_refused(home: &Home) {
    folder_is_refused_to(home, |words| home.styxy(words));
}

#[track_caller]
fn folder_is_refused_to(home: &Home, styxy: impl Fn(&[&str]) -> Output) {
    for line in ["allocate -s dev", "daemon start", "daemon run"] {
        let said = styxy(&words(line)).exits(if line == "daemon run" { 1 } else { 3 });
        let root = home.root().to_str().unwrap();
        assert!(said.stderr.contains(root) && said.stderr.contains("hint: "), "{line}: {}", said.stderr);
    }
}

#[test]
fn a_folder_that_cannot_be_created_is_refused_with_what_to_do() {
    let home = Home::empty();
    fs::write(home.root(), "a file").unwrap();
    folder_is_refused(&home);
    let inside = home.root().join("inside");
    folder_is_refused(&Home::empty().at(inside));
    assert_eq!(fs::read_to_string(home.root()).unwrap(), "a file");
}

#[test]
#[cfg(unix)]
fn a_folder_that_cannot_be_written_is_refused_with_what_to_do() {
    let home = Home::empty();
    home.make_root();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o500);
    fs::set_permissions(home.root(), mode).unwrap();
    // Root may write everywhere.
    home.give_away();
    folder_is_refused_to(&home, |words| home.unprivileged(words, &[]));
}

#[test]
fn config_init_writes_a_valid_file_once() {
    let home = Home::empty();
    let path = home.root().join("config.json");
    assert_eq!(home.styxy(&["config", "path"]).done().stdout, format!("{}\n", path.display()));
    home.styxy(&["config", "validate"]).done();
    home.styxy(&["config", "init"]).done();
    assert!(home.styxy(&["config", "validate"]).done().stdout.contains("valid"));
    let text = fs::read_to_string(&path).unwrap();
    let again = home.styxy(&["config", "init"]).exits(1);
    assert!(again.stderr.contains("exists"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&home.root().metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700);
    }
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}

#[test]
fn config_validate_points_at_the_mistake_in_any_file() {
    let home = Home::new();
    let file = home.top().join("mine.json");
    fs::write(&file, "{\n  \"unbind_grace\": \"ten\"\n}").unwrap();
    let name = file.to_str().unwrap();
    let said = home.styxy(&["config", "validate", name]).exits(1);
    assert!(said.stderr.contains(&format!("{name}:2:19: ")), "{}", said.stderr);
    let refusal = home.styxy(&["config", "validate", name, "--json"]).exits(1).refusal();
    assert_eq!((&refusal.details["line"], &refusal.details["column"]), (&json!(2), &json!(19)));
    home.styxy(&["config", "validate", "/there/is/no/such/file"]).exits(1);
}

#[test]
fn config_validate_checks_the_projects_file_too_and_says_what_it_has_read() {
    let home = Home::new();
    let file = home.project().join(".styxy.json");
    let config = home.root().join("config.json");
    let said = home.styxy(&["config", "validate"]).done();
    assert!(said.stdout.ends_with("No .styxy.json counts in this folder, and none is needed.\n"), "{said:?}");
    fs::write(&file, r#"{"services": {"dev": {"name": "web"}, "api": {}}, "tls": true, "ssl": 1}"#).unwrap();
    let said = home.styxy(&["config", "validate"]).done();
    let line = format!("{} is valid. It names dev/web, api.\n", file.display());
    assert!(said.stdout.starts_with(config.to_str().unwrap()) && said.stdout.ends_with(&line), "{said:?}");
    for key in [":1:51: tls is not a known key", ":1:64: ssl is not a known key"] {
        assert!(said.stderr.contains(key), "{key}: {said:?}");
    }
    let answer: serde_json::Value = home.styxy(&["config", "validate", "--json"]).done().wire();
    assert_eq!(answer["project"], json!({ "path": file, "services": ["dev/web", "api"] }));
    assert_eq!(answer["path"], json!(config));
    fs::write(&file, "{\n  \"services\": []\n}").unwrap();
    let place = format!("{}:2:15: ", file.display());
    assert!(home.styxy(&["config", "validate"]).exits(1).stderr.contains(&place));
    // A file of this name is a project's wherever it is.
    let name = file.to_str().unwrap();
    assert!(home.styxy(&["config", "validate", name]).exits(1).stderr.contains(&place));
    fs::write(&config, "{").unwrap();
    let both = home.styxy(&["config", "validate"]).exits(1);
    assert!(both.stderr.contains(&place) && both.stderr.contains("config.json:1:"), "{both:?}");
    let package = home.project().join("package.json");
    fs::write(&package, "{}").unwrap();
    let without = home.styxy(&["config", "validate", package.to_str().unwrap()]).exits(1);
    assert!(without.stderr.contains("has no key styxy"), "{without:?}");
    home.styxy(&["config", "validate", "/there/is/no/.styxy.json"]).exits(1);
}

#[test]
fn config_show_says_what_is_in_force_and_where_it_comes_from() {
    let home = Home::with(&json!({ "bind_ttl": 77 }));
    let from_file = home.styxy(&["config", "show"]).done();
    assert!(from_file.stderr.contains("the daemon is not running"), "{}", from_file.stderr);
    home.start();
    let running = home.styxy(&["config", "show"]).done();
    assert_eq!(running.stdout, from_file.stdout);
    let row = running.stdout.lines().find(|line| line.starts_with("bind_ttl")).unwrap();
    assert!(row.contains("77") && row.contains("config.json"), "{row}");
    let row = running.stdout.lines().find(|line| line.starts_with("storybook")).unwrap();
    assert!(row.contains("6006-6010") && row.contains("built in"), "{row}");
    home.configure(&json!({ "bind_ttl": 78 }));
    let changed = home.styxy(&["config", "show"]).done();
    assert!(changed.stderr.contains("styxy daemon restart") && changed.stdout.contains("77"), "{changed:?}");
}

#[test]
fn config_schema_is_the_one_of_this_repository() {
    let home = Home::new();
    let said = home.styxy(&["config", "schema"]).done().stdout;
    let schema: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(schema, serde_json::from_str::<Value>(include_str!("../docs/config.schema.json")).unwrap());
}
