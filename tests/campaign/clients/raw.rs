//! A client by the socket or by TCP, which retries as docs/API.md allows.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Answer, Ask, Client, Connection, PATIENCE, Reply, Transport, Way};
use crate::history::Lock;

/// How often a daemon that is not there is looked for again.
const AGAIN: Duration = Duration::from_millis(2);

/// Says where the daemon is, each time that a connection is made.
pub(crate) type Find = Arc<dyn Fn() -> Option<Way> + Send + Sync>;

/// A client with one connection, which it makes again when it breaks.
pub(crate) struct Raw {
    transport: Transport,
    find: Find,
    keeps: Keeps,
    connection: Option<Connection>,
}

/// Whether a connection is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    Connection,
    Nothing,
}

impl Raw {
    pub(crate) fn new(transport: Transport, find: Find) -> Self {
        Self { transport, find, keeps: Keeps::Connection, connection: None }
    }

    /// A client that makes a connection for each call, and so finds the daemon that is there now.
    pub(crate) fn reconnecting(self) -> Self {
        Self { keeps: Keeps::Nothing, ..self }
    }

    /// By the socket at `path`.
    pub(crate) fn socket(path: PathBuf) -> Self {
        Self::new(Transport::Socket, Arc::new(move || Some(Way::Socket(path.clone()))))
    }

    /// Sends a request until there is an answer; says how often it was sent, and who answered.
    ///
    /// # Errors
    /// What the last attempt said when [`PATIENCE`] was over.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Answer, u32, Option<u32>), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut sent = 0;
        loop {
            match self.attempt(method, path, body, deadline, &mut sent) {
                Ok(answer) => {
                    let daemon = self.connection.as_ref().and_then(Connection::daemon);
                    if self.keeps == Keeps::Nothing {
                        self.connection = None;
                    }
                    return Ok((answer, sent, daemon));
                }
                Err(error) => {
                    self.connection = None;
                    if Instant::now() >= deadline {
                        return Err(format!("after {sent} attempts in {PATIENCE:?}: {error}"));
                    }
                    thread::sleep(AGAIN);
                }
            }
        }
    }

    fn attempt(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        deadline: Instant,
        sent: &mut u32,
    ) -> io::Result<Answer> {
        let left = deadline.saturating_duration_since(Instant::now());
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let way = (self.find)().ok_or(io::ErrorKind::NotFound)?;
                none.insert(Connection::open(&way, left)?)
            }
        };
        connection.patience(left)?;
        *sent += 1;
        connection.ask(method, path, body)
    }

    /// `GET path` as JSON, with the retries of every request.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value, String> {
        let (answer, ..) = self.ask("GET", path, None)?;
        answer.json().map_err(|error| format!("GET {path}: {error}"))
    }
}

impl Client for Raw {
    fn transport(&self) -> Transport {
        self.transport
    }

    fn allocate(&mut self, ask: &Ask) -> Reply {
        match self.ask("POST", "/allocate", Some(&ask.body())) {
            Ok((answer, _, daemon)) => match answer.json() {
                Ok(json) if answer.status == 200 => Reply::grant(&json, daemon),
                Ok(json) => Reply::refusal(&json),
                Err(error) => Reply::Failed(error.to_string()),
            },
            Err(error) => Reply::Failed(error),
        }
    }

    fn release(&mut self, lock: Lock) -> Reply {
        match self.ask("DELETE", &format!("/allocate/{lock}"), None) {
            Ok((answer, sent, _)) => match answer.json() {
                Ok(_) if answer.status == 200 => Reply::Released,
                Ok(json) if sent > 1 && json["details"]["reason"] == "released" => Reply::ReleasedBefore,
                Ok(json) => Reply::refusal(&json),
                Err(error) => Reply::Failed(error.to_string()),
            },
            Err(error) => Reply::Failed(error),
        }
    }
}
