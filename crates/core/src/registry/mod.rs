//! The registry: every live lease and instance, and the only place that decides about them.
//!
//! [`Registry::decide`] says what follows from a command and changes nothing; [`Registry::apply`] makes it true and
//! is the one body used live and on replay. It knows no clock, no file, no socket and no process table: what the
//! machine does comes in as commands.

mod adoption;
mod affinity;
mod allocate;
mod blocks;
mod candidates;
mod ended;
mod grants;
mod heard;
mod hosts;
mod indexes;
mod keep;
mod labels;
mod lifecycle;
mod missed;
mod quarantine;
mod quotas;
mod requests;
mod reuse;
mod servers;
mod snapshot;
mod strays;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, HashMap};

use crate::command::Command;
use crate::config::{Config, InstanceBehavior};
use crate::event::{Event, Fact, Seq};
use crate::lease::{Instance, Lease, Listening, OfStack, Owner};
use crate::names::{InstanceId, LockId, ProjectId, ProjectPath};
use crate::port::{Occupancy, Port};
use crate::port_set::PortSet;
use crate::process::ProcessKey;
use crate::refusal::Refusal;
use crate::time::{Millis, Timestamp};

use crate::order::Order as _;
use affinity::Affinity;
use ended::{Ended, Expired, Past};
use indexes::Indexes;
use keep::due;
use labels::Labels;
use requests::Requests;

pub use hosts::AtHost;
pub use snapshot::Snapshot;

/// What the registry is told of the configuration and the machine.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What is configured.
    pub config: Config,
    /// Ports never offered unasked: below 1024, refused by browsers, the daemon's own.
    pub never: PortSet,
    /// Ports offered unasked only if there is no other one: those that the kernel gives to outgoing connections.
    pub last: PortSet,
    /// The port at which the front door answers for names; none if it is shut.
    pub door: Option<Port>,
}

/// Every live lease and instance.
#[derive(Debug)]
pub struct Registry {
    policy: Policy,
    /// Every port that is not one of the policy's last.
    usual: PortSet,
    /// Boxed: the table stays small, and a search in it stays in the cache, with 10,000 of them.
    leases: HashMap<LockId, Box<Lease>>,
    instances: BTreeMap<InstanceId, Instance>,
    /// What can be found quickly: by port, key, process, deadline. Always agrees with `leases` and `instances`.
    indexes: Indexes,
    affinity: Affinity,
    labels: Labels,
    ended: Ended,
    expired: Expired,
    requests: Requests,
    boot_id: Option<String>,
    next_seq: Seq,
}

