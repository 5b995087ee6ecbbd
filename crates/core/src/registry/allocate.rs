//! Granting ports: preferences (R13), reuse (R14), singletons (R15), groups (R16).

use std::ops::ControlFlow;

use crate::api::{AllocateAnswer, Grant, GroupAnswer};
use crate::command::{Allocation, AllocationMode, AnswerForm, Ask, Reuse, Wish};
use crate::config::{InstanceBehavior, ServiceTypeConfig};
use crate::event::{Answered, EndReason, Fact};
use crate::lease::{Key, Lease, Listening, Naming, Owner};
use crate::names::{LockId, ProjectPath, ServiceType};
use crate::port::{Occupancy, Port, PortRange};
use crate::refusal::{Holder, Refusal};
use crate::time::{Millis, Timestamp};

use super::Registry;
use super::candidates::Search;
use super::grants::of_stack;
use super::missed::Missed;
use super::quotas::Pending;
use super::reuse::{Reusable, owned_by_line};
use super::view::who;
use crate::order::Order as _;

impl Registry {
    pub(super) fn allocate(
        &self,
        allocation: &Allocation,
        now: Timestamp,
        occupancy: &mut dyn FnMut(Port) -> Occupancy,
    ) -> Result<Vec<Fact>, Refusal> {
        let Allocation { asks, form, request, mode } = allocation;
        if let Some((id, hash)) = request
            && let Some(past) = self.past_answer(id, *hash, now)
        {
            let answer = past?;
            return Ok(vec![Fact::Answered(Box::new(Answered { request: None, answer }))]);
        }
        let mut round = Round::new(self, now, occupancy);
        let mut grants = round.grant_all(asks)?;
        let mut facts = round.facts;
        let request = match mode {
            AllocationMode::Grant => request.clone(),
            AllocationMode::DryRun => {
                facts.clear();
                for grant in &mut grants {
                    grant.lock_id = None;
                    grant.message =
                        format!("Port {} would be allocated for {} service", grant.port, grant.service_type);
                }
                None
            }
        };
        let answer = match (form, grants.pop()) {
            (AnswerForm::One, Some(grant)) => AllocateAnswer::One(grant),
            (AnswerForm::One, None) | (AnswerForm::Group, _) if asks.is_empty() => {
                let (field, allowed) = ("services".into(), "1 to 64 members".into());
                return Err(Refusal::Invalid { field, found: "no service is asked for".into(), allowed });
            }
            (_, last) => {
                grants.extend(last);
                AllocateAnswer::Group(GroupAnswer { success: true, leases: grants })
            }
        };
        facts.push(Fact::Answered(Box::new(Answered { request, answer })));
        Ok(facts)
    }

    /// What is configured for `service`; none for an unknown one that the overflow range may serve.
    pub(super) fn kind(&self, service: &ServiceType) -> Result<Option<&ServiceTypeConfig>, Refusal> {
        let config = &self.policy.config;
        match config.service_types.get(service) {
            None if config.strict_service_types => Err(Refusal::UnknownService {
                service: service.clone(),
                known: config.service_types.keys().cloned().collect(),
            }),
            kind => Ok(kind),
        }
    }
}

/// The members of one allocation, granted one after the other; nothing of it counts unless all are.
pub(super) struct Round<'a> {
    pub(super) registry: &'a Registry,
    pub(super) now: Timestamp,
    pub(super) occupancy: &'a mut dyn FnMut(Port) -> Occupancy,
    facts: Vec<Fact>,
    /// Leases made in this round.
    pub(super) made: Vec<Lease>,
    /// Their ports.
    pub(super) taken: Vec<Port>,
    /// Leases of before this round that a member has been given.
    pub(super) given: Vec<LockId>,
    /// Leases of before this round that end in it.
    pub(super) displaced: Vec<LockId>,
    /// What worktrees are called from this round on.
    pub(super) named: Vec<(ProjectPath, Naming)>,
}

impl<'a> Round<'a> {
    fn new(registry: &'a Registry, now: Timestamp, occupancy: &'a mut dyn FnMut(Port) -> Occupancy) -> Self {
        let (facts, made, taken, given, displaced, named) = Default::default();
        Self { registry, now, occupancy, facts, made, taken, given, displaced, named }
    }

