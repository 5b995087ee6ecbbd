//! A small world for random runs, and what must be true in it after each step.

mod checks;
mod names;
mod offers;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::steps::{AskStep, Named, Others, Step, Told};
use super::*;
use crate::config::{InstanceBehavior, Quotas, ServiceTypeConfig};
use crate::label::Label;

const SERVICES: [&str; 4] = ["dev", "storybook", "ai", "unheard-of"];
const PROJECTS: [&str; 3] = ["/w/a", "/w/a/packages/web", "/w/b"];
/// Every port there is to quarrel about.
pub(super) const PORTS: [u16; 14] =
    [80, 3000, 8000, 8001, 8002, 6006, 6007, 11_430, 11_431, 10_000, 10_001, 10_002, 10_003, 40_000];

pub(super) struct World {
    pub(super) registry: Registry,
    now: Timestamp,
    boot: u32,
    /// Live processes and when each started.
    processes: BTreeMap<u32, u64>,
    births: u64,
    listeners: BTreeMap<Port, Vec<Listener>>,
    ids: u128,
    /// Every id that was ever granted.
    granted: Vec<LockId>,
    /// The journal as it is written: what each decision said, and the registry after it.
    journal: Vec<(Vec<String>, serde_json::Value)>,
    /// What the daemon watches, kept up to date only from what the registry says has changed.
    watched: HashSet<ProcessKey>,
    /// Since when each instance without a process may count on its time to live.
    beats: HashMap<InstanceId, Millis>,
    answers: HashMap<RequestId, (u64, Vec<Grant>)>,
    /// Which folder is at each of [`PROJECTS`].
    folders: [u8; 3],
}

pub(super) fn small_policy() -> Policy {
    let kind = |preferred: &[u16], first, last, instance_behavior| ServiceTypeConfig {
        preferred_ports: preferred.iter().map(|number| port(*number)).collect(),
        range: range(first, last),
        description: String::new(),
        instance_behavior,
    };
    let service_types = BTreeMap::from([
        (service("dev"), kind(&[3000, 8000], 8000, 8002, InstanceBehavior::Multi)),
        (service("storybook"), kind(&[6006], 6006, 6007, InstanceBehavior::Multi)),
        (service("ai"), kind(&[11_430], 11_430, 11_431, InstanceBehavior::Single)),
    ]);
    let overflow_range = Some(range(10_000, 10_003));
    // So small that they are used up now and then.
    let quotas = Quotas { leases_per_checkout: 5, waiting_per_owner: 3, instances: 2, ..Quotas::default() };
    Policy { config: Config { overflow_range, quotas, service_types, ..Config::default() }, ..policy() }
}

