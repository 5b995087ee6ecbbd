//! On which port a service is: a wish of today counts more than the port that it had, and a service that runs goes there (R149).

use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::{Value, json};
use styxy_core::api::{OwnerKind, RegisterAnswer};

use crate::door::get;
use crate::support::stack::{Stack, named};
use crate::support::{Running, finish, has_ended, kill, until};

fn server(name: &str, more: &Value) -> Value {
    let mut service = json!({ "run": format!("exec python3 server.py {name}"), "ready": "/" });
    service.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    service
}

fn on(port: u16) -> Value {
    json!({ "web": server("web", &json!({ "port": port })), "api": server("api", &json!({})) })
}

/// What `styxy up --print` says of the port of `web`.
fn foretold(stack: &Stack) -> Value {
    let answer = stack.styxy(&["up", "--print", "--json"]).done().json();
    let now = named(answer["services"].as_array().unwrap(), "web")["now"].clone();
    json!([now["fate"], now["port"], now["why"]])
}

fn port(services: &[Value], name: &str) -> Value {
    named(services, name)["port"].clone()
}

#[test]
fn a_service_goes_to_the_port_that_the_file_wishes_for_since_and_the_others_stay() {
    let stack = Stack::new(&json!({}));
    let [old, new, taken] = [(); 3].map(|()| stack.home.spare_port());
    stack.say(&on(old));
    let before = stack.up();
    let url = named(&before, "web")["named_url"].clone();
    let host = url.as_str().unwrap().trim_start_matches("http://").split(':').next().unwrap();
    stack.say(&on(new));
    assert_eq!(foretold(&stack), json!(["again", new, "port has changed"]));
    let leases = stack.home.leases();
    assert_eq!(leases.len(), 2, "nothing is leased for that: {leases:?}");
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(said.stderr.contains("web: starts again, since port has changed\n"), "{said:?}");
    let after = stack.ps();
    assert_eq!(
        (port(&after, "web"), named(&after, "api")["pid"].clone()),
        (json!(new), named(&before, "api")["pid"].clone())
    );
    assert_eq!(named(&after, "web")["named_url"], named(&before, "web")["named_url"], "its name leads there");
    assert!(get(&stack.home, host).text().starts_with("web "));
    assert_eq!(stack.home.leases().len(), 2, "the old one is given back");
    // What is wished for no more, or is taken, starts nothing again.
    let pid = stack.pid("web");
    stack.say(&json!({ "web": server("web", &json!({})), "api": server("api", &json!({})) }));
    assert_eq!(foretold(&stack), json!(["stays", new, null]));
    stack.up();
    let listener = TcpListener::bind(("127.0.0.1", taken)).unwrap();
    stack.say(&on(taken));
    let why = format!("web: stays on port {new}, since port {taken} is in use");
    for words in [&["up", "--print"], &["up", "-d"]] {
        let said = stack.styxy(words).done();
        assert!(said.stderr.contains(&why), "{said:?}");
    }
    assert_eq!(stack.pid("web"), pid);
    drop(listener);
    assert_eq!(port(&stack.up(), "web"), taken, "it is free now");
}

#[test]
fn a_wish_of_today_counts_more_than_the_port_that_a_service_had() {
    let stack = Stack::new(&json!({})).with_own_dev();
    let root = stack.home.project();
    fs::remove_file(root.join(".styxy.json")).unwrap();
    let say = |port: Option<u16>| {
        let set = port.map(|port| format!("PORT={port} ")).unwrap_or_default();
        fs::write(root.join("Procfile.dev"), format!("web: {set}python3 server.py web\n")).unwrap();
    };
    let [first, second, third] = [(); 3].map(|()| stack.home.spare_port());
    say(None);
    let usual = port(&stack.up(), "web");
    // While it runs, and after it has ended.
    say(Some(first));
    assert_eq!(foretold(&stack), json!(["again", first, "port has changed"]));
    assert_eq!(port(&stack.up(), "web"), first);
    stack.styxy(&["down"]).done();
    assert!(stack.home.leases().is_empty());
    say(Some(second));
    assert_eq!(foretold(&stack), json!(["starts", second, null]));
    assert_eq!(port(&stack.up(), "web"), second);
    stack.styxy(&["down"]).done();
    // Of one that is taken it is said, and then it is the port that it had first.
    let _listener = TcpListener::bind(("127.0.0.1", third)).unwrap();
    say(Some(third));
    assert_eq!(foretold(&stack), json!(["starts", usual, null]));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(
        said.stderr.contains(&format!("web: port {usual}, since preferred port {third} is in use")),
        "{said:?}"
    );
    assert_eq!(stack.service("web")["port"], usual);
    // It was told when it was started.
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(!said.stderr.contains("port"), "{said:?}");
}

