//! What may happen in a random run, in a world so small that everything meets everything.

use proptest::prelude::*;

use super::world::PORTS;
use super::*;

/// One thing that happens; numbers name things of the [`super::world::World`].
#[derive(Debug, Clone)]
pub(super) enum Step {
    Allocate {
        asks: Vec<AskStep>,
        form: AnswerForm,
        request: Option<(u8, u64)>,
        mode: AllocationMode,
    },
    /// Of a lease that lives, has ended or never was.
    Release(usize),
    Register {
        id: u8,
        pid: Option<u32>,
    },
    Beat(u8),
    EndInstance(u8),
    EndAll,
    /// A process is born, if there is none of this pid.
    Spawn(u32),
    /// A process dies with all its sockets.
    Exit(u32),
    Listen {
        port: usize,
        pid: Option<u32>,
        user: Relation,
        project: Option<u8>,
        others: Others,
        told: Told,
    },
    Close {
        port: usize,
        told: Told,
    },
    /// A look at all listeners, and what it tells.
    Look,
    /// Two folders change places; the daemon learns of it at once, or at the next request.
    Swap(u8, u8, Told),
    Pass(Millis),
    /// Time passes until the next deadline, and so much more; then the timer goes off.
    Tick(Millis),
    /// The daemon is killed; another one takes over.
    Restart,
    /// So is the machine.
    Reboot,
}

/// What becomes of those that listened there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Close,
    Stay,
}

/// Whether the registry hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    AtOnce,
    Never,
}

/// How a request is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Not,
    Web,
    /// By default: as one of two packages.
    Package(u8),
}

#[derive(Debug, Clone)]
pub(super) struct AskStep {
    pub(super) service: u8,
    pub(super) named: Named,
    pub(super) project: Option<u8>,
    /// Whether the client says which folder its project is.
    pub(super) knows_folder: bool,
    /// What its project is to be called.
    pub(super) label: Option<u8>,
    pub(super) instance: Option<u8>,
    pub(super) pid: Option<u32>,
    pub(super) wish: Wish,
    pub(super) reuse: Reuse,
    /// Whether it is for a service of the worktree's stack.
    pub(super) stack: bool,
    /// How many ports are wanted behind the first one.
    pub(super) behind: usize,
}

const PIDS: std::ops::Range<u32> = 1..6;

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![5 => Just(Told::AtOnce), 1 => Just(Told::Never)]
}

fn ask_step() -> impl Strategy<Value = AskStep> {
    let reuse = prop_oneof![Just(Reuse::Never), Just(Reuse::IfLive)];
    let wished = proptest::sample::select(&PORTS[..]).prop_map(port);
    let wish = prop_oneof![
        7 => Just(Wish::Any),
        1 => wished.clone().prop_map(Wish::Default),
        1 => wished.clone().prop_map(Wish::Preferred),
        1 => wished.prop_map(Wish::Exact),
    ];
    let (project, instance) = (proptest::option::of(0..3_u8), proptest::option::weighted(0.4, 0..3_u8));
    let pid = proptest::option::of(PIDS);
    let named = prop_oneof![Just(Named::Not), Just(Named::Web), (0..2_u8).prop_map(Named::Package),];
    let label = proptest::option::of(0..2_u8);
    let reuse = (reuse, any::<bool>());
    (0..4_u8, named, project, any::<bool>(), label, instance, pid, wish, reuse).prop_map(
        |(service, named, project, knows_folder, label, instance, pid, wish, (reuse, stack))| AskStep {
            service,
            named,
            project,
            knows_folder,
            label,
            instance,
            pid,
            wish,
            reuse,
            stack,
            behind: 0,
        },
    )
}

fn allocate() -> impl Strategy<Value = Step> {
    let asks = prop_oneof![
        4 => ask_step().prop_map(|ask| (vec![ask], AnswerForm::One)),
        1 => (ask_step(), 1..4_usize).prop_map(|(ask, behind)| (vec![AskStep { behind, ..ask }], AnswerForm::Group)),
        2 => proptest::collection::vec(ask_step(), 0..4).prop_map(|asks| (asks, AnswerForm::Group)),
    ];
    let request = proptest::option::weighted(0.4, (0..5_u8, 0..2_u64));
    let mode = prop_oneof![9 => Just(AllocationMode::Grant), 1 => Just(AllocationMode::DryRun)];
    (asks, request, mode).prop_map(|((asks, form), request, mode)| Step::Allocate {
        asks,
        form,
        request,
        mode,
    })
}

fn listen() -> impl Strategy<Value = Step> {
    let user = prop_oneof![5 => Just(Relation::Own), 1 => Just(Relation::Root), 1 => Just(Relation::Other)];
    let (pid, project) = (proptest::option::of(PIDS), proptest::option::of(0..3_u8));
    let others = prop_oneof![3 => Just(Others::Close), 2 => Just(Others::Stay)];
    (0..14_usize, pid, user, project, others, told()).prop_map(|(port, pid, user, project, others, told)| {
        Step::Listen { port, pid, user, project, others, told }
    })
}

fn time() -> impl Strategy<Value = Millis> {
    prop_oneof![0..100_u64, 1..20 * SECOND, 1..3 * MINUTE, 1..40 * MINUTE]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => allocate(),
        6 => (0..40_usize).prop_map(Step::Release),
        6 => (0..3_u8, proptest::option::of(PIDS)).prop_map(|(id, pid)| Step::Register { id, pid }),
        4 => (0..3_u8).prop_map(Step::Beat),
        2 => (0..3_u8).prop_map(Step::EndInstance),
        1 => Just(Step::EndAll),
        5 => PIDS.prop_map(Step::Spawn),
        7 => PIDS.prop_map(Step::Exit),
        14 => listen(),
        7 => (0..14_usize, told()).prop_map(|(port, told)| Step::Close { port, told }),
        3 => Just(Step::Look),
        2 => (0..3_u8, 0..3_u8, told()).prop_map(|(one, other, told)| Step::Swap(one, other, told)),
        6 => time().prop_map(Step::Pass),
        8 => prop_oneof![3 => 0..900_u64, 1 => 1001..90 * SECOND].prop_map(Step::Tick),
        1 => Just(Step::Restart),
        1 => Just(Step::Reboot),
    ]
}
