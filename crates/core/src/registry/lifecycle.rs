//! How leases and instances live and end: R1 to R9 in docs/DESIGN.md.

use std::ops::RangeInclusive;

use crate::command::Registration;
use crate::config::Seconds;
use crate::event::{EndReason, Fact};
use crate::lease::{Instance, Lease, Listening, Owner};
use crate::names::{InstanceId, LockId};
use crate::port::Port;
use crate::process::{Listener, ProcessKey};
use crate::refusal::Refusal;
use crate::time::{Millis, Timestamp};

use super::Registry;
use super::heard::server_of;
use super::indexes::Due;
use super::quotas::metadata_bytes;
use crate::order::Order as _;

/// A tick this late, in milliseconds, means that the daemon itself was stopped: nobody can have beaten meanwhile. At
/// worst, on a machine this slow, an instance lives one TTL longer.
const STOPPED: Millis = 250;
/// How long an instance may want to live after its last heartbeat.
const TTLS: RangeInclusive<Seconds> = Seconds::new(1)..=Seconds::new(24 * 3600);

impl Registry {
    pub(super) fn release(&self, lock_id: LockId) -> Result<Vec<Fact>, Refusal> {
        if self.leases.contains_key(&lock_id) {
            return Ok(vec![Fact::Ended { lock_id, reason: EndReason::Released }]);
        }
        Err(match self.ended.get(lock_id) {
            Some(past) => Refusal::LeaseEnded { lock_id, port: past.lease.port, reason: past.reason },
            None => Refusal::UnknownLease(lock_id),
        })
    }

    /// The same of a lease that nobody has. One whose server has ended by itself, as it seemed, was given back too.
    pub(super) fn give_back(&self, lock_id: LockId) -> Result<Vec<Fact>, Refusal> {
        let by_itself = |reason| matches!(reason, EndReason::OwnerExited | EndReason::ListenerExited);
        if self.ended.get(lock_id).is_some_and(|past| by_itself(past.reason)) {
            return Ok(vec![Fact::Ended { lock_id, reason: EndReason::Released }]);
        }
        self.release(lock_id)
    }

    pub(super) fn end_all(&self) -> Vec<Fact> {
        self.in_order(|_| true).map(|lease| end(lease, EndReason::Cleanup)).collect()
    }

    pub(super) fn register(&self, registration: &Registration, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        let fresh = registration.clone().into_instance(now);
        let (bytes, most) = (
            fresh.metadata.as_ref().map_or(0, metadata_bytes),
            self.policy.config.quotas.metadata_bytes as usize,
        );
        if bytes > most {
            return Err(Refusal::Invalid {
                field: "metadata".into(),
                found: format!("it has {bytes} bytes"),
                allowed: format!("up to {most} bytes of JSON (quotas.metadata_bytes in config.json)"),
            });
        }
        if let Some(own) = fresh.expires_in.filter(|own| !TTLS.contains(own)) {
            return Err(Refusal::Invalid {
                field: "expires_in".into(),
                found: format!("{} is no such time", own.as_f64()),
                allowed: "from 1 to 86400 seconds".to_owned(),
            });
        }
        let Some(known) = self.instances.get(&registration.id) else {
            self.check_instance_quotas(&fresh, None)?;
            return Ok(vec![Fact::InstanceRegistered(Box::new(fresh))]);
        };
        if let (Some(old), Some(new)) = (&known.process, &fresh.process)
            && old.key != new.key
        {
            return Err(Refusal::InstanceExists { id: known.id.clone(), pid: old.key.pid });
        }
        let updated = Instance {
            working_directory: fresh.working_directory.or_else(|| known.working_directory.clone()),
            process: fresh.process.or_else(|| known.process.clone()),
            expires_in: fresh.expires_in.or(known.expires_in),
            metadata: fresh.metadata.or_else(|| known.metadata.clone()),
            registered_at: known.registered_at,
            ..fresh
        };
        self.check_instance_quotas(&updated, Some(known))?;
        Ok(vec![Fact::InstanceRegistered(Box::new(updated))])
    }

    pub(super) fn beat(&self, id: &InstanceId) -> Result<Vec<Fact>, Refusal> {
        self.known(id).map(|_| vec![Fact::Beat(id.clone())])
    }

