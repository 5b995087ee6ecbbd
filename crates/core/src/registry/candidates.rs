//! Which ports are tried, in which order: R10.
//!
//! 1. The ports that the key had before; for a package then those that its project had before packages had keys.
//! 2. The request's default port, then the service type's preferred ports.
//! 3. The service type's range: every tenth port from the first one on, so that there is room behind each, then the others.
//! 4. The ports of 2 and 3 that another key has affinity to or has just given up, the least recently used first.
//! 5. Those of 2 and 3 that are only reserved for a server that has ended (R64), in the same order.
//! 6. The overflow range in the same way.
//! 7. The ports of 1 to 6 that the kernel gives to outgoing connections too, in the same order.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::ControlFlow;

use crate::config::ServiceTypeConfig;
use crate::lease::Key;
use crate::names::ServiceType;
use crate::port::{Occupancy, Port, PortRange};
use crate::port_set::{PortSet, Spacing};
use crate::refusal::Refusal;
use crate::time::Timestamp;

use super::Registry;
use crate::order::Order as _;

/// For whom a port is sought.
pub(super) struct Search<'a> {
    pub(super) key: &'a Key,
    /// The key without its name, if that is only a default: ports that it had come after the key's own.
    pub(super) unnamed: Option<&'a Key>,
    /// What is known of its service type; an unknown one has the overflow range alone.
    pub(super) kind: Option<&'a ServiceTypeConfig>,
    /// What the asker's kind of server has by default: a preferred port before those of the service type.
    pub(super) default: Option<Port>,
    /// Ports given away in the same breath: a group's, so a handful.
    pub(super) taken: &'a [Port],
    pub(super) now: Timestamp,
}

