//! Journals of old versions are kept in `tests/fixtures`: they are read whole, and mean what they meant, on any machine.

#[path = "../../../tests/compat/durable.rs"]
mod durable;
#[path = "../../../tests/compat/shape.rs"]
mod shape;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use styxy_core::api::{self, AllocateRequest};
use styxy_core::order::Order as _;
use styxy_core::{
    Allocation, AllocationMode, AnswerForm, Ask, Command, Event, Fact, InstanceId, LockId, Occupancy, Policy,
    Port, PortSet, Registry, Reuse, Snapshot, Timestamp, Wish,
};
use uuid::Uuid;

use crate::journal::{Fold, Journal, Opened, Options, Origin};
use crate::replay::Replay;
use durable::durable;
use shape::{Likeness, missing};

/// A journal, and what the daemon that wrote it showed.
struct Kept {
    folder: PathBuf,
    shown: Value,
}

/// Every journal that is kept: as records, and beginning with a snapshot.
fn kept() -> Vec<Kept> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let entries = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let versions = entries.filter(|path| path.is_dir());
    let folders =
        versions.flat_map(|version| ["records", "snapshot"].map(|form| version.join("journal").join(form)));
    let kept = folders.map(|folder| {
        let shown = serde_json::from_slice(&fs::read(folder.join("shown.json")).unwrap()).unwrap();
        Kept { folder, shown }
    });
    let kept: Vec<Kept> = kept.collect();
    assert!(kept.len() >= 2);
    kept
}

impl Kept {
    /// Reads a copy of the journal into what `fresh` makes.
    fn fold<F: Fold>(&self, fresh: impl Fn() -> F + Send + 'static) -> F {
        let copy = tempfile::tempdir().unwrap();
        let files = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        for path in files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("journal.")) {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        let mut state = fresh();
        let folds = Box::new(move || Box::new(fresh()) as Box<dyn Fold>);
        let Opened { found, .. } = Journal::open(copy.path(), Options::default(), &mut state, folds).unwrap();
        assert_eq!(found.origin, Origin::Resumed, "{}", self.folder.display());
        assert_eq!((found.torn_tail, found.moved_aside), (None, Vec::new()), "{}", self.folder.display());
        state
    }

    /// What a daemon knows that starts with it.
    fn replay(&self) -> Replay {
        let config = serde_json::from_value(self.shown["config"]["config"].clone()).unwrap();
        // No port that only this machine keeps from being given.
        let policy = Policy { config, never: PortSet::default(), last: PortSet::default(), door: None };
        let replay = self.fold(move || Replay::new(policy.clone()));
        assert_eq!(replay.skipped, 0, "{}: records are not understood", self.folder.display());
        replay
    }
}

/// Reads each frame as today's type, writes it again, and keeps what is lost on the way.
#[derive(Default)]
struct Again {
    frames: usize,
    lost: Vec<String>,
}

impl Again {
    fn read<T: DeserializeOwned + Serialize>(&mut self, payload: &[u8]) {
        self.frames += 1;
        let kept: Value = serde_json::from_slice(payload).unwrap();
        match serde_json::from_slice::<T>(payload) {
            Ok(read) => {
                self.lost.extend(missing(Likeness::Same, &kept, &serde_json::to_value(read).unwrap()));
            }
            Err(error) => self.lost.push(format!("{error}: {kept}")),
        }
    }
}

