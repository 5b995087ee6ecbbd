//! A request with `reuse` gets its own lease back, and never another's.

use serde_json::{Value, json};
use styxy_core::api::OwnerKind;
use styxy_core::{EndReason, Pid};

use crate::support::{Home, Running, Server, forked_server, pid_of, sort, until};

fn reuse(more: &Value) -> Value {
    let mut ask = json!({ "service_type": sort::WEB, "project_path": "/w/app", "reuse": true });
    for (key, value) in more.as_object().unwrap() {
        ask[key] = value.clone();
    }
    ask
}

#[test]
fn reuse_returns_the_live_lease_that_nothing_uses() {
    let home = Home::new();
    let first = home.allocate(&reuse(&json!({})));
    assert!(!first.reused);
    let again = home.allocate(&reuse(&json!({ "port": home.spare_port() })));
    assert!(again.reused);
    assert_eq!((again.port, again.lock_id), (first.port, first.lock_id));
    for other in [
        json!({ "service_name": "x" }),
        json!({ "instance_id": "claude-1" }),
        json!({ "project_path": "/w/b" }),
    ] {
        let grant = home.allocate(&reuse(&other));
        assert!(!grant.reused && grant.port != first.port, "{other}");
    }
}

#[test]
fn reuse_does_not_take_a_lease_that_another_process_owns_or_uses() {
    let home = Home::new();
    let owner = Running::idle();
    let first = home.allocate(&reuse(&json!({ "pid": owner.pid() })));
    let listened = home.allocate(&reuse(&json!({})));
    assert_ne!(first.port, listened.port);
    let _server = Server::on(&home, listened.port.get());
    let third = home.allocate(&reuse(&json!({})));
    assert!(!third.reused);
    assert!(![first.port, listened.port].contains(&third.port));
}

#[test]
fn reuse_with_a_pid_makes_it_the_owner() {
    let home = Home::new();
    let first = home.allocate(&reuse(&json!({})));
    let owner = Running::idle();
    let again = home.allocate(&reuse(&json!({ "pid": owner.pid() })));
    assert_eq!(
        (again.lock_id, again.owner.kind, pid_of(&again.owner)),
        (first.lock_id, OwnerKind::Process, Some(owner.pid()))
    );
    owner.kill();
    let waits = || home.lease_of(&first).is_some_and(|lease| lease.owner.kind == OwnerKind::Listener);
    until("it waits again for the rest of its time", waits);
}

#[test]
fn reuse_by_a_descendant_gets_its_ancestors_lease_and_the_owner_stays() {
    let home = Home::new();
    let (parent, child) = forked_server(&home, ([127, 0, 0, 1], home.spare_port()).into());
    let first = home.allocate(&reuse(&json!({ "pid": parent.pid() })));
    let again = home.allocate(&reuse(&json!({ "pid": child })));
    assert!(again.reused);
    assert_eq!((again.lock_id, pid_of(&again.owner)), (first.lock_id, Some(parent.pid())));
    let stranger = Running::idle();
    assert!(!home.allocate(&reuse(&json!({ "pid": stranger.pid() }))).reused);
}

#[test]
fn reuse_of_a_lease_whose_port_a_stranger_has_bound_moves_on() {
    let home = Home::new();
    let ours = home.project();
    let ask = json!({ "service_type": sort::WEB, "project_path": ours, "reuse": true });
    let first = home.allocate(&ask);
    let mut events = home.socket().events(None);
    let stranger = Server::in_folder(&home, &home.other_project(), first.port.get());
    let (_, conflict) = events.expect("conflict");
    let conflict = conflict.lease.unwrap().conflict.expect("a stranger");
    assert_eq!(conflict.pid.map(Pid::get), Some(stranger.pid()));
    assert!(home.lease_of(&first).unwrap().conflict.is_some());
    let moved = home.allocate(&ask);
    assert_eq!(moved.displaced_from, Some(first.port));
    assert!(!moved.reused && moved.port != first.port);
    let (_, ended) = events.expect("ended");
    assert_eq!(ended.reason, Some(EndReason::Displaced));
    assert!(home.lease_of(&first).is_none());
}

#[test]
fn insisting_on_the_port_of_ones_own_lease_that_waits_says_how_to_get_it_again() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-n", "admin", "-q"]).done().number().to_string();
    let again = ["allocate", "-s", sort::WEB, "-n", "admin", "-p", &port, "--exact", "--json"];
    let refused = home.styxy(&again).exits(1).refusal();
    let hint = format!("styxy allocate --service web --name admin --port {port} --exact --reuse");
    assert_eq!(refused.hint.as_deref(), Some(hint.as_str()));
    assert_eq!(
        home.styxy(&crate::support::words(&format!("{} -q", &hint["styxy ".len()..])))
            .done()
            .number()
            .to_string(),
        port
    );
    // Another service's lease is not got that way.
    let other = ["allocate", "-s", sort::WEB, "-p", &port, "--exact", "--json"];
    assert_eq!(home.styxy(&other).exits(1).refusal().hint, Some(format!("styxy check {port}")));
}
