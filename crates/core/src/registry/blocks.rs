//! Blocks: consecutive ports of one key, all or none (R65).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::api::Grant;
use crate::command::{Ask, Reuse, Wish};
use crate::config::{InstanceBehavior, ServiceTypeConfig};
use crate::lease::{Key, Lease, Listening};
use crate::port::{Occupancy, Port};
use crate::refusal::Refusal;

use super::allocate::Round;
use super::candidates::Search;
use crate::order::Order as _;

/// Which ports may stand behind the first one of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// Those to which nobody has any claim.
    Unclaimed,
    /// All that nobody leases, and those that are only reserved.
    Any,
}

impl Round<'_> {
    /// The block that the key has already, else a new one: its grants, ascending.
    pub(super) fn grant_block(&mut self, ask: &Ask) -> Result<Vec<Grant>, Refusal> {
        let kind = self.registry.kind(&ask.service)?;
        if kind.is_some_and(|kind| kind.instance_behavior == InstanceBehavior::Single) {
            let found = format!("a block of {}, which has one port on the whole machine", ask.service);
            return Err(Refusal::Invalid { field: "block".into(), found, allowed: "one port".into() });
        }
        let key = ask.key();
        let (mut had, mut displaced_from) = (BTreeMap::new(), None);
        if ask.reuse == Reuse::IfLive {
            had = self.registry.all_reusable(ask, &key, |lock_id| self.is_spent(lock_id));
            let bound = had.extract_if(.., |_, lease| matches!(lease.listening, Listening::Stranger(_)));
            for (port, lease) in bound {
                self.displace(lease);
                displaced_from = displaced_from.or(Some(port));
            }
        }
        let (first, reason) = if let Some(first) = self.standing(ask, &key, &had) {
            (first, None)
        } else {
            had.clear();
            self.find_block(ask, &key, kind)?
        };
        let reason = reason.or_else(|| {
            displaced_from
                .map(|old| format!("port {old}, which this service had, was bound by another program"))
        });
        let mut grants = self.lease_block(ask, first, &had, reason)?;
        if let Some(grant) = grants.first_mut() {
            grant.displaced_from = displaced_from;
        }
        Ok(grants)
    }

    /// Where a block stands of leases that the key has, and of ports that are free beside them.
    fn standing(&mut self, ask: &Ask, key: &Key, had: &BTreeMap<Port, &Lease>) -> Option<Port> {
        let size = ask.behind.len() + 1;
        let mut starts: Vec<Port> = match ask.wish {
            Wish::Exact(port) => vec![port],
            Wish::Any | Wish::Default(_) | Wish::Preferred(_) => had.keys().copied().collect(),
        };
        let known = |start: &Port| block(*start, size).map_or(0, |ports| count(&ports, had));
        starts.retain(|start| known(start) > 0);
        // The one that stands already comes first.
        starts.order_by_key(|start| (Reverse(known(start)), *start));
        starts.into_iter().find(|start| {
            let new =
                block(*start, size).map(|ports| ports.into_iter().filter(|port| !had.contains_key(port)));
            new.is_some_and(|mut new| new.all(|port| self.is_free(key, port, Behind::Unclaimed)))
        })
    }

    /// The first port of a new block, and why it is not the one wished for.
    fn find_block(
        &mut self,
        ask: &Ask,
        key: &Key,
        kind: Option<&ServiceTypeConfig>,
    ) -> Result<(Port, Option<String>), Refusal> {
        let size = ask.behind.len() + 1;
        let mut reason = None;
        match ask.wish {
            Wish::Any | Wish::Default(_) => {}
            Wish::Exact(first) => {
                for port in block_asked(first, size)? {
                    self.insist(port)?;
                }
                return Ok((first, None));
            }
            Wish::Preferred(first) => {
                let missed = block_asked(first, size)?
                    .into_iter()
                    .find_map(|port| self.try_wish(port).err().map(|missed| (port, missed)));
                let Some((port, missed)) = missed else { return Ok((first, None)) };
                reason = Some(missed.explain(port));
            }
        }
        let unnamed = ask.falls_back().then(|| Key { name: None, ..key.clone() });
        let default = match ask.wish {
            Wish::Default(port) => Some(port),
            Wish::Any | Wish::Preferred(_) | Wish::Exact(_) => None,
        };
        let (registry, taken, now) = (self.registry, self.taken.clone(), self.now);
        let search = Search { key, unnamed: unnamed.as_ref(), kind, default, taken: &taken, now };
        let mut busy = 0;
        for behind in [Behind::Unclaimed, Behind::Any] {
            busy = 0;
            let found = registry.candidates(&search, |first| {
                let Some(ports) = block(first, size) else { return ControlFlow::Continue(()) };
                // What costs no probe is looked at first.
                if !ports[1..].iter().all(|port| self.is_open_behind(key, *port, behind)) {
                    return ControlFlow::Continue(());
                }
                if ports.iter().all(|port| (self.occupancy)(*port) == Occupancy::Free) {
                    return ControlFlow::Break(ports);
                }
                busy += 1;
                ControlFlow::Continue(())
            });
            if let ControlFlow::Break(ports) = found {
                for reserved in ports.iter().filter_map(|port| registry.lease_on(*port)) {
                    self.displace(reserved);
                }
                return Ok((ports[0], reason));
            }
        }
        Err(self.nothing_free(ask, kind, busy))
    }

    /// Gives the leases of `had` that are in the block again, and makes the others.
    fn lease_block(
        &mut self,
        ask: &Ask,
        first: Port,
        had: &BTreeMap<Port, &Lease>,
        mut reason: Option<String>,
    ) -> Result<Vec<Grant>, Refusal> {
        let mut grants = Vec::with_capacity(ask.behind.len() + 1);
        let ids = std::iter::once(&ask.fresh_id).chain(&ask.behind);
        for (port, fresh_id) in block_asked(first, ask.behind.len() + 1)?.into_iter().zip(ids) {
            // One port of a key is reserved at a time (R64): the first one, behind which the others are found again.
            let reuse = if port == first { ask.reuse } else { Reuse::Never };
            let member =
                Ask { fresh_id: *fresh_id, behind: Vec::new(), wish: Wish::Any, reuse, ..ask.clone() };
            let reason = reason.take();
            grants.push(if let Some(lease) = had.get(&port) {
                self.reuse(&member, lease)
            } else {
                let owner = self.owner_for(&member);
                self.check_quotas(&member, &owner)?;
                self.lease(&member, port, owner, reason)
            });
        }
        Ok(grants)
    }

    fn is_free(&mut self, key: &Key, port: Port, behind: Behind) -> bool {
        self.is_open_behind(key, port, behind) && (self.occupancy)(port) == Occupancy::Free
    }

    /// Whether `port` may stand in a block behind its first one, if nobody has bound it.
    fn is_open_behind(&self, key: &Key, port: Port, behind: Behind) -> bool {
        let (registry, policy) = (self.registry, &self.registry.policy);
        let lease = registry.lease_on(port);
        !policy.never.contains(port)
            && !self.taken.contains(&port)
            && match behind {
                Behind::Unclaimed => {
                    lease.is_none()
                        && !policy.last.contains(port)
                        && !registry.is_claimed(key, port, self.now)
                }
                Behind::Any => lease.is_none_or(Lease::is_reserved),
            }
    }
}

/// `size` consecutive ports from `first` up; none if there are not so many.
fn block(first: Port, size: usize) -> Option<Vec<Port>> {
    let last = usize::from(first.get()).checked_add(size.checked_sub(1)?)?;
    let last = u16::try_from(last).ok()?;
    (first.get()..=last).map(|number| Port::new(number).ok()).collect()
}

fn block_asked(first: Port, size: usize) -> Result<Vec<Port>, Refusal> {
    block(first, size).ok_or_else(|| {
        let found = format!("{size} ports from {first} up");
        Refusal::Invalid { field: "block".into(), found, allowed: "ports up to 65535".into() }
    })
}

fn count(ports: &[Port], had: &BTreeMap<Port, &Lease>) -> usize {
    ports.iter().filter(|port| had.contains_key(port)).count()
}
