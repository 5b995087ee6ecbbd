//! Clients as they are outside: by the socket, by TCP, by the command line and by the addon.
//!
//! Each keeps the retry rules of the real one. The command and the addon are the real ones. Socket and TCP retry as
//! docs/API.md allows: an allocate with its `request_id`, and a release, whose repeat may find the lease released.

mod addon;
mod command;
mod http;
pub(crate) mod load;
mod raw;

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::history::Lock;

pub(crate) use addon::Node;
pub(crate) use command::CommandLine;
pub(crate) use http::{Answer, Connection, Way};
pub(crate) use raw::Raw;

/// How long one call may take, retries included: what the real client gives one request.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How a client reaches the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Transport {
    Socket,
    Tcp,
    Command,
    Addon,
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Socket => "socket",
            Self::Tcp => "TCP",
            Self::Command => "command",
            Self::Addon => "addon",
        })
    }
}

/// One port that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) service: String,
    pub(crate) name: Option<String>,
    pub(crate) project: String,
    pub(crate) pid: Option<u32>,
    /// This port or a refusal.
    pub(crate) exact: Option<u16>,
    pub(crate) request_id: String,
}

impl Ask {
    /// As the body of `POST /allocate`.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "service_type": self.service, "project_path": self.project, "request_id": self.request_id,
        });
        if let Some(name) = &self.name {
            body["service_name"] = json!(name);
        }
        if let Some(pid) = self.pid {
            body["pid"] = json!(pid);
        }
        if let Some(port) = self.exact {
            body["preferred_port"] = json!(port);
            body["exact"] = json!(true);
        }
        body
    }
}

/// What came of a call.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Granted {
        lock: Lock,
        port: u16,
        /// The process at the other end of the socket, where the system says so.
        daemon: Option<u32>,
    },
    Released,
    /// A repeat found the lease released: the first one was heard, and its answer was not.
    ReleasedBefore,
    Refused {
        code: String,
        rule: Option<String>,
        reason: Option<String>,
        text: String,
    },
    /// No answer, or none of the contract's form.
    Failed(String),
}

impl Reply {
    /// The refusal that this JSON is, or what is wrong with it.
    pub(crate) fn refusal(json: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match (text(&json["code"]), text(&json["error"])) {
            (Some(code), Some(sentence)) => Self::Refused {
                code,
                rule: text(&json["details"]["rule"]),
                reason: text(&json["details"]["reason"]),
                text: sentence,
            },
            _ => Self::Failed(format!("neither a success nor a refusal: {json}")),
        }
    }

    /// The grant that this JSON is, with the names of REST or of JavaScript.
    pub(crate) fn grant(json: &Value, daemon: Option<u32>) -> Self {
        let lock = json.get("lock_id").or(json.get("lockId")).and_then(Value::as_str);
        let lock = lock.and_then(|lock| lock.parse().ok());
        let port = json["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        match lock.zip(port) {
            Some((lock, port)) => Self::Granted { lock, port, daemon },
            None => Self::Failed(format!("not a grant: {json}")),
        }
    }
}

/// A client of the daemon.
pub(crate) trait Client: Send {
    fn transport(&self) -> Transport;
    /// Asks for a port, with every retry that this client has.
    fn allocate(&mut self, ask: &Ask) -> Reply;
    /// Gives a lease back, likewise.
    fn release(&mut self, lock: Lock) -> Reply;
}
