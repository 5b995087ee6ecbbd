//! Which live lease a request with `reuse` gets (R14), and how leases follow a project that moved (R62).

use std::collections::BTreeMap;

use crate::command::{Ask, Wish};
use crate::event::Fact;
use crate::lease::{Key, Lease, Listening, Owner};
use crate::names::{InstanceId, LockId, ProjectId, ProjectPath};
use crate::order::map;
use crate::port::Port;
use crate::process::{Listener, ProcessKey};

use super::Registry;

/// A lease that a request with `reuse` may have.
pub(super) enum Reusable<'a> {
    Stands(&'a Lease),
    /// A stranger has bound its port: it ends, and its key gets another one.
    Displaced(&'a Lease),
}

impl Registry {
    /// The live lease of `key` that `ask` gets, without those that are `spent` (R14).
    pub(super) fn reusable(
        &self,
        ask: &Ask,
        key: &Key,
        spent: impl Fn(LockId) -> bool,
    ) -> Option<Reusable<'_>> {
        let fits = |lease: &&Lease| {
            !spent(lease.lock_id)
                && is_of_session(ask, lease)
                && is_same_folder(ask, lease)
                && !matches!(ask.wish, Wish::Exact(port) if port != lease.port)
        };
        let handed_over = self.handed_over(ask, key).filter(fits).map(|lease| (true, lease));
        let same = self.indexes.of_key(key).filter_map(|lock_id| self.lease(lock_id)).filter(fits);
        let same =
            same.filter(|lease| owned_by_line(ask, lease) || (has_in_common(ask) && is_unclaimed(lease)));
        let all = handed_over.chain(same.map(|lease| (false, lease)));
        let wish = match ask.wish {
            Wish::Preferred(port) | Wish::Exact(port) => Some(port),
            Wish::Any | Wish::Default(_) => None,
        };
        // One's own first, then what is handed over, then the stack's, then the one on the port that is wished for, then the oldest, of a
        // block its first port.
        let (_, best) = all.min_by_key(|(is_handed_over, lease)| {
            let is_own = owned_by_line(ask, lease);
            let is_key = lease.key == *key;
            let is_wish = wish == Some(lease.port);
            let rank = (!(is_own && is_key), !is_own, !is_handed_over, !lease.stack, !is_wish);
            (rank, lease.allocated_at.awake, lease.port)
        })?;
        Some(match best.listening {
            Listening::Stranger(_) => Reusable::Displaced(best),
            Listening::Nothing | Listening::Server(_) => Reusable::Stands(best),
        })
    }

    /// The live leases of `key` itself that `ask` may have again, whichever port it wishes for, by port. Those that a stranger
    /// has bound are among them.
    pub(super) fn all_reusable(
        &self,
        ask: &Ask,
        key: &Key,
        spent: impl Fn(LockId) -> bool,
    ) -> BTreeMap<Port, &Lease> {
        let fits = |lease: &&Lease| {
            !spent(lease.lock_id)
                && is_of_session(ask, lease)
                && is_same_folder(ask, lease)
                && (owned_by_line(ask, lease) || (has_in_common(ask) && is_unclaimed(lease)))
        };
        let same = self.indexes.of_key(key).filter_map(|lock_id| self.lease(lock_id)).filter(fits);
        map(same.map(|lease| (lease.port, lease)))
    }

    /// The leases of this project and type that an ancestor or the session of `ask` owns under another name: they win over
    /// the name of a package (R60), unless another process uses them already.
    fn handed_over(&self, ask: &Ask, key: &Key) -> impl Iterator<Item = &Lease> {
        let falls_back = ask.falls_back();
        let line = line(ask).filter(move |_| falls_back).flat_map(|process| self.indexes.leases_of(process));
        let unnamed = falls_back.then(|| Key { name: None, ..key.clone() });
        let of_session = unnamed.into_iter().flat_map(|key| self.indexes.of_key(&key).collect::<Vec<_>>());
        let owned = line.filter_map(|lock_id| self.lease(lock_id)).filter(|lease| {
            owned_by_line(ask, lease)
                && lease.listening.server().and_then(Listener::key).is_none_or(|server| line_has(ask, server))
        });
        // The stack's was told to every session there (R68).
        let is_session = ask.instance_id.as_ref().is_some_and(|id| self.instances.contains_key(id));
        let lent =
            of_session.filter_map(|lock_id| self.lease(lock_id)).filter(move |lease| match &lease.owner {
                Owner::Instance(id) => {
                    (ask.instance_id.as_ref() == Some(id) || (lease.stack && is_session))
                        && is_unclaimed(lease)
                }
                Owner::Process(_) | Owner::Awaited { .. } | Owner::Listener { .. } => false,
            });
        let (project, service) = (ask.project.clone(), ask.service.clone());
        owned.chain(lent).filter(move |lease| lease.key.project == project && lease.key.service == service)
    }

    /// The folder of this id is at this path: its leases follow.
    pub(super) fn found(&self, id: &ProjectId, at: &ProjectPath) -> Vec<Fact> {
        let follow = |lease: &Lease| Fact::Passed {
            lock_id: lease.lock_id,
            owner: lease.owner.clone(),
            project: Some(at.clone()),
            worktree: None,
            door: None,
            stack: None,
        };
        self.elsewhere(id, at).map(follow).collect()
    }

    /// The leases for the folder of this id that name another path.
    pub(super) fn elsewhere(&self, id: &ProjectId, at: &ProjectPath) -> impl Iterator<Item = &Lease> {
        let leases = self.indexes.of_folder(id).filter_map(|lock_id| self.lease(lock_id));
        leases.filter(move |lease| lease.key.project.as_ref().is_some_and(|project| project != at))
    }
}

