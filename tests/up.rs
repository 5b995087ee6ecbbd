//! `styxy up`: every service of a worktree runs once, on its own port, and knows where the others are.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::support::stack::{Stack, ask, named, services};
use crate::support::{alive, eventually, finish, has_ended, until};

fn two() -> Value {
    json!({
        "web": { "run": "exec python3 server.py web", "ready": "/", "env": { "API": "{api.url}/v1", "BOTH": "{web.port}-{api.port}" } },
        "api": { "run": ["python3", "server.py", "api"], "ready": "/health", "env": { "WEB": "{web.origin}" } },
    })
}

#[test]
fn services_run_on_their_own_ports_and_know_each_other() {
    let stack = Stack::new(&two());
    let up = stack.up();
    let (web, api) = (named(&up, "web"), named(&up, "api"));
    assert_eq!((web["state"].as_str(), api["state"].as_str()), (Some("ready"), Some("ready")), "{up:?}");
    assert_eq!((web["started"].as_bool(), api["started"].as_bool()), (Some(true), Some(true)));
    assert_ne!(web["port"], api["port"]);
    let url = |service: &Value| service["url"].as_str().unwrap().to_owned();
    let told = |name: &str, variable: &str| stack.ask(name, variable).split_once(' ').unwrap().1.to_owned();
    let value = |name: &str, variable: &str| told(name, variable).split_once(' ').unwrap().1.to_owned();
    assert_eq!(value("web", "API"), format!("{}/v1", url(&api)));
    assert_eq!(value("api", "WEB"), url(&web));
    assert_eq!(value("web", "BOTH"), format!("{}-{}", web["port"], api["port"]));
    assert_eq!(value("web", "STYXY_API_URL"), url(&api));
    assert_eq!(value("api", "STYXY_WEB_PORT"), web["port"].to_string());
    assert_eq!(value("api", "PORT"), api["port"].to_string());
    // The lease is the server's own, as with `styxy run`.
    let leases = stack.home.leases();
    let of =
        |service: &Value| leases.iter().find(|lease| json!(lease.port) == service["port"]).unwrap().clone();
    for service in [&web, &api] {
        assert_eq!(json!(of(service).owner.pid.unwrap()), service["pid"]);
    }
    let shown = stack.styxy(&["ps"]).done().stdout;
    assert!(
        shown.contains("web") && shown.contains("ready") && shown.contains(&web["port"].to_string()),
        "{shown}"
    );
    let down = stack.styxy(&["down"]).done().stdout;
    assert_eq!(down, "api: ended\nweb: ended\n");
    assert!(ask(u16::try_from(web["port"].as_u64().unwrap()).unwrap(), "").is_none());
    // The same ports again.
    let again = stack.up();
    assert_eq!((&named(&again, "web")["port"], &named(&again, "api")["port"]), (&web["port"], &api["port"]));
}

/// `STYXY_TEST_ROUNDS=50` repeats it, with 20 at once each time.
#[test]
fn what_runs_stays_and_many_at_once_start_one_set() {
    let rounds = std::env::var("STYXY_TEST_ROUNDS").ok().map(|rounds| rounds.parse::<usize>().unwrap());
    let many = if rounds.is_some() { 20 } else { 8 };
    let stack = Stack::new(&two());
    let at_once = || {
        let ups: Vec<_> = (0..many)
            .map(|_| {
                let mut command = stack.home.styxy_command(&["up", "-d", "--json"]);
                thread::spawn(move || finish(&mut command))
            })
            .collect();
        let answers = ups.into_iter().map(|up| seen(&services(&up.join().unwrap().done())));
        let answers: Vec<_> = answers.collect();
        assert!(answers.iter().all(|other| *other == answers[0]), "{answers:?}");
        answers[0].clone()
    };
    for round in 1..=rounds.unwrap_or(1) {
        let first = at_once();
        assert_eq!(at_once(), first);
        let up = stack.up();
        assert!(up.iter().all(|service| service["started"] == false), "{up:?}");
        let begun = stack.styxy(&["logs", "web", "-n", "10000"]).done().stdout;
        assert_eq!(begun.matches("web begins").count(), round, "{begun}");
        stack.styxy(&["down"]).done();
    }
}

/// What is the same for everybody who asks: each service, its state, its process and its address.
fn seen(services: &[Value]) -> Vec<[Value; 5]> {
    let keys = ["service", "state", "pid", "port", "url"];
    services.iter().map(|service| keys.map(|key| service[key].clone())).collect()
}

