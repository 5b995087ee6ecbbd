//! Which host name each server has, and who has a host name (R113, R114).

use std::iter;

use crate::event::EndReason;
use crate::label::{HostName, Label};
use crate::lease::{Key, Lease, Left};
use crate::names::{LockId, ProjectPath};

use super::Registry;
use crate::order::Order as _;

/// The port that an address need not name.
const HTTP: u16 = 80;

/// Who has a host name.
#[derive(Debug)]
pub enum AtHost<'a> {
    /// The server of this lease: of the one that has the name, or of the one where that one's server really listens (R66).
    Server(&'a Lease),
    /// A worktree as such.
    Worktree {
        /// Its root.
        root: &'a ProjectPath,
        /// Its leases, the oldest first. None if all have ended.
        leases: Vec<&'a Lease>,
    },
    /// No live lease of a worktree that is known.
    NoServer {
        /// Its root.
        root: &'a ProjectPath,
        /// Its leases, the oldest first.
        leases: Vec<&'a Lease>,
        /// The lease that had the name last, as it last was, if that was lately; and how it ended.
        ended: Option<(&'a Lease, Left)>,
    },
    /// No worktree that is known.
    Nobody,
}

impl Registry {
    /// Who has the host name `host`, which comes without a port.
    ///
    /// Changes only by [`Registry::apply`].
    #[must_use]
    pub fn at_host(&self, host: &str) -> AtHost<'_> {
        let Some(HostName { worktree, server }) = HostName::read(host) else { return AtHost::Nobody };
        let Some(root) = self.labels.root(&worktree) else { return AtHost::Nobody };
        let Some(server) = server else {
            return AtHost::Worktree { root, leases: self.leases_in(root) };
        };
        if let Some(lease) = self.indexes.at_host(root, &server).and_then(|lock_id| self.lease(lock_id)) {
            return AtHost::Server(self.strayed_from(lease).unwrap_or(lease));
        }
        let past = self.ended.last_called(root, &server);
        let ended = past.map(|past| {
            let end = Left { at: past.at, reason: past.reason };
            // Its server ended before the wait for the next one did.
            let left = past.lease.left.filter(|_| past.reason == EndReason::BindTtl);
            (&past.lease, left.unwrap_or(end))
        });
        AtHost::NoServer { root, leases: self.leases_in(root), ended }
    }

    /// The host name of this lease's server; none for a lease of no project.
    #[must_use]
    pub fn host(&self, lease: &Lease) -> Option<HostName> {
        let worktree = self.labels.of(lease.key.project.as_ref()?)?.label.clone();
        // A server that ignores its port has one name: the one that leads to it, wherever it listens (R66).
        let first = self.strayed_for(lease).unwrap_or(lease);
        Some(HostName { worktree, server: Some(first.label.clone()?) })
    }

    /// The address of this host name at the front door; none while that is shut.
    #[must_use]
    pub fn named_url(&self, host: &HostName) -> Option<String> {
        let port = self.policy.door?;
        Some(if port.get() == HTTP { format!("http://{host}") } else { format!("http://{host}:{port}") })
    }

    /// The root that has this label, if another one than `root` has it: a request for `root` that wishes for the label asks
    /// whether that folder still exists.
    #[must_use]
    pub fn rival(&self, root: &ProjectPath, wish: &Label) -> Option<&ProjectPath> {
        let known = self.labels.of(root).is_some_and(|known| known.wish.as_ref() == Some(wish));
        self.labels.root(wish).filter(|other| *other != root && !known)
    }

    /// The live leases of a root, the oldest first.
    fn leases_in(&self, root: &ProjectPath) -> Vec<&Lease> {
        let mut leases: Vec<&Lease> =
            self.indexes.of_root(root).filter_map(|lock_id| self.lease(lock_id)).collect();
        leases.order_by_key(|lease| (lease.allocated_at.awake, lease.lock_id));
        leases
    }

    /// What a new server of this key is called in its worktree: as its key says, or with a hash of the key if that is how another
    /// key's servers are called; and with the first number that is free behind it, if a server of its own is called so. Leases that
    /// are `ending` need their labels no more; `about` says whose a label is about to be.
    pub(super) fn server_label<'k>(
        &'k self,
        key: &Key,
        ending: &[LockId],
        about: impl Fn(&Label) -> Option<&'k Key>,
    ) -> Option<Label> {
        let root = key.project.as_ref()?;
        let holder = |label: &Label| {
            let live = self.indexes.at_host(root, label).filter(|lock_id| !ending.contains(lock_id));
            live.and_then(|lock_id| self.lease(lock_id)).map(|lease| &lease.key).or_else(|| about(label))
        };
        let is_anothers = |label: &Label| {
            [holder(label), self.affinity.owner(root, label)].into_iter().flatten().any(|other| other != key)
        };
        let plain = Label::of_service(key);
        let gives_way = self.affinity.gives_way(key) || is_anothers(&plain);
        let own = if gives_way { plain.apart(&key.label()) } else { plain };
        let is_free = |label: &Label| holder(label).is_none() && !is_anothers(label);
        if is_free(&own) {
            return Some(own);
        }
        // Numbers that live leases have are passed over run by run, but for those of leases that are ending.
        let ending = ending.iter().filter_map(|lock_id| self.lease(*lock_id)?.label.as_ref()?.split());
        let ending: Vec<usize> = ending.map(|(_, number)| number).collect();
        let after = |number: usize| {
            let next = self.indexes.taken_to(root, &own.numbered(number)).unwrap_or(number) + 1;
            ending.iter().copied().filter(|ending| (number + 1..next).contains(ending)).min().unwrap_or(next)
        };
        let mut numbers = iter::successors(Some(2), |number| Some(after(*number)));
        numbers.find_map(|number| Some(own.numbered(number)).filter(is_free))
    }
}
