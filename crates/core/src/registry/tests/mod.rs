//! A scripted machine to put a registry on: its ports, its processes and its time are what a test says.

mod adoption;
mod blocks;
mod groups;
mod instances;
mod life;
mod listeners;
mod moving;
mod names;
mod order;
mod packages;
mod properties;
mod quotas;
mod refusals;
mod requests;
mod restart;
mod reuse;
mod singletons;
mod stack;
mod steps;
mod strays;
mod world;

use std::collections::BTreeMap;

use super::*;
use crate::api::Grant;
use crate::command::{Allocation, AllocationMode, AnswerForm, Ask, Registration, Reuse, Wish};
use crate::event::EndReason;
use crate::names::{ProjectPath, RequestId, ServiceName, ServiceType};
use crate::port::PortRange;
use crate::process::{Listener, Pid, Process, Relation};
use crate::time::WallTime;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;

/// A registry and the machine around it.
struct Machine {
    registry: Registry,
    now: Timestamp,
    /// Ports that are not free, and how.
    ports: BTreeMap<Port, Occupancy>,
    /// Ports that were probed, in order.
    probed: Vec<u16>,
    ids: u128,
}

impl Machine {
    fn new() -> Self {
        Self::with(policy())
    }

    fn with(policy: Policy) -> Self {
        let (registry, ports, probed) = (Registry::new(policy), BTreeMap::new(), Vec::new());
        Self { registry, now: at(MINUTE), ports, probed, ids: 0 }
    }

    /// With the built-in configuration, changed.
    fn configured(change: impl FnOnce(&mut Config)) -> Self {
        let mut policy = policy();
        change(&mut policy.config);
        Self::with(policy)
    }

    fn busy(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports.extend(ports.into_iter().map(|number| (port(number), Occupancy::Busy)));
        self
    }

    fn pass(&mut self, time: Millis) {
        self.now = at(self.now.awake + time);
    }

    fn fresh_id(&mut self) -> LockId {
        self.ids += 1;
        LockId::new(uuid::Uuid::from_u128(self.ids))
    }

    /// Decides and applies.
    fn tell(&mut self, command: &Command) -> Result<Vec<Fact>, Refusal> {
        let (ports, probed) = (&self.ports, &mut self.probed);
        let events = self.registry.decide(command, self.now, |port| {
            probed.push(port.get());
            ports.get(&port).copied().unwrap_or(Occupancy::Free)
        })?;
        for event in &events {
            self.registry.apply(event);
        }
        Ok(events.into_iter().map(|event| event.fact).collect())
    }

    /// As [`Machine::tell`], for what cannot be refused.
    fn happens(&mut self, command: &Command) -> Vec<Fact> {
        self.tell(command).unwrap()
    }

    fn allocate(&mut self, mut allocation: Allocation) -> Result<Vec<Grant>, Refusal> {
        for ask in &mut allocation.asks {
            ask.fresh_id = self.fresh_id();
        }
        let facts = self.tell(&Command::Allocate(allocation))?;
        Ok(facts.iter().find_map(answered).unwrap().to_vec())
    }

    /// Asks for one port and gets it.
    fn grant(&mut self, ask: Ask) -> Grant {
        self.allocate(one(ask)).unwrap().remove(0)
    }

    /// Asks for one port and is refused.
    fn refused(&mut self, ask: Ask) -> Refusal {
        self.allocate(one(ask)).unwrap_err()
    }

    fn lease(&self, grant: &Grant) -> &Lease {
        self.registry.lease(grant.lock_id.unwrap()).unwrap()
    }

    fn lives(&self, grant: &Grant) -> bool {
        self.registry.lease(grant.lock_id.unwrap()).is_some()
    }

    /// Why a lease ended.
    fn ended(&self, grant: &Grant) -> Option<EndReason> {
        self.registry.ended(grant.lock_id.unwrap()).map(|(_, reason)| reason)
    }

    fn release(&mut self, grant: &Grant) {
        self.happens(&Command::Release(grant.lock_id.unwrap()));
    }

    fn hear(&mut self, grant: &Grant, listener: Listener) -> Vec<Fact> {
        self.hear_all(grant, vec![listener])
    }

    fn hear_all(&mut self, grant: &Grant, listeners: Vec<Listener>) -> Vec<Fact> {
        self.happens(&Command::Heard { port: grant.port, listeners, sessions: Vec::new() })
    }

    /// A process ends; `listeners` is who listens after that.
    fn exit(&mut self, pid: u32, listeners: Vec<(Port, Listener)>) -> Vec<Fact> {
        self.happens(&Command::ProcessExited { process: process(pid).key, listeners })
    }

