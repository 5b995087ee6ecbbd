//! Every refusal: that nothing follows from it, and how it is said on the wire.

use serde_json::{Value, json};

use super::*;
use crate::api;

/// What the wire says of a refusal: code, hint and details; the sentence, too, must be there.
fn said(refusal: Refusal) -> Value {
    let refusal = api::Refusal::from(refusal);
    assert!(!refusal.success && !refusal.error.is_empty() && !refusal.error.ends_with('.'), "{refusal:?}");
    json!({"code": refusal.code, "hint": refusal.hint, "details": refusal.details})
}

fn text(refusal: Refusal) -> String {
    api::Refusal::from(refusal).error
}

#[test]
fn a_group_without_members_is_refused() {
    let refusal = Machine::new().allocate(group(Vec::new())).unwrap_err();
    assert_eq!(
        said(refusal),
        json!({
            "code": "invalid_request",
            "hint": null,
            "details": {"field": "services", "found": "no service is asked for", "allowed": "1 to 64 members"},
        })
    );
}

#[test]
fn an_unknown_type_is_refused_if_the_configuration_is_strict_naming_the_nearest() {
    let mut machine = Machine::configured(|config| {
        config.strict_service_types = true;
        config.service_types.retain(|name, _| ["dev", "storybook"].contains(&name.as_str()));
    });
    let refusal = machine.refused(ask("storybok"));
    assert_eq!(text(refusal.clone()), "unknown service type storybok; allowed: dev, storybook");
    assert_eq!(
        said(refusal),
        json!({
            "code": "invalid_request",
            "hint": "did you mean storybook?",
            "details": {
                "field": "service_type",
                "found": "storybok",
                "allowed": ["dev", "storybook"],
                "nearest": "storybook",
            },
        })
    );
    assert_eq!(said(machine.refused(ask("zzzzzzzz")))["hint"], "styxy config show");
    assert!(machine.registry.suggest(&service("storybok"), 1, machine.now, |_| Occupancy::Free).is_err());
    machine.grant(ask("dev"));
}

#[test]
fn a_taken_exact_port_names_its_holder() {
    let mut machine = Machine::new().busy([4000]);
    machine.ports.insert(port(81), Occupancy::Denied);
    let held = machine.grant(Ask { wish: exact(4321), ..dev_for("/w/other", "claude-2") });
    let mut details = |number| {
        let said = said(machine.refused(Ask { wish: exact(number), ..dev("/w/a") }));
        assert_eq!(
            (&said["code"], &said["hint"]),
            (&json!("port_unavailable"), &json!(format!("styxy check {number}")))
        );
        said["details"].clone()
    };
    assert_eq!(
        details(4321),
        json!({
            "port": 4321,
            "lock_id": held.lock_id,
            "holder": "claude-2 (/w/other)",
            "project_path": "/w/other",
        })
    );
    assert_eq!(details(4000), json!({"port": 4000, "holder": "foreign"}));
    assert_eq!(details(81), json!({"port": 81, "holder": "system"}));
    let twice = vec![Ask { wish: exact(5555), ..dev("/w/a") }; 2];
    let refusal = machine.allocate(group(twice)).unwrap_err();
    assert_eq!(said(refusal)["details"], json!({"port": 5555, "holder": "group"}));
    let single = machine.grant(ask("ai"));
    let refusal = machine.refused(Ask { wish: exact(5555), ..ask("ai") });
    let elsewhere = json!({"port": 5555, "holder": "a server yet to start", "elsewhere": single.port});
    assert_eq!(said(refusal)["details"], elsewhere);
}

#[test]
fn no_free_port_tells_the_ranges_and_what_is_in_them() {
    let mut machine = Machine::configured(|config| config.overflow_range = Some(range(10_000, 10_001)))
        .busy([6007, 10_000]);
    for _ in 0..5 {
        machine.grant(ask("storybook"));
    }
    let refusal = machine.refused(ask("storybook"));
    assert_eq!(
        said(refusal),
        json!({
            "code": "no_free_port",
            "hint": "styxy scan 6006-6010",
            "details": {
                "service_type": "storybook",
                "range": [6006, 6010],
                "overflow_range": [10_000, 10_001],
                "leased": 5,
                "busy": 2,
            },
        })
    );
    let unknown = said(machine.refused(ask("queue")));
    assert_eq!(unknown["details"]["range"], json!([10_000, 10_001]));
    assert_eq!(unknown["details"]["overflow_range"], Value::Null);
}

