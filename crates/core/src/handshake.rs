//! What a daemon tells about itself: in `daemon.json`, and in one line to whoever started it.

use serde::{Deserialize, Serialize};

use crate::api;
use crate::process::Pid;

/// `daemon.json`: which daemon runs, and where it listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonFile {
    /// Its process.
    pub pid: Pid,
    /// Its version.
    pub version: String,
    /// The version of the contract it keeps.
    pub api_version: u32,
    /// Its TCP addresses, `127.0.0.1:9876`; empty if no port could be had.
    pub tcp: Vec<String>,
    /// The socket's path, or the pipe's name.
    pub socket: String,
    /// The name of the machine that it runs on: several machines may share a home. None from a daemon that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Whether it belongs to whoever started it. None from a daemon that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// With or without the process that started the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For a person or a supervisor: logs to standard error, ends with the terminal. No command replaces it (R70).
    Foreground,
    /// For a client: reports the start in one line on standard output, and keeps nothing of its starter.
    Detached,
}

/// The one line that a starting daemon writes to its standard output: how the start ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "handshake", rename_all = "snake_case")]
pub enum Handshake {
    /// It serves.
    Ready {
        /// As written to `daemon.json`.
        #[serde(flatten)]
        daemon: DaemonFile,
        /// What a person should know, as in `GET /status`.
        #[serde(default)]
        notes: Vec<String>,
    },
    /// It cannot serve, and has ended.
    Refused {
        /// Why, and what to type.
        refusal: api::Refusal,
    },
    /// Another daemon holds the lock; this one has ended.
    Lost,
}

impl Handshake {
    /// One line of JSON, its newline included.
    ///
    /// # Errors
    /// None that these types can cause.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(|json| json + "\n")
    }

    /// Reads what [`Handshake::to_line`] wrote.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_line(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_one_line_and_reads_back() {
        let daemon = DaemonFile {
            pid: Pid::new(42).unwrap(),
            version: "0.1.0".into(),
            api_version: 1,
            tcp: vec!["127.0.0.1:9876".into()],
            socket: "/h/.styxy/styxy.sock".into(),
            machine: Some("atlas".into()),
            mode: Some(Mode::Detached),
        };
        let refusal =
            api::Refusal::new(api::Code::Forbidden, "two\nlines").hint("id -u").rule(api::Rule::Home);
        for handshake in [
            Handshake::Ready { daemon, notes: vec!["a note\nof two lines".into()] },
            Handshake::Refused { refusal },
            Handshake::Lost,
        ] {
            let line = handshake.to_line().unwrap();
            assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
            assert_eq!(Handshake::from_line(&line).unwrap(), handshake);
        }
        assert_eq!(Handshake::Lost.to_line().unwrap(), "{\"handshake\":\"lost\"}\n");
    }
}