impl Registry {
    /// A registry without leases.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let kinds = policy.config.service_types.iter();
        let single = kinds.filter(|(_, kind)| kind.instance_behavior == InstanceBehavior::Single);
        let indexes = Indexes::new(single.map(|(service, _)| service.clone()));
        Self {
            usual: policy.last.complement(),
            policy,
            leases: HashMap::new(),
            instances: BTreeMap::new(),
            indexes,
            affinity: Affinity::default(),
            labels: Labels::default(),
            ended: Ended::default(),
            expired: Expired::default(),
            requests: Requests::default(),
            boot_id: None,
            next_seq: 1,
        }
    }

    /// Says which events follow from `command`, changing nothing.
    ///
    /// `occupancy` is asked lazily, in the order of the candidates, and only for ports that no lease covers, or that are only
    /// reserved (R64).
    ///
    /// # Errors
    /// Why the command is refused; nothing follows from it then.
    pub fn decide(
        &self,
        command: &Command,
        now: Timestamp,
        mut occupancy: impl FnMut(Port) -> Occupancy,
    ) -> Result<Vec<Event>, Refusal> {
        let facts = match command {
            Command::Allocate(allocation) => self.allocate(allocation, now, &mut occupancy)?,
            Command::Release(lock_id) => self.release(*lock_id)?,
            Command::GiveBack(lock_id) => self.give_back(*lock_id)?,
            Command::Register(registration) => self.register(registration, now)?,
            Command::Beat(id) => self.beat(id)?,
            Command::EndInstance { id } => self.one_waits(self.end_instance(id, now)?),
            Command::EndAll => self.end_all(),
            Command::ProcessExited { process, listeners } => {
                self.one_waits(self.process_exited(*process, listeners, now))
            }
            Command::Heard { port, listeners, sessions } => self.heard(*port, (listeners, sessions), now),
            Command::Adopt { port, listener, project_id, line, fresh_id } => {
                self.adopt((*port, listener), project_id.as_ref(), line, *fresh_id, now)
            }
            Command::Strayed { lock_id, port, listener, fresh_id } => {
                self.strayed(*lock_id, (*port, listener), *fresh_id, now)
            }
            Command::Silent(port) => self.silent(*port, now),
            Command::Found { id, at } => self.found(id, at),
            Command::Renamed(processes) => self.renamed(processes),
            Command::StillHeard(ports) => self.still_heard(ports),
            Command::Tick => self.one_waits(self.tick(now)),
            Command::Resume { boot_id } => self.resume(boot_id),
        };
        Ok(self.number(facts, now))
    }

    /// Gives each durable fact the next number. What is not journaled has none: a replay must count the same.
    fn number(&self, facts: Vec<Fact>, at: Timestamp) -> Vec<Event> {
        let mut seq = self.next_seq;
        let mut number = |fact: Fact| {
            let durable = fact.is_durable();
            let event = Event { seq: if durable { seq } else { 0 }, at, fact };
            seq += u64::from(durable);
            event
        };
        facts.into_iter().map(&mut number).collect()
    }

    /// Makes `event` true.
    pub fn apply(&mut self, event: &Event) {
        self.next_seq = self.next_seq.max(event.seq + 1);
        let at = event.at;
        match &event.fact {
            Fact::Granted(lease) => {
                self.affinity.used(&lease.key, lease.port, at.awake);
                // A client that says which folder it means also says which package: the key is the root's own.
                if lease.project_id.is_some() {
                    self.affinity.settled(&lease.key);
                }
                self.granted(lease.clone());
            }
            Fact::Heard { lock_id, listener, owner } => self.change(*lock_id, |lease| {
                lease.hear(listener.clone());
                lease.last_seen = Some(at.wall);
                lease.owner = owner.clone().unwrap_or_else(|| lease.owner.clone());
            }),
            Fact::Silent { lock_id, owner } => {
                self.change(*lock_id, |lease| lease.hush(owner.clone(), at.awake));
            }
            Fact::Conflict { lock_id, by } => self.change(*lock_id, |lease| match &lease.listening {
                Listening::Server(_) => lease.beside.clone_from(by),
                Listening::Nothing | Listening::Stranger(_) => {
                    lease.listening = by.clone().map_or(Listening::Nothing, Listening::Stranger);
                }
            }),
            Fact::Passed { lock_id, owner, project, worktree, door, stack } => {
                self.change(*lock_id, |lease| {
                    lease.pass_to(owner.clone(), at.awake);
                    if let Some(OfStack { session, told_until }) = stack {
                        (lease.stack, lease.instance_id) = (true, session.clone());
                        lease.told_until = told_until.or(lease.told_until);
                    }
                    lease.door = door.unwrap_or(lease.door);
                });
                if let Some(project) = project {
                    self.moved(*lock_id, project);
                }
                if let Some(naming) = worktree {
                    self.renamed_worktree(*lock_id, naming);
                }
            }
            Fact::Ended { lock_id, reason } => {
                if let Some(lease) = self.leases.remove(lock_id) {
                    self.indexes.remove_lease(&lease);
                    self.inherit_label(&lease);
                    self.left_worktree(&lease);
                    self.affinity.gave_up(&lease.key, lease.port, at.awake);
                    self.requests.lease_ended(lease.lock_id, at.awake);
                    self.ended.push(Past { lease: *lease, reason: *reason, at: at.awake });
                } else {
                    self.ended.ended_for(*lock_id, *reason);
                }
            }
            Fact::InstanceRegistered(instance) => self.insert_instance(Instance::clone(instance)),
            Fact::InstanceExpired(instance) => {
                self.remove_instance(&instance.id);
                self.expired.push(instance.id.clone());
            }
            Fact::InstanceEnded(instance) => self.remove_instance(&instance.id),
            Fact::Answered(answered) => {
                if let Some((id, hash)) = &answered.request {
                    let lives = |lock_id| self.leases.contains_key(&lock_id);
                    self.requests.remember(id, *hash, &answered.answer, lives, at.awake);
                }
            }
            Fact::Beat(id) => {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.last_beat = at;
                    let due = due(instance, &self.policy.config, at);
                    self.indexes.set_instance_due(id, due);
                }
            }
            Fact::Seen(lock_ids) => {
                for lock_id in lock_ids {
                    if let Some(lease) = self.leases.get_mut(lock_id) {
                        lease.last_seen = Some(at.wall);
                    }
                }
            }
            Fact::Booted { boot_id } => {
                if self.boot_id.as_ref().is_some_and(|old| old != boot_id) {
                    self.affinity.forget_times();
                    self.requests.forget_times();
                    self.ended.forget_times();
                }
                self.boot_id = Some(boot_id.clone());
            }
            Fact::Resumed => {
                for instance in self.instances.values() {
                    self.indexes.set_instance_due(&instance.id, due(instance, &self.policy.config, at));
                }
            }
        }
    }

    /// When the next [`Command::Tick`] has something to do, on the awake clock; none if no lease and no instance has a
    /// deadline. It may be in the past.
    ///
    /// Changes only by [`Registry::apply`]: a lease or an instance comes, goes or gets another deadline. So ask again
    /// after each `apply`, and never because time has passed.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        self.indexes.next_deadline()
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many leases live.
    #[must_use]
    pub fn lease_count(&self) -> usize {
        self.leases.len()
    }

    /// How many instances live.
    #[must_use]
    pub fn instance_count(&self) -> usize {
        self.instances.len()
    }

    /// The number the next journaled event gets.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// The live lease of this id.
    #[must_use]
    pub fn lease(&self, lock_id: LockId) -> Option<&Lease> {
        self.leases.get(&lock_id).map(Box::as_ref)
    }

    /// The live lease that covers `port`.
    #[must_use]
    pub fn lease_on(&self, port: Port) -> Option<&Lease> {
        self.indexes.on_port(port).and_then(|lock_id| self.lease(lock_id))
    }

    /// Every live lease, in no order.
    pub fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.leases.values().map(Box::as_ref)
    }

    /// The ports that leases cover.
    #[must_use]
    pub const fn leased_ports(&self) -> &PortSet {
        self.indexes.leased()
    }

    /// The live instance of this name.
    #[must_use]
    pub fn instance(&self, id: &InstanceId) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// Whether a lease or an instance depends on this process, so that its end must be reported.
    ///
    /// Changes only by [`Registry::apply`], and [`Registry::take_changed_processes`] then names the process.
    #[must_use]
    pub fn depends_on(&self, process: ProcessKey) -> bool {
        self.indexes.depends_on(process)
    }

    /// Every process that a lease or an instance depends on. Changes as [`Registry::depends_on`] does.
    pub fn processes(&self) -> impl Iterator<Item = ProcessKey> {
        self.indexes.processes()
    }

    /// The processes whose [`Registry::depends_on`] may have changed since this was last asked. A process may be named
    /// although nothing changed, and more than once.
    ///
    /// [`Registry::apply`] adds to it; asking empties it.
    pub fn take_changed_processes(&mut self) -> Vec<ProcessKey> {
        self.indexes.take_changed()
    }

    /// The leased ports that the end of `process` touches: its own leases', those it listens on, and those of
    /// instances that live by it. Ascending, each once.
    ///
    /// Changes only by [`Registry::apply`].
    #[must_use]
    pub fn ports_touched_by(&self, process: ProcessKey) -> Vec<Port> {
        self.touched_by(process).map(|lease| lease.port).collect()
    }

    /// Where else than `at` leases say that the folder of this id is; then [`Command::Found`] has something to do.
    ///
    /// Changes only by [`Registry::apply`].
    #[must_use]
    pub fn other_places(&self, id: &ProjectId, at: &ProjectPath) -> Vec<ProjectPath> {
        let mut places: Vec<_> =
            self.elsewhere(id, at).filter_map(|lease| lease.key.project.clone()).collect();
        places.dedup();
        places
    }

    /// Whether nothing listens on some leased port, so that listeners are worth looking for.
    ///
    /// Changes only by [`Registry::apply`], whatever the machine does: a listener counts from its [`Command::Heard`] on.
    #[must_use]
    pub fn awaits_listeners(&self) -> bool {
        self.indexes.unheard() > 0
    }

    /// The leases that the end of `process` touches.
    fn touched_by(&self, process: ProcessKey) -> impl Iterator<Item = &Lease> {
        let by_instance = move |lease: &&Lease| match &lease.owner {
            Owner::Instance(id) => self
                .instances
                .get(id)
                .is_some_and(|instance| instance.process.as_ref().is_some_and(|its| its.key == process)),
            Owner::Process(_) | Owner::Awaited { .. } | Owner::Listener { .. } => false,
        };
        let direct = self.indexes.leases_of(process);
        let of_instances = self.indexes.has_instance_of(process).then(|| self.leases().filter(by_instance));
        let mut touched: Vec<&Lease> = direct
            .filter_map(|lock_id| self.lease(lock_id))
            .chain(of_instances.into_iter().flatten())
            .collect();
        touched.order_by_key(|lease| lease.port);
        touched.dedup_by_key(|lease| lease.lock_id);
        touched.into_iter()
    }
}
