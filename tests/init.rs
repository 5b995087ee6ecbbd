//! `styxy init` proposes a project's file, says why, writes it if it is told to, and never overwrites one.

use std::fs;

use styxy_core::api::Code;

use crate::support::{Home, Output, finish};

const PACKAGE: &str =
    r#"{"scripts": {"dev": "vite", "storybook": "storybook dev -p 6006", "build": "vite build"}}"#;

fn init_in(home: &Home, folder: &str, words: &[&str]) -> Output {
    let folder = home.project().join(folder);
    fs::create_dir_all(&folder).unwrap();
    finish(home.styxy_command(&[&["init"], words].concat()).current_dir(folder))
}

#[test]
fn the_servers_of_package_json_are_proposed_with_the_reason_for_each_and_written_if_that_is_asked_for() {
    let home = Home::new();
    fs::write(home.project().join("package.json"), PACKAGE).unwrap();
    let printed = init_in(&home, ".", &[]).done();
    let path = home.project().join(".styxy.json");
    assert!(!path.exists(), "without --write it writes nothing");
    let said = init_in(&home, ".", &["--write"]).done();
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(printed.stdout, written);
    assert_eq!(said.stdout, format!("Wrote {}.\n{written}", path.display()));
    let reasons = "dev: the script dev runs Vite.\n\
                   storybook: the script storybook runs Storybook, on port 6006.\n\
                   note: styxy up does not start storybook, without a run.\n";
    assert_eq!(said.stderr, reasons);
    let expected = r#"{
  "services": {
    "dev": { "run": "npm run dev" },
    "storybook": { "port": 6006 }
  }
}
"#;
    assert_eq!(written, expected);
    assert!(!home.root().join("daemon.lock").exists(), "it needs no daemon");
}