impl Ask {
    /// The key of the lease that is asked for.
    pub(super) fn key(&self) -> Key {
        let name = self.name.clone().or_else(|| self.default_name.clone());
        Key { project: self.project.clone(), service: self.service.clone(), name }
    }

    /// The session that its lease is for: the stack's waits for any of the worktree.
    pub(super) fn session(&self) -> Option<InstanceId> {
        self.instance_id.clone().filter(|_| !self.stack || self.process.is_some())
    }

    /// Whether it has the name of its package, for want of another one.
    pub(super) const fn falls_back(&self) -> bool {
        self.name.is_none() && self.default_name.is_some()
    }
}

/// The request's own process and its ancestors, nearest first.
fn line(ask: &Ask) -> impl Iterator<Item = ProcessKey> {
    ask.process.iter().map(|process| process.key).chain(ask.ancestors.iter().copied())
}

fn line_has(ask: &Ask, process: ProcessKey) -> bool {
    line(ask).any(|key| key == process)
}

/// Whether the request's own process, or an ancestor of it, owns the lease.
pub(super) fn owned_by_line(ask: &Ask, lease: &Lease) -> bool {
    lease.owner.process().is_some_and(|owner| line_has(ask, owner.key))
}

/// Whether the session of `ask` may have the lease: it is for this session, or for the service of a stack, which all sessions of
/// the worktree have in common (R68).
fn is_of_session(ask: &Ask, lease: &Lease) -> bool {
    lease.instance_id == ask.instance_id || lease.stack || (ask.stack && lease.instance_id.is_none())
}

/// Whether the lease is not known to be for a folder that was at this path before.
fn is_same_folder(ask: &Ask, lease: &Lease) -> bool {
    ask.project_id.is_none() || lease.project_id.is_none() || ask.project_id == lease.project_id
}

/// Whether requests like this one are of the same project or session: without either they have nothing in common.
const fn has_in_common(ask: &Ask) -> bool {
    ask.project.is_some() || ask.instance_id.is_some()
}

/// Whether nothing but a stranger listens and no live process owns it.
fn is_unclaimed(lease: &Lease) -> bool {
    match (&lease.listening, &lease.owner) {
        (Listening::Server(_), _) | (_, Owner::Process(_) | Owner::Listener { process: Some(_), .. }) => {
            false
        }
        (
            Listening::Nothing | Listening::Stranger(_),
            Owner::Instance(_) | Owner::Awaited { .. } | Owner::Listener { process: None, .. },
        ) => true,
    }
}
