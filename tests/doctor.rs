//! The doctor finds what is wrong, says what to do about it, and changes nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{Home, Server, sort};

/// What the doctor found of `check`: its verdict, message and hint.
fn finding(home: &Home, code: i32, check: &str) -> (String, String, String) {
    let findings = home.styxy(&["doctor", "--json"]).exits(code).json();
    let found = findings.as_array().unwrap().iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no {check} in {findings}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("message"), text("hint"))
}

#[test]
fn a_healthy_machine_is_said_to_be_so_with_and_without_a_daemon() {
    let home = Home::new();
    let without = home.styxy(&["doctor"]).done().stdout;
    assert!(without.contains("not running"), "{without}");
    assert!(home.status().is_none(), "the doctor started a daemon");
    home.start();
    let with = home.styxy(&["doctor"]).done().stdout;
    for check in ["daemon", "version", "port", "config", "folder", "ranges", "descriptors", "journal"] {
        assert!(with.lines().any(|line| line.contains(check)), "{check}:\n{with}");
    }
    assert!(!with.contains("wrong"), "{with}");
}

#[test]
fn the_doctor_exits_1_over_a_mistake_in_the_configuration() {
    let home = Home::new();
    home.write_config("{ \"listenport\": 1 }");
    let (verdict, message, hint) = finding(&home, 1, "config");
    assert_eq!(verdict, "wrong");
    assert!(message.contains("config.json:1:3: ") && hint.contains("listen_port"), "{message} {hint}");
}

#[test]
fn the_doctor_exits_1_over_a_folder_that_others_may_look_into() {
    let home = Home::new();
    fs::set_permissions(home.root(), Permissions::from_mode(0o755)).unwrap();
    let (verdict, _, hint) = finding(&home, 1, "folder");
    assert_eq!(verdict, "wrong");
    assert!(hint.contains("chmod 700"), "{hint}");
}

#[test]
fn the_doctor_exits_1_over_a_listen_port_that_somebody_else_has() {
    let home = Home::new();
    let _holder = Server::on(&home, home.listen_port());
    let (verdict, message, hint) = finding(&home, 1, "port");
    assert_eq!(verdict, "wrong");
    assert!(message.contains(&home.listen_port().to_string()) && !hint.is_empty(), "{message} {hint}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_warns_of_ranges_that_outgoing_connections_use() {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u16 = text.split_whitespace().next().unwrap().parse().unwrap();
    let home = Home::new();
    home.configure(&json!({ "service_types": { "risky": { "range": [first, first + 9] } } }));
    let (verdict, message, hint) = finding(&home, 0, "ranges");
    assert_eq!(verdict, "warn");
    assert!(message.contains("risky") && !hint.is_empty(), "{message} {hint}");
}

#[test]
fn the_doctor_warns_of_a_stranger_on_a_leased_port() {
    let home = Home::new();
    let port = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let _stranger = Server::in_folder(&home, &home.other_project(), port);
    let (verdict, message, hint) = finding(&home, 0, "leases");
    assert_eq!((verdict.as_str(), hint), ("warn", format!("styxy check {port}")));
    assert!(message.contains(&port.to_string()), "{message}");
    assert!(home.styxy(&["list"]).done().stdout.contains("conflict"));
}