    /// Grants every ask, in an order in which nobody takes by chance what another one insists on or wishes for.
    fn grant_all(&mut self, asks: &[Ask]) -> Result<Vec<Grant>, Refusal> {
        let mut order: Vec<usize> = (0..asks.len()).collect();
        order.order_by_key(|index| match asks[*index].wish {
            Wish::Exact(_) => 0,
            Wish::Preferred(_) => 1,
            Wish::Default(_) => 2,
            Wish::Any => 3,
        });
        let granted = order.into_iter().map(|index| {
            let ask = &asks[index];
            let grants = if ask.behind.is_empty() {
                self.grant(ask).map(|grant| vec![grant])
            } else {
                self.grant_block(ask)
            };
            grants.map(|grants| (index, grants))
        });
        let mut granted = granted.collect::<Result<Vec<_>, _>>()?;
        granted.order_by_key(|(index, _)| *index);
        Ok(granted.into_iter().flat_map(|(_, grants)| grants).collect())
    }

    fn grant(&mut self, ask: &Ask) -> Result<Grant, Refusal> {
        let kind = self.registry.kind(&ask.service)?;
        let key = ask.key();
        let mut displaced_from = None;
        if ask.reuse == Reuse::IfLive {
            match self.registry.reusable(ask, &key, |lock_id| self.is_spent(lock_id)) {
                Some(Reusable::Stands(lease)) if !self.is_beside_stack(ask, &key, lease) => {
                    if lease.is_reserved() {
                        // It counted for nobody until now.
                        self.check_quotas(ask, &self.owner_for(ask))?;
                    }
                    return Ok(self.reuse(ask, lease));
                }
                Some(Reusable::Displaced(lease)) => {
                    self.displace(lease);
                    displaced_from = Some(lease.port);
                }
                Some(Reusable::Stands(_)) | None => {}
            }
        }
        if kind.is_some_and(|kind| kind.instance_behavior == InstanceBehavior::Single)
            && let Some(existing) = self.singleton(&ask.service)
        {
            self.given.push(existing.lock_id);
            return self.existing(ask, &existing);
        }
        let owner = self.owner_for(ask);
        self.check_quotas(ask, &owner)?;
        let (port, missed) = self.find(ask, &key, kind)?;
        let reason = missed.map(|(wished, why)| why.explain(wished)).or_else(|| {
            displaced_from
                .map(|old| format!("port {old}, which this service had, was bound by another program"))
        });
        let mut grant = self.lease(ask, port, owner, reason);
        grant.displaced_from = displaced_from;
        Ok(grant)
    }

    /// Whether `lease` is one that somebody has asked for beside the stack's service, whose own port is free (R68).
    fn is_beside_stack(&mut self, ask: &Ask, key: &Key, lease: &Lease) -> bool {
        let was_told = lease.stack || lease.told_until.is_some();
        if !ask.stack || was_told || !matches!(lease.owner, Owner::Awaited { .. }) {
            return false;
        }
        let Some(own) = self.registry.affinity.ports_of(key).first().copied() else { return false };
        own != lease.port && !matches!(ask.wish, Wish::Exact(_)) && self.try_wish(own).is_ok()
    }

    pub(super) fn check_quotas(&self, ask: &Ask, owner: &Owner) -> Result<(), Refusal> {
        let ended: Vec<&Lease> = self.displaced.iter().filter_map(|id| self.registry.lease(*id)).collect();
        let pending = Pending { made: &self.made, ended: &ended };
        self.registry.check_quotas(ask.project.as_ref(), ask.session().as_ref(), owner, pending)
    }