    pub(super) fn end_instance(&self, id: &InstanceId, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        let instance = self.known(id)?;
        let mut facts = self.owner_gone(id, EndReason::InstanceEnded, now);
        facts.push(Fact::InstanceEnded(Box::new(instance.clone())));
        Ok(facts)
    }

    fn known(&self, id: &InstanceId) -> Result<&Instance, Refusal> {
        self.instances.get(id).ok_or_else(|| {
            if self.expired.contains(id) {
                Refusal::InstanceExpired(id.clone())
            } else {
                Refusal::UnknownInstance(id.clone())
            }
        })
    }

    /// What follows for the leases of an instance that is no more.
    fn owner_gone(&self, id: &InstanceId, reason: EndReason, now: Timestamp) -> Vec<Fact> {
        let owned = |lease: &Lease| matches!(&lease.owner, Owner::Instance(owner) if owner == id);
        let follows = |lease: &Lease| match lease.listening.server() {
            Some(_) => vec![pass_or_end(lease, lease.listening.server(), reason)],
            None => self.left(lease, reason, None, now),
        };
        self.in_order(owned).flat_map(follows).collect()
    }

    pub(super) fn process_exited(
        &self,
        process: ProcessKey,
        listeners: &[(Port, Listener)],
        now: Timestamp,
    ) -> Vec<Fact> {
        let mut facts = Vec::new();
        for lease in self.touched_by(process) {
            let heard =
                listeners.iter().filter(|(port, _)| *port == lease.port).map(|(_, listener)| listener);
            let server =
                server_of(lease, heard.filter(|listener| listener.key() != Some(process))).map(|listener| {
                    match lease.listening.server() {
                        // Somebody listens, but the look-up told less than is known.
                        Some(known) if listener.process.is_none() && known.key() != Some(process) => known,
                        _ => listener,
                    }
                });
            let reason = match &lease.owner {
                Owner::Process(owner) if owner.key == process => Some(EndReason::OwnerExited),
                Owner::Listener { process: Some(owner), .. } if owner.key == process => {
                    Some(EndReason::ListenerExited)
                }
                Owner::Instance(id) if self.lives_by(id, process) => Some(EndReason::InstanceExpired),
                Owner::Process(_) | Owner::Instance(_) | Owner::Awaited { .. } | Owner::Listener { .. } => {
                    None
                }
            };
            match (reason, server, &lease.listening) {
                (Some(reason), None, _) => facts.extend(self.left(lease, reason, Some(process), now)),
                (Some(reason), Some(server), known) => {
                    if known.server().map(Listener::key) != Some(server.key()) {
                        facts.push(hear(lease, server.clone(), None));
                    }
                    facts.push(pass_or_end(lease, Some(server), reason));
                }
                // The owner lives; a child that listened for it does not.
                (None, Some(server), known) if known.server().map(Listener::key) != Some(server.key()) => {
                    facts.push(hear(lease, server.clone(), None));
                }
                (None, None, Listening::Server(gone)) if gone.key() == Some(process) => {
                    facts.push(Fact::Silent { lock_id: lease.lock_id, owner: None });
                }
                (None, Some(_) | None, _) => {}
            }
        }
        if self.indexes.has_instance_of(process) {
            let expired = self.instances.values().filter(|instance| self.lives_by(&instance.id, process));
            facts.extend(expired.map(expire));
        }
        facts
    }

    pub(super) fn lives_by(&self, id: &InstanceId, process: ProcessKey) -> bool {
        let instance = self.instances.get(id);
        instance.and_then(|instance| instance.process.as_ref()).is_some_and(|its| its.key == process)
    }

    pub(super) fn silent(&self, port: Port, now: Timestamp) -> Vec<Fact> {
        let Some(lease) = self.lease_on(port) else { return Vec::new() };
        let lock_id = lease.lock_id;
        match (&lease.listening, &lease.owner) {
            (Listening::Nothing, _) => Vec::new(),
            (Listening::Stranger(_), _) => vec![Fact::Conflict { lock_id, by: None }],
            (Listening::Server(_), _) => {
                let alone = lease.beside.as_ref().map(|_| Fact::Conflict { lock_id, by: None });
                alone.into_iter().chain([self.server_gone(lease, now)]).collect()
            }
        }
    }

