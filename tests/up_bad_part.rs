//! A service that cannot start, or fails, is said in one way everywhere, and harms nobody else; and a command that gives up leaves
//! nothing of what it has started.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::support::stack::Stack;
use crate::support::{eventually, finish, has_ended, kill, until};

#[test]
fn what_a_server_answers_instead_is_said_once_its_time_is_over() {
    let failing = "exec python3 -c \"import http.server as h, os\nclass H(h.BaseHTTPRequestHandler):\n  def do_GET(s):\n    \
                   s.send_error(500)\nh.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()\"";
    let server = "exec python3 server.py web";
    let closes = "exec python3 -c \"import os, socket\ns = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\nwhile True:\n  \
                  s.accept()[0].close()\"";
    let stack = Stack::new(&json!({
        "api": { "run": failing, "ready": "/", "timeout": 3 },
        "web": { "run": server, "ready": { "path": "/", "text": "no such text" }, "timeout": 3 },
        "dev": { "run": closes, "ready": "/", "timeout": 3 },
    }));
    stack.styxy(&["up", "-d"]).exits(1);
    for (label, said) in [
        ("api", " answers 500 after 3 s"),
        ("web", " answers 200 without the text \"no such text\" after 3 s"),
        ("dev", " does not answer ("),
    ] {
        until(said, || stack.service(label)["why"].as_str().is_some_and(|why| why.contains(said)));
    }
}

#[test]
fn a_service_that_was_killed_has_failed_wherever_it_is_shown() {
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "job": { "run": "sleep 1000 & exec sleep 1000", "port": false },
    }));
    let mut command = stack.home.styxy_command(&["up", "--wait"]);
    let mut up = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    until("both run", || {
        stack.ps().iter().filter(|view| view["state"] == "ready" || view["state"] == "running").count() == 2
    });
    kill(stack.pid("web"), Signal::KILL);
    until("it is seen", || stack.service("web")["state"] == "failed");
    kill(stack.pid("job"), Signal::TERM);
    let status = eventually("up ends", || up.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut up.stdout.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("web: failed: signal 9") && said.contains("job: failed: signal 15"), "{said}");
    for label in ["web", "job"] {
        let view = stack.service(label);
        assert_eq!(view["state"], "failed", "{view}");
    }
    stack.is_over();
}

#[test]
fn a_waiting_up_that_fails_or_is_terminated_leaves_nothing_when_it_returns() {
    // It takes a while to end.
    let slow = "trap 'sleep 1; exit' INT; echo $$ > slow.pid; sleep 1000 & while :; do wait; done";
    let stack = Stack::new(&json!({
        "slow": { "run": slow, "port": false },
        "bad": { "run": "exit 3", "after": ["slow"], "port": false },
    }));
    let pid = || -> Option<u32> {
        fs::read_to_string(stack.home.project().join("slow.pid")).ok()?.trim().parse().ok()
    };
    let up = stack.styxy(&["up", "--wait"]).exits(1);
    assert!(up.stdout.contains("bad: failed: exit 3"), "{up:?}");
    assert!(has_ended(pid().unwrap()), "{up:?}");
    assert!(stack.ps().iter().all(|view| view["state"] != "ending" && view["pid"].is_null()));
    fs::remove_file(stack.home.project().join("slow.pid")).unwrap();
    stack.say(&json!({ "slow": { "run": slow, "port": false } }));
    let mut up = stack.home.styxy_command(&["up", "--wait"]).stdout(Stdio::null()).spawn().unwrap();
    let slow = eventually("it runs", pid);
    until("it counts as running", || stack.service("slow")["state"] == "running");
    kill(up.id(), Signal::TERM);
    let status = eventually("up ends", || up.try_wait().unwrap());
    assert_eq!(status.code(), Some(143));
    assert!(has_ended(slow));
}

#[test]
fn without_a_daemon_down_starts_none_and_up_writes_nothing() {
    let stack =
        Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" }, "db": {} }));
    let refused = stack.styxy(&["up", "-d", "--no-start"]).exits(3);
    assert!(!refused.stderr.contains("nothing says how"), "it is said when something starts: {refused:?}");
    assert!(!stack.home.root().join("up").exists());
    assert_eq!(stack.styxy(&["down", "--all"]).done().stdout, "Nothing runs.\n");
    let first = stack.styxy(&["up", "-d"]).done();
    assert!(first.stderr.contains("db: nothing says how"), "{first:?}");
    stack.styxy(&["down"]).done();
    stack.is_over();
    stack.styxy(&["daemon", "stop"]).done();
    assert_eq!(stack.styxy(&["down", "--all"]).done().stdout, "Nothing runs.\n");
    assert!(stack.home.status().is_none(), "no daemon was started for it");
}

#[test]
fn no_daemon_is_3_and_a_mistake_in_a_file_is_2() {
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } }));
    let config = stack.home.root().join("config.json");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, "{\n  \"listenport\": 1\n}").unwrap();
    for words in
        [&["up", "-d"][..], &["allocate", "-s", "web"], &["env"], &["daemon", "start"], &["daemon", "run"]]
    {
        let said = stack.styxy(words).exits(2);
        assert!(said.stderr.contains("config.json:2:3: listenport"), "{words:?}: {said:?}");
    }
    stack.styxy(&["ps"]).done();
    fs::write(&config, settings).unwrap();
    stack.up();
    fs::write(&config, "{").unwrap();
    let said = stack.styxy(&["up", "-d"]).exits(2);
    assert!(said.stderr.contains("config.json:1:"), "the daemon goes on without it: {said:?}");
    let file = stack.home.top().join("file");
    fs::write(&file, "").unwrap();
    for words in [&["up", "-d"][..], &["allocate", "-s", "web"], &["daemon", "start"]] {
        let said = finish(stack.home.styxy_command(words).env("STYXY_HOME", &file)).exits(3);
        assert!(said.stderr.contains(file.to_str().unwrap()), "{words:?}: {said:?}");
    }
}
