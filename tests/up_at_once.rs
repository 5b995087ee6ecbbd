//! What happens to the services of `styxy up` while they start or end: two commands that want the opposite, a keeper that is killed
//! in the middle, a server that takes long.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};
use styxy_core::layout::Layout;

use crate::support::stack::Stack;
use crate::support::{Output, Running, Terminal, alive, eventually, finish, has_ended, kill, until};

/// A server that takes 2 seconds to end.
const SLOW: &str = "import os, signal, sys, time\n\
                    signal.signal(signal.SIGINT, lambda *_: (time.sleep(2), os._exit(0)))\n\
                    sys.argv = ['server.py', 'web']\nexec(open('server.py').read())\n";

fn slow(version: &str) -> Value {
    json!({ "web": { "run": "exec python3 slow.py", "ready": "/", "env": { "APP_VERSION": version } } })
}

fn slow_stack() -> Stack {
    let stack = Stack::new(&slow("1"));
    fs::write(stack.home.project().join("slow.py"), SLOW).unwrap();
    stack
}

/// `styxy` with these words, while the test goes on.
fn beside(stack: &Stack, words: &[&str]) -> thread::JoinHandle<Output> {
    let mut command = stack.home.styxy_command(words);
    thread::spawn(move || finish(&mut command))
}

#[test]
fn down_spares_a_server_that_up_is_still_looking_for() {
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "css": { "run": "sleep 1000", "port": false },
    }));
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "web", "--", "python3", "server.py", "web"]);
    let outside = Running::spawn(&mut command);
    until("it listens", || {
        stack.home.leases().iter().any(|lease| lease.state == styxy_core::api::State::Active)
    });
    assert_eq!(crate::support::stack::named(&stack.up(), "web")["state"], "outside");
    // Both requests reach the keeper before it can have found the server.
    let state: Value = serde_json::from_slice(&fs::read(stack.kept().join("state.json")).unwrap()).unwrap();
    let orders: Vec<&Value> = state["services"].as_array().unwrap().iter().map(|one| &one["order"]).collect();
    let order = orders.iter().find(|order| order["label"] == "web").unwrap();
    let up = json!({ "up": {
        "orders": [order], "extent": "some", "attachment": "detached", "session": null, "environment": [],
    } });
    let down = json!({ "down": { "services": ["web"], "hurry": "none", "outside": "stays" } });
    let socket = Layout::new(stack.home.root().to_owned())
        .stack_socket(&stack.home.project(), &stack.home.top().join("styxy"));
    let mut keeper = UnixStream::connect(socket).unwrap();
    keeper.write_all(format!("{up}\n{down}\n").as_bytes()).unwrap();
    let mut said = std::io::BufRead::lines(std::io::BufReader::new(keeper));
    let settled = said.find_map(|line| {
        let mut said: Value = serde_json::from_str(&line.unwrap()).unwrap();
        (said["now"]["settled"] == true).then(|| said["now"].take())
    });
    assert_eq!(
        crate::support::stack::named(settled.unwrap()["services"].as_array().unwrap(), "web")["state"],
        "outside"
    );
    assert!(alive(outside.pid()) && stack.ask("web", "PORT").starts_with("web "));
    // With --all it ends.
    stack.styxy(&["down", "--all"]).done();
    until("it ends", || has_ended(outside.pid()));
}

#[test]
fn down_learns_that_another_command_starts_what_it_ends() {
    let stack = slow_stack();
    stack.up();
    let down = beside(&stack, &["down"]);
    until("it ends", || stack.service("web")["state"] == "ending");
    stack.up();
    let down = down.join().unwrap().exits(1);
    assert!(down.stderr.contains("web was started again by another command"), "{down:?}");
    assert_eq!(stack.service("web")["state"], "ready");
}

#[test]
fn up_learns_that_another_command_ends_what_it_starts() {
    let stack = Stack::new(&json!({ "api": { "run": "sleep 1000; true", "ready": "/" } }));
    let up = beside(&stack, &["up", "-d"]);
    let waits = |state: &str| stack.ps().first().is_some_and(|view| view["state"] == state);
    until("it starts", || waits("starting"));
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("still waiting for api");
    stack.styxy(&["down"]).done();
    let up = up.join().unwrap().exits(1);
    assert!(up.stderr.contains("api was ended by another command before it was ready"), "{up:?}");
    terminal.sees("api was ended by another command before it was ready");
    terminal.sees("exit 1");
}

