//! What a decision costs, with nothing leased and with 10,000 live leases: `cargo bench -p styxy-core`.
//!
//! The two rows of each table must differ by less than a fifth.

use styxy_core::config::Config;
use styxy_core::{
    Allocation, AllocationMode, AnswerForm, Ask, Command, LockId, Occupancy, Pid, Policy, Port, PortSet,
    Process, ProcessKey, ProjectPath, Registry, Reuse, ServiceName, ServiceType, Timestamp, WallTime, Wish,
};
use uuid::Uuid;

const LIVE: [u16; 2] = [0, 10_000];

fn main() {
    divan::main();
}

/// The same checkout asks again and again, as a dev server that is restarted does: it gets the port it had.
#[divan::bench(args = LIVE, sample_count = 200, sample_size = 100)]
fn a_pair_of_a_known_key(bencher: divan::Bencher, live: u16) {
    let mut desk = Desk::with(live);
    bencher.bench_local(|| desk.pair(0, Reuse::Never));
}

/// A checkout never seen before asks each time: its port is searched for.
#[divan::bench(args = LIVE, sample_count = 200, sample_size = 100)]
fn a_pair_of_a_fresh_key(bencher: divan::Bencher, live: u16) {
    let mut desk = Desk::with(live);
    let mut project = 0;
    bencher.bench_local(|| {
        project += 1;
        desk.pair(project, Reuse::Never);
    });
}

/// As Vite's plugin asks.
#[divan::bench(args = LIVE, sample_count = 200, sample_size = 100)]
fn a_pair_with_reuse(bencher: divan::Bencher, live: u16) {
    let mut desk = Desk::with(live);
    bencher.bench_local(|| desk.pair(0, Reuse::IfLive));
}

/// A registry and what asks it.
struct Desk {
    registry: Registry,
    now: u64,
    ids: u128,
}

impl Desk {
    /// With so many live leases, each of its own project and process, above the ports that are measured.
    fn with(live: u16) -> Self {
        let policy = Policy {
            config: Config::default(),
            never: PortSet::default(),
            last: PortSet::default(),
            door: None,
        };
        let mut desk = Self { registry: Registry::new(policy), now: 0, ids: 0 };
        for number in 0..live {
            let wish = Wish::Exact(Port::new(20_000 + number).expect("it is not zero"));
            desk.allocate(Ask { wish, ..ask(1_000_000 + u32::from(number), Reuse::Never) });
        }
        desk
    }

    fn pair(&mut self, project: u32, reuse: Reuse) {
        let lock_id = self.allocate(ask(project, reuse));
        self.happens(&Command::Release(lock_id));
    }

    fn allocate(&mut self, mut ask: Ask) -> LockId {
        self.ids += 1;
        ask.fresh_id =
            LockId::new(Uuid::from_u128(self.ids.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)));
        let lock_id = ask.fresh_id;
        let mode = AllocationMode::Grant;
        self.happens(&Command::Allocate(Allocation {
            asks: vec![ask],
            form: AnswerForm::One,
            request: None,
            mode,
        }));
        lock_id
    }

    /// Decides and applies, as the engine does between the request and the journal.
    fn happens(&mut self, command: &Command) {
        self.now += 1;
        let now = Timestamp { wall: WallTime(self.now), awake: self.now };
        let events =
            self.registry.decide(command, now, |_| Occupancy::Free).expect("nothing is refused here");
        for event in &events {
            self.registry.apply(event);
        }
        self.registry.take_changed_processes();
    }
}

fn ask(project: u32, reuse: Reuse) -> Ask {
    let pid = Pid::new(project % 32_768 + 1).expect("it is not zero");
    let key = ProcessKey { pid, inode: None, started: u64::from(project) };
    Ask {
        fresh_id: LockId::new(Uuid::nil()),
        behind: Vec::new(),
        service: ServiceType::new("dev").expect("it is well formed"),
        name: ServiceName::new("web").ok(),
        project: ProjectPath::new(&format!("/home/somebody/worktrees/project-{project}")).ok(),
        default_name: None,
        project_id: None,
        label: None,
        gone: None,
        door: styxy_core::DoorRules::default(),
        instance_id: None,
        stack: false,
        process: Some(Process { key, name: "node".into(), started_at: WallTime(0) }),
        ancestors: Vec::new(),
        wish: Wish::Any,
        reuse,
    }
}
