//! Servers of services that were started by hand, without `styxy up`: `ps` and `down` know them whether a keeper runs or not (R136).

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::stack::{Stack, named};
use crate::support::{Running, alive, has_ended, kill, until};

fn two() -> Value {
    json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "api": { "run": "exec python3 server.py api", "ready": "/" },
    })
}

/// `styxy run -s api -- …`, which serves when this returns.
fn by_hand(stack: &Stack) -> Running {
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "api", "--", "python3", "server.py", "by-hand"]);
    let server = Running::spawn(&mut command);
    until("it listens", || {
        stack.home.leases().iter().any(|lease| {
            lease.service_type.as_str() == "api" && lease.state == styxy_core::api::State::Active
        })
    });
    server
}

#[test]
fn what_was_started_by_hand_is_shown_stays_and_ends_only_if_that_is_said_without_a_keeper() {
    let stack = Stack::new(&two());
    let server = by_hand(&stack);
    let api = stack.service("api");
    assert_eq!((&api["state"], &api["pid"]), (&json!("outside"), &json!(server.pid())), "{api}");
    let port = api["port"].to_string();
    assert!(stack.ask("api", "PORT").ends_with(&port));
    let shown = stack.styxy(&["ps"]).done().stdout;
    assert!(
        shown.contains("runs outside of up") && shown.contains(&port) && !shown.contains("web"),
        "{shown}"
    );
    let stays = format!("api: runs outside of up, and stays (port {port}); styxy down --all ends it too\n");
    for words in [&["down"][..], &["down", "api"]] {
        assert_eq!(stack.styxy(words).done().stdout, stays, "{words:?}");
    }
    let wire = stack.styxy(&["down", "--json"]).done().json();
    assert_eq!((&wire["services"], &wire["outside"][0]["service"]), (&json!([]), &json!("api")), "{wire}");
    stack.styxy(&["down", "web"]).exits(2);
    assert!(alive(server.pid()));
    assert_eq!(stack.styxy(&["down", "--all"]).done().stdout, "api: ended\n");
    until("it has ended", || has_ended(server.pid()));
    stack.is_over();
    assert_eq!(stack.styxy(&["down", "--all"]).done().stdout, "Nothing runs.\n");
    // It gets its service's place, and its port.
    let up = stack.up();
    assert_eq!((&named(&up, "api")["state"], named(&up, "api")["port"].to_string()), (&json!("ready"), port));
}

#[test]
fn what_was_started_by_hand_is_shown_beside_a_keeper_that_never_heard_of_it() {
    let stack = Stack::new(&two());
    stack.styxy(&["up", "-d", "web"]).done();
    let server = by_hand(&stack);
    let shown = stack.ps();
    assert_eq!(
        (&named(&shown, "web")["state"], &named(&shown, "api")["state"]),
        (&json!("ready"), &json!("outside"))
    );
    let web = stack.pid("web");
    // A name that the keeper does not know is no mistake.
    assert!(stack.styxy(&["down", "api"]).done().stdout.contains("api: runs outside of up"));
    assert!(alive(web) && alive(server.pid()));
    assert_eq!(stack.styxy(&["down", "api", "--all"]).done().stdout, "api: ended\n");
    assert!(has_ended(server.pid()) && alive(web));
    let other = by_hand(&stack);
    let said = stack.styxy(&["down"]).done().stdout;
    assert!(said.contains("web: ended\n") && said.contains("api: runs outside of up"), "{said}");
    assert!(has_ended(web) && alive(other.pid()));
    stack.is_over();
    // The keeper has written down that it ended before.
    assert_eq!(stack.service("api")["state"], "outside");
    assert_eq!(stack.styxy(&["down", "--all"]).done().stdout, "api: ended\n");
    assert!(has_ended(other.pid()));
}

#[test]
fn a_server_that_ran_before_up_is_shown_after_it_and_its_end_is_noticed() {
    let stack = Stack::new(&two());
    let server = by_hand(&stack);
    let up = stack.up();
    assert_eq!(named(&up, "api")["state"], "outside");
    stack.styxy(&["down"]).done();
    stack.is_over();
    assert_eq!(stack.service("api")["state"], "outside");
    stack.up();
    kill(server.pid(), Signal::TERM);
    until("its end is noticed", || stack.service("api")["state"] == "ended");
    assert_eq!(named(&stack.up(), "api")["state"], "ready");
}

