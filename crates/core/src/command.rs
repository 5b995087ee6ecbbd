//! Everything that can happen: requests, exits, listeners, time. One order of commands, one log of events.

use crate::config::Seconds;
use crate::door_rules::DoorRules;
use crate::label::Label;
use crate::lease::Instance;
use crate::names::{InstanceId, LockId, ProjectId, ProjectPath, RequestId, ServiceName, ServiceType};
use crate::port::Port;
use crate::process::{Listener, Process, ProcessKey};

/// Something that happened or is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `POST /allocate`
    Allocate(Allocation),
    /// `DELETE /allocate/{lockId}`
    Release(LockId),
    /// The same with `waiting`: nobody has the lease, and it may have ended with its server, which was ended on purpose.
    GiveBack(LockId),
    /// `POST /instance/register`
    Register(Registration),
    /// A beat of an instance.
    Beat(InstanceId),
    /// `DELETE /instance/{id}`.
    EndInstance {
        /// Which.
        id: InstanceId,
    },
    /// `POST /cleanup {"force": true}`
    EndAll,
    /// A process ended. `listeners` is what listens on the ports of its leases, looked at after its end.
    ProcessExited {
        /// Which.
        process: ProcessKey,
        /// What listens now, several perhaps on one port; a leased port that is not in it is silent.
        listeners: Vec<(Port, Listener)>,
    },
    /// Something listens on a leased port.
    Heard {
        /// The port.
        port: Port,
        /// Who: everybody that does, on whichever address.
        listeners: Vec<Listener>,
        /// The agent sessions that the processes of these are of, as far as they are of one.
        sessions: Vec<(ProcessKey, InstanceId)>,
    },
    /// Something listens on a port without a lease that a key had before: a server whose parent was gone before it had
    /// bound, or one that is back.
    Adopt {
        /// The port.
        port: Port,
        /// Who.
        listener: Listener,
        /// Which folder its checkout is, where that could be told.
        project_id: Option<ProjectId>,
        /// The listener's process and those above it, as far as they could be told: the owner of a lease may be one of them.
        line: Vec<ProcessKey>,
        /// The id the lease gets if one is made: fresh.
        fresh_id: LockId,
    },
    /// Nobody ever listened on the port of a process' lease, and the process or a descendant listens on just one other
    /// port, which has no lease: a tool that ignores the port it was given.
    Strayed {
        /// The lease that is silent.
        lock_id: LockId,
        /// The other port.
        port: Port,
        /// Who listens there.
        listener: Listener,
        /// The id the second lease gets if one is made: fresh.
        fresh_id: LockId,
    },
    /// Nothing listens on a leased port any more.
    Silent(Port),
    /// The folder of this id was found at this path: what was leased for it under another one follows.
    Found {
        /// Which folder.
        id: ProjectId,
        /// Where it is now.
        at: ProjectPath,
    },
    /// These processes, which own leases, are called so now: they have become other programs, as under `styxy run`.
    Renamed(Vec<Process>),
    /// Something still listens on these ports.
    StillHeard(Vec<Port>),
    /// A deadline may have passed.
    Tick,
    /// A daemon takes the registry over in the boot of this name.
    Resume {
        /// The system's name for the boot.
        boot_id: String,
    },
}

/// A request for ports, checked and with everything looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// What is wanted: one, or a group's members in order.
    pub asks: Vec<Ask>,
    /// Whether the answer has the form of a group.
    pub form: AnswerForm,
    /// The client's name for the request and the hash of its body.
    pub request: Option<(RequestId, u64)>,
    /// Whether anything is to be remembered.
    pub mode: AllocationMode,
}

/// The form of the answer to an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerForm {
    /// One grant.
    One,
    /// `{"leases": […]}`
    Group,
}

/// Whether an allocation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationMode {
    /// Grants.
    Grant,
    /// Says what would be granted.
    DryRun,
}

/// One port wanted, or a block of consecutive ones (R65).
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The id the lease gets if a new one is made: fresh.
    pub fresh_id: LockId,
    /// The same for the ports right behind it, in order: none unless a block is wanted, of one more port than these are.
    pub behind: Vec<LockId>,
    /// What kind of server.
    pub service: ServiceType,
    /// Which of several.
    pub name: Option<ServiceName>,
    /// The name if there is none: of the package that it is for.
    pub default_name: Option<ServiceName>,
    /// The checkout's root.
    pub project: Option<ProjectPath>,
    /// Which folder that is.
    pub project_id: Option<ProjectId>,
    /// What the worktree at that root is to be called in host names.
    pub label: Option<Label>,
    /// The root that has that label, if its folder no longer exists.
    pub gone: Option<ProjectPath>,
    /// How requests by name reach the server.
    pub door: DoorRules,
    /// The agent session.
    pub instance_id: Option<InstanceId>,
    /// Whether it is for a service of the worktree's stack: all sessions there have one lease for it (R68).
    pub stack: bool,
    /// The owner process, alive.
    pub process: Option<Process>,
    /// Its ancestors, nearest first; looked up only for `reuse`.
    pub ancestors: Vec<ProcessKey>,
    /// The port wished for.
    pub wish: Wish,
    /// Whether a live lease of the same key will do.
    pub reuse: Reuse,
}

/// Which port is wished for, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Any.
    Any,
    /// This one, after those that the key had before and before the service type's.
    Default(Port),
    /// This one first.
    Preferred(Port),
    /// This one or a refusal.
    Exact(Port),
}

/// Whether a live lease of the same key will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// A new lease, always.
    Never,
    /// If it is to be had by the rules.
    IfLive,
}

/// A registration, checked and with its process looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// Its name.
    pub id: InstanceId,
    /// Where it works.
    pub working_directory: Option<ProjectPath>,
    /// Its process, alive.
    pub process: Option<Process>,
    /// How long it lives after its last heartbeat, if it says so itself.
    pub expires_in: Option<Seconds>,
    /// Anything.
    pub metadata: Option<serde_json::Value>,
}

impl Registration {
    /// The instance as it is from `now` on.
    #[must_use]
    pub fn into_instance(self, now: crate::Timestamp) -> Instance {
        Instance {
            id: self.id,
            working_directory: self.working_directory,
            process: self.process,
            expires_in: self.expires_in,
            registered_at: now,
            last_beat: now,
            metadata: self.metadata,
        }
    }
}