impl Fold for Again {
    fn record(&mut self, payload: &[u8]) {
        self.read::<Vec<Event>>(payload);
    }
    fn snapshot(&mut self, payload: &[u8]) {
        self.read::<Snapshot>(payload);
    }
    fn to_snapshot(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The answer to `command`, were every port free that is not leased; else the refusal, as the wire has it.
fn answer(registry: &Registry, command: &Command) -> Value {
    let latest = registry.leases().map(|lease| lease.allocated_at).max_by_key(|at| at.awake);
    let now: Timestamp = latest.expect("a lease");
    match registry.decide(command, now, |_: Port| Occupancy::Free) {
        Ok(events) => {
            let answered = events.into_iter().find_map(|event| match event.fact {
                Fact::Answered(answered) => Some(answered.answer),
                _ => None,
            });
            let answered = answered.expect("an answer");
            assert!(answered.grants().iter().all(|grant| grant.host.is_some()), "{answered:?}");
            // The daemon that wrote the journal knew no names.
            durable(serde_json::to_value(answered).unwrap())
        }
        Err(refusal) => serde_json::to_value(api::Refusal::from(refusal)).unwrap(),
    }
}

#[test]
fn todays_types_keep_every_field_of_an_old_journal() {
    for kept in kept() {
        let Again { frames, lost } = kept.fold(Again::default);
        assert!(frames > 1, "{}", kept.folder.display());
        assert!(lost.is_empty(), "{}: {}", kept.folder.display(), lost.join("\n"));
    }
}

#[test]
fn an_old_journal_has_the_leases_and_instances_that_were_shown() {
    for kept in kept() {
        let (replay, Kept { folder, shown }) = (kept.replay(), kept);
        let registry = &replay.registry;
        let mut leases: Vec<_> = registry.leases().map(|lease| registry.view(lease)).collect();
        leases.order_by_key(|lease| lease.port);
        let is_named = |lease: &api::Lease| lease.host.is_some() == lease.project_path.is_some();
        assert!(leases.iter().all(is_named), "{}: {leases:?}", folder.display());
        let leases = serde_json::to_value(leases).unwrap();
        assert_eq!(
            durable(leases),
            durable(shown["allocations"]["allocations"].clone()),
            "{}",
            folder.display()
        );
        let instances: Vec<_> =
            registry.instances().map(|instance| registry.instance_view(instance)).collect();
        let instances = serde_json::to_value(instances).unwrap();
        assert_eq!(
            durable(instances),
            durable(shown["instances"]["instances"].clone()),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn an_old_journal_gives_each_key_the_port_that_it_had() {
    for kept in kept() {
        let (replay, Kept { folder, shown }) = (kept.replay(), kept);
        for kept in shown["affinity"].as_array().unwrap() {
            let request: AllocateRequest = serde_json::from_value(kept["asked"]["body"].clone()).unwrap();
            let ask = Ask {
                fresh_id: LockId::new(Uuid::nil()),
                behind: Vec::new(),
                service: request.service_type.unwrap(),
                name: request.service_name,
                project: request.project_path,
                default_name: None,
                project_id: None,
                label: None,
                gone: None,
                door: styxy_core::DoorRules::default(),
                instance_id: None,
                stack: false,
                process: None,
                ancestors: Vec::new(),
                wish: Wish::Any,
                reuse: Reuse::Never,
            };
            let mode = AllocationMode::DryRun;
            let allocation = Allocation { asks: vec![ask], form: AnswerForm::One, request: None, mode };
            let answer = answer(&replay.registry, &Command::Allocate(allocation));
            assert_eq!(answer, durable(kept["answer"].clone()), "{}: {}", folder.display(), kept["asked"]);
        }
    }
}

#[test]
fn an_old_journal_knows_what_has_ended_and_why() {
    for kept in kept() {
        let (replay, Kept { folder, shown }) = (kept.replay(), kept);
        for kept in shown["ended"].as_array().unwrap() {
            let path = kept["asked"]["path"].as_str().unwrap();
            let command = match path.split_at(path.rfind('/').unwrap() + 1) {
                ("/allocate/", id) => Command::Release(LockId::parse(id).unwrap()),
                (_, id) => Command::EndInstance { id: InstanceId::new(id).unwrap() },
            };
            assert_eq!(answer(&replay.registry, &command), kept["answer"], "{}: {path}", folder.display());
        }
    }
}

#[test]
fn an_old_journal_tells_the_events_that_were_told() {
    for kept in kept() {
        let (replay, Kept { folder, shown }) = (kept.replay(), kept);
        let kept = shown["events"].as_array().unwrap();
        if folder.ends_with("records") {
            assert!(kept.len() > 40, "{}", folder.display());
        }
        let backlog = replay.feed.read_after(Some(0), replay.registry.next_seq()).backlog;
        for (kept, event) in kept.iter().zip(&backlog) {
            assert_eq!(kept["event"], event.name.as_str());
            let data: Value = serde_json::from_str(&event.data).unwrap();
            assert_eq!(durable(data), durable(kept["data"].clone()), "{}", folder.display());
        }
        assert!(backlog.len() >= kept.len(), "{}: events are lost", folder.display());
    }
}
