//! What the command answers by itself, with `--json`: `styxy who`, `verify`, `wait`, `open` and `kill`. No route gives
//! these: whose a server is depends on where the question is asked, and the daemon opens and kills nothing.

use serde::{Deserialize, Serialize};

use super::inspect::SystemUsage;
use super::lease::Lease;
use crate::names::{InstanceId, ProjectPath};
use crate::port::Port;
use crate::process::Pid;

/// Whose the server on a port is, seen from the folder the command runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// This worktree's.
    Mine,
    /// Nothing listens.
    Nobody,
    /// Another worktree's of the same repository.
    Sibling,
    /// Another project's or another user's, or it is unknown whose.
    Foreign,
    /// It works in a folder, or for a worktree, that was deleted.
    Orphan,
}

/// `styxy who TARGET` and `styxy verify TARGET`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhoAnswer {
    /// The port asked about.
    pub port: Port,
    /// What programs branch on; the exit code says the same.
    pub whose: Whose,
    /// A sentence for people.
    pub reason: String,
    /// The worktree the server belongs to, or the folder it works in outside of one; null if that is unknown.
    pub worktree: Option<ProjectPath>,
    /// The branch checked out there.
    pub branch: Option<String>,
    /// The agent session that the port is leased for.
    pub instance_id: Option<InstanceId>,
    /// Who listens on it, as in [`CheckAnswer`](super::CheckAnswer); of several, one that is not mine.
    pub system_usage: Option<SystemUsage>,
    /// The lease that covers it.
    pub allocated_to: Option<Lease>,
    /// What starts the server again when it ends; absent if nothing is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<Manager>,
    /// The service of `styxy up` that the server is; absent if it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<UpService>,
}

/// A service that `styxy up` has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpService {
    /// What the worktree calls it.
    pub service: String,
    /// The root of that worktree.
    pub root: String,
    /// What to type so that it ends.
    pub stop: String,
}

/// A program that starts a server again when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manager {
    /// `nodemon`, `pm2`, `systemd`, …
    pub name: String,
    /// Its process; null for systemd and container engines.
    pub pid: Option<Pid>,
    /// What it calls the server: a systemd unit, a number of pm2's, a container's id; null if that is unknown.
    pub unit: Option<String>,
    /// When it starts the server again.
    pub again: Again,
    /// What to type so that it does not; null if that is unknown.
    pub stop: Option<String>,
}

/// When a manager starts a server again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// As soon as it has ended.
    AtOnce,
    /// In the next round of its loop, perhaps after a pause.
    NextRound,
    /// When one of its files has changed.
    OnChange,
    /// As its settings say, which are not read.
    AsSet,
}

/// `styxy wait TARGET`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitAnswer {
    /// Always true.
    pub success: bool,
    /// The port that is listened on.
    pub port: Port,
    /// `http://localhost:PORT`
    pub url: String,
    /// What was answered to `--http`; null if nothing was asked.
    pub status: Option<u16>,
}

/// `styxy open TARGET`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenAnswer {
    /// Always true.
    pub success: bool,
    /// The server's port.
    pub port: Port,
    /// `http://localhost:PORT`, with `https` or another host if only that reaches the server.
    pub url: String,
    /// The address by the server's name, which a browser is given unless `--port` says otherwise. Left out if the server has
    /// none, and if it speaks HTTPS itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_url: Option<String>,
    /// Whether a browser was started; false with `--print` and where there is no display.
    pub opened: bool,
}

/// `styxy kill TARGET`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KillAnswer {
    /// Always true.
    pub success: bool,
    /// The port, which nothing listens on any more.
    pub port: Port,
    /// The process that was ended.
    pub pid: Pid,
    /// Its name (`node`).
    pub process: Option<String>,
    /// How it was ended.
    pub ending: Ending,
    /// The other processes that listened on it and were ended, with `--tree` the rest of the tree; absent if there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Ended>,
    /// The processes of the tree that live on; absent if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<Spared>,
    /// What may start it again, although nothing listens now; absent if nothing is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<Manager>,
    /// A sentence for people.
    pub message: String,
}

/// A process that was ended beside the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The process.
    pub pid: Pid,
    /// Its name (`node`).
    pub process: Option<String>,
    /// How it was ended.
    pub ending: Ending,
}

/// A process that belongs to a tree and was not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spared {
    /// The process.
    pub pid: Pid,
    /// Its name (`vim`).
    pub process: Option<String>,
    /// Why it lives on; a sentence for people.
    pub reason: String,
}

/// How a process was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It was asked to (SIGTERM), and did.
    Asked,
    /// It was not asked, or did not end in time (SIGKILL).
    Killed,
}
