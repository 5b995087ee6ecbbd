//! Which port a request is granted, and that no other request is granted it.

#[cfg(unix)]
use std::net::TcpStream;

use serde_json::json;
use styxy_core::api::{AllocateAnswer, CheckAnswer, Grant, GroupAnswer, ReleaseAnswer, SuggestAnswer};

use crate::support::{Home, Server, addresses, names_process, sort};
#[cfg(unix)]
use crate::support::{Running, is_in_time_wait, until};

#[test]
fn a_port_with_a_listener_on_any_address_is_not_granted() {
    let home = Home::new();
    for address in addresses(home.spare_port()) {
        let server = Server::listen(&home, &[address]);
        let exact = json!({ "service_type": sort::WEB, "port": address.port(), "exact": true });
        let refusal = home.socket().post("/allocate", &exact).refused(409, "port_unavailable");
        let is_named = refusal.error.contains(&server.pid().to_string());
        assert!(is_named || !names_process(&address), "{address}: {}", refusal.error);
        let other = home.allocate(&json!({ "service_type": sort::WEB, "port": address.port() }));
        assert_ne!(other.port.get(), address.port(), "{address}");
        assert!(other.reason.expect("a reason").contains(&address.port().to_string()), "{address}");
        let check: CheckAnswer = home.socket().get(&format!("/check/{}", address.port())).ok();
        assert!(!check.available, "{address}");
    }
}

#[test]
fn a_port_that_a_foreign_server_has_is_skipped() {
    let home = Home::new();
    let (first, last) = (*home.range(sort::TINY).start(), *home.range(sort::TINY).end());
    let _server = Server::listen(&home, &[(std::net::Ipv6Addr::LOCALHOST, first).into()]);
    assert_eq!(home.allocate(&json!({ "service_type": sort::TINY })).port.get(), last);
    let refusal =
        home.socket().post("/allocate", &json!({ "service_type": sort::TINY })).refused(409, "no_free_port");
    assert_eq!((&refusal.details["leased"], &refusal.details["busy"]), (&json!(1), &json!(1)));
}

// What lingers on Windows is not seen by a plain bind, and Wine has not that rule.
#[test]
#[cfg(unix)]
fn a_server_that_had_a_client_gets_its_port_again_at_once() {
    let home = Home::new();
    let ask = |owner: &Running| {
        home.allocate(
            &json!({ "service_type": sort::WEB, "project_path": home.project(), "pid": owner.pid() }),
        )
    };
    let owner = Running::idle();
    let port = ask(&owner).port.get();
    let mut server = Server::on(&home, port);
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    server.tell("serve");
    assert_eq!(server.hear(), "served");
    std::io::copy(&mut &client, &mut std::io::sink()).unwrap();
    drop(client);
    server.kill();
    owner.kill();
    until("the server's side is in TIME_WAIT", || is_in_time_wait(port));
    let next = Running::idle();
    assert_eq!(ask(&next).port.get(), port);
    assert!(is_in_time_wait(port), "it was over before the port was granted");
    // It can really be bound.
    drop(Server::on(&home, port));
}

#[test]
fn the_preferred_port_is_granted_if_it_is_free_and_else_the_reason_says_who_has_it() {
    let home = Home::new();
    let port = home.spare_port();
    let wish = json!({ "service_type": sort::WEB, "preferred_port": port, "instance_id": "claude-2", "project_path": "/w/other" });
    let first = home.allocate(&wish);
    assert_eq!((first.port.get(), first.reason), (port, None));
    let second = home.allocate(&json!({ "service_type": sort::WEB, "preferred_port": port }));
    assert_eq!(second.port.get(), *home.range(sort::WEB).start());
    let reason = second.reason.expect("a reason");
    assert!(reason.contains(&port.to_string()) && reason.contains("claude-2"), "{reason}");
}