#[test]
fn what_was_changed_starts_afresh_though_the_keeper_is_killed_meanwhile() {
    let stack = slow_stack();
    stack.up();
    let first = stack.pid("web");
    stack.say(&slow("2"));
    let up = beside(&stack, &["up", "-d"]);
    until("the old one ends", || stack.service("web")["state"] == "ending");
    kill(stack.keeper(), Signal::KILL);
    assert_ne!(up.join().unwrap().code, 0, "its keeper is gone");
    stack.up();
    assert!(has_ended(first));
    assert!(stack.ask("web", "APP_VERSION").ends_with(" 2"), "{}", stack.logs());
    // The same where nothing was changed: what was ending ends, and is started again.
    let second = stack.pid("web");
    let down = beside(&stack, &["down"]);
    until("it ends", || stack.service("web")["state"] == "ending");
    kill(stack.keeper(), Signal::KILL);
    assert_ne!(down.join().unwrap().code, 0, "its keeper is gone");
    stack.up();
    assert!(has_ended(second) && stack.service("web")["state"] == "ready");
}

#[test]
fn up_wait_ends_with_the_first_service_that_fails_and_up_shows_only_what_was_asked_for() {
    let stack = Stack::new(&json!({
        "api": { "run": "exec python3 server.py api", "ready": "/" },
        "late": { "type": "web", "run": "sleep 1000; true", "ready": "/" },
        "bad": { "run": "echo it cannot; exit 3", "port": false, "after": ["api"] },
    }));
    let said = finish(stack.home.styxy_command(&["up", "--wait"]).stdin(Stdio::null())).exits(1);
    assert!(said.stdout.contains("bad: failed: exit 3") && said.stdout.contains("it cannot"), "{said:?}");
    stack.is_over();
    stack.styxy(&["up", "-d"]).exits(1);
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up api; echo exit $?\r");
    let seen = terminal.sees("the services stay up when you leave");
    assert!(!seen.contains("bad: failed"), "{seen}");
    stack.styxy(&["down", "api"]).done();
    terminal.sees("exit 0");
}

#[test]
fn keys_that_nobody_reads_hold_up_nobody() {
    let stack = Stack::new(&json!({
        "web": { "run": "stty raw -echo; echo deaf; sleep 1000; true", "port": false, "tty": true },
    }));
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("deaf");
    terminal.sees("Ctrl-C ends the services");
    // In parts: the terminal of the command itself takes only what it reads.
    for _ in 0..200 {
        terminal.types(&"x".repeat(1000));
    }
    assert_eq!(stack.service("web")["state"], "running");
    stack.styxy(&["down", "--now"]).done();
    terminal.sees("exit 0");
}

#[test]
fn a_path_that_takes_longer_than_a_second_is_an_answer() {
    let slow = "import http.server, os, time\n\
                class Handler(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        \
                time.sleep(1.5)\n        self.send_response(200)\n        self.end_headers()\n\
                http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()\n";
    let stack =
        Stack::new(&json!({ "web": { "run": "exec python3 answers.py", "ready": "/", "timeout": 20 } }));
    fs::write(stack.home.project().join("answers.py"), slow).unwrap();
    assert_eq!(stack.up()[0]["state"], "ready");
}

#[test]
fn what_drops_its_mark_and_its_session_ends_with_its_service() {
    let start = "import os, subprocess, sys\n\
                 apart = 'echo $$ > apart.new; mv apart.new apart; exec sleep 777'\n\
                 subprocess.Popen(['sh', '-c', apart], env={'PATH': os.environ['PATH']}, start_new_session=True)\n\
                 os.execvp('python3', ['python3', 'server.py', 'web'])\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 start.py", "ready": "/" } }));
    fs::write(stack.home.project().join("start.py"), start).unwrap();
    let file = stack.home.project().join("apart");
    let apart = || {
        let pid =
            eventually("it says its pid", || fs::read_to_string(&file).ok()?.trim().parse::<u32>().ok());
        fs::remove_file(&file).unwrap();
        assert!(alive(pid));
        pid
    };
    stack.up();
    let first = apart();
    stack.styxy(&["down"]).done();
    assert!(has_ended(first));
    // Also where the service ends by itself, and nothing is above it any more.
    stack.up();
    let second = apart();
    kill(stack.pid("web"), Signal::KILL);
    until("what it has left ends", || has_ended(second));
    stack.is_over();
}