#[test]
fn the_packages_of_a_workspace_are_proposed_with_their_folders() {
    let home = Home::new();
    let write = |file: &str, text: &str| {
        let path = home.project().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("package.json", r#"{"workspaces": ["apps/*"], "scripts": {"dev": "npm run dev -ws"}}"#);
    write("apps/web/package.json", r#"{"name": "@acme/web", "scripts": {"dev": "vite"}}"#);
    write("apps/api/package.json", r#"{"scripts": {"dev": "node server.js"}}"#);
    let said = init_in(&home, "apps/web", &["--json"]).done();
    let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(answer["written"], false);
    let services: serde_json::Value = serde_json::from_str(answer["text"].as_str().unwrap()).unwrap();
    let service = |folder: &str| serde_json::json!({ "run": "npm run dev", "cwd": folder, "type": "dev" });
    assert_eq!(
        services,
        serde_json::json!({ "services": { "api": service("apps/api"), "web": service("apps/web") } })
    );
}

#[test]
fn the_servers_of_a_procfile_and_of_a_flask_application_are_proposed() {
    let home = Home::new();
    let write = |file: &str, text: &str| fs::write(home.project().join(file), text).unwrap();
    write("app.py", "");
    write("requirements.txt", "flask\n");
    let flask = init_in(&home, ".", &[]).done();
    assert_eq!(flask.stderr, "dev: app.py is an app of Flask.\n");
    assert!(flask.stdout.contains(r#""dev": { "run": "flask run" }"#), "{flask:?}");
    write("Procfile", "web: flask run --port 5001\nworker: python worker.py\n");
    let said = init_in(&home, ".", &[]).done();
    assert!(
        said.stderr.starts_with("web: the process web of Procfile runs Flask, on port 5001.\n"),
        "{said:?}"
    );
    assert!(
        said.stdout.contains(
            r#""web": { "run": "flask run --port 5001", "type": "dev", "name": "web", "port": 5001 }"#
        ),
        "{said:?}"
    );
}

#[test]
fn in_a_package_of_a_monorepo_it_is_for_the_root_of_the_checkout_and_says_so() {
    let home = Home::new();
    fs::create_dir_all(home.project().join("packages/web")).unwrap();
    fs::write(home.project().join("packages/web/package.json"), PACKAGE).unwrap();
    fs::write(home.project().join("Procfile"), "web: vite\n").unwrap();
    let said = init_in(&home, "packages/web", &["--write"]).done();
    let root = home.project();
    assert!(said.stderr.contains(&format!("the whole checkout, {}.", root.display())), "{said:?}");
    assert!(root.join(".styxy.json").exists() && !root.join("packages/web/.styxy.json").exists());
}

#[test]
fn a_package_with_only_a_script_that_starts_it_is_proposed_with_its_run() {
    let home = Home::new();
    for (scripts, run, why) in [
        (
            r#""start": "node server.js", "build": "tsc""#,
            "npm run start",
            "runs a program that gets its port in PORT",
        ),
        (r#""build": "vite build", "serve": "vite preview""#, "npm run serve", "runs Vite"),
        (r#""serve": "node b.js", "start": "vite --port 5000""#, "npm run start", "runs Vite, on port 5000"),
    ] {
        let package = format!("{{\"scripts\": {{{scripts}}}}}");
        fs::write(home.project().join("package.json"), package).unwrap();
        let said = init_in(&home, ".", &["--json"]).done();
        let service = &said.json()["services"][0];
        assert_eq!(service["run"], run, "{scripts}: {said:?}");
        assert_eq!(service["service"], "dev", "{scripts}");
        assert!(said.stderr.contains(why), "{scripts}: {}", said.stderr);
        assert_eq!(said.stderr.matches("dev: ").count(), 1, "{}", said.stderr);
    }
    let build = r#"{"scripts": {"start": "tsc", "build": "tsc"}}"#;
    fs::write(home.project().join("package.json"), build).unwrap();
    init_in(&home, ".", &[]).exits(1);
}

#[test]
fn where_no_server_is_recognised_nothing_is_written_and_a_file_to_begin_with_is_shown() {
    let home = Home::new();
    for words in [&["--json"][..], &["--json", "--write"]] {
        let refusal = init_in(&home, ".", words).exits(1).refusal();
        assert!(refusal.error.starts_with("no server was recognised in "), "{refusal}");
        let example = r#"{"services": {"web": {"run": "npm start"}}}"#;
        assert!(refusal.hint.as_ref().is_some_and(|hint| hint.contains(example)), "{refusal}");
    }
    assert!(!home.project().join(".styxy.json").exists());
}

#[test]
fn a_file_that_is_there_is_never_overwritten() {
    let home = Home::new();
    let path = home.project().join(".styxy.json");
    fs::write(home.project().join("package.json"), PACKAGE).unwrap();
    for text in ["{}", "not JSON"] {
        fs::write(&path, text).unwrap();
        let refusal = init_in(&home, ".", &["--json", "--write"]).exits(1).refusal();
        assert_eq!(refusal.code, Code::InvalidRequest);
        assert!(refusal.error.contains("already exists"), "{refusal}");
        assert!(init_in(&home, ".", &[]).done().stderr.contains("exists, and is not overwritten"));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_a_link_leads_to_is_never_made() {
    let home = Home::new();
    std::os::unix::fs::symlink("nowhere", home.project().join(".styxy.json")).unwrap();
    init_in(&home, ".", &["--write"]).exits(1);
    assert!(!home.project().join("nowhere").exists());
}

#[test]
fn the_key_in_package_json_is_a_file_too() {
    let home = Home::new();
    fs::write(home.project().join("package.json"), r#"{"styxy": {"services": {}}}"#).unwrap();
    let said = init_in(&home, ".", &["--write"]).exits(1);
    assert!(said.stderr.contains("has the key styxy already"), "{said:?}");
    assert!(!home.project().join(".styxy.json").exists());
}

#[test]
fn a_home_folder_and_a_broken_package_json_are_refused() {
    let home = Home::new();
    let said = finish(home.styxy_command(&["init"]).current_dir(home.top().join("user"))).exits(2);
    assert!(said.stderr.contains("a home folder, or /, is not a project"), "{said:?}");
    fs::write(home.project().join("package.json"), "{").unwrap();
    let said = init_in(&home, ".", &["--write"]).exits(2);
    assert!(said.stderr.contains("package.json: EOF"), "{said:?}");
}
