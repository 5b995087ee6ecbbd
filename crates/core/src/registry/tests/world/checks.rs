//! What must be true in the world.

use std::collections::HashSet;

use super::*;
use crate::refusal::Quota;

impl World {
    /// I5: without `request_id`, `reuse` or a singleton, no two answers name one live lease.
    pub(super) fn check_answer(&self, allocation: &Allocation, grants: &[Grant], may_repeat: bool) {
        assert_eq!(grants.len(), if may_repeat { grants.len() } else { wanted(allocation) });
        let ids = |ask: &Ask| [&[ask.fresh_id], ask.behind.as_slice()].concat();
        let asks = allocation.asks.iter().flat_map(|ask| ids(ask).into_iter().map(move |id| (ask, id)));
        for ((ask, fresh_id), grant) in asks.zip(grants) {
            match allocation.mode {
                AllocationMode::DryRun if !may_repeat => assert_eq!(grant.lock_id, None),
                AllocationMode::Grant if !grant.reused && !grant.existing && !may_repeat => {
                    assert_eq!(grant.lock_id, Some(fresh_id));
                    assert!(!self.granted.contains(&fresh_id), "I4: an id was granted twice");
                }
                AllocationMode::DryRun | AllocationMode::Grant => {}
            }
            assert!(may_repeat || !grant.reused || ask.reuse == Reuse::IfLive);
            let same = grants.iter().filter(|other| other.port == grant.port && !other.existing).count();
            assert!(
                may_repeat || grant.existing || same == 1,
                "I1: one answer has one port twice: {grants:?}"
            );
            assert!(may_repeat || !grant.existing || grant.service_type.as_str() == "ai");
        }
        if allocation.asks.iter().any(|ask| !ask.behind.is_empty()) && !may_repeat {
            let next = |pair: &[u16]| pair[0] + 1 == pair[1];
            assert!(ports(grants).windows(2).all(next), "R65: {grants:?} is no block");
        }
    }

    /// I6, I7 and I8: who may end what.
    pub(super) fn check_fact(&self, command: &Command, fact: &Fact) {
        if let (Fact::InstanceExpired(instance), Command::Tick) = (fact, command) {
            assert!(instance.process.is_none(), "I7: an instance with a process expired by time");
            let idle = self.now.awake - self.beats[&instance.id];
            assert!(
                (MINUTE..=MINUTE + 1000).contains(&idle),
                "I7: expired {idle} ms after its last sign of life"
            );
        }
        if let Fact::Passed { lock_id, owner: next, .. } = fact
            && let before = &self.registry.lease(*lock_id).unwrap().owner
            && next != before
            && let Owner::Process(owner) = before
        {
            let ended = matches!(command, Command::ProcessExited { process, .. } if *process == owner.key);
            assert!(ended, "I6: a lease was taken from the process that owns it, which lives");
        }
        let Fact::Ended { lock_id, reason } = fact else { return };
        let lease = self.registry.lease(*lock_id).unwrap();
        if matches!(reason, EndReason::InstanceExpired | EndReason::InstanceEnded)
            && !matches!(command, Command::ProcessExited { .. })
        {
            assert_eq!(lease.listening.server(), None, "R2: a lease ended that somebody listens on");
        }
        let of_instance = |check: &dyn Fn(&Instance) -> bool| match &lease.owner {
            Owner::Instance(id) => check(self.registry.instance(id).unwrap()),
            Owner::Process(_) | Owner::Awaited { .. } | Owner::Listener { .. } => false,
        };
        let rightly = match command {
            Command::Release(released) | Command::GiveBack(released) => released == lock_id,
            Command::EndAll => true,
            Command::Resume { .. } => *reason == EndReason::Reboot,
            Command::ProcessExited { process, .. } => {
                lease.owner.process().is_some_and(|owner| owner.key == *process)
                    || of_instance(&|instance| {
                        instance.process.as_ref().is_some_and(|its| its.key == *process)
                    })
            }
            Command::EndInstance { id } => of_instance(&|instance| instance.id == *id),
            Command::Tick => match &lease.owner {
                Owner::Process(_) => false,
                Owner::Instance(id) => self.now.awake >= self.beats[id] + MINUTE,
                Owner::Awaited { until } => self.now.awake >= *until,
                Owner::Listener { silent_until, .. } => {
                    silent_until.is_some_and(|until| self.now.awake >= until)
                }
            },
            Command::Allocate(allocation) => {
                allocation.asks.iter().any(|ask| {
                    let line =
                        || ask.process.iter().map(|process| process.key).chain(ask.ancestors.iter().copied());
                    let of_other =
                        lease.owner.process().is_some_and(|owner| !line().any(|key| key == owner.key));
                    let is_handed_over = ask.falls_back()
                        && (&ask.service, &ask.project) == (&lease.key.service, &lease.key.project);
                    ask.reuse == Reuse::IfLive
                        && (ask.key() == lease.key || is_handed_over)
                        && (ask.instance_id == lease.instance_id
                            || lease.stack
                            || ask.stack && lease.instance_id.is_none())
                        && matches!(lease.listening, Listening::Stranger(_))
                        && !of_other
                }) || lease.is_reserved()
            }
            // A stranger listens where a port was only kept for a server (R64).
            Command::Heard { .. } => lease.is_reserved() && *reason == EndReason::Displaced,
            Command::Register(_)
            | Command::Beat(_)
            | Command::Adopt { .. }
            | Command::Strayed { .. }
            | Command::Silent(_)
            | Command::Found { .. }
            | Command::Renamed(_)
            | Command::StillHeard(_) => false,
        };
        assert!(rightly, "I6, I8: {command:?} ended {lease:?} as {reason:?}");
    }

