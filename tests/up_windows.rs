//! `styxy up` on Windows: services in jobs of their own, and a keeper behind a named pipe.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;

use serde_json::{Value, json};
use styxy_core::Pid;

use crate::support::{DEADLINE, Home, Output, Running, alive, end, eventually, helper, sort, until};

/// A worktree with services; they end with the test.
struct Stack {
    home: Home,
}

impl Stack {
    /// `server.cmd NAME` is a server.
    fn new(services: &Value) -> Self {
        let stack = Self { home: Home::new() };
        let program = helper(&stack.home, "", &[]);
        let words: Vec<String> = program.get_args().map(|word| word.to_str().unwrap().to_owned()).collect();
        let line = format!("\"{}\" {}", program.get_program().to_str().unwrap(), words.join(" "));
        let text = format!("@echo off\r\nset STYXY_TEST_ROLE=service %1 %2\r\n{line}\r\n");
        fs::write(stack.home.project().join("server.cmd"), text).unwrap();
        stack.say(services);
        stack
    }

    fn say(&self, services: &Value) {
        let text = json!({ "services": services }).to_string();
        fs::write(self.home.project().join(".styxy.json"), text).unwrap();
    }

    #[track_caller]
    fn up(&self) -> Vec<Value> {
        let output = self.home.styxy(&["up", "-d", "--json"]);
        assert_eq!(output.code, 0, "{output:?}\n{:?}", self.home.styxy(&["logs"]));
        services(&output)
    }

    #[track_caller]
    fn ps(&self) -> Vec<Value> {
        services(&self.home.styxy(&["ps", "--json"]).done())
    }

    #[track_caller]
    fn number(&self, name: &str, key: &str) -> u32 {
        let all = self.ps();
        let found =
            all.iter().find(|service| service["service"] == name).unwrap_or_else(|| panic!("{all:?}"));
        let number = found[key].as_u64().unwrap_or_else(|| panic!("{key} of {found}"));
        u32::try_from(number).unwrap()
    }

    /// What the server of a service says of one of its variables, or of `pids`.
    #[track_caller]
    fn ask(&self, name: &str, variable: &str) -> String {
        let port = u16::try_from(self.number(name, "port")).unwrap();
        ask(port, variable).unwrap_or_else(|| panic!("no answer on {port}"))
    }

    /// The server's process, and the one that it has started.
    fn pids(&self, name: &str) -> Vec<u32> {
        self.ask(name, "pids").split(' ').map(|pid| pid.parse().unwrap()).collect()
    }

    /// The keeper, which is the parent of the services that it has started.
    fn keeper(&self, service: &str) -> u32 {
        let pid = Pid::new(self.number(service, "pid")).unwrap();
        styxy_daemon::system::identify(pid).unwrap().parent.expect("a parent").get()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Nothing of it may outlive the test, whatever became of that.
        let _ = crate::support::finish(&mut self.home.styxy_command(&["down", "--now"]));
    }
}

#[track_caller]
fn services(output: &Output) -> Vec<Value> {
    output.json()["services"].as_array().expect("services").clone()
}

