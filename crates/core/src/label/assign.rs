//! Which lease has which name.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Label;
use crate::lease::Lease;
use crate::names::{LockId, ProjectPath};

/// The name of one lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The lease.
    pub lease: LockId,
    /// The label of its worktree.
    pub worktree: Label,
    /// The label of its service.
    pub service: Label,
}

impl Named {
    /// `web.login-shop.localhost`
    #[must_use]
    pub fn host(&self) -> String {
        format!("{}.{}.localhost", self.service, self.worktree)
    }
}

/// The names of all `leases` (R112): of several that would have the same one, the oldest has it, and the next ones are numbered.
/// `label_of` says what the worktree with a root is called; a lease without a root has no name.
#[must_use]
pub fn assign<'l>(
    leases: impl Iterator<Item = &'l Lease>,
    label_of: impl Fn(&ProjectPath) -> Option<Label>,
) -> Vec<Named> {
    let mut of_worktree: BTreeMap<&ProjectPath, Vec<&Lease>> = BTreeMap::new();
    for lease in leases {
        if let Some(root) = &lease.key.project {
            of_worktree.entry(root).or_default().push(lease);
        }
    }
    let mut named = Vec::new();
    for (root, mut leases) in of_worktree {
        let Some(worktree) = label_of(root) else { continue };
        leases.sort_unstable_by_key(|lease| (lease.allocated_at.awake, lease.lock_id));
        // A name that is a service's own is not given to the second server of another one.
        let own: HashSet<Label> = leases.iter().map(|lease| Label::of_service(&lease.key)).collect();
        let mut taken: HashMap<Label, usize> = HashMap::new();
        for lease in leases {
            let first = Label::of_service(&lease.key);
            let count = taken.entry(first.clone()).or_insert(0);
            *count += 1;
            let mut service = first.clone();
            while *count > 1 {
                service = first.numbered(*count);
                if !own.contains(&service) {
                    break;
                }
                *count += 1;
            }
            named.push(Named { lease: lease.lock_id, worktree: worktree.clone(), service });
        }
    }
    named
}
