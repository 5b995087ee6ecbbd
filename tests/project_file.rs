//! `.styxy.json`: names and preferences that every command honours, and nothing else.

use std::fs;
use std::path::Path;

use serde_json::json;
use styxy_core::api::WaitAnswer;

use crate::support::{Home, Server, helper_under, sort, words};

fn write(folder: &Path, port: u16) {
    let file = json!({ "services": {
        sort::WEB: { "name": "shop", "port": port, "env": ["SHOP_PORT"] },
        sort::API: {},
    } });
    fs::write(folder.join(".styxy.json"), file.to_string()).unwrap();
}

#[test]
fn every_command_honours_the_file_and_options_override_it() {
    let home = Home::new();
    let (wished, typed) = (home.spare_port(), home.spare_port());
    write(&home.project(), wished);
    let deep = home.project().join("packages/web");
    fs::create_dir_all(&deep).unwrap();
    let run = |line: &str| {
        let run = [&["run", "-s", sort::WEB], &words(line)[..], &["--"]].concat();
        let mut command = helper_under(&home, &run, "variables", &["PORT", "SHOP_PORT", "MORE"]);
        let (code, said) = Server::run(command.current_dir(&deep)).ends();
        assert_eq!(code, Some(0));
        said.concat()
    };
    assert_eq!(run("--env MORE"), format!("{wished} {wished} {wished}"));
    assert_eq!(run(&format!("-p {typed}")), format!("{typed} {typed} "));
    assert_eq!(home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number(), wished);
    let lease = home.leases().pop().unwrap();
    assert_eq!(lease.service_name.unwrap().as_str(), "shop");
    let env = home.styxy(&["env"]).done().stdout;
    assert!(env.contains(&format!("export SHOP_PORT='{wished}'\n")), "{env}");
    assert!(env.contains("export STYXY_API_PORT='"), "every service of the file: {env}");
    let _unnamed = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let _server = Server::on(&home, wished);
    let waited = home.styxy(&["wait", sort::WEB, "--json"]).done().wire::<WaitAnswer>();
    assert_eq!(waited.port.get(), wished, "the lease with the name from the file is the one that is meant");
}

#[test]
fn a_mistake_in_the_file_is_wrong_usage_for_the_commands_that_read_it() {
    let home = Home::new();
    let path = home.project().join(".styxy.json");
    fs::write(&path, "{ \"services\": {\n  \"web\": { \"env\": [\"LD_PRELOAD\"] } } }").unwrap();
    for line in ["env", "allocate -s web", "wait web"] {
        let said = home.styxy(&words(line)).exits(2);
        let place = format!("error: {}:2:20: services.web.env[0]: \"LD_PRELOAD\"", path.display());
        assert!(said.stderr.starts_with(&place), "{line}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{line}");
    }
    fs::remove_file(&path).unwrap();
    fs::write(home.project().join("package.json"), r#"{"styxy": {"services": {"web": {"command": "x"}}}}"#)
        .unwrap();
    let said = home.styxy(&["env"]).done();
    let place = format!("warning: {}:1:33: ", home.project().join("package.json").display());
    let warning = "styxy.services.web.command is not a known key; did you mean run? (it is ignored)";
    assert_eq!(said.stderr.trim_end(), format!("{place}{warning}"));
    assert!(said.stdout.contains("STYXY_WEB_PORT="), "{}", said.stdout);
}

#[test]
fn the_key_in_package_json_is_the_same() {
    let home = Home::new();
    let wished = home.spare_port();
    let package = json!({ "name": "app", "styxy": { "services": { sort::WEB: { "port": wished } } } });
    fs::write(home.project().join("package.json"), package.to_string()).unwrap();
    assert_eq!(home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number(), wished);
}

#[test]
fn the_schema_is_available_to_editors() {
    let home = Home::new();
    let printed = home.styxy(&["config", "schema", "--project"]).done().stdout;
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["title"], "Styxy project");
    assert!(printed["$defs"]["Service"]["properties"]["env"].is_object());
}
