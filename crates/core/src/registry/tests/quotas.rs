//! Quotas (R45): what is beyond one is refused, what is below is not, and others do not notice.

use serde_json::json;

use super::*;
use crate::api;
use crate::refusal::Quota;

/// Which quota refuses, who has how many, and how many there may be.
#[track_caller]
fn used_up(refusal: Refusal) -> (Quota, String, usize, usize) {
    match refusal {
        Refusal::Quota { quota, who, held, limit } => (quota, who, held, limit),
        other => panic!("{other:?}"),
    }
}

fn small() -> Machine {
    Machine::configured(|config| {
        let quotas = &mut config.quotas;
        (quotas.leases_per_checkout, quotas.waiting_per_owner, quotas.instances) = (4, 2, 3);
    })
}

#[test]
fn a_checkout_has_so_many_live_leases_whoever_asks_there() {
    let mut machine = small();
    let first = machine.grant(dev_of("/w/a", 1));
    machine.grant(dev_of("/w/a", 2));
    machine.grant(Ask { process: Some(process(3)), ..dev_for("/w/a", "claude-1") });
    machine.grant(dev("/w/a"));
    let refusal = machine.refused(dev_of("/w/a", 4));
    assert_eq!(used_up(refusal), (Quota::LeasesPerCheckout, "the checkout /w/a".to_owned(), 4, 4));
    // Another checkout has as many, although this one has all of its own.
    (1..5).for_each(|pid| drop(machine.grant(dev_of("/w/b", pid))));
    machine.release(&first);
    machine.grant(dev_of("/w/a", 4));
}

#[test]
fn an_owner_has_so_many_leases_that_wait_and_one_that_has_its_server_does_not() {
    let mut machine = small();
    let waiting = machine.grant(dev("/w/a"));
    machine.grant(dev("/w/a"));
    let refusal = machine.refused(dev("/w/a"));
    assert_eq!(used_up(refusal), (Quota::WaitingPerOwner, "the checkout /w/a".to_owned(), 2, 2));
    // Another session of the checkout is another owner, and so is one without a checkout.
    machine.grant(dev_for("/w/a", "claude-1"));
    machine.grant(Ask { project: None, ..dev_for("/w/a", "claude-1") });
    machine.release(&waiting);
    let served = machine.grant(dev("/w/a"));
    machine.hear(&served, server(9));
    machine.grant(dev("/w/a"));
    let who = "the session claude-2 in the checkout /w/b".to_owned();
    (0..2).for_each(|_| drop(machine.grant(dev_for("/w/b", "claude-2"))));
    let refusal = machine.refused(dev_for("/w/b", "claude-2"));
    assert_eq!(used_up(refusal), (Quota::WaitingPerOwner, who, 2, 2));
}

#[test]
fn without_a_checkout_the_session_counts_else_the_process_else_all_together() {
    let mut machine = small();
    let of = |pid| Ask { process: Some(process(pid)), ..ask("dev") };
    for pid in [1, 2] {
        (0..4).for_each(|_| drop(machine.grant(of(pid))));
        let who = format!("process {pid}");
        assert_eq!(used_up(machine.refused(of(pid))), (Quota::LeasesPerCheckout, who, 4, 4));
    }
    let session = |id| Ask { instance_id: Some(instance(id)), ..of(3) };
    (0..4).for_each(|_| drop(machine.grant(session("claude-1"))));
    let who = "the session claude-1".to_owned();
    assert_eq!(used_up(machine.refused(session("claude-1"))), (Quota::LeasesPerCheckout, who, 4, 4));
    machine.grant(session("claude-2"));
    // Clients that say nothing share what waits. A server that came for one of them has an account of its own.
    let served = machine.grant(ask("dev"));
    machine.grant(ask("dev"));
    let who = "the group of clients that name no project, session or process".to_owned();
    assert_eq!(used_up(machine.refused(ask("dev"))), (Quota::WaitingPerOwner, who, 2, 2));
    machine.hear(&served, server(9));
    machine.grant(ask("dev"));
}

#[test]
fn a_lease_that_is_given_again_and_a_singleton_are_no_new_lease() {
    let mut machine = small();
    let grants: Vec<Grant> =
        (0..4).map(|number| machine.grant(named(dev_of("/w/a", 1), &format!("n{number}")))).collect();
    machine.grant(Ask { project: Some(project("/w/b")), ..ask("ai") });
    let same = machine.grant(again(named(dev_of("/w/a", 1), "n2")));
    assert_eq!((same.lock_id, same.reused), (grants[2].lock_id, true));
    assert!(machine.grant(Ask { service: service("ai"), ..dev_of("/w/a", 1) }).existing);
    // One that is displaced makes room for its successor.
    machine
        .hear(&grants[3], Listener { process: None, user: Relation::Other, project: None, container: None });
    machine.ports.insert(grants[3].port, Occupancy::Busy);
    let moved = machine.grant(again(named(dev_of("/w/a", 1), "n3")));
    assert_eq!(moved.displaced_from, Some(grants[3].port));
}

#[test]
fn a_group_counts_whole_and_is_refused_whole() {
    let mut machine = small();
    let members = |count| (0..count).map(|_| dev_of("/w/a", 1)).collect();
    let before = machine.registry.snapshot();
    let refusal = machine.allocate(group(members(5))).unwrap_err();
    assert_eq!(used_up(refusal).0, Quota::LeasesPerCheckout);
    assert_eq!(machine.registry.snapshot(), before);
    assert_eq!(machine.allocate(group(members(4))).unwrap().len(), 4);
    // What would be refused is refused in a dry run too.
    let dry = Allocation { mode: AllocationMode::DryRun, ..one(dev_of("/w/a", 1)) };
    assert_eq!(used_up(machine.allocate(dry).unwrap_err()).2, 4);
}