    /// A new lease.
    pub(super) fn lease(&mut self, ask: &Ask, port: Port, owner: Owner, reason: Option<String>) -> Grant {
        let told_until = match (ask.reuse, &owner) {
            (Reuse::IfLive, Owner::Awaited { until }) => Some(*until),
            // The other sessions of the worktree are told it too.
            (Reuse::IfLive, Owner::Instance(_)) if ask.stack => Some(self.bind_ttl()),
            (Reuse::Never | Reuse::IfLive, _) => None,
        };
        let key = ask.key();
        let instead_of = self.registry.moved_from(ask, &key).map(|first| first.lock_id);
        let lease = Lease {
            lock_id: ask.fresh_id,
            port,
            label: self.server_label(&key),
            worktree: self.name_worktree(ask),
            door: ask.door,
            key,
            project_id: ask.project_id.clone(),
            instance_id: ask.session(),
            stack: ask.stack,
            owner,
            listening: Listening::Nothing,
            allocated_at: self.now,
            last_seen: None,
            lent_by: None,
            told_until,
            left: None,
            instead_of,
            beside: None,
        };
        let grant = self.answer(&lease, reason);
        self.taken.push(port);
        self.made.push(lease.clone());
        self.facts.push(Fact::Granted(Box::new(lease)));
        grant
    }

    /// The owner of a new lease: the process; else the instance, if it is registered and lives; else whoever listens.
    pub(super) fn owner_for(&self, ask: &Ask) -> Owner {
        match (&ask.process, &ask.instance_id) {
            (Some(process), _) => Owner::Process(process.clone()),
            (None, Some(id)) if self.registry.instances.contains_key(id) => Owner::Instance(id.clone()),
            (None, _) => Owner::Awaited { until: self.bind_ttl() },
        }
    }

    /// Until when a lease granted now waits for its server.
    fn bind_ttl(&self) -> Millis {
        self.now.after(self.registry.policy.config.bind_ttl.millis())
    }

    /// Whether a member of this round was given this lease already, or ended it.
    pub(super) fn is_spent(&self, lock_id: LockId) -> bool {
        self.given.contains(&lock_id) || self.displaced.contains(&lock_id)
    }

    pub(super) fn reuse(&mut self, ask: &Ask, lease: &Lease) -> Grant {
        self.given.push(lease.lock_id);
        // Its port is given away too, also if the lease was only reserved until now.
        self.taken.push(lease.port);
        let mut lease = lease.clone();
        let owner = match &lease.owner {
            // It was just asked for, so its server is coming: it has as long to listen as a new lease has.
            Owner::Listener { process, silent_until: Some(_) } if owned_by_line(ask, &lease) => {
                Owner::Listener { process: process.clone(), silent_until: Some(self.bind_ttl()) }
            }
            stays if owned_by_line(ask, &lease) => stays.clone(),
            // That session was told it too, and it waits as long as that lives.
            stays @ Owner::Instance(_) if lease.stack && ask.process.is_none() => stays.clone(),
            Owner::Process(_) | Owner::Instance(_) | Owner::Awaited { .. } | Owner::Listener { .. } => {
                self.owner_for(ask)
            }
        };
        let worktree = self.name_worktree(ask);
        let door = Some(ask.door).filter(|door| *door != lease.door);
        let stack = of_stack(ask, &lease, &owner, (self.now.awake, self.bind_ttl()));
        if owner != lease.owner || worktree.is_some() || door.is_some() || stack.is_some() {
            let owner = owner.clone();
            let lock_id = lease.lock_id;
            self.facts.push(Fact::Passed { lock_id, owner, project: None, worktree, door, stack });
        }
        lease.owner = owner;
        let reason = match ask.wish {
            Wish::Preferred(wished) if wished != lease.port => {
                Some(format!("this service has port {} already, so port {wished} was not tried", lease.port))
            }
            Wish::Any | Wish::Default(_) | Wish::Preferred(_) | Wish::Exact(_) => None,
        };
        let mut grant = self.answer(&lease, reason);
        grant.reused = true;
        grant.message =
            format!("Port {} was allocated for {} service already", lease.port, lease.key.label());
        grant
    }