    /// R53: after a look, a lease is in conflict if and only if a stranger listens, whoever else does.
    pub(super) fn check_heard(&self, port: Port) {
        let Some(lease) = self.registry.lease_on(port) else { return };
        let listeners = &self.listeners[&port];
        let is_strange = listeners.iter().any(|listener| lease.is_strange(listener));
        assert_eq!(lease.conflict().is_some(), is_strange, "{lease:?} with {listeners:?}");
        let has_server = listeners.iter().any(|listener| !lease.is_strange(listener));
        assert_eq!(lease.listening.server().is_some(), has_server, "{lease:?} with {listeners:?}");
    }

    /// What is true at any time.
    pub(super) fn check(&self) {
        let registry = &self.registry;
        let mut ports = HashSet::new();
        assert!(registry.leases().all(|lease| ports.insert(lease.port)), "I1: two leases on one port");
        assert!(registry.leases().filter(|lease| lease.key.service.as_str() == "ai").count() <= 1);
        let mut reserved = HashSet::new();
        let waits = |lease: &&Lease| match lease.owner {
            Owner::Awaited { until } => lease.is_reserved() && until > self.now.awake,
            Owner::Process(_) | Owner::Instance(_) | Owner::Listener { .. } => false,
        };
        let all = || registry.leases().filter(waits);
        assert!(
            all().all(|lease| reserved.insert(lease.key.clone())),
            "R64: two ports of one key are reserved"
        );
        for lease in registry.leases() {
            let stranger = |server: &Listener| lease.is_strange(server);
            assert!(!lease.listening.server().is_some_and(stranger), "R6: a stranger has {lease:?}");
            assert!(lease.beside.is_none() || lease.listening.server().is_some(), "beside nobody: {lease:?}");
            match &lease.owner {
                Owner::Process(process) => {
                    assert!(
                        self.processes.get(&process.key.pid.get()) == Some(&process.key.started),
                        "stale"
                    );
                }
                Owner::Instance(id) => assert!(registry.instance(id).is_some(), "stale: {lease:?}"),
                Owner::Awaited { .. } => assert_eq!(lease.listening.server(), None),
                Owner::Listener { silent_until, .. } => {
                    assert_eq!(silent_until.is_none(), lease.listening.server().is_some(), "{lease:?}");
                }
            }
        }
        assert_eq!(self.watched, registry.processes().collect(), "a change of watches was not told");
        self.check_indexes();
        self.check_names();
    }

