//! Blocks of consecutive ports: `--block` and `block` (R65).

use serde_json::json;
use styxy_core::api::GroupAnswer;

use crate::support::{Home, Server, helper_under, sort, until};

fn ports(answer: &GroupAnswer) -> Vec<u16> {
    answer.leases.iter().map(|grant| grant.port.get()).collect()
}

#[test]
fn a_block_is_granted_all_or_none() {
    let home = Home::new();
    let ask = |more: serde_json::Value| {
        let mut body = json!({ "service_type": sort::WEB, "block": 3 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        home.socket().post("/allocate", &body)
    };
    let would = ask(json!({ "dry_run": true })).ok::<GroupAnswer>();
    assert!(would.leases.iter().all(|grant| grant.lock_id.is_none()));
    assert_eq!(home.leases().len(), 0);
    let block = ask(json!({})).ok::<GroupAnswer>();
    let first = ports(&block)[0];
    assert_eq!(ports(&block), [first, first + 1, first + 2]);
    assert_eq!(ports(&would), ports(&block));
    assert_eq!(home.leases().len(), 3);
    let taken = ask(json!({ "port": first + 2, "exact": true })).refused(409, "port_unavailable");
    assert_eq!(taken.details["port"], json!(first + 2));
    assert_eq!(home.leases().len(), 3);
}

#[test]
fn a_server_in_the_way_moves_the_block() {
    let home = Home::new();
    let first = *home.range(sort::WEB).start();
    let _server = Server::on(&home, first + 1);
    let body = json!({ "service_type": sort::WEB, "block": 2 });
    let block = home.socket().post("/allocate", &body).ok::<GroupAnswer>();
    assert!(!ports(&block).contains(&(first + 1)), "{:?}", ports(&block));
    assert_eq!(ports(&block)[1], ports(&block)[0] + 1);
}

#[test]
fn a_block_has_2_to_16_ports_of_one_service() {
    let home = Home::new();
    for size in [json!(0), json!(1), json!(17), json!(-2), json!(2.5), json!("3"), json!(true)] {
        let body = json!({ "service_type": sort::WEB, "block": size });
        let refusal = home.socket().post("/allocate", &body).refused(400, "invalid_request");
        assert_eq!(refusal.details["field"], "block", "{size}");
    }
    let body = json!({ "services": [{ "service_type": sort::WEB }], "block": 2 });
    home.socket().post("/allocate", &body).refused(400, "invalid_request");
    assert_eq!(home.leases().len(), 0);
}

#[test]
fn a_command_gets_the_same_block_in_each_run_and_its_first_port_is_port() {
    let home = Home::new();
    let run = || {
        let words = ["run", "-s", sort::WEB, "--block", "3", "--"];
        Server::run(&mut helper_under(&home, &words, "port", &[]))
    };
    let first = run();
    let port: u16 = first.hear().trim().parse().unwrap();
    let mut leased: Vec<u16> = home.leases().iter().map(|lease| lease.port.get()).collect();
    leased.sort_unstable();
    assert_eq!(leased, [port, port + 1, port + 2]);
    first.kill();
    until("the block ends with its command", || home.leases().is_empty());
    let second = run();
    assert_eq!(second.hear().trim(), port.to_string());
    assert_eq!(home.leases().len(), 3);
}

#[test]
fn allocate_prints_each_port_of_the_block_on_a_line() {
    let home = Home::new();
    let output = home.styxy(&["allocate", "-s", sort::WEB, "--block", "3", "-q"]);
    let ports: Vec<u16> = output.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(ports, [ports[0], ports[0] + 1, ports[0] + 2]);
    for wrong in [
        &["allocate", "-s", sort::WEB, "-s", sort::API, "--block", "3"][..],
        &["run", "-s", sort::WEB, "-s", sort::API, "--block", "3", "--", "true"],
        &["allocate", "-s", sort::WEB, "--block", "1"],
        &["run", "--block", "17", "--", "true"],
    ] {
        assert_eq!(home.styxy(wrong).code, 2, "{wrong:?}");
    }
}