fn ask(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(stream, "GET /{path} HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// Two servers, one in a shell and one not.
fn two() -> Value {
    json!({
        "web": { "type": sort::WEB, "run": ["./server.cmd", "web"] },
        "api": { "type": sort::API, "run": "server.cmd api & rem" },
    })
}

#[test]
fn each_service_is_started_once_on_its_own_port_and_told_of_the_other() {
    let stack = Stack::new(&two());
    let all = stack.up();
    assert!(all.iter().all(|service| service["started"] == true), "{all:?}");
    // On a busy machine one may take longer to listen than it is waited for.
    until("all are ready", || stack.ps().iter().all(|service| service["state"] == "ready"));
    assert_eq!(stack.ask("web", "PORT"), stack.number("web", "port").to_string());
    assert_eq!(stack.ask("web", "STYXY_API_PORT"), stack.number("api", "port").to_string());
    assert_eq!(stack.ask("api", "STYXY_WEB_PORT"), stack.number("web", "port").to_string());
    let pids = |all: &[Value]| all.iter().map(|service| service["pid"].clone()).collect::<Vec<_>>();
    let again = stack.up();
    assert_eq!(pids(&again), pids(&all));
    assert!(again.iter().all(|service| service["started"] == false), "{again:?}");
    let logs = stack.home.styxy(&["logs", "web"]).done();
    assert!(logs.stdout.contains("web begins") && logs.stdout.contains("--- started "), "{logs:?}");
    let print = stack.home.styxy(&["up", "--print"]).done();
    assert!(print.stdout.contains("stays on port"), "{print:?}");
}

#[test]
fn a_service_that_fails_is_said_with_its_code_and_its_last_words() {
    let bad = json!({ "bad": { "port": false, "run": "echo it goes down& exit 3" } });
    let stack = Stack::new(&bad);
    let said = stack.home.styxy(&["up", "-d"]).exits(1);
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(said.contains("exit 3") && said.contains("it goes down"), "{said}");
    let waited = stack.home.styxy(&["wait", "bad"]).exits(1);
    assert!(waited.stderr.contains("bad: failed"), "{}", waited.stderr);
    stack.say(&json!({ "none": { "port": false, "run": ["no-such-program"] } }));
    let said = stack.home.styxy(&["up", "-d"]).exits(1);
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(said.contains("no-such-program: there is no such program"), "{said}");
}

#[test]
fn down_leaves_no_process_and_the_same_ports() {
    let stack = Stack::new(&json!({
        "web": { "type": sort::WEB, "run": ["./server.cmd", "web", "parent"] },
        "api": { "type": sort::API, "run": ["./server.cmd", "api"], "after": ["web"] },
    }));
    stack.up();
    let (pids, keeper) = (stack.pids("web"), stack.keeper("web"));
    assert_eq!(pids.len(), 2);
    let ports = [stack.number("web", "port"), stack.number("api", "port")];
    let all = [&pids[..], &[stack.number("web", "pid"), stack.number("api", "pid")]].concat();
    assert!(all.iter().all(|pid| alive(*pid)));
    stack.home.styxy(&["down"]).done();
    for pid in all {
        assert!(!alive(pid), "{pid} still runs");
    }
    until("the keeper ends", || !alive(keeper));
    assert!(stack.ps().iter().all(|service| service["state"] == "ended"));
    stack.up();
    assert_eq!(ports, [stack.number("web", "port"), stack.number("api", "port")]);
}

#[test]
fn a_killed_keeper_loses_no_service_and_the_next_one_adopts_and_ends_all() {
    let stack = Stack::new(&json!({
        "web": { "type": sort::WEB, "run": ["./server.cmd", "web", "parent"] },
        "api": { "type": sort::API, "run": ["./server.cmd", "api"] },
    }));
    let before = stack.up();
    let (pids, keeper) = (stack.pids("web"), stack.keeper("web"));
    end(keeper);
    until("the keeper ends", || !alive(keeper));
    assert_eq!(stack.ask("web", "STYXY_API_PORT"), stack.number("api", "port").to_string());
    let after = stack.up();
    let pid = |all: &[Value]| all.iter().map(|service| service["pid"].clone()).collect::<Vec<_>>();
    assert_eq!(pid(&after), pid(&before));
    assert!(after.iter().all(|service| service["started"] == false), "{after:?}");
    // How one has ended that this keeper has not started.
    end(stack.number("api", "pid"));
    until("api has failed", || {
        stack.ps().iter().any(|one| one["service"] == "api" && one["state"] == "failed")
    });
    stack.home.styxy(&["down"]).done();
    for pid in pids {
        assert!(!alive(pid), "{pid} still runs");
    }
}

#[test]
fn many_ups_at_once_start_one_set() {
    let stack = Stack::new(&two());
    let all: Vec<Vec<Value>> = thread::scope(|scope| {
        let ups: Vec<_> = (0..4).map(|_| scope.spawn(|| stack.up())).collect();
        ups.into_iter().map(|up| up.join().unwrap()).collect()
    });
    let pids = |all: &[Value]| all.iter().map(|service| service["pid"].clone()).collect::<Vec<_>>();
    assert!(all.iter().all(|one| pids(one) == pids(&all[0])), "{all:?}");
    let started = |one: &&Vec<Value>| one.iter().any(|service| service["started"] == true);
    assert_eq!(all.iter().filter(started).count(), 1, "{all:?}");
}

#[test]
fn services_end_with_the_attached_command_that_has_started_them() {
    let stack = Stack::new(&two());
    let attached = Running::spawn(stack.home.styxy_command(&["up", "--wait"]).stdout(Stdio::null()));
    let is_ready = || {
        let all = stack.ps();
        (all.len() == 2 && all.iter().all(|service| service["state"] == "ready")).then_some(())
    };
    eventually("all are ready", is_ready);
    let pids = [stack.number("web", "pid"), stack.number("api", "pid")];
    attached.kill();
    until("the services end", || pids.iter().all(|pid| !alive(*pid)));
}

#[test]
fn a_terminal_of_its_own_is_refused_with_its_place_and_the_service_runs() {
    let stack = Stack::new(&json!({}));
    let text = format!(
        "{{\"services\": {{\n  \"web\": {{ \"type\": \"{}\", \"run\": [\"./server.cmd\", \"web\"],\n    \"tty\": true }} }} }}",
        sort::WEB
    );
    fs::write(stack.home.project().join(".styxy.json"), text).unwrap();
    let output = stack.home.styxy(&["up", "-d"]).done();
    assert!(
        output.stderr.contains(".styxy.json:3:5: ") && output.stderr.contains("on Windows"),
        "{output:?}"
    );
    assert!(output.stdout.contains("web: ready"), "{output:?}");
}

#[test]
fn who_and_kill_know_the_service_on_a_port() {
    let stack = Stack::new(&two());
    stack.up();
    let port = stack.number("web", "port").to_string();
    let who = stack.home.styxy(&["who", &port, "--json"]).done().json();
    assert_eq!(who["up"]["service"], "web", "{who}");
    let list = stack.home.styxy(&["list"]).done();
    assert!(list.stdout.contains("web"), "{list:?}");
    let kill = stack.home.styxy(&["kill", &port, "--yes"]).done();
    assert!(
        format!("{}{}", kill.stdout, kill.stderr).contains("The service web of styxy up has ended"),
        "{kill:?}"
    );
    let all = stack.ps();
    let state = |name: &str| all.iter().find(|one| one["service"] == name).map(|one| one["state"].clone());
    assert_eq!((state("web"), state("api")), (Some(json!("ended")), Some(json!("ready"))));
}