/// A snapshot without what is not journaled, to compare with one that was replayed.
pub(super) fn journaled(registry: &Registry) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.retain(|name, _| name != "last_beat" && name != "last_seen");
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut snapshot = serde_json::to_value(registry.snapshot()).unwrap();
    strip(&mut snapshot);
    snapshot
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            registry: Registry::new(small_policy()),
            now: at(MINUTE),
            boot: 1,
            processes: (1..4).map(|pid| (pid, 0)).collect(),
            births: 0,
            listeners: BTreeMap::new(),
            ids: 0,
            granted: Vec::new(),
            journal: Vec::new(),
            watched: HashSet::new(),
            beats: HashMap::new(),
            answers: HashMap::new(),
            folders: [0, 1, 2],
        };
        world.resume();
        world
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Allocate { asks, form, request, mode } => {
                for index in asks.iter().filter(|ask| ask.knows_folder).filter_map(|ask| ask.project) {
                    self.find(index);
                }
                let asks = asks.iter().map(|ask| self.ask(ask)).collect();
                let request = request.map(|(id, hash)| (RequestId::new(&format!("r{id}")).unwrap(), hash));
                self.allocate(&Allocation { asks, form: *form, request, mode: *mode });
            }
            Step::Release(which) => self.release(*which),
            Step::Register { id, pid } => {
                let process = pid.and_then(|pid| self.process(pid));
                self.tell(&Command::Register(Registration { process, ..registration(&name(*id), None) }));
            }
            Step::Beat(id) => self.tell(&Command::Beat(instance(&name(*id)))),
            Step::EndInstance(id) => self.tell(&Command::EndInstance { id: instance(&name(*id)) }),
            Step::EndAll => self.tell(&Command::EndAll),
            Step::Spawn(pid) => {
                self.births += 1;
                self.processes.entry(*pid).or_insert(self.births);
            }
            Step::Exit(pid) => self.exit(*pid),
            Step::Listen { port: index, pid, user, project: of, others, told } => {
                let listener = Listener {
                    process: pid.and_then(|pid| self.process(pid)),
                    user: *user,
                    project: of.map(|index| project(PROJECTS[usize::from(index)])),
                    container: (*user == Relation::Root).then(|| "shop-web-1".into()),
                };
                let all = self.listeners.entry(port(PORTS[*index])).or_default();
                if *others == Others::Close {
                    all.clear();
                }
                all.push(listener);
                let listeners = all.clone();
                if *told == Told::AtOnce {
                    self.tell(&heard(port(PORTS[*index]), listeners));
                }
            }
            Step::Close { port: index, told } => {
                self.listeners.remove(&port(PORTS[*index]));
                if *told == Told::AtOnce {
                    self.tell(&Command::Silent(port(PORTS[*index])));
                }
            }
            Step::Look => {
                for (port, listeners) in self.listeners.clone() {
                    self.tell(&heard(port, listeners));
                    self.check_heard(port);
                }
                self.adopt();
                self.stray();
                self.tell(&Command::StillHeard(self.listeners.keys().copied().collect()));
            }
            Step::Swap(one, other, told) => {
                self.folders.swap(usize::from(*one), usize::from(*other));
                if *told == Told::AtOnce {
                    for index in [*one, *other] {
                        self.find(index);
                    }
                }
            }
            Step::Pass(time) => self.now = at(self.now.awake + time),
            Step::Tick(late) => self.tick(*late),
            Step::Restart => {
                let written = serde_json::to_string(&self.registry.snapshot()).unwrap();
                self.registry = Registry::restore(small_policy(), serde_json::from_str(&written).unwrap());
                self.watched.clear();
                self.resume();
            }
            Step::Reboot => {
                self.boot += 1;
                self.now.awake = SECOND;
                self.processes.clear();
                self.listeners.clear();
                self.resume();
                assert_eq!(self.registry.lease_count() + self.registry.instance_count(), 0);
            }
        }
        self.check();
    }

    /// The id of the folder that is at one of [`PROJECTS`].
    fn folder_at(&self, index: u8) -> ProjectId {
        ProjectId::new(&format!("folder-{}", self.folders[usize::from(index)])).unwrap()
    }

    /// The daemon learns which folder is at one of [`PROJECTS`].
    fn find(&mut self, index: u8) {
        let (id, at) = (self.folder_at(index), project(PROJECTS[usize::from(index)]));
        self.tell(&Command::Found { id: id.clone(), at: at.clone() });
        assert!(self.registry.other_places(&id, &at).is_empty(), "a lease did not follow its project");
    }

    fn process(&self, pid: u32) -> Option<Process> {
        self.processes.get(&pid).map(|started| born(pid, *started))
    }

    fn ask(&mut self, step: &AskStep) -> Ask {
        let mut fresh_id = || {
            self.ids += 1;
            LockId::new(uuid::Uuid::from_u128(self.ids))
        };
        let behind = (0..step.behind).map(|_| fresh_id()).collect();
        let fresh_id = fresh_id();
        // Each process is the child of the one before it.
        let line = step.pid.into_iter().flat_map(|pid| (1..pid).rev()).filter_map(|pid| self.process(pid));
        Ask {
            fresh_id,
            behind,
            name: (step.named == Named::Web).then(|| ServiceName::new("web").unwrap()),
            default_name: match step.named {
                Named::Package(index) => ServiceName::new(["web", "packages.api"][usize::from(index)]).ok(),
                Named::Not | Named::Web => None,
            },
            project: step.project.map(|index| project(PROJECTS[usize::from(index)])),
            project_id: step.project.filter(|_| step.knows_folder).map(|index| self.folder_at(index)),
            label: step.label.map(|index| Label::parse(["a", "b"][usize::from(index)]).unwrap()),
            instance_id: step.instance.map(|id| instance(&name(id))),
            process: step.pid.and_then(|pid| self.process(pid)),
            ancestors: line.map(|process| process.key).collect(),
            stack: step.stack && step.project.is_some() && step.reuse == Reuse::IfLive,
            wish: step.wish,
            reuse: step.reuse,
            ..ask(SERVICES[usize::from(step.service)])
        }
    }

    fn allocate(&mut self, allocation: &Allocation) {
        let before = self.registry.lease_count();
        let command = Command::Allocate(allocation.clone());
        let result = self.registry.decide(&command, self.now, |port| self.occupancy(port));
        let past = allocation.request.as_ref().and_then(|(id, hash)| Some((*hash, self.answers.get(id)?)));
        let binding = past.filter(|(_, (_, grants))| grants.iter().any(|grant| self.stands(grant)));
        match (binding, &result) {
            (Some((hash, (first, grants))), Ok(events)) => {
                assert_eq!(hash, *first, "I5: another body was answered");
                assert_eq!(answers(events), grants.as_slice(), "I5: a repeat got another answer");
            }
            (Some((hash, (first, _))), Err(refusal)) => {
                assert_ne!(hash, *first, "I5: a repeat was refused");
                assert!(matches!(refusal, Refusal::RequestIdReused(_)));
            }
            (None, Ok(events)) => self.check_answer(allocation, answers(events), past.is_some()),
            (None, Err(refusal)) => {
                self.check_quota(allocation, refusal);
                self.check_without_reservations(&command, refusal);
            }
        }
        let grants = result.as_deref().map(answers).map(<[Grant]>::to_vec);
        self.tell(&command);
        match (grants, allocation.mode, &allocation.request) {
            (Err(_), _, _) | (_, AllocationMode::DryRun, _) => {
                assert_eq!(self.registry.lease_count(), before);
            }
            (Ok(grants), AllocationMode::Grant, Some((id, hash))) => {
                self.answers.insert(id.clone(), (*hash, grants));
            }
            (Ok(_), AllocationMode::Grant, None) => {}
        }
    }

    fn stands(&self, grant: &Grant) -> bool {
        grant.lock_id.is_some_and(|lock_id| self.registry.lease(lock_id).is_some())
    }

    fn occupancy(&self, port: Port) -> Occupancy {
        match self.listeners.contains_key(&port) {
            true => Occupancy::Busy,
            false if port.get() < 1024 => Occupancy::Denied,
            false => Occupancy::Free,
        }
    }

    fn release(&mut self, which: usize) {
        let never = LockId::new(uuid::Uuid::max());
        let lock_id = self.granted.iter().rev().nth(which).copied().unwrap_or(never);
        let lives = self.registry.lease(lock_id).is_some();
        let result = self.registry.decide(&Command::Release(lock_id), self.now, |_| Occupancy::Free);
        assert_eq!(result.is_ok(), lives, "I4: an ended id acted");
        self.tell(&Command::Release(lock_id));
    }

    fn exit(&mut self, pid: u32) {
        let Some(process) = self.process(pid) else { return };
        self.processes.remove(&pid);
        self.listeners.retain(|_, all| {
            all.retain(|listener| listener.key() != Some(process.key));
            !all.is_empty()
        });
        let touched = self.registry.ports_touched_by(process.key);
        let listening = |port: Port| {
            let all = self.listeners.get(&port).into_iter().flatten();
            all.map(move |listener| (port, listener.clone()))
        };
        let listeners = touched.into_iter().flat_map(listening).collect();
        self.tell(&Command::ProcessExited { process: process.key, listeners });
        assert!(!self.registry.depends_on(process.key), "something outlives the process it depends on");
    }

    fn tick(&mut self, late: Millis) {
        let due = self.registry.next_deadline().unwrap_or(0).max(self.now.awake);
        self.now = at(due + late);
        // At most: what came late, and then what was left.
        self.tell(&Command::Tick);
        self.tell(&Command::Tick);
        let next = self.registry.next_deadline();
        assert!(next.is_none_or(|next| next > self.now.awake), "a tick left something to do");
    }

    fn resume(&mut self) {
        self.tell(&Command::Resume { boot_id: format!("boot-{}", self.boot) });
        let expected: HashSet<_> = self.registry.processes().collect();
        assert_eq!(self.watched, expected);
    }

    /// Decides, checks, journals and applies.
    fn tell(&mut self, command: &Command) {
        let before = self.registry.snapshot();
        let result = self.registry.decide(command, self.now, |port| {
            let lease = self.registry.lease_on(port);
            assert!(lease.is_none_or(Lease::is_reserved), "a leased port was probed");
            self.occupancy(port)
        });
        assert_eq!(self.registry.snapshot(), before, "I9: deciding changed something");
        let Ok(events) = result else { return };
        let names = self.server_names();
        for event in &events {
            self.check_fact(command, &event.fact);
            let free_before = event.lock_id().and_then(|lock_id| self.registry.lease(lock_id)).is_none();
            if let Fact::Granted(lease) = &event.fact {
                assert!(
                    free_before && self.registry.lease_on(lease.port).is_none(),
                    "I1: a leased port was granted"
                );
                let adopted = matches!(command, Command::Adopt { .. } | Command::Strayed { .. });
                assert!(
                    adopted || self.occupancy(lease.port) == Occupancy::Free,
                    "I2: a taken port was granted"
                );
                self.granted.push(lease.lock_id);
            }
            self.registry.apply(event);
            self.count_beats(&event.fact);
        }
        self.check_kept_names(command, &names);
        let durable = events.iter().filter(|event| event.fact.is_durable());
        let written: Vec<String> = durable.map(|event| serde_json::to_string(event).unwrap()).collect();
        if written.is_empty() {
            let unchanged = matches!(events[..], [] | [Event { fact: Fact::Beat(_) | Fact::Seen(_), .. }]);
            assert!(
                unchanged || self.registry.snapshot() == before,
                "what is not journaled changed something"
            );
        } else {
            self.journal.push((written, journaled(&self.registry)));
        }
        for process in self.registry.take_changed_processes() {
            if self.registry.depends_on(process) {
                self.watched.insert(process);
            } else {
                self.watched.remove(&process);
            }
        }
    }

    fn count_beats(&mut self, fact: &Fact) {
        match fact {
            Fact::InstanceRegistered(instance) => {
                self.beats.insert(instance.id.clone(), self.now.awake);
            }
            Fact::Beat(id) => {
                self.beats.insert(id.clone(), self.now.awake);
            }
            Fact::Resumed => self.beats.values_mut().for_each(|beat| *beat = self.now.awake),
            _ => {}
        }
    }
}

fn answers(events: &[Event]) -> &[Grant] {
    events.iter().find_map(|event| answered(&event.fact)).unwrap()
}

fn name(id: u8) -> String {
    format!("claude-{id}")
}

/// Every second process is of a session.
fn heard(port: Port, listeners: Vec<Listener>) -> Command {
    let keys = listeners.iter().filter_map(Listener::key).filter(|key| key.pid.get() % 2 == 1);
    let sessions = keys.map(|key| (key, instance("claude-0"))).collect();
    Command::Heard { port, listeners, sessions }
}