#[test]
fn a_second_server_of_a_service_is_counted_and_is_named_when_the_first_one_was_ended() {
    let stack = Stack::new(&two());
    let first = by_hand(&stack);
    let active = || {
        let leases = stack.home.leases();
        leases.iter().filter(|lease| lease.state == styxy_core::api::State::Active).count()
    };
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "api", "--", "python3", "server.py", "second"]);
    let second = Running::spawn(&mut command);
    until("both listen", || active() == 2);
    let api = stack.service("api");
    assert_eq!(api["pid"], json!(first.pid()));
    let why = api["why"].as_str().unwrap().to_owned();
    let port = why.strip_prefix("and 1 more: port ").unwrap_or_else(|| panic!("{why}"));
    // The keeper finds the first one too.
    let up = stack.styxy(&["up", "-d"]).done();
    assert!(up.stdout.contains(&why), "{up:?}");
    assert_eq!(stack.service("api")["why"], json!(why));
    let said = stack.styxy(&["down", "--all", "api"]).done().stdout;
    let stays = format!(
        "api: ended\napi: runs outside of up, and stays (port {port}); styxy down --all ends it too\n"
    );
    assert_eq!(said, stays);
    assert!(has_ended(first.pid()) && alive(second.pid()));
    assert_eq!(stack.styxy(&["down", "--all", "api"]).done().stdout, "api: ended\n");
    until("it has ended", || has_ended(second.pid()));
}

#[test]
fn no_daemon_is_started_to_ask_for_servers() {
    let stack = Stack::new(&two());
    for command in ["ps", "down"] {
        stack.styxy(&[command]).done();
    }
    assert_eq!(stack.styxy(&["daemon", "status"]).code, 3);
}

#[test]
fn a_server_in_a_services_folder_under_another_name_is_said_once_and_ends_nothing() {
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } }));
    let mut command = stack.home.styxy_command(&["run", "-q", "--", "python3", "server.py", "by-hand"]);
    let server = Running::spawn(&mut command);
    until("it listens", || {
        stack.home.leases().iter().any(|lease| lease.state == styxy_core::api::State::Active)
    });
    let port = stack.home.leases()[0].port;
    let (begins, ends) = (
        format!("dev (port {port}, pid {}) runs in the folder of web already", server.pid()),
        format!("styxy who {port} shows it, and styxy kill {port} ends it\n"),
    );
    let printed = stack.styxy(&["up", "--print"]).done();
    assert!(printed.stderr.contains(&begins), "{printed:?}");
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(said.stderr.contains(&begins) && said.stderr.contains(&ends), "{said:?}");
    assert!(said.stdout.contains("web: ready"), "{said:?}");
    let again = stack.styxy(&["up", "-d"]).done();
    assert!(!again.stderr.contains("already"), "{again:?}");
    assert!(alive(server.pid()));
    stack.styxy(&["down"]).done();
    // In another folder it is another server.
    let folder = stack.home.project().join("docs");
    std::fs::create_dir(&folder).unwrap();
    stack.say(&json!({ "web": { "run": "exec python3 ../server.py web", "cwd": "docs", "ready": "/" } }));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(!said.stderr.contains("already"), "{said:?}");
}

#[test]
fn what_only_writes_to_a_services_log_ends_with_nobody() {
    let service = |text: &str| json!({ "run": format!("exec python3 server.py {text}"), "ready": "/" });
    let stack = Stack::new(&json!({ "web": service("web"), "api": service("api") }));
    stack.up();
    let log = stack.service("web")["log"].as_str().unwrap().to_owned();
    let log = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    let mut command = std::process::Command::new("sleep");
    command.arg("1000").current_dir(stack.home.project()).stdout(log.try_clone().unwrap()).stderr(log);
    let writer = Running::spawn(&mut command);
    stack.styxy(&["down"]).done();
    assert!(alive(writer.pid()));
    // It is no leftover of an earlier start either.
    stack.styxy(&["up", "-d", "api"]).done();
    assert!(alive(writer.pid()));
    stack.styxy(&["down"]).done();
    assert!(alive(writer.pid()));
}

#[test]
fn a_server_of_up_that_the_file_calls_otherwise_now_is_not_by_hand() {
    let server = |name: &str, more: &[(&str, &str)]| {
        let mut service = json!({ "run": format!("exec python3 server.py {name}"), "ready": "/" });
        for (key, value) in more {
            service[*key] = json!(value);
        }
        service
    };
    let stack =
        Stack::new(&json!({ "api": server("api", &[("type", "dev"), ("name", "apps.api")]) })).with_own_dev();
    stack.up();
    stack.say(&json!({ "web": server("web", &[]), "api": server("api", &[]) }));
    for words in [["up", "--print"], ["up", "-d"]] {
        let said = stack.styxy(&words).done();
        assert!(!said.stderr.contains("already"), "{said:?}");
    }
    assert!(stack.ask("web", "PORT").starts_with("web "));
}
