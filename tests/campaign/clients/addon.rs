//! Clients by the addon, within a Node process that several of them share.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::{Ask, Client, PATIENCE, Reply, Transport};
use crate::daemon::Home;
use crate::history::Lock;

/// The script, and what it loads the addon through.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/campaign/clients/addon.mjs");

/// Waiting callers, by the number of their call.
type Waiting = Arc<Mutex<HashMap<u64, Sender<Value>>>>;

/// A Node process that has loaded the addon. Clones speak to the same process.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    child: Mutex<Child>,
    stdin: Mutex<ChildStdin>,
    last: AtomicU64,
    waiting: Waiting,
}

impl Node {
    /// Why there is no addon to test, if so.
    pub(crate) fn missing() -> Option<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        let is_addon = |path: &Path| path.extension().is_some_and(|extension| extension == "node");
        let built = entries.into_iter().any(|entry| is_addon(&entry.path()));
        let node = std::process::Command::new("node").arg("--version").stdout(Stdio::null()).status();
        match (built, node) {
            (false, _) => Some("the addon is not built: node scripts/build.mjs --debug".to_owned()),
            (true, Ok(status)) if status.success() => None,
            (true, _) => Some("there is no node".to_owned()),
        }
    }

    /// Starts a process in the environment of `home`.
    pub(crate) fn start(home: &Home) -> Self {
        let mut command = home.command("node");
        command.arg(SCRIPT).env("STYXY_BINARY", home.binary());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node was asked for its version before");
        let stdin = child.stdin.take().expect("piped");
        let stdout = child.stdout.take().expect("piped");
        let waiting = Waiting::default();
        let answers = Arc::clone(&waiting);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
                let id = answer["id"].as_u64().unwrap_or_default();
                if let Some(asker) = answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
                    // Whoever asked may have given up.
                    let _ = asker.send(answer);
                }
            }
            // Nobody is answered any more.
            answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        });
        let shared =
            Shared { child: Mutex::new(child), stdin: Mutex::new(stdin), last: AtomicU64::new(0), waiting };
        Self { shared: Arc::new(shared) }
    }

    fn call(&self, call: &str, given: &Value) -> Result<Value, String> {
        let id = self.shared.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (send, receive) = mpsc::channel();
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, send);
        let line = format!("{}\n", json!({ "id": id, "call": call, "given": given }));
        let mut stdin = self.shared.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        stdin.write_all(line.as_bytes()).map_err(|error| format!("node is gone: {error}"))?;
        drop(stdin);
        // The addon's own limit, and a start of the daemon before it.
        receive.recv_timeout(2 * PATIENCE).map_err(|error| format!("the addon's {call}: {error}"))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Client for Node {
    fn transport(&self) -> Transport {
        Transport::Addon
    }

    fn allocate(&mut self, ask: &Ask) -> Reply {
        let mut given =
            json!({ "service": ask.service, "project": ask.project, "requestId": ask.request_id });
        if let Some(name) = &ask.name {
            given["name"] = json!(name);
        }
        if let Some(pid) = ask.pid {
            given["pid"] = json!(pid);
        }
        if let Some(port) = ask.exact {
            given["port"] = json!(port);
            given["exact"] = json!(true);
        }
        match self.call("allocate", &json!([given])) {
            Ok(answer) if answer["error"].is_null() => Reply::grant(&answer["value"], None),
            Ok(answer) => refused(&answer["error"]),
            Err(error) => Reply::Failed(error),
        }
    }

    fn release(&mut self, lock: Lock) -> Reply {
        match self.call("release", &json!([lock.to_string()])) {
            Ok(answer) if answer["error"].is_null() => Reply::Released,
            Ok(answer) => refused(&answer["error"]),
            Err(error) => Reply::Failed(error),
        }
    }
}

/// A refusal of the daemon's; what only a client says is an error that the user sees.
fn refused(error: &Value) -> Reply {
    if error["code"] == "daemon_unreachable" || error["code"] == "thrown" {
        return Reply::Failed(format!("{}: {}", error["code"], error["error"]));
    }
    Reply::refusal(error)
}