impl Registry {
    /// Ports that an allocate of `service` without project and name would be given now, best first, at most `count`.
    ///
    /// Changes by [`Registry::apply`], by what `occupancy` says, and by time: for 15 s a port that was given up is offered
    /// last. It reserves nothing.
    ///
    /// # Errors
    /// The service type is unknown and the configuration is strict about that.
    pub fn suggest(
        &self,
        service: &ServiceType,
        count: usize,
        now: Timestamp,
        mut occupancy: impl FnMut(Port) -> Occupancy,
    ) -> Result<Vec<Port>, Refusal> {
        let kind = self.kind(service)?;
        if let Some(existing) =
            self.indexes.of_singleton(service).find_map(|lock_id| self.leases.get(&lock_id))
        {
            return Ok(vec![existing.port]);
        }
        let key = Key { project: None, service: service.clone(), name: None };
        let mut found = Vec::new();
        let search = Search { key: &key, unnamed: None, kind, default: None, taken: &[], now };
        let _ = self.candidates(&search, |port| {
            if occupancy(port) == Occupancy::Free {
                found.push(port);
            }
            if found.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        Ok(found)
    }

    /// Shows each candidate that no lease covers to `visit`, best first, each once, until it breaks.
    pub(super) fn candidates<B>(
        &self,
        search: &Search<'_>,
        mut visit: impl FnMut(Port) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let quarantine = OnceCell::new();
        self.candidates_of(search, &self.policy.last, &quarantine, &mut visit)?;
        if self.policy.last.is_empty() {
            return ControlFlow::Continue(());
        }
        self.candidates_of(search, &self.usual, &quarantine, &mut visit)
    }

    /// As [`Registry::candidates`], without those in `left_out`. Most keys get a port that they had before: what others have just given
    /// up is only asked for if this one does not.
    fn candidates_of<'a, B>(
        &'a self,
        search: &Search<'_>,
        left_out: &PortSet,
        quarantine: &OnceCell<Cow<'a, PortSet>>,
        visit: &mut impl FnMut(Port) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let inherited = search.unnamed.into_iter().flat_map(|key| self.affinity.heritable(key));
        let mut own = self.affinity.ports_of(search.key).to_vec();
        own.extend(inherited);
        let mut open_own = own.iter().copied().filter(|port| self.is_open(search, left_out, *port));
        open_own.try_for_each(&mut *visit)?;
        let kind = search.kind;
        let mut preferred: Vec<Port> = search.default.into_iter().collect();
        let configured = kind.iter().flat_map(|kind| &kind.preferred_ports);
        preferred.extend(configured.filter(|port| search.default != Some(**port)));
        let seen = |port: Port| own.contains(&port);
        let range = kind.map(|kind| kind.range);
        let quarantine = quarantine.get_or_init(|| self.affinity.quarantine(search.key, search.now));
        self.unclaimed_first(search, (&preferred, range), [left_out, quarantine], &seen, visit)?;
        self.reserved(search, (&preferred, range), left_out).into_iter().try_for_each(&mut *visit)?;
        let of_kind =
            |port: Port| preferred.contains(&port) || kind.is_some_and(|kind| kind.range.contains(port));
        let seen = |port: Port| own.contains(&port) || of_kind(port);
        let overflow = self.policy.config.overflow_range;
        self.unclaimed_first(search, (&[], overflow), [left_out, quarantine], &seen, visit)?;
        // The key's own ports may lie outside of both ranges.
        let reserved = self.reserved(search, (&own, overflow), left_out);
        reserved.into_iter().filter(|port| !of_kind(*port)).try_for_each(visit)
    }

    /// The ports of `preferred` and `range` that are only reserved, the least recently used first.
    fn reserved(
        &self,
        search: &Search<'_>,
        (preferred, range): (&[Port], Option<PortRange>),
        left_out: &PortSet,
    ) -> Vec<Port> {
        let offered = |port: Port| {
            (preferred.contains(&port) || range.is_some_and(|range| range.contains(port)))
                && !self.policy.never.contains(port)
                && !left_out.contains(port)
                && !search.taken.contains(&port)
        };
        let mut ports: Vec<Port> = self.indexes.reserved().filter(|port| offered(*port)).collect();
        ports.order_by_cached_key(|port| (self.affinity.last_use(*port), *port));
        ports
    }

    /// Whether other keys had `port` before, or have just given it up.
    pub(super) fn is_claimed(&self, key: &Key, port: Port, now: Timestamp) -> bool {
        let is_wanted = self.affinity.wanted().contains(port) && !self.affinity.ports_of(key).contains(&port);
        is_wanted || self.affinity.in_quarantine(port, key, now)
    }

    fn is_open(&self, search: &Search<'_>, left_out: &PortSet, port: Port) -> bool {
        !self.indexes.leased().contains(port)
            && !self.policy.never.contains(port)
            && !left_out.contains(port)
            && !search.taken.contains(&port)
    }

    /// `preferred` and `range`, those that others have a claim to last.
    fn unclaimed_first<B>(
        &self,
        search: &Search<'_>,
        (preferred, range): (&[Port], Option<PortRange>),
        [left_out, quarantine]: [&PortSet; 2],
        seen: &impl Fn(Port) -> bool,
        visit: &mut impl FnMut(Port) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let (leased, never, wanted) = (self.indexes.leased(), &self.policy.never, self.affinity.wanted());
        let claimed = |port| wanted.contains(port) || quarantine.contains(port);

        for &port in preferred {
            if self.is_open(search, left_out, port) && !seen(port) && !claimed(port) {
                visit(port)?;
            }
        }
        let (best, open) = ([leased, never, left_out, wanted, quarantine], [leased, never, left_out]);
        for spacing in [Spacing::Tenth, Spacing::Between] {
            for port in range.into_iter().flat_map(|range| PortSet::outside(range, spacing, &best)) {
                if !search.taken.contains(&port) && !preferred.contains(&port) && !seen(port) {
                    visit(port)?;
                }
            }
        }
        // The rest is looked at only when there is nothing better.
        let mut missed: Vec<Port> =
            preferred.iter().copied().filter(|port| self.is_open(search, left_out, *port)).collect();
        let rest = range.into_iter().flat_map(|range| PortSet::outside(range, Spacing::Any, &open));
        missed.extend(rest.filter(|port| !preferred.contains(port)));
        missed.retain(|port| claimed(*port) && !search.taken.contains(port) && !seen(*port));
        missed.order_by_cached_key(|port| self.affinity.last_use(*port));
        missed.into_iter().try_for_each(visit)
    }
}
