//! A tool that ignores the port it was given: the port where it really listens is leased too (R66).

use crate::command::{Ask, Reuse, Wish};
use crate::event::Fact;
use crate::lease::{Key, Lease, Listening, Owner};
use crate::names::LockId;
use crate::port::Port;
use crate::process::{Listener, ProcessKey};
use crate::time::Timestamp;

use super::Registry;

impl Registry {
    /// The leases that a process owns and on whose ports nobody has listened since it began, each with that process, in no order.
    ///
    /// Looks through all leases. Changes only by [`Registry::apply`].
    pub fn never_heard(&self) -> impl Iterator<Item = (LockId, ProcessKey)> {
        self.leases().filter_map(|lease| Some((lease.lock_id, never_heard_owner(lease)?)))
    }

    /// Whether a tool that ignores its lease's port may be given a lease of `port` instead: nobody has one, nobody gave it
    /// back, and it may be offered.
    ///
    /// Changes only by [`Registry::apply`].
    #[must_use]
    pub fn may_stray_to(&self, port: Port) -> bool {
        !self.indexes.leased().contains(port)
            && !self.policy.never.contains(port)
            && !self.was_given_back(port)
    }

    /// The lease of `key` that one of `line` owns, and on whose port nobody has listened since he began.
    pub(super) fn silent_in_line(&self, key: &Key, line: &[ProcessKey]) -> Option<LockId> {
        let silent = |lock_id: &LockId| {
            let owner = self.lease(*lock_id).and_then(never_heard_owner);
            owner.is_some_and(|owner| line.contains(&owner))
        };
        self.indexes.of_key(key).find(silent)
    }

    /// Where the server of a silent lease listens instead.
    pub(super) fn strayed_from(&self, first: &Lease) -> Option<&Lease> {
        let is_silent = match &first.owner {
            Owner::Process(_) => never_heard_owner(first).is_some(),
            Owner::Awaited { .. } | Owner::Instance(_) => first.listening == Listening::Nothing,
            Owner::Listener { .. } => false,
        };
        let mut running = self.indexes.running(&first.key).filter_map(|lock_id| self.lease(lock_id));
        running.find(|other| is_silent && other.instead_of == Some(first.lock_id) && is_of_one(first, other))
    }

    /// The lease whose server listens here instead; none once that is somebody else's.
    pub(super) fn strayed_for(&self, lease: &Lease) -> Option<&Lease> {
        self.lease(lease.instead_of?).filter(|first| is_of_one(first, lease))
    }

    /// The lease that stands in for `first`, which has ended, has its label from now on.
    pub(super) fn inherit_label(&mut self, first: &Lease) {
        let mut others = self.indexes.of_key(&first.key);
        let heir =
            others.find(|id| self.lease(*id).is_some_and(|other| other.instead_of == Some(first.lock_id)));
        drop(others);
        if let Some(heir) = heir {
            self.change(heir, |lease| {
                lease.instead_of = None;
                lease.label.clone_from(&first.label);
            });
        }
    }

    /// The lease whose server goes to the port that `ask` insists on: that of the service of the worktree's stack that runs (R149), if
    /// nothing takes its place yet.
    pub(super) fn moved_from(&self, ask: &Ask, key: &Key) -> Option<&Lease> {
        let is_move = ask.stack && ask.process.is_none() && ask.reuse == Reuse::IfLive;
        if !is_move || !matches!(ask.wish, Wish::Exact(_)) || key.project.is_none() {
            return None;
        }
        let all: Vec<&Lease> = self.indexes.of_key(key).filter_map(|lock_id| self.lease(lock_id)).collect();
        let mut running = all.iter().filter(|lease| lease.stack && matches!(lease.owner, Owner::Process(_)));
        let first = running.next().filter(|_| running.next().is_none())?;
        all.iter().all(|other| other.instead_of != Some(first.lock_id)).then_some(*first)
    }

    /// The second lease of an owner whose server listens elsewhere; the first one stays as it is.
    pub(super) fn strayed(
        &self,
        lock_id: LockId,
        (port, listener): (Port, &Listener),
        fresh_id: LockId,
        now: Timestamp,
    ) -> Vec<Fact> {
        let silent = self.lease(lock_id).and_then(|lease| Some((lease, never_heard_owner(lease)?)));
        let Some((lease, owner)) = silent else { return Vec::new() };
        let others = self.indexes.leases_of(owner).filter(|other| *other != lock_id);
        let mut others = others.filter_map(|other| self.lease(other)).filter(|other| owns(other, owner));
        // With two silent leases it is unknown whose server this is, and a second lease is enough.
        let is_unclear = others.any(|other| other.key == lease.key || other.listening == Listening::Nothing);
        if is_unclear || !self.may_stray_to(port) || lease.is_strange(listener) || self.is_single(lease) {
            return Vec::new();
        }
        vec![Fact::Granted(Box::new(Lease {
            lock_id: fresh_id,
            port,
            listening: Listening::Server(listener.clone()),
            allocated_at: now,
            last_seen: Some(now.wall),
            // Nobody was told it: it ends with its server (R68).
            stack: false,
            lent_by: None,
            told_until: None,
            left: None,
            instead_of: Some(lock_id),
            label: None,
            worktree: None,
            ..lease.clone()
        }))]
    }
}

/// Whether a lease and the one where its server listens instead are one server's: of one process, or the first one is nobody's any
/// more.
fn is_of_one(first: &Lease, second: &Lease) -> bool {
    match (&first.owner, second.owner.process()) {
        (Owner::Process(owner), Some(other)) => owner.key == other.key,
        (Owner::Awaited { .. } | Owner::Instance(_), _) => true,
        (Owner::Process(_), None) | (Owner::Listener { .. }, _) => false,
    }
}

fn owns(lease: &Lease, owner: ProcessKey) -> bool {
    matches!(&lease.owner, Owner::Process(process) if process.key == owner)
}

/// The process that owns the lease, if nobody has listened on its port since it began: an earlier server on the same lease says
/// nothing of this one.
fn never_heard_owner(lease: &Lease) -> Option<ProcessKey> {
    match (&lease.owner, &lease.listening) {
        (Owner::Process(process), Listening::Nothing) if !lease.heard_since(process) => Some(process.key),
        _ => None,
    }
}