#[test]
fn what_an_older_version_has_started_stays_where_it_is() {
    let stack = Stack::new(&json!({}));
    let [old, new, newer] = [(); 3].map(|()| stack.home.spare_port());
    stack.say(&on(old));
    stack.up();
    let (keeper, pid) = (stack.keeper(), stack.pid("web"));
    kill(keeper, Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
    let path = stack.kept().join("state.json");
    let mut state: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for service in state["services"].as_array_mut().unwrap() {
        assert!(service["order"].as_object_mut().unwrap().remove("wished").is_some());
    }
    fs::write(&path, state.to_string()).unwrap();
    stack.say(&on(new));
    stack.up();
    assert_eq!((stack.pid("web"), &stack.service("web")["port"]), (pid, &json!(old)));
    stack.say(&on(newer));
    assert_eq!(port(&stack.up(), "web"), newer, "from then on its wish is known");
}

#[test]
fn a_port_of_the_environment_is_for_the_only_service_that_is_asked_for() {
    let stack = Stack::new(&json!({ "web": server("web", &json!({})), "api": server("api", &json!({})) }));
    let up = |port: &str, words: &[&str]| {
        let mut command = stack.home.styxy_command(&[&["up", "-d"], words].concat());
        finish(command.env("PORT", port)).done()
    };
    let [wish, other] = [(); 2].map(|()| stack.home.spare_port().to_string());
    let said = up(&wish, &[]).stderr;
    let sentence = format!(
        "PORT={wish} is not used, since it would be for 2 services; PORT={wish} styxy up api says for which"
    );
    assert!(said.contains(&sentence), "{said}");
    let before = stack.ps();
    up(&wish, &["web"]);
    assert_eq!(stack.service("web")["port"].to_string(), wish);
    assert_eq!(named(&stack.ps(), "api"), named(&before, "api"));
    // It stays there, and what Styxy itself has set is nobody's wish.
    let pid = stack.pid("web");
    stack.up();
    let mut ours = stack.home.styxy_command(&["up", "-d", "web"]);
    finish(ours.env("PORT", &other).env("STYXY_API_PORT", &other)).done();
    assert_eq!((stack.pid("web"), stack.service("web")["port"].to_string()), (pid, wish));
}

#[test]
fn a_server_of_an_agent_session_takes_its_name_to_another_port() {
    let stack = Stack::new(&json!({}));
    let [old, new] = [(); 2].map(|()| stack.home.spare_port());
    let session = Running::idle();
    stack.home.start();
    let name = format!("claude-{}", session.pid());
    let register = json!({ "instance_id": name, "pid": session.pid() });
    stack.home.socket().post("/instance/register", &register).ok::<RegisterAnswer>();
    let up = |port| {
        stack.say(&json!({ "web": server("web", &json!({ "port": port })) }));
        let mut command = stack.home.styxy_command(&["up", "-d", "--json"]);
        let up = finish(command.env("CLAUDE_PID", session.pid().to_string())).done().json();
        named(up["services"].as_array().unwrap(), "web").clone()
    };
    let (before, after) = (up(old), up(new));
    assert_eq!((&after["port"], &after["named_url"]), (&json!(new), &before["named_url"]));
    let leases = stack.home.leases();
    assert_eq!(leases.len(), 1, "{leases:?}");
    assert_eq!((leases[0].port.get(), &json!(leases[0].named_url)), (new, &before["named_url"]));
    assert_eq!(leases[0].owner.kind, OwnerKind::Process);
}
