//! Leases, instances and events as the wire shows them.

use crate::api::{
    ConflictView, EventMessage, EventName, InstanceView, Lease as LeaseView, ListenerView, OwnerKind,
    OwnerView, State,
};
use crate::event::{EndReason, Event, Fact};
use crate::lease::{Instance, Lease, Owner};
use crate::names::LockId;
use crate::port::Port;
use crate::process::{Listener, Process};

use super::Registry;
use crate::order::Order as _;

impl Registry {
    /// The port of the oldest other lease of the same key whose server runs.
    pub(super) fn running_beside(&self, lease: &Lease) -> Option<Port> {
        let other = self.indexes.running(&lease.key).find(|id| *id != lease.lock_id)?;
        self.lease(other).map(|lease| lease.port)
    }

    /// A lease as the wire shows it.
    #[must_use]
    pub fn view(&self, lease: &Lease) -> LeaseView {
        let host = self.host(lease);
        LeaseView {
            lock_id: lease.lock_id,
            port: lease.port,
            service_type: lease.key.service.clone(),
            service_name: lease.key.name.clone(),
            instance_id: lease.instance_id.clone(),
            stack: lease.stack.then_some(true),
            project_path: lease.key.project.clone(),
            project_id: lease.project_id.clone(),
            named_url: host.as_ref().and_then(|host| self.named_url(host)),
            host: host.map(|host| host.to_string()),
            state: if lease.listening.server().is_some() { State::Active } else { State::Granted },
            owner: self.server_view(lease),
            allocated_at: lease.allocated_at.wall,
            last_seen_listening: lease.last_seen,
            listener: lease.listening.server().map(listener_view),
            conflict: lease.conflict().map(|conflict| ConflictView {
                pid: conflict.pid,
                process: conflict.process.as_deref().map(str::to_owned),
            }),
        }
    }

    /// An instance as the wire shows it, with the leases it asked for.
    #[must_use]
    pub fn instance_view(&self, instance: &Instance) -> InstanceView {
        let mut allocations: Vec<LeaseView> = self
            .leases
            .values()
            .filter(|lease| lease.instance_id.as_ref() == Some(&instance.id))
            .map(|lease| self.view(lease))
            .collect();
        allocations.order_by_key(|lease| lease.port);
        InstanceView {
            instance_id: instance.id.clone(),
            working_directory: instance.working_directory.clone(),
            pid: instance.process.as_ref().map(|process| process.key.pid),
            registered_at: instance.registered_at.wall,
            last_heartbeat: instance.last_beat.wall,
            active_allocations: allocations,
            metadata: instance.metadata.clone(),
        }
    }

    /// Every live instance, by name.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// A lease that has ended lately, as it last was, and why it ended.
    #[must_use]
    pub fn ended(&self, lock_id: LockId) -> Option<(LeaseView, EndReason)> {
        self.ended.get(lock_id).map(|past| (self.view(&past.lease), past.reason))
    }

    /// What `GET /events` says of an event that was just applied; nothing for those that are not published.
    #[must_use]
    pub fn message(&self, event: &Event) -> Option<(EventName, EventMessage)> {
        let (seq, at) = (event.seq, event.at.wall);
        let about = |name, lease, reason| {
            Some((name, EventMessage { seq, at, lease, instance: None, reason, refused: None }))
        };
        let about_instance = |name, instance| {
            let instance = Some(self.instance_view(instance));
            Some((name, EventMessage { seq, at, lease: None, instance, reason: None, refused: None }))
        };
        let live = |lock_id: &LockId| self.leases.get(lock_id).map(|lease| self.view(lease));
        match &event.fact {
            Fact::Granted(lease) => about(EventName::Granted, Some(self.view(lease)), None),
            Fact::Heard { lock_id, .. } => about(EventName::Activated, live(lock_id), None),
            Fact::Silent { lock_id, .. } => about(EventName::Deactivated, live(lock_id), None),
            Fact::Conflict { lock_id, .. } => about(EventName::Conflict, live(lock_id), None),
            Fact::Passed { lock_id, .. } => about(EventName::Passed, live(lock_id), None),
            // That it ended on purpose is said later, and it ended once.
            Fact::Ended { lock_id, .. }
                if self.ended.get(*lock_id).is_some_and(|past| past.at < event.at.awake) =>
            {
                None
            }
            Fact::Ended { lock_id, reason } => {
                about(EventName::Ended, self.ended(*lock_id).map(|(lease, _)| lease), Some(*reason))
            }
            Fact::InstanceRegistered(instance) => about_instance(EventName::InstanceRegistered, instance),
            Fact::InstanceExpired(instance) => about_instance(EventName::InstanceExpired, instance),
            Fact::InstanceEnded(instance) => about_instance(EventName::InstanceEnded, instance),
            Fact::Answered(_) | Fact::Beat(_) | Fact::Seen(_) | Fact::Booted { .. } | Fact::Resumed => None,
        }
    }

    /// The owner; for a container's server, whose process is not seen, the container stands for it.
    fn server_view(&self, lease: &Lease) -> OwnerView {
        let owner = self.owner_view(lease);
        let container = lease.listening.server().and_then(|server| server.container.as_ref());
        match (owner.kind, owner.pid, container) {
            (OwnerKind::Listener, None, Some(name)) => {
                OwnerView { process: Some(format!("container {name}")), ..owner }
            }
            (OwnerKind::Listener | OwnerKind::Process | OwnerKind::Instance, _, _) => owner,
        }
    }

    /// What waits for a service of the stack waits for whoever starts it, whichever session was told it last (R68).
    pub(super) fn owner_view(&self, lease: &Lease) -> OwnerView {
        let with = |kind, process: Option<&Process>| OwnerView {
            kind,
            pid: process.map(|process| process.key.pid),
            process: process.map(|process| process.name.to_string()).filter(|name| !name.is_empty()),
            started_at: process.map(|process| process.started_at),
        };
        match &lease.owner {
            Owner::Instance(_) if lease.stack => with(OwnerKind::Listener, None),
            Owner::Process(process) => with(OwnerKind::Process, Some(process)),
            Owner::Instance(id) => with(
                OwnerKind::Instance,
                self.instances.get(id).and_then(|instance| instance.process.as_ref()),
            ),
            Owner::Awaited { .. } => with(OwnerKind::Listener, None),
            Owner::Listener { process, .. } => with(OwnerKind::Listener, process.as_ref()),
        }
    }
}

fn listener_view(server: &Listener) -> ListenerView {
    ListenerView {
        pid: server.key().map(|key| key.pid),
        process: server
            .process
            .as_ref()
            .map(|process| process.name.to_string())
            .filter(|name| !name.is_empty()),
        container: server.container.as_deref().map(str::to_owned),
    }
}

/// Whose a lease is, as people know it: `claude-2 (/w/other)`, `node (pid 811)`.
pub(super) fn who(lease: &Lease) -> String {
    let name = match (&lease.instance_id, lease.owner.process(), lease.listening.server()) {
        (Some(id), _, _) => id.to_string(),
        (None, Some(process), _) => named(process),
        (None, None, Some(listener)) => listener.process.as_ref().map_or_else(|| "a server".into(), named),
        (None, None, None) => "a server yet to start".into(),
    };
    match &lease.key.project {
        Some(project) => format!("{name} ({project})"),
        None => name,
    }
}

fn named(process: &Process) -> String {
    match &*process.name {
        "" => format!("process {}", process.key.pid),
        name => format!("{name} (pid {})", process.key.pid),
    }
}