#[test]
fn an_exact_port_is_that_one_or_a_refusal_that_names_its_holder() {
    let home = Home::new();
    let exact = json!({ "service_type": sort::WEB, "port": home.spare_port(), "exact": true, "instance_id": "claude-1" });
    let first = home.allocate(&exact);
    assert_eq!(json!(first.port), exact["port"]);
    let refusal = home.socket().post("/allocate", &exact).refused(409, "port_unavailable");
    assert!(refusal.error.contains("claude-1"), "{}", refusal.error);
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn the_daemons_own_port_is_never_granted() {
    let home = Home::new();
    home.start();
    let exact = json!({ "service_type": sort::WEB, "port": home.listen_port(), "exact": true });
    home.socket().post("/allocate", &exact).refused(409, "port_unavailable");
}

#[test]
fn every_allocate_of_one_key_is_another_lease() {
    let home = Home::new();
    let ask = json!({ "service_type": sort::WEB, "service_name": "web", "project_path": "/w/app" });
    let (first, second) = (home.allocate(&ask), home.allocate(&ask));
    assert_ne!(first.port, second.port);
    assert_ne!(first.lock_id, second.lock_id);
}

#[test]
fn a_key_gets_the_port_it_had_before_and_others_get_it_last() {
    let home = Home::new();
    let ask = |project: &str| json!({ "service_type": sort::WEB, "project_path": project });
    let _keeps_the_first = home.allocate(&ask("/w/zero"));
    let first = home.allocate(&ask("/w/one"));
    home.socket().delete(&format!("/allocate/{}", first.lock_id.unwrap())).ok::<ReleaseAnswer>();
    let other = home.allocate(&ask("/w/two"));
    assert_ne!(other.port, first.port);
    assert_eq!(home.allocate(&ask("/w/one")).port, first.port);
}

#[test]
fn a_default_port_is_granted_unless_the_key_had_another_one() {
    let home = Home::new();
    let last = *home.range(sort::WEB).end();
    let ask =
        |project: &str| json!({ "service_type": sort::WEB, "project_path": project, "default_port": last });
    assert_eq!(home.allocate(&ask("/w/one")).port.get(), last);
    let other = home.allocate(&ask("/w/two"));
    assert_ne!(other.port.get(), last);
    assert_eq!(other.reason, None);
    home.styxy(&["cleanup", "--force", "--yes"]).done();
    assert_eq!(home.allocate(&ask("/w/two")).port, other.port);
    let both = json!({ "service_type": sort::WEB, "default_port": last, "preferred_port": last });
    home.socket().post("/allocate", &both).refused(400, "invalid_request");
}

#[test]
fn an_unknown_service_type_is_refused_when_types_are_strict() {
    let home = Home::new();
    let refusal =
        home.socket().post("/allocate", &json!({ "service_type": "wep" })).refused(400, "invalid_request");
    assert!(refusal.error.contains(sort::WEB) && refusal.hint.unwrap().contains(sort::WEB));
}

#[test]
fn suggest_reserves_nothing_and_says_what_allocate_grants() {
    let home = Home::new();
    let suggest: SuggestAnswer = home.socket().get("/suggest/web?count=3").ok();
    let first = *home.range(sort::WEB).start();
    let expected = [first, first + 10, first + 1];
    assert_eq!(suggest.suggestions.iter().map(|port| port.get()).collect::<Vec<_>>(), expected);
    assert_eq!(home.leases(), []);
    assert_eq!(Some(home.allocate(&json!({ "service_type": sort::WEB })).port), suggest.port);
}

#[test]
fn a_grant_has_everything_a_person_needs() {
    let home = Home::new();
    let answer: AllocateAnswer =
        home.socket().post("/allocate", &json!({ "service": sort::WEB, "service_name": "web" })).ok();
    let grant: &Grant = &answer.grants()[0];
    assert_eq!(grant.url, format!("http://localhost:{}", grant.port));
    assert_eq!(grant.message, format!("Port {} allocated for web/web service", grant.port));
    assert_eq!(grant.service_name.as_ref().unwrap().as_str(), "web");
    assert!(
        grant.success
            && !grant.reused
            && !grant.existing
            && grant.reason.is_none()
            && grant.displaced_from.is_none()
    );
}

#[test]
fn a_group_is_granted_all_or_nothing() {
    let home = Home::new();
    let ask = |types: &[&str]| json!({ "services": types.iter().map(|name| json!({ "service": name })).collect::<Vec<_>>() });
    let group: GroupAnswer = home.socket().post("/allocate", &ask(&[sort::WEB, sort::API, sort::WEB])).ok();
    let sorts: Vec<&str> = group.leases.iter().map(|grant| grant.service_type.as_str()).collect();
    assert_eq!(sorts, [sort::WEB, sort::API, sort::WEB]);
    assert_ne!(group.leases[0].port, group.leases[2].port);
    home.socket()
        .post("/allocate", &ask(&[sort::API, sort::TINY, sort::TINY, sort::TINY]))
        .refused(409, "no_free_port");
    assert_eq!(home.leases().len(), 3, "part of the second group was granted");
}

#[test]
fn the_second_request_for_a_singleton_gets_the_lease_of_the_first() {
    let home = Home::new();
    let first = home.allocate(
        &json!({ "service_type": sort::SOLO, "instance_id": "claude-1", "project_path": "/w/one" }),
    );
    let second = home.allocate(&json!({ "service_type": sort::SOLO, "project_path": "/w/two" }));
    assert!(!first.existing && second.existing);
    assert_eq!(second.port, first.port);
    assert!(second.reason.expect("its holder").contains("claude-1"));
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn a_dry_run_says_what_an_allocate_then_grants_and_remembers_nothing() {
    let home = Home::new();
    let port = home.spare_port();
    home.allocate(&json!({ "service_type": sort::WEB, "port": port }));
    let ask = |dry_run: bool| json!({ "service_type": sort::WEB, "port": port, "dry_run": dry_run, "request_id": "r" });
    let before = home.status().unwrap().journal;
    let dry = home.allocate(&ask(true));
    assert_eq!(dry.lock_id, None);
    assert_eq!((home.leases().len(), home.status().unwrap().journal), (1, before));
    let real = home.allocate(&ask(false));
    assert_eq!((real.port, real.reason), (dry.port, dry.reason));
    assert!(real.lock_id.is_some());
}

#[test]
fn a_repeated_request_gets_the_first_answer_and_a_changed_one_is_refused() {
    let home = Home::new();
    let ask = json!({ "service_type": sort::WEB, "request_id": "once" });
    let first = home.allocate(&ask);
    assert_eq!(home.allocate(&ask), first);
    let changed = json!({ "service_type": sort::API, "request_id": "once" });
    home.socket().post("/allocate", &changed).refused(422, "request_id_reused");
    assert_eq!(home.leases().len(), 1);
    // Also for a client that lost the answer and asks again after the lease has ended.
    home.socket().delete(&format!("/allocate/{}", first.lock_id.unwrap())).ok::<ReleaseAnswer>();
    assert_eq!(home.allocate(&ask), first);
    assert_eq!(home.leases(), []);
}
