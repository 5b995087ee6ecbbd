//! What becomes of a lease whose owner is gone, and how a server gets one that nobody asked for: R7, R64.

use std::collections::HashSet;

use crate::config::InstanceBehavior;
use crate::event::{EndReason, Fact};
use crate::lease::{Instance, Lease, Listening, Owner};
use crate::names::{InstanceId, LockId, ProjectId};
use crate::port::Port;
use crate::process::{Listener, ProcessKey, Relation};
use crate::time::Timestamp;

use super::Registry;
use super::ended::Past;
use super::lifecycle::end;

impl Registry {
    /// What follows for a lease that has nobody any more, and on whose port nobody listens: it goes back to whoever had it
    /// before, its port waits for the next server, or it ends. `ended` is the process whose end it is, if one ended.
    pub(super) fn left(
        &self,
        lease: &Lease,
        reason: EndReason,
        ended: Option<ProcessKey>,
        now: Timestamp,
    ) -> Vec<Fact> {
        let lock_id = lease.lock_id;
        let heir = self.lender(lease, ended, now);
        let heir = heir.or_else(|| self.told_too(lease, ended, now)).or_else(|| self.waits_again(lease, now));
        let Some(owner) = heir else { return vec![end(lease, reason)] };
        let silent = lease.listening.server().map(|_| Fact::Silent { lock_id, owner: None });
        let before = self.reserved_before(lease, now).filter(|_| matches!(owner, Owner::Awaited { .. }));
        let before = before.map(|older| end(older, EndReason::BindTtl));
        silent
            .into_iter()
            .chain(before)
            .chain([Fact::Passed { lock_id, owner, project: None, worktree: None, door: None, stack: None }])
            .collect()
    }

    /// The instance that lent the lease, if it lives: not by the process that has just ended, and not so long without a
    /// heartbeat that it expires in the same breath.
    fn lender(&self, lease: &Lease, ended: Option<ProcessKey>, now: Timestamp) -> Option<Owner> {
        let id = lease.lent_by.as_ref().filter(|id| self.instances.contains_key(*id))?;
        self.goes_on(id, ended, now).then(|| Owner::Instance(id.clone()))
    }

    /// Whether an instance neither lives by the process that has just ended, nor expires now.
    fn goes_on(&self, id: &InstanceId, ended: Option<ProcessKey>, now: Timestamp) -> bool {
        let expires = self.indexes.due_of(id).is_some_and(|due| due <= now.awake);
        !expires && !ended.is_some_and(|process| self.lives_by(id, process))
    }

    /// Another session in the worktree, if the port of the stack's service was told to somebody: it waits as long as one lives (R68).
    fn told_too(&self, lease: &Lease, ended: Option<ProcessKey>, now: Timestamp) -> Option<Owner> {
        if !lease.stack || lease.told_until.is_none() || is_taken(lease) || self.is_single(lease) {
            return None;
        }
        let is_owner = |id: &InstanceId| matches!(&lease.owner, Owner::Instance(owner) if owner == id);
        let works_here = |instance: &&Instance| {
            instance.working_directory.is_some() && instance.working_directory == lease.key.project
        };
        let others = self.instances.values().filter(works_here).map(|instance| &instance.id);
        let mut others = others.filter(|id| !is_owner(id) && self.goes_on(id, ended, now));
        others.next().map(|id| Owner::Instance(id.clone()))
    }

    /// A port that was told to somebody waits again: after a process without a server for the rest of its time, after a
    /// server for all of it.
    fn waits_again(&self, lease: &Lease, now: Timestamp) -> Option<Owner> {
        let bind_ttl = || now.after(self.policy.config.bind_ttl.millis());
        let may_wait = !self.is_single(lease) && !is_taken(lease) && self.has_room_to_reserve(lease);
        if let (Owner::Instance(_), true) = (&lease.owner, lease.stack && may_wait) {
            return Some(Owner::Awaited { until: bind_ttl() });
        }
        let told_until = lease.told_until?;
        let had_server = match &lease.owner {
            Owner::Process(owner) => lease.heard_since(owner),
            Owner::Listener { .. } => true,
            Owner::Instance(_) | Owner::Awaited { .. } => return None,
        };
        if had_server && may_wait {
            return Some(Owner::Awaited { until: bind_ttl() });
        }
        let is_process = matches!(lease.owner, Owner::Process(_));
        (is_process && told_until > now.awake).then_some(Owner::Awaited { until: told_until })
    }

    /// The one lease of a singleton is for the whole machine: nobody else could have one while it waits.
    pub(super) fn is_single(&self, lease: &Lease) -> bool {
        let kind = self.policy.config.service_types.get(&lease.key.service);
        kind.is_some_and(|kind| kind.instance_behavior == InstanceBehavior::Single)
    }

    /// Another port that is reserved for the key: there is one at a time. One whose time is over ends by itself.
    fn reserved_before(&self, lease: &Lease, now: Timestamp) -> Option<&Lease> {
        let waits = |other: &&Lease| matches!(other.owner, Owner::Awaited { until } if until > now.awake);
        let others = self.indexes.of_key(&lease.key).filter(|lock_id| *lock_id != lease.lock_id);
        others.filter_map(|lock_id| self.lease(lock_id)).find(|other| other.is_reserved() && waits(other))
    }

