//! Pids that are reused at once: no lease outlives its owner, and none passes to the process that has its pid now.
//!
//! The bench sets the kernel's next pid, which only root may do. It does so in a pid namespace of its own, so that the
//! machine's pids are left alone.

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use styxy_core::Pid;
use styxy_daemon::system;

use crate::support::{self, Client};

const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// The argument with which this program runs itself inside the namespace.
pub(crate) const INSIDE: &str = "pids-inside";

/// Runs itself in a pid namespace, or says why it cannot.
pub(crate) fn run(share: usize) {
    let this = std::env::current_exe().unwrap();
    let mut inside = Command::new("unshare");
    inside
        .args(["--pid", "--fork", "--mount-proc", "--kill-child"])
        .arg(this)
        .arg(INSIDE)
        .arg(share.to_string());
    match inside.status() {
        Ok(status) if status.success() => {}
        Ok(status) => {
            println!("skipped: forced pid reuse needs root and a pid namespace (unshare: {status})");
        }
        Err(error) => println!("skipped: forced pid reuse needs unshare ({error})"),
    }
}

/// What runs inside the namespace, as its first process.
pub(crate) fn run_inside(share: usize) {
    let times = 1000 / share;
    let home = tempfile::tempdir().unwrap();
    let daemon = support::daemon(&home.path().join("daemon"), "{}");
    let mut client = Client::tcp(daemon.tcp);
    let (mut reused, mut outlived, mut passed, mut mistaken, mut same_start) = (0, 0, 0, 0, 0);
    while reused < times {
        let mut owner = sleeper();
        let pid = owner.id();
        let body = format!(r#"{{"service_type":"bench","pid":{pid}}}"#);
        let lease: Value = serde_json::from_str(&client.try_allocate(&body).unwrap()).unwrap();
        let known = system::identify(Pid::new(pid).unwrap()).unwrap().process.key;

        owner.kill().unwrap();
        owner.wait().unwrap();
        fs::write(LAST_PID, (pid - 1).to_string()).unwrap();
        let mut next = sleeper();
        if next.id() == pid {
            reused += 1;
            mistaken += usize::from(system::is_alive(&known));
            same_start +=
                usize::from(system::identify(known.pid).unwrap().process.key.started == known.started);
            // Two requests in a row: the daemon has handled every event from before the first one.
            client.get("/status");
            let live: Value = serde_json::from_str(&client.get("/allocations")).unwrap();
            for other in live["allocations"].as_array().unwrap() {
                outlived += usize::from(other["lock_id"] == lease["lock_id"]);
                passed += usize::from(other["owner"]["pid"] == pid);
            }
        }
        next.kill().unwrap();
        next.wait().unwrap();
    }
    println!(
        "{reused} forced pid reuses ({same_start} with the same start tick): {outlived} leases outlived their owner, \
         {passed} passed to the new pid, {mistaken} processes taken for their predecessor"
    );
}

fn sleeper() -> Child {
    Command::new("sleep").arg("3600").stdin(Stdio::null()).spawn().unwrap()
}
