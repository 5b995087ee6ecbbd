//! What becomes of a lease and its name once its server has ended: the machine is looked at before anything is decided.

use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::live::{Live, PATIENCE, eventually, free_range};

fn lease_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// A lease of this process' own checkout, as `styxy env` takes one.
fn told(daemon: &Live, port: u16) -> Value {
    daemon.allocate(&json!({
        "service_type": "dev",
        "project_path": lease_root(),
        "reuse": true,
        "preferred_port": port,
        "exact": true,
    }))
}

fn leases(daemon: &Live) -> Vec<Value> {
    daemon.get("/allocations")["allocations"].as_array().unwrap().clone()
}

#[test]
fn a_port_stays_given_back_only_if_somebody_listened_on_it_then() {
    let daemon = Live::start("{}");
    let port = free_range(4)[0] + 2;
    let lease = told(&daemon, port);
    // Nobody has asked the daemon since.
    let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(daemon.release(&lease), 200);
    assert_eq!(leases(&daemon), [] as [Value; 0]);
    drop(server);
    let lease = told(&daemon, port);
    assert_eq!(daemon.release(&lease), 200);
    let _server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let again = eventually("its server has the lease again", || leases(&daemon).into_iter().next());
    assert_eq!(again["port"], port);
}

#[test]
fn the_name_of_a_server_that_has_ended_says_so_although_its_port_is_kept() {
    let daemon = Live::start(r#"{ "unbind_grace": 0.2 }"#);
    let port = free_range(4)[0] + 3;
    let lease = told(&daemon, port);
    let host = lease["host"].as_str().unwrap();
    let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    eventually("it is heard", || leases(&daemon).into_iter().find(|lease| lease["state"] == "active"));
    drop(server);
    let began = Instant::now();
    let (head, body) = daemon.send("GET /", &[("host", host)]);
    assert!(head.starts_with("HTTP/1.1 503") && body.contains("its server ended"), "{head}\n{body}");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert_eq!(leases(&daemon)[0]["state"], "granted");
}

#[test]
fn a_lease_is_released_as_one_that_waits_only_while_nobody_has_it() {
    let daemon = Live::start("{}");
    let port = free_range(5)[0] + 4;
    let lease = told(&daemon, port);
    let path = format!("/allocate/{}?waiting=true", lease["lock_id"].as_str().unwrap());
    let taken = daemon.allocate(&json!({
        "service_type": "dev",
        "project_path": lease_root(),
        "reuse": true,
        "pid": std::process::id(),
    }));
    assert_eq!(taken["lock_id"], lease["lock_id"]);
    let (status, answer) = daemon.ask("DELETE", &path, "");
    assert_eq!((status, &answer["success"]), (200, &json!(false)), "{answer}");
    assert_eq!(leases(&daemon).len(), 1);
    assert_eq!(daemon.release(&lease), 200);

    let lease = told(&daemon, port);
    let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let path = format!("/allocate/{}?waiting=true", lease["lock_id"].as_str().unwrap());
    assert_eq!(daemon.ask("DELETE", &path, "").1["success"], false, "its server runs");
    assert_eq!(daemon.release(&lease), 200);
    drop(server);

    let lease = told(&daemon, port);
    let path = format!("/allocate/{}?waiting=true", lease["lock_id"].as_str().unwrap());
    assert_eq!(daemon.ask("DELETE", &path, "").1["success"], true);
    assert_eq!(leases(&daemon), [] as [Value; 0]);
    assert_eq!(daemon.ask("DELETE", &path, "").0, 410);
    let (status, answer) = daemon.ask("DELETE", &path.replace("true", "1"), "");
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("waiting: \"1\" is neither true nor false; allowed: true or false"))
    );
}

#[test]
fn what_a_forced_cleanup_has_ended_stays_so_while_its_server_listens() {
    let daemon = Live::start("{}");
    let port = free_range(6)[0] + 5;
    told(&daemon, port);
    // Nobody has asked the daemon since.
    let _server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(daemon.ask("POST", "/cleanup", r#"{"force": true}"#).0, 200);
    assert_eq!(leases(&daemon), [] as [Value; 0]);
    assert_eq!(leases(&daemon), [] as [Value; 0], "a list looks who has the ports");
}