    /// The server of `lease` listens no more; a stranger beside it may.
    pub(super) fn server_gone(&self, lease: &Lease, now: Timestamp) -> Fact {
        let owner = match &lease.owner {
            Owner::Listener { process, .. } => {
                let until = now.after(self.policy.config.unbind_grace.millis());
                Some(Owner::Listener { process: process.clone(), silent_until: Some(until) })
            }
            Owner::Process(_) | Owner::Instance(_) | Owner::Awaited { .. } => None,
        };
        Fact::Silent { lock_id: lease.lock_id, owner }
    }

    pub(super) fn still_heard(&self, ports: &[Port]) -> Vec<Fact> {
        let heard: Vec<LockId> = ports
            .iter()
            .filter_map(|port| self.lease_on(*port))
            .filter(|lease| lease.listening.server().is_some())
            .map(|lease| lease.lock_id)
            .collect();
        if heard.is_empty() { Vec::new() } else { vec![Fact::Seen(heard)] }
    }

    pub(super) fn tick(&self, now: Timestamp) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (at, due) in self.indexes.due_by(now.awake) {
            match due {
                Due::Lease(lock_id) => {
                    let overdue = self.lease(*lock_id).and_then(|lease| Some((lease, overdue(lease)?)));
                    facts.extend(
                        overdue.into_iter().flat_map(|(lease, why)| self.left(lease, why, None, now)),
                    );
                }
                Due::Instance(_) if now.awake > at.saturating_add(STOPPED) => return vec![Fact::Resumed],
                Due::Instance(id) => {
                    facts.extend(self.owner_gone(id, EndReason::InstanceExpired, now));
                    facts.extend(self.instances.get(id).map(expire));
                }
            }
        }
        facts
    }

    pub(super) fn resume(&self, boot_id: &str) -> Vec<Fact> {
        let booted = Fact::Booted { boot_id: boot_id.to_owned() };
        match self.boot_id.as_deref() {
            Some(same) if same == boot_id => vec![Fact::Resumed],
            None => vec![booted],
            Some(_) => {
                let leases = self.in_order(|_| true).map(|lease| end(lease, EndReason::Reboot));
                let instances = self.instances.values().map(expire);
                leases.chain(instances).chain([booted]).collect()
            }
        }
    }

    /// The leases that `keep` lets through, by port, so that the order of events does not depend on a hash.
    fn in_order(&self, keep: impl Fn(&Lease) -> bool) -> impl Iterator<Item = &Lease> {
        let mut leases: Vec<&Lease> = self.leases().filter(|lease| keep(lease)).collect();
        leases.order_by_key(|lease| lease.port);
        leases.into_iter()
    }
}

pub(super) fn end(lease: &Lease, reason: EndReason) -> Fact {
    Fact::Ended { lock_id: lease.lock_id, reason }
}

fn expire(instance: &Instance) -> Fact {
    Fact::InstanceExpired(Box::new(instance.clone()))
}

pub(super) fn hear(lease: &Lease, listener: Listener, owner: Option<Owner>) -> Fact {
    Fact::Heard { lock_id: lease.lock_id, listener, owner }
}

/// The owner has ended: the lease passes to the server that listens, or ends.
fn pass_or_end(lease: &Lease, server: Option<&Listener>, reason: EndReason) -> Fact {
    match server {
        Some(server) => Fact::Passed {
            lock_id: lease.lock_id,
            owner: Owner::Listener { process: server.process.clone(), silent_until: None },
            project: None,
            worktree: None,
            door: None,
            stack: None,
        },
        None => end(lease, reason),
    }
}

/// Why a lease has nobody any more whose deadline has passed.
const fn overdue(lease: &Lease) -> Option<EndReason> {
    match &lease.owner {
        Owner::Awaited { .. } => Some(EndReason::BindTtl),
        Owner::Listener { .. } => Some(EndReason::ListenerExited),
        Owner::Process(_) | Owner::Instance(_) => None,
    }
}
