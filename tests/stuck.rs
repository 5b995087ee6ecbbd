//! A daemon that runs and cannot be asked: commands say which process it is, and `stop` and `restart` end it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use styxy_core::api::Grant;

use crate::support::{Agent, Home, Output, Running, has_ended, is_stopped, kill, sort, until};

/// By when a command says that the daemon is stopped. It can know that at once.
const SAID: Duration = Duration::from_secs(2);

/// A daemon with a lease, stopped in the middle, and continued at the end if it still runs.
struct Stuck {
    home: Home,
    kept: Grant,
    pid: u32,
    _owner: Running,
}

impl Stuck {
    fn new() -> Self {
        let home = Home::new();
        let owner = Running::idle();
        let kept = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
        let pid = home.daemon_file().unwrap().pid.get();
        kill(pid, Signal::STOP);
        until("the daemon is stopped", || is_stopped(pid));
        Self { home, kept, pid, _owner: owner }
    }

    /// What a command says, if it says it in time.
    #[track_caller]
    fn says(&self, words: &[&str]) -> Output {
        let begun = Instant::now();
        let said = self.home.styxy(words);
        assert!(begun.elapsed() < SAID, "{words:?}: {:?}", begun.elapsed());
        said
    }

    #[track_caller]
    fn is_named_by(&self, said: &Output) {
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(&format!("pid {}", self.pid)) && !all.contains("not running"), "{said:?}");
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        if !has_ended(self.pid) {
            kill(self.pid, Signal::CONT);
        }
    }
}

#[test]
fn a_stopped_daemon_is_named_and_never_called_not_running() {
    let stuck = Stuck::new();
    let status = stuck.says(&["daemon", "status"]).exits(3);
    stuck.is_named_by(&status);
    assert!(
        status.stderr.contains("stopped") && status.stderr.contains("styxy daemon restart"),
        "{status:?}"
    );
    stuck.is_named_by(&stuck.says(&["doctor"]).exits(1));
    // The same without its socket: nothing can be asked then.
    let socket = stuck.home.daemon_file().unwrap().socket;
    fs::remove_file(socket).unwrap();
    stuck.is_named_by(&stuck.says(&["daemon", "status"]).exits(3));
    stuck.is_named_by(&stuck.says(&["doctor"]).exits(1));
    stuck.is_named_by(&stuck.says(&["allocate", "-s", sort::API]).exits(3));
}

#[test]
fn a_stopped_daemon_is_ended_by_stop_and_its_leases_are_kept() {
    let stuck = Stuck::new();
    let said = stuck.home.styxy(&["daemon", "stop"]).exits(0);
    stuck.is_named_by(&said);
    assert!(said.stderr.contains("stopped by a signal"), "{said:?}");
    until("the daemon has ended", || has_ended(stuck.pid));
    assert!(stuck.home.lease_of(&stuck.kept).is_some(), "the next daemon has the lease");
    let again = stuck.home.styxy(&["daemon", "stop"]).exits(0);
    assert!(again.stdout.starts_with("Stopped (pid "), "{again:?}");
}

#[test]
fn a_stopped_daemon_without_a_socket_is_replaced_by_restart() {
    let stuck = Stuck::new();
    fs::remove_file(stuck.home.daemon_file().unwrap().socket).unwrap();
    stuck.is_named_by(&stuck.home.styxy(&["daemon", "restart"]).exits(0));
    until("the old daemon has ended", || has_ended(stuck.pid));
    assert_ne!(stuck.home.status().unwrap().pid.get(), stuck.pid);
    assert!(stuck.home.lease_of(&stuck.kept).is_some(), "the next daemon has the lease");
}

#[test]
fn no_command_fails_while_others_stop_and_start_the_daemon() {
    let home = Home::new();
    let shells: [&[&str]; 4] = [
        &["daemon", "stop"],
        &["daemon", "restart"],
        &["allocate", "-s", sort::MANY, "-q"],
        &["list", "--json"],
    ];
    let failed: Vec<Output> = thread::scope(|scope| {
        let home = &home;
        let shell = |words: &'static [&'static str]| {
            move || (0..6).map(|_| home.styxy(words)).filter(|said| said.code != 0).collect::<Vec<_>>()
        };
        let threads: Vec<_> = shells.into_iter().map(|words| scope.spawn(shell(words))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_client_whose_program_was_upgraded_starts_the_new_one() {
    let home = Home::new();
    let built = Path::new(crate::support::program());
    let program = home.top().join("styxy");
    let install = || {
        let new = home.top().join("styxy.new");
        // A hard link would be the same file still.
        fs::copy(built, &new).unwrap();
        fs::rename(new, &program).unwrap();
    };
    install();
    let mut agent = Agent::of(home.command(&program).arg("mcp"));
    agent.done("list_ports", &json!({}));
    home.kill_daemon();
    install();
    agent.done("list_ports", &json!({}));
    let pid = home.status().unwrap().pid;
    let runs = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert_eq!(runs, program, "the daemon is the new program");
}
