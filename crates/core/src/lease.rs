//! Leases and instances as the registry keeps them and the journal stores them.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Seconds};
use crate::door_rules::DoorRules;
use crate::event::EndReason;
use crate::label::Label;
use crate::names::{InstanceId, LockId, ProjectId, ProjectPath, ServiceName, ServiceType};
use crate::port::Port;
use crate::process::{Listener, Pid, Process, ProcessKey};
use crate::time::{Millis, Timestamp, WallTime};

/// What the same server is called from one run to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The checkout's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectPath>,
    /// What kind of server.
    pub service: ServiceType,
    /// Which of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ServiceName>,
}

impl Key {
    /// `dev/web`, or `dev` without a name.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{}/{name}", self.service),
            None => self.service.to_string(),
        }
    }
}

/// One port granted to one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its name, unique for ever.
    pub lock_id: LockId,
    /// The port.
    pub port: Port,
    /// What it is for.
    pub key: Key,
    /// Which folder the key's project is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// The agent session it was asked for by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// Whether it is of a service of the worktree's stack: all sessions there have it in common, and `instance_id` is the session
    /// of its server, for as long as that is there (R68). A daemon of 0.1.0 overlooks this.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stack: bool,
    /// Who must live for it to stand.
    pub owner: Owner,
    /// What is known of its port.
    pub listening: Listening,
    /// Since when it stands.
    pub allocated_at: Timestamp,
    /// The stranger that listens on its port beside its server, on another address or with the same one shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Conflict>,
    /// When something was last seen listening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<WallTime>,
    /// The instance that owned it before a process of the session took it by `reuse`: to which it returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lent_by: Option<InstanceId>,
    /// Until when its port is promised to whoever was told it by a request with `reuse` and without an owner, as `styxy env`
    /// makes (awake clock); none for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_until: Option<Millis>,
    /// That nobody serves it any more, and nobody is about to, although it stands. A daemon of 0.1.0 overlooks this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// The lease of the same owner whose server ignores its port and listens here (R66). A daemon of 0.1.0 overlooks this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<LockId>,
    /// What its server is called in its worktree (R114), for as long as the lease stands: no other live lease there has this
    /// label. None without a project, and in journals of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// How requests by name reach its server (R126), as the last request for it said.
    #[serde(default, skip_serializing_if = "DoorRules::is_usual")]
    pub door: DoorRules,
    /// What its worktree is called from its grant on. In the grant alone, and only if that changes with it: the registry keeps
    /// it by worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Naming>,
}

/// Whose a lease of the worktree's stack is for now (R68).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfStack {
    /// The session that has started its server; none while it waits for one, and for a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<InstanceId>,
    /// Until when its port is promised to whoever was told it, if that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_until: Option<Millis>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(is: &bool) -> bool {
    !*is
}

/// What a worktree is called in host names (R113).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Naming {
    /// Its label, which no other worktree has.
    pub label: Label,
    /// What its clients call it; none if none has said so. Others may be called the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<Label>,
}

/// How the last server of a lease ended that is kept for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// When, on the awake clock.
    pub at: Millis,
    /// What ended: what owned the lease, or what listened.
    pub reason: EndReason,
}

impl Lease {
    /// Gives it another owner. An instance that owned it only lends it: it has told the session of this port.
    pub(crate) fn pass_to(&mut self, owner: Owner, at: Millis) {
        self.left = match (&self.owner, &owner) {
            (Owner::Process(_), Owner::Awaited { .. } | Owner::Instance(_)) => {
                Some(Left { at, reason: EndReason::OwnerExited })
            }
            (Owner::Listener { .. }, Owner::Awaited { .. } | Owner::Instance(_)) => {
                Some(Left { at, reason: EndReason::ListenerExited })
            }
            // Its session has ended.
            (Owner::Instance(_), Owner::Awaited { .. }) => self.left,
            // Somebody starts the next server, or is told of the port again, and is about to.
            (_, Owner::Process(_) | Owner::Listener { .. })
            | (Owner::Awaited { .. }, Owner::Awaited { .. } | Owner::Instance(_))
            | (Owner::Instance(_), Owner::Instance(_)) => None,
        };
        match (&self.owner, &owner) {
            (Owner::Instance(id), Owner::Process(_)) => self.lent_by = Some(id.clone()),
            (_, Owner::Instance(_)) => self.lent_by = None,
            _ => {}
        }
        match (&self.owner, &owner) {
            // The session that was told it has ended, and the others of the worktree were told it too: it is reserved for them.
            (Owner::Instance(_), Owner::Awaited { .. }) if self.stack => self.told_until = Some(at),
            // Told again; or taken by a process: whoever was told it before expects it to wait as long as it was to, whatever
            // a short run does in between.
            (Owner::Awaited { .. }, Owner::Awaited { until })
            | (Owner::Awaited { until }, Owner::Process(_)) => self.told_until = Some(*until),
            _ => {}
        }
        // Nobody's server has it any more.
        if self.stack && matches!(owner, Owner::Awaited { .. } | Owner::Instance(_)) {
            self.instance_id = None;
        }
        self.owner = owner;
    }