    /// One port of a key is reserved at a time, also of those that begin to wait at once: the first one is (R64).
    pub(super) fn one_waits(&self, facts: Vec<Fact>) -> Vec<Fact> {
        let (mut keys, mut ended) = (HashSet::new(), HashSet::new());
        let mut kept = Vec::with_capacity(facts.len());
        for fact in facts {
            let fact = match self.begins_to_wait(&fact) {
                Some(lease) if !keys.insert(&lease.key) => end(lease, EndReason::BindTtl),
                Some(_) | None => fact,
            };
            // The one that waited before gives way once.
            let is_known = matches!(&fact, Fact::Ended { lock_id, .. } if !ended.insert(*lock_id));
            if !is_known {
                kept.push(fact);
            }
        }
        kept
    }

    /// The lease that waits for a server from this fact on, and has not before.
    fn begins_to_wait(&self, fact: &Fact) -> Option<&Lease> {
        let Fact::Passed { lock_id, owner: Owner::Awaited { .. }, .. } = fact else { return None };
        self.lease(*lock_id).filter(|lease| !matches!(lease.owner, Owner::Awaited { .. }))
    }

    /// Whether a lease ended with its owner less than `unbind_grace` ago and its port is nobody's yet, so that its server
    /// may still come.
    ///
    /// Only [`Registry::apply`] makes it true; time alone makes it false.
    #[must_use]
    pub fn expects_orphans(&self, now: Timestamp) -> bool {
        self.orphans(now).next().is_some()
    }

    /// Whether somebody who listens on `port` may be given a lease unasked: nobody has one, and a key had it in this boot.
    ///
    /// Changes by [`Registry::apply`] alone.
    #[must_use]
    pub fn is_adoptable(&self, port: Port) -> bool {
        !self.indexes.leased().contains(port) && self.affinity.is_known(port)
    }

    /// What somebody gave back stays given back, although its server still listens. Without a server there was nothing that
    /// could be kept from him: the next one is another matter.
    pub(super) fn was_given_back(&self, port: Port) -> bool {
        let given_back = |past: &Past| {
            matches!(past.reason, EndReason::Released | EndReason::Cleanup)
                && past.lease.listening.server().is_some()
        };
        self.ended.last_on(port).is_some_and(given_back)
    }

    fn orphans(&self, now: Timestamp) -> impl Iterator<Item = &Past> {
        let lately = self.ended.since(now.awake.saturating_sub(self.policy.config.unbind_grace.millis()));
        lately
            .filter(|past| past.reason == EndReason::OwnerExited && self.lease_on(past.lease.port).is_none())
    }

    /// The lease for a server that nobody asked for one: of the key that had its port last, in the same checkout. If it is the server
    /// of somebody in its `line` who has a lease of that key and ignores its port, as it did before, it is his (R66).
    pub(super) fn adopt(
        &self,
        (port, listener): (Port, &Listener),
        project_id: Option<&ProjectId>,
        line: &[ProcessKey],
        fresh_id: LockId,
        now: Timestamp,
    ) -> Vec<Fact> {
        if self.indexes.leased().contains(port)
            || listener.user == Relation::Other
            || self.was_given_back(port)
        {
            return Vec::new();
        }
        let orphan = self.orphans(now).find(|past| past.lease.port == port).map(|past| &past.lease);
        let Some(key) = orphan.map(|lease| &lease.key).or_else(|| self.affinity.last_key(port)) else {
            return Vec::new();
        };
        // A new lease for somebody who did not ask needs more than the absence of a reason against it.
        let is_here = listener.project.is_some() && listener.project == key.project;
        let is_kin = match (&listener.project, &key.project) {
            (Some(theirs), Some(ours)) => theirs.is_related_to(ours),
            (None, _) | (_, None) => false,
        };
        let is_taken = self.indexes.of_singleton(&key.service).next().is_some();
        if is_taken || !(is_here || (is_kin && orphan.is_some())) {
            return Vec::new();
        }
        let strayed = self.silent_in_line(key, line);
        let strayed = strayed.map(|lock_id| self.strayed(lock_id, (port, listener), fresh_id, now));
        if let Some(strayed) = strayed.filter(|facts| !facts.is_empty()) {
            return strayed;
        }
        let lease = Lease {
            lock_id: fresh_id,
            port,
            key: key.clone(),
            project_id: orphan.and_then(|lease| lease.project_id.clone()).or_else(|| project_id.cloned()),
            instance_id: orphan.and_then(|lease| lease.instance_id.clone()),
            stack: false,
            owner: Owner::Listener { process: listener.process.clone(), silent_until: None },
            listening: Listening::Server(listener.clone()),
            beside: None,
            allocated_at: now,
            last_seen: Some(now.wall),
            lent_by: None,
            told_until: None,
            left: None,
            instead_of: None,
            label: None,
            worktree: None,
            door: orphan.map(|lease| lease.door).unwrap_or_default(),
        };
        vec![Fact::Granted(Box::new(lease))]
    }
}

/// Whether a stranger has the port.
const fn is_taken(lease: &Lease) -> bool {
    matches!(lease.listening, Listening::Stranger(_)) || lease.beside.is_some()
}
