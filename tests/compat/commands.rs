//! What each command prints with `--json`, in a situation that can be made again.

use std::path::Path;

use serde_json::{Value, json};

use super::exchange::{Exchange, portable};
use crate::support::{Home, Output, Server, finish, sort, until};

/// A home in which `program` is asked.
struct Typing<'a> {
    home: &'a Home,
    program: &'a Path,
    exchanges: Vec<Exchange>,
}

/// What `program` prints, asked of the daemon that runs in `home`; `program` starts it if none runs.
pub(super) fn everything(home: &Home, program: &Path) -> Vec<Exchange> {
    let mut typing = Typing { home, program, exchanges: Vec::new() };
    typing.says("start", "daemon start", 0);
    leases(&mut typing);
    servers(&mut typing);
    variables(&mut typing);
    the_daemon(&mut typing);
    typing.exchanges
}

impl Typing<'_> {
    fn run(&self, words: &[&str], folder: &Path) -> Output {
        finish(self.home.command(self.program).args(words).current_dir(folder))
    }

    /// What the words of `line` print with `--json`, and exit with.
    #[track_caller]
    fn says(&mut self, name: &str, line: &str, code: i32) -> Value {
        self.says_in(name, &self.home.project(), line, code)
    }

    #[track_caller]
    fn says_in(&mut self, name: &str, folder: &Path, line: &str, code: i32) -> Value {
        let words: Vec<&str> = line.split_whitespace().chain(["--json"]).collect();
        let output = self.run(&words, folder).exits(code);
        // `release` answers each of its arguments with a line.
        let mut lines: Vec<Value> =
            output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let answer = if lines.len() == 1 { lines.remove(0) } else { lines.into() };
        let said = portable(self.home, answer.clone());
        self.exchanges.push(Exchange {
            name: name.to_owned(),
            asked: portable(self.home, json!({ "command": words })),
            code,
            answer: said,
        });
        answer
    }
}

fn leases(typing: &mut Typing<'_>) {
    let one = typing.says("allocate", "allocate -s web", 0);
    typing.says("allocate a group", "allocate -s web -s api", 0);
    typing.says("allocate reuse", "allocate -s web --reuse", 0);
    typing.says("allocate dry run", "allocate -s web --dry-run", 0);
    let port = &one["port"];
    typing.says("allocate taken", &format!("allocate -s web -p {port}"), 0);
    typing.says("refuse a leased port", &format!("allocate -s web -p {port} --exact"), 1);
    typing.says("refuse a service type", "allocate -s webb", 1);
    typing.says("refuse the usage", "allocate -s web -p 70000", 2);
    typing.says("list", "list", 0);
    typing.says("list of a type", "list -s api", 0);
    typing.says("check", &format!("check {port}"), 0);
    typing.says("suggest", "suggest web", 0);
    typing.home.socket().post("/instance/register", &json!({ "instance_id": "claude-1" }));
    typing.says("allocate for an instance", "allocate -s api --instance claude-1", 0);
    typing.says("instances", "instances", 0);
    typing.says("release", &format!("release {port}"), 0);
    typing.says("release several", &format!("release {port} 1"), 1);
    typing.says("cleanup", "cleanup", 0);
    typing.says("cleanup with force", "cleanup --force --yes", 0);
}

fn servers(typing: &mut Typing<'_>) {
    let home = typing.home;
    std::fs::write(home.project().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let port = typing.says("allocate", "allocate -s web", 0)["port"].clone();
    typing.says("who, nobody", &format!("who {port}"), 4);
    typing.says("wait in vain", "wait web --timeout 0.1", 1);
    typing.says("open nothing", "open web --print", 1);
    typing.says("kill nothing", &format!("kill {port} --yes"), 1);
    let number = u16::try_from(port.as_u64().unwrap()).unwrap();
    let server = Server::on(home, number);
    until("the lease is active", || home.leases()[0].state == styxy_core::api::State::Active);
    typing.says("who, mine", &format!("who {port}"), 0);
    typing.says("verify, mine", &format!("verify {port}"), 0);
    typing.says("check an active port", &format!("check {port}"), 0);
    typing.says("list with a listener", "list", 0);
    typing.says("scan", &format!("scan {port}"), 0);
    typing.says("wait", "wait web --timeout 20", 0);
    typing.says("open", "open web --print", 0);
    let worktree = home.worktree("fix");
    typing.says_in("who, sibling", &worktree, &format!("who {port}"), 5);
    typing.says_in("refuse a sibling's server", &worktree, &format!("kill {port} --yes"), 1);
    typing.says_in("refuse a sibling's lease", &worktree, &format!("release {port}"), 1);
    typing.says_in("verify, foreign", &home.other_project(), &format!("verify {port}"), 6);
    typing.says("kill", &format!("kill {port} --yes"), 0);
    drop(server);
    let gone = home.top().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let spare = home.spare_port();
    let _orphan = Server::in_folder(home, &gone, spare);
    std::fs::remove_dir(&gone).unwrap();
    typing.says("who, orphan", &format!("who {spare}"), 7);
}

fn variables(typing: &mut Typing<'_>) {
    typing.says("env", "env web api", 0);
    // `run` has no answer of its own: what the command is told is what it says.
    let print = "env | grep -E '^(PORT|STYXY_(PORT|URL|LOCK_ID|[A-Z]+_(PORT|URL)))=' | sort";
    let words = ["run", "--service", sort::WEB, "--", "sh", "-c", print];
    let output = typing.run(&words, &typing.home.project()).exits(0);
    let told = output.stdout.lines().filter_map(|line| line.split_once('='));
    let told: serde_json::Map<_, _> = told.map(|(name, value)| (name.to_owned(), value.into())).collect();
    assert!(told.contains_key("PORT"), "{}{}", output.stdout, output.stderr);
    let asked = json!({ "command": words });
    typing.exchanges.push(Exchange { name: "run".into(), asked, code: 0, answer: told.into() });
}

fn the_daemon(typing: &mut Typing<'_>) {
    typing.says("status", "daemon status", 0);
    typing.says("config show", "config show", 0);
    typing.says("config validate", "config validate", 0);
    typing.says("config path", "config path", 0);
    typing.says("refuse to overwrite", "config init", 1);
    typing.says("doctor", "doctor", 0);
    typing.says("stop", "daemon stop", 0);
    typing.says("stop again", "daemon stop", 0);
    typing.says("not running", "daemon status", 3);
    typing.says("not started", "list --no-start", 3);
}
