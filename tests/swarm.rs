//! Eight worktrees, three servers in each (four with the real Vite, in the long run), all started at once: every server has
//! its own port and answers on it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use styxy_core::api::State;

use crate::support::{Home, Running, eventually, kill, pid_of, sort, until};

const WORKTREES: usize = 8;
/// `STYXY_TEST_ROUNDS` sets more; `npm run test:frameworks` sets 20.
const ROUNDS: usize = 2;

/// How long the leases and the ports of servers that were killed may outlive them, from the first kill on. It is some
/// hundredths of a second on two idle cores; the rest is for other tests that run beside this one.
const FREE: Duration = Duration::from_secs(5);
/// The same in the long run, where none does.
const FREE_ALONE: Duration = Duration::from_secs(1);

/// Reads PORT, as most servers in Node do.
const NODE: &str =
    "require('http').createServer((_, answer) => answer.end(require('fs').readFileSync('who')))
.on('error', (error) => { console.error(error.code); process.exit(1) }).listen(process.env.PORT)";
/// Reads `-p`, and like Next.js fails if that port is taken.
const NEXT: &str = "#!/usr/bin/env node
const port = process.argv[process.argv.indexOf('-p') + 1]
require('http').createServer((_, answer) => answer.end(require('fs').readFileSync('who'))).listen(port)";

/// A server by its name, and its command.
type Kind = (&'static str, &'static [&'static str]);
const SERVERS: [Kind; 3] = [
    ("node", &["node", "server.js"]),
    ("python", &["python3", "-m", "http.server"]),
    ("next", &["node_modules/.bin/next", "dev"]),
];
/// The real one, which the tests of Node install.
const VITE: Kind = ("vite", &["node_modules/.bin/vite"]);

/// The value of `STYXY_TEST_ROUNDS`.
struct Plan {
    rounds: usize,
    servers: Vec<Kind>,
    free: Duration,
}

impl Plan {
    fn asked_for() -> Self {
        let rounds = std::env::var("STYXY_TEST_ROUNDS").ok().map(|rounds| rounds.parse().unwrap());
        let mut servers = SERVERS.to_vec();
        if rounds.is_some() {
            servers.push(VITE);
        }
        Self { rounds: rounds.unwrap_or(ROUNDS), servers, free: rounds.map_or(FREE, |_| FREE_ALONE) }
    }
}

fn worktree(home: &Home, number: usize) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = home.top().join(format!("worktree-{number}"));
    let bin = folder.join("node_modules/.bin");
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir(folder.join(".git")).unwrap();
    for served in ["who", "public/who"] {
        fs::create_dir_all(folder.join("public")).unwrap();
        fs::write(folder.join(served), format!("worktree {number}")).unwrap();
    }
    fs::write(folder.join("server.js"), NODE).unwrap();
    fs::write(bin.join("next"), NEXT).unwrap();
    fs::set_permissions(bin.join("next"), fs::Permissions::from_mode(0o755)).unwrap();
    let vite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../node_modules/vite/bin/vite.js");
    std::os::unix::fs::symlink(vite, bin.join("vite")).unwrap();
    folder
}

fn start(home: &Home, folder: &Path, (name, command): Kind) -> Running {
    let words = [&["run", "-q", "-s", sort::MANY, "-n", name, "--"], command].concat();
    let mut command = home.styxy_command(&words);
    command
        .current_dir(folder)
        .env("PYTHONUNBUFFERED", "1")
        .env("HOME", std::env::var_os("HOME").unwrap_or_default());
    Running::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()))
}

/// What answers on `port`.
fn asked(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("localhost", port)).ok()?;
    stream.write_all(b"GET /who HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.rsplit("\r\n\r\n").next()?.to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Daemon {
    Lives,
    DiesInTheMiddle,
}

fn round(home: &Home, folders: &[PathBuf], plan: &Plan, daemon: Daemon) {
    let begun = Instant::now();
    let mut running: Vec<(usize, Running)> = Vec::new();
    for (at, folder) in folders.iter().enumerate() {
        if daemon == Daemon::DiesInTheMiddle && at == WORKTREES / 2 {
            home.kill_daemon();
        }
        running.extend(plan.servers.iter().map(|server| (at, start(home, folder, *server))));
    }
    eprintln!("{} servers were started in {:.0?}", running.len(), begun.elapsed());
    // One of the commands starts a daemon again; the question below must not come before it answers.
    home.start();
    let mut ports = BTreeSet::new();
    for (worktree, server) in &running {
        let port = eventually("the server listens on its lease", || {
            let lease = home.leases().into_iter().find(|lease| pid_of(&lease.owner) == Some(server.pid()))?;
            (lease.state == State::Active).then_some(lease.port.get())
        });
        assert!(ports.insert(port), "{port} was given twice");
        let said = eventually("the server answers", || asked(port));
        assert_eq!(said, format!("worktree {worktree}"), "on {port}");
    }
    let killed = Instant::now();
    for (_, server) in &running {
        kill(server.pid(), Signal::KILL);
    }
    until("every lease has ended, and every port can be bound", || {
        home.leases().is_empty() && ports.iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
    });
    let took = killed.elapsed();
    eprintln!("their leases and ports were free {took:.0?} after the first was killed");
    assert!(took < plan.free, "the ports were free only after {took:?}");
}

#[test]
fn servers_of_eight_worktrees_that_start_at_once_never_meet() {
    let home = Home::new();
    let folders: Vec<PathBuf> = (0..WORKTREES).map(|number| worktree(&home, number)).collect();
    let plan = Plan::asked_for();
    for number in 0..plan.rounds {
        let daemon = if number % 2 == 0 { Daemon::Lives } else { Daemon::DiesInTheMiddle };
        round(&home, &folders, &plan, daemon);
    }
}

#[test]
fn a_command_killed_with_all_its_children_leaves_no_lease_behind() {
    // A lease that passed to a child on its way out would stand for an hour.
    let home = Home::with(&json!({ "unbind_grace": 3600 }));
    let folder = worktree(&home, 0);
    for round in 0..10 {
        let running: Vec<Running> = (0..6)
            .map(|number| {
                let name = format!("n{number}");
                let words =
                    ["run", "-q", "-s", sort::MANY, "-n", &name, "--", "sh", "-c", "node server.js; true"];
                let mut command = home.styxy_command(&words);
                Running::spawn(command.current_dir(&folder).process_group(0).stdin(Stdio::null()))
            })
            .collect();
        until("every server listens", || {
            home.leases().iter().filter(|lease| lease.state == State::Active).count() == running.len()
        });
        for command in &running {
            let group = Pid::from_raw(command.pid().try_into().unwrap()).unwrap();
            kill_process_group(group, Signal::KILL).unwrap();
        }
        until(&format!("every lease has ended in round {round}"), || home.leases().is_empty());
    }
}