    fn register(&mut self, id: &str, process: Option<Process>) -> Vec<Fact> {
        self.tell(&Command::Register(registration(id, process))).unwrap()
    }

    /// Time passes, and the daemon's timer goes off.
    fn tick_after(&mut self, time: Millis) -> Vec<Fact> {
        self.pass(time);
        self.happens(&Command::Tick)
    }
}

fn answered(fact: &Fact) -> Option<&[Grant]> {
    match fact {
        Fact::Answered(answered) => Some(answered.answer.grants()),
        _ => None,
    }
}

fn at(awake: Millis) -> Timestamp {
    Timestamp { wall: WallTime(1_795_000_000_000 + awake), awake }
}

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(port(first), port(last)).unwrap()
}

fn service(name: &str) -> ServiceType {
    ServiceType::new(name).unwrap()
}

fn project(path: &str) -> ProjectPath {
    ProjectPath::new(path).unwrap()
}

fn instance(id: &str) -> InstanceId {
    InstanceId::new(id).unwrap()
}

/// The built-in configuration; below 1024 and 6000 are never offered unasked, and the ephemeral ports last.
fn policy() -> Policy {
    let never = range(1, 1023).ports().chain([port(6000)]).collect();
    Policy {
        config: Config::default(),
        never,
        last: range(32_768, 60_999).ports().collect(),
        door: Some(port(9876)),
    }
}

/// Somebody asks for a port for `service_type`, and says nothing else.
fn ask(service_type: &str) -> Ask {
    Ask {
        fresh_id: LockId::new(uuid::Uuid::nil()),
        behind: Vec::new(),
        service: service(service_type),
        name: None,
        project: None,
        default_name: None,
        project_id: None,
        label: None,
        gone: None,
        door: crate::DoorRules::default(),
        instance_id: None,
        stack: false,
        process: None,
        ancestors: Vec::new(),
        wish: Wish::Any,
        reuse: Reuse::Never,
    }
}

/// A dev server of the checkout at `path`.
fn dev(path: &str) -> Ask {
    Ask { project: Some(project(path)), ..ask("dev") }
}

/// The same, of a process.
fn dev_of(path: &str, pid: u32) -> Ask {
    Ask { process: Some(process(pid)), ..dev(path) }
}

/// The same, of an agent session.
fn dev_for(path: &str, id: &str) -> Ask {
    Ask { instance_id: Some(instance(id)), ..dev(path) }
}

fn exact(number: u16) -> Wish {
    Wish::Exact(port(number))
}

fn preferred(number: u16) -> Wish {
    Wish::Preferred(port(number))
}

/// The same request with `reuse: true`.
fn again(ask: Ask) -> Ask {
    Ask { reuse: Reuse::IfLive, ..ask }
}

fn one(ask: Ask) -> Allocation {
    Allocation { asks: vec![ask], form: AnswerForm::One, request: None, mode: AllocationMode::Grant }
}

fn group(asks: Vec<Ask>) -> Allocation {
    Allocation { asks, form: AnswerForm::Group, request: None, mode: AllocationMode::Grant }
}

fn process(pid: u32) -> Process {
    born(pid, u64::from(pid))
}

/// A process of this pid and start time.
fn born(pid: u32, started: u64) -> Process {
    let key = ProcessKey { pid: Pid::new(pid).unwrap(), inode: None, started };
    Process { key, name: "node".into(), started_at: WallTime(started) }
}

/// A server of one's own that may be the lease's.
fn server(pid: u32) -> Listener {
    Listener { process: Some(process(pid)), user: Relation::Own, project: None, container: None }
}

/// Somebody of one's own who listens; who, the system did not tell.
fn somebody() -> Listener {
    Listener { process: None, user: Relation::Own, project: None, container: None }
}

/// A program of the checkout at `/elsewhere`.
fn stranger(pid: u32) -> Listener {
    Listener { project: Some(project("/elsewhere")), ..server(pid) }
}

fn registration(id: &str, process: Option<Process>) -> Registration {
    Registration { id: instance(id), working_directory: None, process, expires_in: None, metadata: None }
}

fn named(ask: Ask, name: &str) -> Ask {
    Ask { name: Some(ServiceName::new(name).unwrap()), ..ask }
}

fn under(allocation: Allocation, id: &str, hash: u64) -> Allocation {
    Allocation { request: Some((RequestId::new(id).unwrap(), hash)), ..allocation }
}

fn ports(grants: &[Grant]) -> Vec<u16> {
    grants.iter().map(|grant| grant.port.get()).collect()
}