#[test]
fn only_what_has_changed_starts_again_and_what_is_gone_ends() {
    let stack = Stack::new(&two());
    let before = stack.up();
    let pid = |services: &[Value], name: &str| named(services, name)["pid"].as_u64().unwrap();
    let mut changed = two();
    changed["api"]["env"]["MORE"] = json!("1");
    stack.say(&changed);
    let after = stack.up();
    assert_eq!(pid(&before, "web"), pid(&after, "web"));
    assert_ne!(pid(&before, "api"), pid(&after, "api"));
    assert_eq!(named(&before, "api")["port"], named(&after, "api")["port"]);
    assert!(stack.ask("api", "MORE").ends_with(" 1"));
    // Another environment is nothing to start again for.
    let mut command = stack.home.styxy_command(&["up", "-d", "--json"]);
    let same = services(&finish(command.env("SOMETHING", "else")).done());
    assert_eq!((pid(&same, "web"), pid(&same, "api")), (pid(&after, "web"), pid(&after, "api")));
    changed.as_object_mut().unwrap().remove("web");
    changed["api"]["env"] = json!({ "MORE": "1" });
    stack.say(&changed);
    let left = stack.up();
    assert_eq!(left.len(), 1, "{left:?}");
    let web = u32::try_from(pid(&before, "web")).unwrap();
    until("the service that is gone ends", || has_ended(web));
    assert_eq!(stack.ps().len(), 1);
}

#[test]
fn a_service_that_fails_is_shown_with_its_last_words_and_the_others_stay() {
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "api": { "run": "for i in $(seq 1 30); do printf '\\033[31mline %s\\033[0m\\n' $i; done; exit 3", "after": ["web"] },
    }));
    let output = stack.styxy(&["up", "-d"]).exits(1);
    assert!(output.stderr.contains("api: failed: exit 3 after 0."), "{output:?}");
    assert!(
        output.stderr.contains("  line 30\n  its log: ") && output.stderr.contains("  line 11\n"),
        "{output:?}"
    );
    assert!(!output.stderr.contains("line 10\n") && !output.stderr.contains('\x1b'), "{output:?}");
    assert!(output.stdout.contains("web: ready, http"), "{output:?}");
    assert!(stack.ask("web", "PORT").starts_with("web "));
    let api = stack.service("api");
    assert_eq!((api["state"].as_str(), api["exit_code"].as_i64()), (Some("failed"), Some(3)));
    let log = stack.styxy(&["logs", "api"]).done().stdout;
    assert!(log.contains("\nline 1\n") && !log.contains('\x1b') && log.starts_with("--- started "), "{log}");
    let json = stack.styxy(&["up", "-d", "--json"]).exits(1);
    assert_eq!(named(&services(&json), "api")["exit_code"], 3);
}

#[test]
fn a_service_without_a_port_that_ends_badly_has_failed() {
    let stack = Stack::new(&json!({ "web": { "run": "echo no; exit 4", "port": false } }));
    let output = stack.styxy(&["up", "-d"]).exits(1);
    assert!(output.stderr.contains("web: failed: exit 4 after 0."), "{output:?}");
}

#[test]
fn a_service_comes_after_those_that_it_needs() {
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/", "after": ["api"] },
        "api": { "run": "exec python3 server.py api", "ready": "/" },
        "css": { "run": "echo built", "port": false },
        "many": { "run": "echo never", "port": false, "after": ["race"] },
        "race": { "run": "exit 1", "ready": "/" },
    }));
    let output = stack.styxy(&["up", "-d", "web", "css"]).done();
    assert_eq!(output.stdout.lines().count(), 3, "{output:?}");
    assert!(output.stdout.contains("css: ended (exit 0 after "), "{output:?}");
    let since = |name: &str| stack.service(name)["since"].as_str().unwrap().to_owned();
    assert!(since("api") < since("web"));
    let failed = stack.styxy(&["up", "-d"]).exits(1);
    let many = eventually("it is known that it cannot start", || {
        Some(stack.service("many")).filter(|many| many["state"] == "failed")
    });
    assert_eq!(many["why"], "not started: race failed", "{failed:?}");
    // Those that come after end first.
    stack.styxy(&["down"]).done();
    let log = |name: &str| stack.styxy(&["logs", name]).done().stdout;
    assert!(log("web").ends_with("web ends\n") && log("api").ends_with("api ends\n"));
}

