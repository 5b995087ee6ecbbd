//! A Firebase project, and a stub of the program: it reads the configuration it is given and listens on every port in it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::helper::{ARGUMENTS, ROLE, Server, say};
use super::home::{Home, sort};

/// A project with a firebase.json, and the stub in the PATH as `firebase`.
pub(crate) struct Suite {
    pub(crate) home: Home,
    /// What each emulator is asked for in firebase.json.
    pub(crate) ports: Vec<(&'static str, u16)>,
    bin: PathBuf,
}

impl Suite {
    pub(crate) fn new() -> Self {
        Self::within(sort::MANY)
    }

    /// Whose services have the ports of `range`, beside those that firebase.json names.
    pub(crate) fn within(range: &str) -> Self {
        let home = Home::new();
        let range = home.range(range);
        let types = ["auth", "database", "ui", "hub", "monitoring"].map(|name| {
            (name.to_owned(), json!({ "preferred_ports": [], "range": [range.start(), range.end()] }))
        });
        home.configure(&json!({ "service_types": serde_json::Map::from_iter(types) }));
        let names = ["auth", "firestore", "websocket", "ui", "hub", "logging"];
        let ports: Vec<_> = names.into_iter().map(|name| (name, home.spare_port())).collect();
        let bin = home.top().join("bin");
        fs::create_dir(&bin).unwrap();
        let suite = Self { home, ports, bin };
        let exe = std::env::current_exe().unwrap();
        let words = ARGUMENTS.join(" ");
        suite.program("firebase", &format!("{ROLE}=\"firebase $*\" exec '{}' {words}", exe.display()));
        suite.program("npx", "exec \"$@\"");
        fs::write(suite.original(), suite.config().to_string()).unwrap();
        suite
    }

    /// Puts a shell script in the PATH.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn original(&self) -> PathBuf {
        self.home.project().join("firebase.json")
    }

    /// What firebase.json says.
    pub(crate) fn config(&self) -> Value {
        let port = |name| self.ports.iter().find(|(known, _)| *known == name).unwrap().1;
        json!({
            "emulators": {
                "auth": { "port": port("auth") },
                "firestore": { "port": port("firestore"), "websocketPort": port("websocket"), "host": "127.0.0.1" },
                "ui": { "port": port("ui") }, "hub": { "port": port("hub") }, "logging": { "port": port("logging") },
                "singleProjectMode": true,
            },
            "firestore": { "rules": "firestore.rules" },
        })
    }

    /// `program` with the stub in its PATH, not yet run.
    pub(crate) fn within_environment(&self, program: &str) -> Command {
        let mut command = self.home.command(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    /// `styxy firebase` with these words, not yet run.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.within_environment(crate::support::program());
        command.arg("firebase").args(words);
        command
    }

    /// The suite, when it listens on all its ports.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> (Server, Told) {
        let server = Server::run(&mut self.command(words));
        let told = serde_json::from_str(&server.hear()).unwrap();
        (server, Told(told))
    }

    /// The configurations of runs that lie beside firebase.json.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.home.project()).unwrap().map(|entry| entry.unwrap().path());
        let is_runs = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().contains(".styxy-");
        entries.filter(is_runs).collect()
    }
}

/// What the stub was told: its words, the configuration, and the variables of emulators.
#[derive(Debug)]
pub(crate) struct Told(Value);

impl Told {
    pub(crate) fn path(&self) -> PathBuf {
        self.0["path"].as_str().unwrap().into()
    }
    pub(crate) fn project(&self) -> &str {
        self.0["project"].as_str().unwrap()
    }
    pub(crate) fn config(&self) -> &Value {
        &self.0["config"]
    }
    pub(crate) fn variables(&self) -> &Value {
        &self.0["variables"]
    }
    /// Every port that the stub listens on, ascending.
    pub(crate) fn ports(&self) -> Vec<u16> {
        ports(self.config())
    }
}

fn ports(config: &Value) -> Vec<u16> {
    let entries = config["emulators"].as_object().unwrap().values().filter_map(Value::as_object);
    let fields =
        entries.flat_map(|entry| entry.iter().filter(|(name, _)| name.to_lowercase().ends_with("port")));
    let mut ports: Vec<u16> = fields.map(|(_, port)| port.as_u64().unwrap().try_into().unwrap()).collect();
    ports.sort_unstable();
    ports
}

/// Listens as it was told to, says what that was, and ends with its standard input or by an `exit N` on it.
pub(super) fn stub(words: &[&str]) {
    let option = |name: &str| {
        let at =
            words.iter().position(|word| *word == name).unwrap_or_else(|| panic!("no {name} in {words:?}"));
        words[at + 1]
    };
    let path = Path::new(option("--config"));
    let config: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let held: Vec<TcpListener> =
        ports(&config).iter().map(|port| TcpListener::bind(("127.0.0.1", *port)).unwrap()).collect();
    let variables = std::env::vars().filter(|(name, _)| name.contains("EMULATOR"));
    let variables = Value::Object(variables.map(|(name, value)| (name, value.into())).collect());
    let told =
        json!({ "path": path, "project": option("--project"), "config": config, "variables": variables });
    say(&told.to_string());
    for line in std::io::stdin().lines().map_while(Result::ok) {
        if let Some(code) = line.strip_prefix("exit ") {
            std::process::exit(code.parse().unwrap());
        }
    }
    drop(held);
}
