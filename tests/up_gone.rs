//! Services that are gone from the project's file, or were renamed in it: whatever they did at that moment, and whatever the file was in
//! between, nothing of them stays. And what `styxy up` shows of the others when one fails.

use std::fs;

use serde_json::{Value, json};

use crate::support::stack::{Stack, named};
use crate::support::{alive, has_ended, until};

fn server(name: &str) -> Value {
    json!({ "run": format!("exec python3 server.py {name}"), "ready": "/" })
}

fn labels(stack: &Stack) -> Vec<String> {
    let label = |view: &Value| view["service"].as_str().unwrap().to_owned();
    let mut labels: Vec<String> = stack.ps().iter().map(label).collect();
    labels.sort();
    labels
}

#[test]
fn what_is_gone_from_the_file_leaves_no_row_once_it_has_ended() {
    let job = |run: &str| json!({ "run": run, "port": false });
    let stack = Stack::new(&json!({
        "web": server("web"), "api": server("api"), "bad": job("sleep 1; exit 3"), "done": job("sleep 1; true"),
    }));
    stack.up();
    until("bad has failed", || stack.service("bad")["state"] == "failed");
    until("done has ended", || stack.service("done")["state"] == "ended");
    let api = stack.pid("api");
    // Of a file with a mistake nothing is known, and nothing that runs is touched.
    fs::write(stack.home.project().join(".styxy.json"), "{ \"services\": ").unwrap();
    stack.styxy(&["up", "-d"]).exits(2);
    assert_eq!(labels(&stack), ["api", "bad", "done", "web"]);
    assert!(alive(api));
    // What has ended is gone at once, what runs with the next `up`.
    stack.say(&json!({ "web": server("web") }));
    assert_eq!(labels(&stack), ["api", "web"]);
    let logged = || -> Vec<String> {
        let all = stack.styxy(&["logs", "--json"]).done().json()["services"].as_array().unwrap().clone();
        all.iter().map(|one| one["service"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(logged(), ["api", "web"]);
    stack.styxy(&["logs", "bad"]).done();
    stack.up();
    until("api ends, and its row goes", || has_ended(api) && labels(&stack) == ["web"]);
    // Also without a keeper, and where nothing is named any more.
    stack.styxy(&["down"]).done();
    stack.is_over();
    assert_eq!(labels(&stack), ["web"]);
    assert_eq!(logged(), ["web"]);
    stack.say(&json!({ "other": server("other") }));
    let none = stack.styxy(&["logs"]).exits(2);
    assert!(none.stderr.contains("there are logs of api, bad, done, web, which are gone"), "{}", none.stderr);
    stack.say(&json!({}));
    assert_eq!(labels(&stack), [""; 0]);
}

#[test]
fn a_service_that_ends_while_the_file_has_a_mistake_leaves_no_row_when_it_is_repaired_without_it() {
    let stack = Stack::new(&json!({ "web": server("web"), "api": server("api") }));
    stack.up();
    fs::write(stack.home.project().join(".styxy.json"), "{").unwrap();
    crate::support::kill(stack.pid("api"), rustix::process::Signal::KILL);
    until("its end is noticed", || stack.service("api")["state"] == "failed");
    stack.say(&json!({ "web": server("web") }));
    assert_eq!(labels(&stack), ["web"]);
    stack.up();
    assert_eq!(labels(&stack), ["web"]);
}

#[test]
fn a_renamed_service_is_started_again_on_the_lease_of_the_old_one() {
    let typed =
        |name: &str| json!({ "type": "dev", "run": format!("exec python3 server.py {name}"), "ready": "/" });
    let stack = Stack::new(&json!({ "old": typed("old"), "api": server("api") })).with_own_dev();
    let before = stack.up();
    let old = u32::try_from(named(&before, "old")["pid"].as_u64().unwrap()).unwrap();
    stack.say(&json!({ "new": typed("new"), "api": server("api") }));
    let foretold = stack.styxy(&["up", "--print"]).done().stdout;
    let starts = format!(
        "new: exec python3 server.py new (may serve): starts on port {}",
        named(&before, "old")["port"]
    );
    assert!(
        foretold.contains(&starts) || foretold.contains(&starts.replace("may serve", "serves")),
        "{foretold}"
    );
    let after = stack.up();
    assert_eq!(named(&after, "new")["state"], "ready", "{after:?}");
    assert_eq!(named(&after, "new")["port"], named(&before, "old")["port"]);
    assert_eq!(named(&after, "api")["pid"], named(&before, "api")["pid"]);
    assert!(has_ended(old) && stack.ask("new", "").starts_with("new "));
    until("nothing is left of its row", || labels(&stack) == ["api", "new"]);
}

#[test]
fn what_does_not_run_and_is_gone_from_the_file_or_ended_by_hand_has_no_lease() {
    let bad = json!({ "run": "exit 3", "ready": "/" });
    let stack = Stack::new(&json!({ "web": server("web"), "api": bad }));
    let leases =
        || stack.home.leases().iter().map(|lease| lease.service_type.to_string()).collect::<Vec<_>>();
    stack.styxy(&["up", "-d"]).exits(1);
    assert_eq!(leases().len(), 2, "one that failed may come back");
    stack.say(&json!({ "web": server("web") }));
    stack.up();
    until("its lease is given back", || leases() == ["web"]);
    // Also by `down`, while others run, and where nothing runs any more.
    stack.say(&json!({ "web": server("web"), "api": bad }));
    stack.styxy(&["up", "-d"]).exits(1);
    stack.styxy(&["down", "api"]);
    assert_eq!(leases(), ["web"]);
    assert_eq!(
        (&stack.service("api")["state"], &stack.service("api")["exit_code"]),
        (&json!("failed"), &json!(3))
    );
    stack.styxy(&["down"]);
    stack.say(&json!({ "api": bad }));
    stack.styxy(&["up", "-d"]).exits(1);
    stack.is_over();
    assert_eq!(leases(), ["api"]);
    stack.styxy(&["down"]);
    assert!(leases().is_empty());
}

#[test]
fn a_failure_is_said_at_once_and_the_others_are_shown_as_they_are() {
    let slow = "import signal, time\nsignal.signal(signal.SIGINT, lambda *_: None)\nsignal.signal(signal.SIGTERM, lambda *_: None)\n\
                while True:\n    time.sleep(1)\n";
    let file = |word: &str, api: &str| {
        json!({
            "slow": { "run": "exec python3 slow.py", "port": false, "env": { "WORD": word } },
            "api": { "run": api, "port": false },
            "ui": { "run": "exec sleep 1000", "ready": "/" },
        })
    };
    let stack = Stack::new(&json!({ "slow": file("one", "")["slow"] }));
    fs::write(stack.home.project().join("slow.py"), slow).unwrap();
    stack.up();
    let pid = stack.pid("slow");
    // It takes 7 seconds to end, and is started again then.
    stack.say(&file("two", "exit 3"));
    let said = stack.styxy(&["up", "-d"]).exits(1);
    assert!(alive(pid), "nobody has waited for its end");
    assert!(said.stderr.contains("api: failed: exit 3"), "{said:?}");
    assert!(
        said.stdout.contains(&format!("slow: ending, pid {pid} (and then it starts again)\n")),
        "{said:?}"
    );
    let ui = said.stdout.lines().find(|line| line.starts_with("ui: ")).unwrap();
    assert!(ui.starts_with("ui: starting") && !ui.contains("http"), "{ui}");
    assert_eq!(stack.service("ui")["url"], Value::Null);
}