#[test]
fn what_cannot_run_is_said_and_nothing_else_is_touched() {
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "api": { "run": ["no-such-program-here"] },
    }));
    let output = stack.styxy(&["up", "-d"]).exits(1);
    assert!(output.stderr.contains("api: failed: exit 127"), "{output:?}");
    assert!(output.stderr.contains("could not run no-such-program-here"), "{output:?}");
    stack.say(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/", "cwd": "no/such" } }));
    let output = stack.styxy(&["up", "-d"]).exits(2);
    assert!(
        output.stderr.contains("services.web.cwd: its folder ") && output.stderr.contains("no/such"),
        "{output:?}"
    );
    std::os::unix::fs::symlink("/", stack.home.project().join("out")).unwrap();
    stack.say(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/", "cwd": "out/tmp" } }));
    let output = stack.styxy(&["up", "-d"]).exits(2);
    assert!(output.stderr.contains("is outside of "), "{output:?}");
    until("it still starts", || stack.service("web")["state"] == "ready");
    assert!(stack.ask("web", "PORT").starts_with("web "));
    let output = stack.styxy(&["up", "-d", "wbe"]).exits(2);
    assert!(
        output.stderr.contains("there is no service \"wbe\"") && output.stderr.contains("styxy up web"),
        "{output:?}"
    );
    let down = stack.styxy(&["down", "wbe"]).exits(2);
    assert!(down.stderr.contains("there is no service wbe"), "{down:?}");
}

#[test]
fn the_first_of_several_servers_has_the_port_of_the_service() {
    let stack = Stack::new(&json!({
        "web": { "run": "python3 server.py one & exec python3 server.py two", "ready": "/" },
    }));
    let up = stack.up();
    let port = named(&up, "web")["port"].to_string();
    assert!(
        stack.ask("web", "PORT").starts_with("one ") && stack.ask("web", "PORT").ends_with(&port),
        "{up:?}"
    );
}

#[test]
fn a_server_that_runs_already_is_neither_doubled_nor_ended() {
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } }));
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "web", "--", "python3", "server.py", "outside"]);
    let outside = crate::support::Running::spawn(&mut command);
    until("it listens", || {
        stack.home.leases().iter().any(|lease| lease.state == styxy_core::api::State::Active)
    });
    let up = stack.up();
    assert_eq!(
        (up[0]["state"].as_str(), up[0]["pid"].as_u64()),
        (Some("outside"), Some(u64::from(outside.pid())))
    );
    let down = stack.styxy(&["down"]).done().stdout;
    assert!(!down.contains("ended"), "{down}");
    assert!(alive(outside.pid()));
}

#[test]
fn a_log_can_be_read_without_a_keeper_and_says_so_where_there_is_none() {
    let stack = Stack::new(&json!({ "web": { "run": "echo one; echo two", "port": false } }));
    let none = stack.styxy(&["logs"]).exits(2);
    assert!(none.stderr.contains("styxy daemon logs"), "{none:?}");
    assert!(stack.styxy(&["ps"]).done().stdout.starts_with("styxy up has started nothing"));
    stack.styxy(&["up", "-d"]).done();
    until("it has ended", || stack.service("web")["state"] == "ended");
    let log = stack.styxy(&["logs", "web", "-n", "1"]).done().stdout;
    assert_eq!(log, "two\n");
    let log = stack.styxy(&["logs", "--json"]).done().json();
    assert_eq!(log["services"][0]["lines"][1], "one");
    let unknown = stack.styxy(&["logs", "api"]).exits(2);
    assert!(unknown.stderr.contains("there is no log of \"api\""), "{unknown:?}");
    let print = stack.styxy(&["up", "--print"]).done().stdout;
    assert!(print.contains("web: echo one; echo two (no port)"), "{print}");
    fs::remove_file(stack.home.project().join(".styxy.json")).unwrap();
    stack.styxy(&["up", "-d"]).exits(2);
}

#[test]
fn a_service_without_a_name_has_its_own_port_beside_a_named_one_of_its_type() {
    let server = |label: &str| format!("exec python3 server.py {label}");
    let stack = Stack::new(&json!({
        "api": { "type": "dev", "name": "api", "run": server("api") },
        "web": { "type": "dev", "run": server("web") },
    }));
    let up = stack.up();
    for label in ["api", "web"] {
        let port = named(&up, label)["port"].to_string();
        assert_eq!(named(&up, label)["state"], "ready");
        let said = stack.ask(label, "PORT");
        assert!(said.starts_with(label) && said.ends_with(&format!(" {port}")), "{said}");
    }
    assert_eq!(stack.home.leases().len(), 2);
}