#[test]
fn there_are_so_many_instances_and_one_that_is_registered_again_is_no_new_one() {
    let mut machine = small();
    for id in ["claude-1", "claude-2", "claude-3", "claude-2"] {
        machine.register(id, None);
    }
    let refusal = machine.tell(&Command::Register(registration("claude-4", None))).unwrap_err();
    assert_eq!(used_up(refusal), (Quota::Instances, "the daemon".to_owned(), 3, 3));
    machine.tell(&Command::EndInstance { id: instance("claude-1") }).unwrap();
    machine.register("claude-4", None);
}

#[test]
fn metadata_of_more_than_its_quota_is_refused_by_name_and_one_of_before_is_loaded() {
    let mut machine = Machine::new();
    let with = |bytes: usize| Registration {
        metadata: Some("x".repeat(bytes - 2).into()),
        ..registration("claude-1", None)
    };
    machine.tell(&Command::Register(with(1024))).unwrap();
    let refusal = machine.tell(&Command::Register(with(1025))).unwrap_err();
    let Refusal::Invalid { field, found, allowed } = refusal else { panic!("{refusal:?}") };
    assert_eq!((field.as_str(), found.as_str()), ("metadata", "it has 1025 bytes"));
    assert!(allowed.contains("1024 bytes") && allowed.contains("quotas.metadata_bytes"), "{allowed}");

    let mut old = Machine::configured(|config| config.quotas.metadata_bytes = 16_384);
    old.tell(&Command::Register(with(15_000))).unwrap();
    let written = serde_json::to_string(&old.registry.snapshot()).unwrap();
    machine.registry = Registry::restore(policy(), serde_json::from_str(&written).unwrap());
    let kept =
        |machine: &Machine| machine.registry.instance(&instance("claude-1")).unwrap().metadata.is_some();
    assert!(kept(&machine));
    // It registers again without a word about itself, and keeps what it said.
    machine.register("claude-1", None);
    assert!(kept(&machine));
}

#[test]
fn a_refusal_says_which_quota_who_has_how_many_and_what_to_type() {
    let mut machine = small();
    (0..4).for_each(|_| drop(machine.grant(dev_of("/w/a", 1))));
    let refusal = api::Refusal::from(machine.refused(dev_of("/w/a", 1)));
    assert_eq!(refusal.code, api::Code::NoFreePort);
    assert_eq!(
        refusal.error,
        "no more than 4 live leases are allowed (quotas.leases_per_checkout in config.json), and the checkout /w/a has 4"
    );
    assert_eq!(refusal.hint.as_deref(), Some("styxy list --project ."));
    let details = json!({
        "rule": "quota", "quota": "leases_per_checkout", "limit": 4, "held": 4, "holder": "the checkout /w/a",
    });
    assert_eq!(serde_json::Value::from(refusal.details), details);
}

/// As long as a path may be, in characters that JSON writes in six each.
fn long(number: usize) -> ProjectPath {
    ProjectPath::new(&format!("{number:0>7}{}", "\u{1}".repeat(4089))).unwrap()
}

#[test]
fn whatever_is_asked_for_a_snapshot_stays_below_64_mib() {
    let mut machine = Machine::configured(|config| {
        config.quotas = crate::config::Quotas {
            leases_per_checkout: 65_535,
            waiting_per_owner: 65_535,
            instances: 65_535,
            metadata_bytes: 16_384,
        };
        config.bind_ttl = crate::config::Seconds::new(86_400);
    });
    let id = |number: usize| format!("{number:a>100}");
    // Ended leases, their answers with the longest reasons, and affinity.
    let taken = machine.grant(Ask { project: Some(long(0)), wish: preferred(5000), ..ask("dev") });
    for number in 0..400 {
        let mut wish = dev("/w/a");
        (wish.project, wish.wish) = (Some(long(number)), preferred(taken.port.get()));
        let allocation = under(group(vec![wish; 3]), &format!("r{number}"), 1);
        for grant in machine.allocate(allocation).unwrap() {
            machine.release(&grant);
        }
    }
    // As many instances, and live leases with their answers, as are taken.
    let (mut refused, mut number) = (0, 0);
    while refused < 20 {
        number += 1;
        let registration = Registration {
            working_directory: Some(long(number)),
            metadata: Some("\u{1}".repeat(1_000).into()),
            ..registration(&id(number), None)
        };
        refused += usize::from(number % 4 == 0 && machine.tell(&Command::Register(registration)).is_err());
        let ask = Ask {
            project: Some(long(number)),
            wish: preferred(taken.port.get()),
            ..dev_for("/", &id(number))
        };
        let allocated = machine.allocate(under(one(ask), &format!("live-{number}"), 1));
        if let Err(refusal) = allocated {
            assert_eq!(used_up(refusal).0, Quota::StateBytes);
            refused += 1;
        }
    }
    let bytes = serde_json::to_vec(&machine.registry.snapshot()).unwrap().len();
    assert!((40 << 20..64 << 20).contains(&bytes), "{bytes}");
    // And what was taken is loaded, and takes no more.
    let restored = Registry::restore(machine.registry.policy().clone(), machine.registry.snapshot());
    assert_eq!(restored.snapshot(), machine.registry.snapshot());
}
