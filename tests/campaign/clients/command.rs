//! A client by the command line: one process per call, with the command's own retries and its own start of the daemon.

use std::sync::Arc;

use serde_json::Value;

use super::{Ask, Client, Reply, Transport};
use crate::daemon::{Finished, Home};
use crate::history::Lock;

/// Runs `styxy` for each call.
pub(crate) struct CommandLine {
    home: Arc<Home>,
}

impl CommandLine {
    pub(crate) fn new(home: Arc<Home>) -> Self {
        Self { home }
    }

    fn run(&self, words: &[&str], success: impl FnOnce(&Value) -> Reply) -> Reply {
        let Finished { code, stdout, stderr, .. } = self.home.styxy(words);
        let json: Option<Value> = serde_json::from_str(&stdout).ok();
        match (code, json) {
            (Some(0), Some(json)) => success(&json),
            // No answer from a daemon is an error that the user sees, however well it is worded.
            (Some(1 | 3), Some(json)) if json["code"] != "daemon_unreachable" => Reply::refusal(&json),
            (code, _) => {
                let code = code.map_or("a signal".to_owned(), |code| code.to_string());
                Reply::Failed(format!(
                    "styxy {} ended with {code}: {} {}",
                    words.join(" "),
                    stdout.trim(),
                    stderr.trim()
                ))
            }
        }
    }
}

impl Client for CommandLine {
    fn transport(&self) -> Transport {
        Transport::Command
    }

    fn allocate(&mut self, ask: &Ask) -> Reply {
        let (pid, port) = (ask.pid.map(|pid| pid.to_string()), ask.exact.map(|port| port.to_string()));
        let mut words = vec!["allocate", "--json", "-s", &ask.service, "--project", &ask.project];
        words.extend(["--request-id", &ask.request_id]);
        if let Some(name) = &ask.name {
            words.extend(["--name", name]);
        }
        if let Some(pid) = &pid {
            words.extend(["--pid", pid]);
        }
        if let Some(port) = &port {
            words.extend(["--port", port, "--exact"]);
        }
        self.run(&words, |json| Reply::grant(json, None))
    }

    fn release(&mut self, lock: Lock) -> Reply {
        self.run(&["release", "--json", &lock.to_string()], |_| Reply::Released)
    }
}
