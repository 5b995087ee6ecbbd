//! What must be true of names in the world.

use std::collections::HashMap;

use super::*;
use crate::label::HostName;
use crate::registry::AtHost;

impl World {
    /// R113 and R114: a name leads to the one lease that has it, and a worktree has one label, which no other one has. If nobody
    /// listens for that lease, it may lead to another one of its key, for which somebody does. Both have one name (R66).
    pub(super) fn check_names(&self) {
        let mut labels = HashMap::new();
        for lease in self.registry.leases() {
            let host = self.registry.host(lease);
            assert_eq!(host.is_some(), lease.key.project.is_some(), "{lease:?}");
            assert_eq!(lease.worktree, None, "it is kept by worktree");
            let (Some(host), Some(root)) = (host, &lease.key.project) else { continue };
            let owner = labels.entry(host.worktree.clone()).or_insert(root);
            assert_eq!(*owner, root, "two worktrees are called {}", host.worktree);
            match self.registry.at_host(&host.to_string()) {
                AtHost::Server(found) if found.lock_id == lease.lock_id => {}
                AtHost::Server(found) if found.instead_of == Some(lease.lock_id) => {
                    assert_eq!(found.key, lease.key, "{host}");
                    assert!(found.listening.server().is_some() && lease.listening == Listening::Nothing);
                }
                AtHost::Server(first) if lease.instead_of == Some(first.lock_id) => {
                    assert_eq!(self.registry.host(first), self.registry.host(lease));
                }
                other => panic!("{host} of {lease:?} leads to {other:?}"),
            }
        }
        let roots = labels.values().collect::<HashSet<_>>();
        assert_eq!(roots.len(), labels.len(), "a worktree has two labels");
    }

    /// What each server is called.
    pub(super) fn server_names(&self) -> HashMap<LockId, Option<HostName>> {
        self.registry.leases().map(|lease| (lease.lock_id, self.registry.host(lease))).collect()
    }

    /// R113 and R114: a live server's name changes only if its folder was moved, if a client calls its worktree otherwise, or if
    /// it listens elsewhere than it should and the lease that it is called by is another server's now. What waits for the next server
    /// may be called by the lease of the one that has ended.
    pub(super) fn check_kept_names(&self, command: &Command, before: &HashMap<LockId, Option<HostName>>) {
        for lease in self.registry.leases() {
            let Some(before) = before.get(&lease.lock_id) else { continue };
            let now = self.registry.host(lease);
            let may_change = match command {
                Command::Found { .. } => true,
                Command::Allocate(allocation) => {
                    let renames = |ask: &Ask| ask.project == lease.key.project && ask.label.is_some();
                    let server = |name: &Option<HostName>| name.as_ref().map(|name| name.server.clone());
                    allocation.asks.iter().any(renames) && server(&now) == server(before)
                }
                _ => false,
            };
            let waits = matches!(lease.owner, Owner::Awaited { .. } | Owner::Instance(_));
            let is_next = waits && lease.listening == Listening::Nothing;
            let may_change = may_change || lease.instead_of.is_some() || is_next;
            assert!(may_change || now == *before, "{before:?} became {now:?} with {command:?}");
        }
    }
}
