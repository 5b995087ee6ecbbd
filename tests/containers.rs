//! Ports that containers publish: a stand-in for the engine says whose container it is.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use styxy_core::api::{CheckAnswer, WhoAnswer, Whose};

use crate::support::{Home, Output, Server, helper, lacks_root, sort, until};

/// A stand-in for an engine: answers what it was last told to.
struct Engine {
    place: PathBuf,
    says: Arc<Mutex<Value>>,
}

impl Engine {
    fn new(home: &Home) -> Self {
        let place = home.top().join("docker.sock");
        let (listener, says) = (UnixListener::bind(&place).unwrap(), Arc::new(Mutex::new(json!([]))));
        fs::set_permissions(&place, Permissions::from_mode(0o666)).unwrap();
        let answer = Arc::clone(&says);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                // Whoever is answered before the end of a request that comes in pieces cannot write the rest.
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                let body = answer.lock().unwrap().to_string();
                let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
            }
        });
        Self { place, says }
    }

    /// It has one container, which publishes `port`.
    fn runs(&self, port: u16, state: &str, labels: &Value) {
        *self.says.lock().unwrap() = json!([{
            "Id": "1", "Names": ["/shop-web-1"], "State": state, "Labels": labels,
            "Ports": [{ "IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": port, "Type": "tcp" }],
        }]);
    }

    /// Runs `styxy` as a user who is not root, with this engine.
    fn styxy(&self, home: &Home, words: &[&str]) -> Output {
        home.unprivileged(words, &[("DOCKER_HOST", &format!("unix://{}", self.place.display()))])
    }
}

fn compose_of(folder: &Path) -> Value {
    json!({ "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
        "com.docker.compose.project.working_dir": folder })
}

/// What listens for a published port: of root if the test is root, else of this user and called as Docker calls it.
fn docker_proxy(home: &Home, port: u16) -> Server {
    let program = home.top().join("docker-proxy");
    symlink(std::env::current_exe().unwrap(), &program).unwrap();
    let asks = helper(home, "listen", &[&format!("{}:{port}", Ipv4Addr::UNSPECIFIED)]);
    let mut command = Command::new(program);
    command.args(asks.get_args()).env_clear().current_dir(home.top());
    command.envs(asks.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Server::listening(command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()))
}

#[test]
fn a_published_port_is_the_containers_and_its_compose_project_says_whose() {
    let home = Home::new();
    let (fix, deploy) = (home.worktree("fix"), home.project().join("deploy"));
    fs::create_dir(&deploy).unwrap();
    let engine = Engine::new(&home);
    home.give_away();
    let env = engine.styxy(&home, &["env", sort::WEB, "--json"]).done();
    let port = env.json()["PORT"].as_str().unwrap().to_owned();
    // The engine's program listens before the container runs.
    engine.runs(port.parse().unwrap(), "created", &compose_of(&deploy));
    let _proxy = docker_proxy(&home, port.parse().unwrap());
    let listed = || engine.styxy(&home, &["list"]).done().stdout;
    until("the lease is active", || listed().contains("active"));
    engine.runs(port.parse().unwrap(), "running", &compose_of(&deploy));
    if !lacks_root() {
        until("the container is named", || listed().contains("container shop-web-1"));
    }
    until("it is mine", || engine.styxy(&home, &["verify", &port]).code == 0);
    let who: WhoAnswer = engine.styxy(&home, &["verify", &port, "--json"]).done().wire();
    assert_eq!((who.whose, who.worktree.unwrap().as_str()), (Whose::Mine, home.project().to_str().unwrap()));
    let container = who.system_usage.unwrap().container.unwrap();
    assert_eq!((container.name.as_str(), container.folder.as_deref()), ("shop-web-1", deploy.to_str()));
    for words in [["who", &port], ["check", &port]] {
        let said = engine.styxy(&home, &words).done().stdout;
        assert!(said.contains("container shop-web-1 (web of compose project shop)"), "{said}");
        assert!(said.contains("deploy"), "{said}");
    }
    engine.styxy(&home, &["open", &port, "--print"]).done();
    let kill = engine.styxy(&home, &["kill", &port, "--force", "--yes"]).exits(1);
    assert!(kill.stderr.contains("docker stop shop-web-1"), "{kill:?}");

    engine.runs(port.parse().unwrap(), "running", &compose_of(&fix));
    until("the answer of before is forgotten", || engine.styxy(&home, &["verify", &port]).code == 5);
    engine.runs(port.parse().unwrap(), "running", &json!({}));
    until("the answer of before is forgotten", || engine.styxy(&home, &["verify", &port]).code == 6);
    let check: CheckAnswer = engine.styxy(&home, &["check", &port, "--json"]).done().wire();
    assert_eq!(check.system_usage.unwrap().container.unwrap().compose_project, None);
    // A container that has stopped says nothing.
    engine.runs(port.parse().unwrap(), "exited", &compose_of(&home.project()));
    let is_nameless = || {
        let check: CheckAnswer = engine.styxy(&home, &["check", &port, "--json"]).done().wire();
        check.system_usage.unwrap().container.is_none()
    };
    until("the answer of before is forgotten", is_nameless);
}

#[test]
fn a_container_of_another_checkout_on_my_lease_is_a_conflict() {
    let home = Home::new();
    let fix = home.worktree("fix");
    let engine = Engine::new(&home);
    home.give_away();
    let env = engine.styxy(&home, &["env", sort::WEB, "--json"]).done();
    let port: u16 = env.json()["PORT"].as_str().unwrap().parse().unwrap();
    engine.runs(port, "running", &compose_of(&fix));
    let _proxy = docker_proxy(&home, port);
    until("it is a conflict", || engine.styxy(&home, &["list"]).done().stdout.contains("conflict"));
    engine.styxy(&home, &["verify", &port.to_string()]).exits(5);
    let next = engine.styxy(&home, &["env", sort::WEB, "--json"]).done();
    assert_ne!(next.json()["PORT"], json!(port.to_string()));
}
