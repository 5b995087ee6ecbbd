//! Watches of a live daemon: exactly as many as there are owners.

use std::collections::BTreeSet;
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::live::{Live, eventually};

/// A small random generator with a fixed seed, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn watched(daemon: &Live) -> u64 {
    daemon.get("/status")["watches"]["processes"].as_u64().unwrap()
}

#[test]
fn watches_and_leases_agree_in_number_after_many_random_operations() {
    let daemon = Live::start(r"{}");
    let mut dice = Dice(7);
    let mut owners: Vec<Child> = Vec::new();
    let mut leases: Vec<(u32, Value)> = Vec::new();
    for _ in 0..400 {
        match dice.roll(10) {
            0..2 => owners.push(Command::new("sleep").arg("600").spawn().unwrap()),
            2..6 if !owners.is_empty() => {
                let pid = owners[dice.roll(owners.len())].id();
                leases.push((pid, daemon.allocate(&json!({"service_type": "many", "pid": pid}))));
            }
            6..9 if !leases.is_empty() => {
                let (_, lease) = leases.swap_remove(dice.roll(leases.len()));
                assert_eq!(daemon.release(&lease), 200);
            }
            9 if !owners.is_empty() => {
                let index = dice.roll(owners.len());
                let mut owner = owners.swap_remove(index);
                owner.kill().unwrap();
                owner.wait().unwrap();
                leases.retain(|(pid, _)| *pid != owner.id());
                eventually("the dead owner's leases end", || {
                    let live = daemon.get("/status")["allocations"].as_u64().unwrap();
                    (live == leases.len() as u64).then_some(())
                });
            }
            _ => {}
        }
        let by_pid: BTreeSet<u32> = leases.iter().map(|(pid, _)| *pid).collect();
        assert_eq!(watched(&daemon), by_pid.len() as u64);
    }
    for mut owner in owners {
        owner.kill().unwrap();
        owner.wait().unwrap();
    }
    eventually("every lease ends with its owner", || {
        (daemon.get("/status")["allocations"] == 0).then_some(())
    });
    assert_eq!(watched(&daemon), 0);
}

#[test]
fn a_dead_a_foreign_and_an_impossible_pid_own_nothing() {
    let daemon = Live::start(r"{}");
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    for pid in [json!(child.id()), json!(0), json!(-1), json!(3_000_000_000_u32), json!("self")] {
        let (status, refusal) =
            daemon.ask("POST", "/allocate", &json!({"service_type": "x", "pid": pid}).to_string());
        assert_eq!(
            (status, &refusal["code"], &refusal["details"]["field"]),
            (400, &json!("invalid_request"), &json!("pid"))
        );
    }
    assert_eq!(daemon.get("/status")["allocations"], 0);
}

#[test]
fn a_request_repeated_after_its_process_ended_gets_the_first_answer() {
    let daemon = Live::start(r"{}");
    let mut events = daemon.events();
    let mut owner = Command::new("sleep").arg("600").spawn().unwrap();
    let request = json!({"service_type": "once", "pid": owner.id(), "request_id": "r-1"});
    let first = daemon.allocate(&request);
    owner.kill().unwrap();
    owner.wait().unwrap();
    events.wait_for("ended");
    assert_eq!(daemon.allocate(&request), first);
    let other = json!({"service_type": "other", "pid": owner.id(), "request_id": "r-1"});
    assert_eq!(daemon.ask("POST", "/allocate", &other.to_string()).0, 422);
    assert_eq!(daemon.get("/status")["allocations"], 0);
}
