//! Quotas of a live daemon: a client that asks and asks is refused, and others do not notice.

use serde_json::{Value, json};

use crate::live::Live;

const SMALL: &str = r#"{"quotas": {"leases_per_checkout": 8, "waiting_per_owner": 4, "instances": 3}}"#;

/// How many of so many requests are granted; the others are refused by this quota.
fn granted(daemon: &Live, times: usize, body: &Value, quota: &str) -> usize {
    let answers = (0..times).map(|_| daemon.ask("POST", "/allocate", &body.to_string()));
    let is_granted = |(status, answer): (u16, Value)| {
        if status != 200 {
            let details = &answer["details"];
            assert_eq!(
                (status, &answer["code"], &details["rule"]),
                (409, &json!("no_free_port"), &json!("quota"))
            );
            assert_eq!(details["quota"], quota, "{answer}");
            assert!(answer["hint"].as_str().unwrap().starts_with("styxy list"), "{answer}");
        }
        status == 200
    };
    answers.map(is_granted).filter(|granted| *granted).count()
}

#[test]
fn a_runaway_client_is_refused_and_others_get_a_port() {
    let daemon = Live::start(SMALL);
    let waiting = json!({"service_type": "test", "project_path": "/w/runaway"});
    assert_eq!(granted(&daemon, 50, &waiting, "waiting_per_owner"), 4);
    let own = json!({"service_type": "test", "project_path": "/w/runaway", "pid": std::process::id()});
    assert_eq!(granted(&daemon, 50, &own, "leases_per_checkout"), 4);
    for number in 0..20 {
        let other = json!({"service_type": "test", "project_path": format!("/w/other-{number}")});
        daemon.allocate(&other);
    }
    for number in 0..5 {
        let body = json!({"instance_id": format!("agent-{number}")}).to_string();
        let (status, answer) = daemon.ask("POST", "/instance/register", &body);
        assert_eq!(
            (status == 200, answer["details"]["quota"] == "instances"),
            (number < 3, number >= 3),
            "{answer}"
        );
    }
    let metadata = "x".repeat(1023);
    let (status, answer) = daemon.ask(
        "POST",
        "/instance/register",
        &json!({"instance_id": "agent-1", "metadata": metadata}).to_string(),
    );
    assert_eq!((status, &answer["details"]["field"]), (400, &json!("metadata")));
}