#[test]
fn no_free_port_says_how_many_ports_are_given_by_number_only() {
    let mut policy = policy();
    policy.config.overflow_range = None;
    policy.never = range(6006, 6010).ports().collect();
    let refusal = crate::api::Refusal::from(Machine::with(policy).refused(ask("storybook")));
    assert!(refusal.error.contains("5 of its ports are given only by number"), "{refusal}");
    assert_eq!(refusal.details["withheld"], 5);
}

#[test]
fn without_an_overflow_range_a_full_range_is_the_end() {
    let mut machine = Machine::configured(|config| config.overflow_range = None);
    machine.allocate(group(vec![ask("storybook"); 5])).unwrap();
    assert!(matches!(
        machine.refused(ask("storybook")),
        Refusal::NoFreePort { overflow: None, leased: 5, .. }
    ));
    assert!(
        matches!(machine.refused(ask("queue")), Refusal::NoFreePort { .. }),
        "an unknown type has nowhere to look"
    );
}

#[test]
fn a_lease_that_never_was_is_unknown_and_one_that_ended_says_why() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.exit(1, Vec::new());
    let lock_id = grant.lock_id.unwrap();
    let before = machine.registry.snapshot();
    let refusal = machine.tell(&Command::Release(lock_id)).unwrap_err();
    assert_eq!(text(refusal.clone()), format!("the lease {lock_id} of port 3000 has ended (owner_exited)"));
    assert_eq!(
        said(refusal),
        json!({
            "code": "lease_ended",
            "hint": "styxy list",
            "details": {"lock_id": lock_id, "port": 3000, "reason": "owner_exited"},
        })
    );
    let never = machine.fresh_id();
    let refusal = machine.tell(&Command::Release(never)).unwrap_err();
    assert_eq!(
        said(refusal),
        json!({"code": "unknown_lease", "hint": "styxy list", "details": {"lock_id": never}})
    );
    assert_eq!(machine.registry.snapshot(), before);
}

#[test]
fn the_last_1024_ended_leases_are_remembered() {
    let mut machine = Machine::new();
    let grants: Vec<Grant> = (0..1026)
        .map(|_| {
            let grant = machine.grant(dev("/w/a"));
            machine.release(&grant);
            grant
        })
        .collect();
    let mut refusal =
        |index: usize| machine.tell(&Command::Release(grants[index].lock_id.unwrap())).unwrap_err();
    assert!(matches!(refusal(2), Refusal::LeaseEnded { reason: EndReason::Released, .. }));
    assert!(matches!(refusal(1), Refusal::UnknownLease(_)));
}

#[test]
fn instances_are_refused_by_name() {
    let mut machine = Machine::new();
    let unknown =
        json!({"code": "unknown_instance", "hint": "styxy instances", "details": {"instance_id": "nobody"}});
    for command in [Command::Beat(instance("nobody")), Command::EndInstance { id: instance("nobody") }] {
        assert_eq!(said(machine.tell(&command).unwrap_err()), unknown);
    }
    machine.register("claude-1", None);
    machine.tick_after(MINUTE);
    let expired = json!({
        "code": "instance_expired",
        "hint": "register it again: POST /instance/register",
        "details": {"instance_id": "claude-1"},
    });
    for command in [Command::Beat(instance("claude-1")), Command::EndInstance { id: instance("claude-1") }] {
        assert_eq!(said(machine.tell(&command).unwrap_err()), expired);
    }
    machine.register("claude-2", Some(process(1)));
    let refusal = machine.tell(&Command::Register(registration("claude-2", Some(process(2))))).unwrap_err();
    assert_eq!(
        said(refusal),
        json!({
            "code": "instance_exists",
            "hint": "styxy instances",
            "details": {"instance_id": "claude-2", "pid": 1},
        })
    );
}

#[test]
fn a_request_id_used_for_another_body_is_refused_by_name() {
    let mut machine = Machine::new();
    machine.allocate(under(one(dev("/w/a")), "r1", 1)).unwrap();
    let refusal = machine.allocate(under(one(dev("/w/b")), "r1", 2)).unwrap_err();
    assert_eq!(
        said(refusal),
        json!({
            "code": "request_id_reused",
            "hint": "use a fresh request_id for each request",
            "details": {"request_id": "r1"},
        })
    );
}