    /// The port for a new lease, and why it is not the one wished for.
    fn find(
        &mut self,
        ask: &Ask,
        key: &Key,
        kind: Option<&ServiceTypeConfig>,
    ) -> Result<(Port, Option<(Port, Missed)>), Refusal> {
        let missed = match ask.wish {
            Wish::Any | Wish::Default(_) => None,
            Wish::Exact(port) => {
                self.insist(port)?;
                return Ok((port, None));
            }
            Wish::Preferred(port) => match self.try_wish(port) {
                Ok(()) => return Ok((port, None)),
                Err(missed) => Some((port, missed)),
            },
        };
        let wished = missed.as_ref().map(|(port, _)| *port);
        let mut busy = 0;
        let default = match ask.wish {
            Wish::Default(port) => Some(port),
            Wish::Any | Wish::Preferred(_) | Wish::Exact(_) => None,
        };
        let unnamed = ask.falls_back().then(|| Key { name: None, ..key.clone() });
        let search =
            Search { key, unnamed: unnamed.as_ref(), kind, default, taken: &self.taken, now: self.now };
        let occupancy = &mut self.occupancy;
        let found = self.registry.candidates(&search, |port| {
            // The port wished for was probed already, and is not free.
            if wished != Some(port) && occupancy(port) == Occupancy::Free {
                return ControlFlow::Break(port);
            }
            busy += 1;
            ControlFlow::Continue(())
        });
        match found {
            ControlFlow::Break(port) => {
                if let Some(reserved) = self.registry.lease_on(port) {
                    self.displace(reserved);
                }
                Ok((port, missed))
            }
            ControlFlow::Continue(()) => Err(self.nothing_free(ask, kind, busy)),
        }
    }

    /// That port or a refusal; a lease that only reserves it ends.
    pub(super) fn insist(&mut self, port: Port) -> Result<(), Refusal> {
        let reserved = self.registry.lease_on(port).filter(|lease| lease.is_reserved());
        let tried = match reserved.filter(|_| !self.taken.contains(&port)) {
            Some(reserved) => self.probe(port).inspect(|()| self.displace(reserved)),
            None => self.try_wish(port),
        };
        tried.map_err(|missed| Refusal::PortUnavailable { port, holder: self.holder(port, missed) })
    }

    pub(super) fn try_wish(&mut self, port: Port) -> Result<(), Missed> {
        if self.taken.contains(&port) {
            return Err(Missed::Group);
        }
        if let Some(lease) = self.registry.lease_on(port) {
            let displaced = self.displaced.contains(&lease.lock_id);
            return Err(if displaced { Missed::Busy } else { Missed::Leased(who(lease)) });
        }
        self.probe(port)
    }

    fn probe(&mut self, port: Port) -> Result<(), Missed> {
        match (self.occupancy)(port) {
            Occupancy::Free => Ok(()),
            Occupancy::Busy => Err(Missed::Busy),
            Occupancy::Denied => Err(Missed::Denied),
            Occupancy::Reserved => Err(Missed::Reserved),
        }
    }

    /// Ends a lease of before this round, so that its port or its key is free.
    pub(super) fn displace(&mut self, lease: &Lease) {
        self.displaced.push(lease.lock_id);
        self.facts.push(Fact::Ended { lock_id: lease.lock_id, reason: EndReason::Displaced });
    }

    fn holder(&self, port: Port, missed: Missed) -> Holder {
        match (missed, self.registry.lease_on(port)) {
            (Missed::Leased(who), Some(lease)) => {
                Holder::Lease { lock_id: lease.lock_id, who, project: lease.key.project.clone() }
            }
            (Missed::Busy | Missed::Leased(_), _) => Holder::Foreign,
            (Missed::Denied, _) => Holder::Denied,
            (Missed::Reserved, _) => Holder::Reserved,
            (Missed::Group, _) => Holder::Group,
        }
    }

    pub(super) fn nothing_free(&self, ask: &Ask, kind: Option<&ServiceTypeConfig>, busy: usize) -> Refusal {
        let overflow = self.registry.policy.config.overflow_range;
        // An unknown type with no overflow range has nowhere to look; the widest range says so.
        let everywhere = PortRange::ALL;
        let range = kind.map(|kind| kind.range).or(overflow).unwrap_or(everywhere);
        let tried =
            |port: Port| range.contains(port) || overflow.is_some_and(|overflow| overflow.contains(port));
        let leased = self.registry.leases().chain(&self.made).filter(|lease| tried(lease.port)).count();
        let overflow = overflow.filter(|overflow| *overflow != range);
        let never = &self.registry.policy.never;
        let withheld = PortRange::ALL.ports().filter(|port| tried(*port) && never.contains(*port)).count();
        Refusal::NoFreePort { service: ask.service.clone(), range, overflow, leased, busy, withheld }
    }
}
