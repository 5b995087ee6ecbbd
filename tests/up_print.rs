//! `styxy up --print` foretells what `styxy up` does then, and changes nothing.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::stack::{Stack, named};
use crate::support::{Running, alive, has_ended, kill, until};

fn server(name: &str, more: &Value) -> Value {
    let mut service = json!({ "run": format!("exec python3 server.py {name}"), "ready": "/" });
    service.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    service
}

fn sleeper() -> Value {
    json!({ "run": "sleep 1000", "port": false })
}

/// What is foretold of a service.
#[track_caller]
fn foretold(stack: &Stack, name: &str) -> Value {
    let answer = stack.styxy(&["up", "--print", "--json"]).done().json();
    let services = answer["services"].as_array().unwrap();
    named(services, name)["now"].clone()
}

fn text(stack: &Stack) -> String {
    stack.styxy(&["up", "--print"]).done().stdout
}

#[test]
fn what_would_start_is_said_with_its_port_and_nothing_is_leased() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let wish = taken.local_addr().unwrap().port();
    let stack = Stack::new(&json!({
        "web": server("web", &json!({ "port": wish })), "api": server("api", &json!({})), "css": sleeper(),
    }));
    assert!(text(&stack).contains("css: sleep 1000 (no port): starts\n"));
    assert_eq!(stack.styxy(&["daemon", "status"]).code, 3, "none is started for it");
    stack.styxy(&["daemon", "start"]).done();
    let said = ["web", "api", "css"].map(|name| foretold(&stack, name));
    assert!(said.iter().all(|one| one["fate"] == "starts"), "{said:?}");
    assert!(stack.home.leases().is_empty(), "nothing is leased");
    assert!(said[0]["port"].is_number() && said[0]["port"] != wish && said[2]["port"].is_null(), "{said:?}");
    let up = stack.up();
    for (name, said) in ["web", "api"].iter().zip(&said) {
        assert_eq!(named(&up, name)["port"], said["port"], "{name}");
    }
    // The port is its own also when it has ended, and another one that the file wishes for since is taken.
    stack.styxy(&["down"]).done();
    assert_eq!(foretold(&stack, "api")["port"], said[1]["port"]);
    let other = stack.home.spare_port();
    stack.say(&json!({ "api": server("api", &json!({ "port": other })) }));
    let leases = stack.home.leases().len();
    assert_eq!(foretold(&stack, "api")["port"], other);
    assert_eq!(stack.home.leases().len(), leases, "nothing is released");
    assert_eq!(named(&stack.up(), "api")["port"], other);
}

#[test]
fn what_would_stay_start_again_and_end_is_said_as_up_says_it_then() {
    let stack = Stack::new(
        &json!({ "web": server("web", &json!({})), "api": server("api", &json!({})), "css": sleeper() }),
    );
    let up = stack.up();
    let stays = |name: &str| {
        let now = foretold(&stack, name);
        let then = named(&up, name);
        assert_eq!((&now["fate"], &now["port"], &now["pid"]), (&json!("stays"), &then["port"], &then["pid"]));
    };
    ["web", "api", "css"].into_iter().for_each(stays);
    let line = format!("(serves): stays on port {}, pid {}\n", named(&up, "web")["port"], stack.pid("web"));
    assert!(text(&stack).contains(&line) || text(&stack).contains(&line.replace("(serves)", "(may serve)")));
    stack.say(&json!({
        "web": server("web", &json!({})), "api": server("api", &json!({ "env": { "WORD": "x" } })), "more": sleeper(),
    }));
    // A keeper that was killed leaves what the next one knows.
    for is_killed in [false, true] {
        if is_killed {
            let keeper = stack.keeper();
            kill(keeper, Signal::KILL);
            until("the keeper has ended", || has_ended(keeper));
        }
        stays("web");
        let said = text(&stack);
        let api = format!(": starts again on port {}, since env has changed\n", named(&up, "api")["port"]);
        assert!(said.contains(&api) && said.contains("\ncss: ends, no longer in .styxy.json\n"), "{said}");
        assert!(said.contains("more: sleep 1000 (no port): starts\n"), "{said}");
        // Of one that is named, the others do not end.
        let said = stack.styxy(&["up", "--print", "web"]).done().stdout;
        assert!(!said.contains("css"), "{said}");
    }
    assert!(
        ["web", "api", "css"]
            .iter()
            .all(|name| alive(u32::try_from(named(&up, name)["pid"].as_u64().unwrap()).unwrap()))
    );
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(said.stderr.contains("api: starts again, since env has changed\n"), "{said:?}");
    assert!(said.stderr.contains("css: ends, no longer in .styxy.json\n"), "{said:?}");
    assert_eq!(stack.pid("web"), u32::try_from(named(&up, "web")["pid"].as_u64().unwrap()).unwrap());
}

#[test]
fn what_runs_outside_and_what_has_failed_is_foretold() {
    let stack = Stack::new(&json!({
        "api": server("api", &json!({})),
        "late": { "type": "dev", "run": "sleep 1000; true", "ready": "/", "timeout": 1 },
    }));
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "api", "--", "python3", "server.py", "by-hand"]);
    let by_hand = Running::spawn(&mut command);
    until("it listens", || {
        stack.home.leases().iter().any(|lease| lease.state == styxy_core::api::State::Active)
    });
    let now = foretold(&stack, "api");
    assert_eq!((&now["fate"], &now["pid"]), (&json!("outside"), &json!(by_hand.pid())), "{now}");
    let line = format!(": runs outside of up on port {}, pid {}, and stays\n", now["port"], by_hand.pid());
    assert!(text(&stack).contains(&line), "{}", text(&stack));
    stack.styxy(&["up", "-d"]).exits(1);
    assert_eq!(stack.service("api")["state"], "outside");
    assert_eq!(foretold(&stack, "api")["fate"], "outside", "the keeper knows it too");
    let late = foretold(&stack, "late");
    assert_eq!((&late["fate"], &late["why"]), (&json!("again"), &json!("it has failed")), "{late}");
    // What up refuses, the print refuses too.
    stack.say(&json!({ "nope": server("nope", &json!({})) }));
    let (print, up) = (stack.styxy(&["up", "--print"]).exits(2), stack.styxy(&["up", "-d"]).exits(2));
    assert!(print.stderr.contains(".styxy.json:1:14: services.nope: unknown service type nope"), "{print:?}");
    assert_eq!(print.stderr, up.stderr);
}
