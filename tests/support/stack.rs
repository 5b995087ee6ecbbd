//! A worktree whose services `styxy up` starts; they end with the test.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::home::{Home, sort};
use super::run::Output;
use super::wait::{eventually, until};

/// A server that says which variables it has, and answers each request with them.
const SERVER: &str = r#"
import http.server, os, signal, sys
name = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = name + " " + str(os.getpid()) + " " + os.environ.get(self.path[1:], "")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *words):
        print(name, "was asked for", self.path, flush=True)
print(name, "begins", flush=True)
class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        import socketserver
        socketserver.TCPServer.server_bind(self)
        self.server_name = "localhost"
        self.server_port = self.server_address[1]
try:
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
except KeyboardInterrupt:
    print(name, "ends", flush=True)
"#;

/// A worktree with services.
pub(crate) struct Stack {
    pub(crate) home: Home,
}

impl Stack {
    /// With these services in its file, which is written as JSON. `server.py NAME` is a server.
    #[track_caller]
    pub(crate) fn new(services: &Value) -> Self {
        let stack = Self { home: Home::new() };
        fs::write(stack.home.project().join("server.py"), SERVER).unwrap();
        stack.say(services);
        stack
    }

    /// With ports of its own for the type `dev`, which has the same few first in every other home.
    pub(crate) fn with_own_dev(self) -> Self {
        let types = [("web", sort::WEB), ("api", sort::API), ("dev", sort::MANY)].map(|(name, of)| {
            let range = self.home.range(of);
            let own = json!({ "range": [range.start(), range.end()], "preferred_ports": [] });
            (name.to_owned(), own)
        });
        self.home.configure(&json!({ "service_types": serde_json::Map::from_iter(types) }));
        self
    }

    /// Writes the file again.
    pub(crate) fn say(&self, services: &Value) {
        let text = json!({ "services": services }).to_string();
        fs::write(self.home.project().join(".styxy.json"), text).unwrap();
    }

    #[track_caller]
    pub(crate) fn styxy(&self, words: &[&str]) -> Output {
        self.home.styxy(words)
    }

    /// `styxy up -d --json`, which succeeds: its services.
    #[track_caller]
    pub(crate) fn up(&self) -> Vec<Value> {
        let output = self.styxy(&["up", "-d", "--json"]);
        assert_eq!(output.code, 0, "{output:?}\n{}", self.logs());
        services(&output)
    }

    /// `styxy ps --json`
    #[track_caller]
    pub(crate) fn ps(&self) -> Vec<Value> {
        services(&self.styxy(&["ps", "--json"]).done())
    }

    /// The service of this name as `styxy ps` shows it.
    #[track_caller]
    pub(crate) fn service(&self, name: &str) -> Value {
        named(&self.ps(), name)
    }

    /// The pid that the service has now.
    #[track_caller]
    pub(crate) fn pid(&self, name: &str) -> u32 {
        u32::try_from(self.service(name)["pid"].as_u64().expect("a pid")).unwrap()
    }

    /// What the server of a service answers.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str, variable: &str) -> String {
        let port = u16::try_from(self.service(name)["port"].as_u64().expect("a port")).unwrap();
        ask(port, variable).expect("an answer")
    }

    /// The folder of what the keeper knows.
    #[track_caller]
    pub(crate) fn kept(&self) -> PathBuf {
        let all = fs::read_dir(self.home.root().join("up")).unwrap();
        let folders: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders.into_iter().next().unwrap()
    }

    /// What the services have printed, for a test that fails.
    pub(crate) fn logs(&self) -> String {
        let said = self.styxy(&["logs"]);
        let keeper = fs::read_dir(self.home.root().join("up")).into_iter().flatten().flatten();
        let keeper =
            keeper.map(|entry| fs::read_to_string(entry.path().join("keeper.txt")).unwrap_or_default());
        format!("{}{}{}", said.stdout, said.stderr, keeper.collect::<String>())
    }

    /// The pid of the keeper.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub(crate) fn keeper(&self) -> u32 {
        eventually("there is a keeper", || keepers(&self.home).into_iter().next())
    }

    /// Waits until no keeper is left.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub(crate) fn is_over(&self) {
        until("the keeper ends", || keepers(&self.home).is_empty());
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Nothing of it may outlive the test, whatever became of that.
        let _ = super::run::finish(&mut self.home.styxy_command(&["down", "--now"]));
    }
}

/// The processes that keep services for this home.
#[cfg(target_os = "linux")]
fn keepers(home: &Home) -> Vec<u32> {
    let project = home.project();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_keeper = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        words.get(1).is_some_and(|word| word == "keeper")
            && words.iter().any(|word| *word == project.to_string_lossy())
    };
    pids.filter(is_keeper).collect()
}

/// The services that a command has printed as JSON.
#[track_caller]
pub(crate) fn services(output: &Output) -> Vec<Value> {
    output.json()["services"].as_array().expect("services").clone()
}

/// The one of this name.
#[track_caller]
pub(crate) fn named(services: &[Value], name: &str) -> Value {
    let found = services.iter().find(|service| service["service"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {services:?}")).clone()
}

/// What a server on this port answers to `GET /path`; none if it does not.
pub(crate) fn ask(port: u16, path: &str) -> Option<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(super::wait::DEADLINE)).ok()?;
    write!(stream, "GET /{path} HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}