    fn check_indexes(&self) {
        let mut rebuilt = Indexes::new([service("ai")].into_iter());
        self.registry.leases().for_each(|lease| rebuilt.insert_lease(lease));
        for instance in self.registry.instances() {
            let due = self.registry.indexes.due_of(&instance.id);
            assert_eq!(due.is_none(), instance.process.is_some());
            assert!(due.is_none_or(|due| due == self.beats[&instance.id] + MINUTE));
            rebuilt.insert_instance(instance, due);
        }
        assert_eq!(self.registry.indexes.contents(), rebuilt.contents(), "the indexes lie");
    }

    /// A quota refuses only a request that would go beyond it with what its own account has: counted here by hand, from
    /// the leases alone.
    pub(super) fn check_quota(&self, allocation: &Allocation, refusal: &Refusal) {
        let Refusal::Quota { quota, held, limit, .. } = refusal else { return };
        let is_refused = allocation.asks.iter().any(|ask| {
            // Without a checkout and a session, leases of other processes do not count.
            let same = |lease: &&Lease| match (&ask.project, &ask.instance_id) {
                (Some(_), _) => lease.key.project == ask.project,
                (None, Some(_)) => lease.key.project.is_none() && lease.instance_id == ask.instance_id,
                (None, None) => lease.key.project.is_none() && lease.instance_id.is_none(),
            };
            // What waits for a service of a stack is no session's (R68).
            let session = ask.instance_id.as_ref().filter(|_| !ask.stack || ask.process.is_some());
            let waits = |lease: &&Lease| {
                *quota == Quota::LeasesPerCheckout
                    || (matches!(lease.owner, Owner::Awaited { .. }) && lease.instance_id.as_ref() == session)
            };
            let has = self.registry.leases().filter(same).filter(waits).count();
            has + wanted(allocation) > *limit
        });
        assert!(is_refused && held >= limit, "{refusal:?} for {allocation:?}");
    }

    /// A reservation never makes a request fail that would have succeeded without it.
    pub(super) fn check_without_reservations(&self, command: &Command, refusal: &Refusal) {
        let mut without = Registry::restore(small_policy(), self.registry.snapshot());
        let reserved = self.registry.leases().filter(|lease| lease.is_reserved());
        for lease in reserved {
            let fact = Fact::Ended { lock_id: lease.lock_id, reason: EndReason::BindTtl };
            without.apply(&Event { seq: 0, at: self.now, fact });
        }
        let again = without.decide(command, self.now, |port| self.occupancy(port));
        assert!(again.is_err(), "{refusal:?} only because of what is reserved");
    }

    /// I10: replays the journal from nothing, and from the snapshot after `middle` of its records.
    pub(in super::super) fn check_replay(&self, middle: usize) {
        let middle = middle % self.journal.len();
        let mut whole = Registry::new(small_policy());
        let mut compacted = None;
        for (index, (events, expected)) in self.journal.iter().enumerate() {
            for text in events {
                let event: Event = serde_json::from_str(text).unwrap();
                whole.apply(&event);
                if let Some(registry) = &mut compacted {
                    Registry::apply(registry, &event);
                }
            }
            assert_eq!(&journaled(&whole), expected, "I10: a prefix of the journal gives another registry");
            if index == middle {
                let written = serde_json::to_string(&whole.snapshot()).unwrap();
                compacted = Some(Registry::restore(small_policy(), serde_json::from_str(&written).unwrap()));
            }
        }
        assert_eq!(
            compacted.unwrap().snapshot(),
            whole.snapshot(),
            "I10: a snapshot and its tail give another one"
        );
    }
}

/// How many ports are asked for.
fn wanted(allocation: &Allocation) -> usize {
    allocation.asks.iter().map(|ask| 1 + ask.behind.len()).sum()
}