    /// Nobody listens any more, but for a stranger that was beside its server. An instance is no server: it lives on.
    pub(crate) fn hush(&mut self, owner: Option<Owner>, at: Millis) {
        self.listening = self.beside.take().map_or(Listening::Nothing, Listening::Stranger);
        self.owner = owner.unwrap_or_else(|| self.owner.clone());
        if let Owner::Instance(_) = self.owner {
            self.left = Some(Left { at, reason: EndReason::ListenerExited });
            // It waits for anybody's server again.
            if self.stack {
                self.instance_id = None;
            }
        }
    }

    /// Its project is at another path now, and so is the server that listens.
    pub(crate) fn move_to(&mut self, project: &ProjectPath) {
        self.key.project = Some(project.clone());
        if let Listening::Server(listener) = &mut self.listening
            && let Some(theirs) = &mut listener.project
        {
            *theirs = project.clone();
        }
    }
}

impl Lease {
    /// Whether its server has ended, and its port is only kept for the next one of its key: it gives way to whoever would
    /// get nothing else (R64).
    #[must_use]
    pub const fn is_reserved(&self) -> bool {
        match (&self.owner, self.told_until) {
            (Owner::Awaited { until }, Some(told_until)) => *until > told_until,
            _ => false,
        }
    }
}

/// Who must live for a lease to stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// One process.
    Process(Process),
    /// A registered instance.
    Instance(InstanceId),
    /// Whoever will listen, if someone does in time.
    Awaited {
        /// The awake clock's reading at which the wait is over.
        until: Millis,
    },
    /// Whoever listens.
    Listener {
        /// Its process, where it could be told; else the listening itself is all there is to watch.
        process: Option<Process>,
        /// The awake clock's reading at which the lease ends unless it listens again; none while it listens.
        silent_until: Option<Millis>,
    },
}

impl Owner {
    /// The process to be watched for it; an instance's process is the instance's.
    #[must_use]
    pub const fn process(&self) -> Option<&Process> {
        match self {
            Self::Process(process) => Some(process),
            Self::Listener { process, .. } => process.as_ref(),
            Self::Instance(_) | Self::Awaited { .. } => None,
        }
    }
}

/// What is known of a lease's port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listening {
    /// Nothing listens.
    Nothing,
    /// Its server does, or one that may be.
    Server(Listener),
    /// A stranger does.
    Stranger(Conflict),
}

impl Conflict {
    /// What a lease says of this stranger.
    #[must_use]
    pub fn with(stranger: &Listener) -> Self {
        Self {
            pid: stranger.key().map(|key| key.pid),
            process: stranger
                .process
                .as_ref()
                .map(|process| process.name.clone())
                .or_else(|| stranger.container.clone()),
        }
    }
}

impl Listening {
    /// The server that listens, unless it is a stranger.
    #[must_use]
    pub const fn server(&self) -> Option<&Listener> {
        match self {
            Self::Server(listener) => Some(listener),
            Self::Nothing | Self::Stranger(_) => None,
        }
    }
}

/// A stranger on a leased port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its process, where it could be told.
    pub pid: Option<Pid>,
    /// Its name, where it could be told.
    pub process: Option<Box<str>>,
}

/// An agent session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name.
    pub id: InstanceId,
    /// Where it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<ProjectPath>,
    /// Its process; then it needs no beat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// How long it lives after its last beat, if it said so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<Seconds>,
    /// Since when it is known.
    pub registered_at: Timestamp,
    /// Its last beat, or registration.
    pub last_beat: Timestamp,
    /// Anything it said of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

impl Instance {
    /// How long it lives after its last heartbeat; for ever if it lives by its process (R8).
    #[must_use]
    pub fn ttl(&self, config: &Config) -> Option<Seconds> {
        self.process.is_none().then(|| self.expires_in.unwrap_or(config.instance_ttl))
    }
}

impl Lease {
    /// The stranger that listens on its port, alone or beside its server.
    #[must_use]
    pub const fn conflict(&self) -> Option<&Conflict> {
        match &self.listening {
            Listening::Stranger(conflict) => Some(conflict),
            Listening::Server(_) => self.beside.as_ref(),
            Listening::Nothing => None,
        }
    }

    /// Its server listens now. A stranger that did so before is beside it, until a look says that it has left.
    pub(crate) fn hear(&mut self, server: Listener) {
        self.left = None;
        if let Listening::Stranger(by) = mem::replace(&mut self.listening, Listening::Server(server)) {
            self.beside = Some(by);
        }
    }

    /// Whether its server has listened since `process` began.
    pub(crate) fn heard_since(&self, process: &Process) -> bool {
        let heard = self.last_seen.is_some_and(|seen| seen >= process.started_at);
        heard || self.listening.server().is_some()
    }

    /// Whether `listener` cannot be this lease's server. Its owner always can, wherever it works.
    #[must_use]
    pub fn is_strange(&self, listener: &Listener) -> bool {
        let owner = self.owner.process().map(|process| process.key);
        let is_owner = owner.is_some() && listener.key() == owner;
        !is_owner && listener.is_stranger_to(self.key.project.as_ref())
    }

    /// Every process whose end matters to this lease: its owner's, and its listener's.
    pub fn processes(&self) -> impl Iterator<Item = ProcessKey> {
        let owner = self.owner.process().map(|process| process.key);
        let listener = self.listening.server().and_then(Listener::key);
        owner.into_iter().chain(listener.filter(|key| Some(*key) != owner))
    }
}
