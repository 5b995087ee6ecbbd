//! `styxy firebase` runs the emulators on ports that nobody else has, with a configuration that is removed after the run.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;
use styxy_core::api::State;

use crate::support::{Server, Suite, finish, sort, until};

const START: [&str; 3] = ["--", "firebase", "emulators:start"];

#[test]
fn every_emulator_listens_on_its_own_port_and_the_file_is_removed_with_the_run() {
    let suite = Suite::new();
    let (mut server, told) = suite.run(&START);
    let port = |name| suite.ports.iter().find(|(known, _)| *known == name).unwrap().1;
    // All were free, so all are as in firebase.json, and the rest of it is unchanged.
    assert_eq!(told.config(), &suite.config());
    assert_eq!(told.path().parent(), Some(&*suite.home.project()));
    assert_eq!(suite.left(), [told.path()]);
    assert_eq!(told.project(), format!("demo-project-{}", port("hub")));
    let local = |name| format!("127.0.0.1:{}", port(name));
    let expected = json!({
        "FIREBASE_AUTH_EMULATOR_HOST": local("auth"), "FIRESTORE_EMULATOR_HOST": local("firestore"),
        "FIREBASE_FIRESTORE_EMULATOR_ADDRESS": local("firestore"), "FIREBASE_EMULATOR_HUB": local("hub"),
    });
    assert_eq!(told.variables(), &expected);
    let leases = suite.home.leases();
    assert_eq!(leases.len(), suite.ports.len());
    for lease in leases {
        assert_eq!(
            (lease.state, lease.owner.pid.map(styxy_core::Pid::get)),
            (State::Active, Some(server.pid()))
        );
        assert_eq!(lease.project_path.unwrap().as_str(), suite.home.project().to_str().unwrap());
    }
    server.tell("exit 5");
    assert_eq!(server.ends().0, Some(5));
    assert!(suite.left().is_empty());
    assert_eq!(fs::read_to_string(suite.original()).unwrap(), suite.config().to_string());
    until("the leases end", || suite.home.leases().is_empty());
}

#[test]
fn two_suites_of_one_project_run_at_once() {
    let suite = Suite::new();
    let (mut first, one) = suite.run(&START);
    let (mut second, other) = suite.run(&START);
    assert!(one.ports().iter().all(|port| !other.ports().contains(port)), "{one:?} {other:?}");
    assert_ne!(one.project(), other.project());
    assert_ne!(one.path(), other.path());
    first.tell("exit 0");
    assert_eq!(first.ends().0, Some(0));
    assert_eq!(suite.left(), [other.path()]);
    second.tell("exit 0");
    assert_eq!(second.ends().0, Some(0));
    assert!(suite.left().is_empty());
}

#[test]
fn a_suite_gets_the_ports_again_that_it_had_beside_another_one() {
    let suite = Suite::new();
    let other = suite.home.other_project();
    fs::copy(suite.original(), other.join("firebase.json")).unwrap();
    let there = || {
        let server = Server::run(suite.command(&START).current_dir(&other));
        let told: serde_json::Value = serde_json::from_str(&server.hear()).unwrap();
        (server, told["config"]["emulators"].clone())
    };
    let end = |mut server: Server| {
        server.tell("exit 0");
        assert_eq!(server.ends().0, Some(0));
    };
    let (first, _) = suite.run(&START);
    let (second, had) = there();
    end(first);
    end(second);
    until("the leases end", || suite.home.leases().is_empty());
    // Now the ports that firebase.json names are free; they are what every checkout's firebase.json names.
    let (again, has) = there();
    assert_eq!(has, had);
    end(again);
}

#[test]
fn a_typed_project_and_configuration_are_used_with_npx_too() {
    let suite = Suite::new();
    fs::create_dir(suite.home.project().join("config")).unwrap();
    let given = suite.home.project().join("config/fire.json");
    let config = json!({ "emulators": { "auth": { "port": suite.ports[0].1 }, "pubsub": {} } });
    fs::write(&given, format!("// ours\n{config}")).unwrap();
    let words = ["--", "npx", "firebase", "emulators:exec", "--only", "auth", "--config", "config/fire.json"];
    let (mut server, told) = suite.run(&[&words[..], &["--project", "shop"]].concat());
    assert_eq!(told.project(), "shop");
    assert_eq!(told.path().parent(), given.parent());
    assert_eq!(told.config()["emulators"]["auth"]["port"], suite.ports[0].1);
    // Emulators that --only leaves out get no port.
    assert_eq!(told.config()["emulators"]["pubsub"], json!({}));
    server.tell("exit 0");
    assert_eq!(server.ends().0, Some(0));
    assert!(!told.path().exists());
}

#[test]
fn signals_reach_the_command_and_the_file_is_removed() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let suite = Suite::new();
        let mut command = suite.command(&START);
        // Without a terminal whose keys would reach both.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let server = Server::run(&mut command);
        server.hear();
        assert_eq!(suite.left().len(), 1);
        server.signal(signal);
        assert_eq!(server.ends().0, Some(code), "{signal:?}");
        assert!(suite.left().is_empty(), "{signal:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_emulator_outlives_the_command_after_a_signal() {
    let suite = Suite::new();
    // Both lead sessions of their own, as firebase starts them; the parent of the first has ended, and it ignores signals.
    let emulator = "trap '' INT TERM HUP; echo emulator; exec cat";
    suite.program(
        "firebase",
        &format!(
            "exec 3<&0\n(setsid sh -c \"{emulator}\" <&3 &)\nsetsid sh -c 'echo other; exec cat' <&3 &\nexec sleep 1000"
        ),
    );
    let mut command = suite.command(&START);
    command.stderr(Stdio::piped());
    let server = Server::reading(&mut command);
    let mut heard = [server.hear(), server.hear()];
    heard.sort();
    assert_eq!(heard, ["emulator", "other"]);
    server.signal(Signal::TERM);
    server.falls_silent();
    assert_eq!(server.ends().0, Some(143));
    assert!(suite.left().is_empty());
}

#[test]
fn ctrl_c_on_a_terminal_reaches_the_command_once() {
    let suite = Suite::new();
    // Like firebase, which shuts down in order after the first interrupt, and at once after a second one.
    // `sigwait` and no trap: a shell would handle a signal just before its `read` only after it.
    let stub = "exec python3 -c \"
import signal, sys
interrupt = {signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, interrupt)
print('ready', flush=True)
for count in range(1, 6):
    signal.sigwait(interrupt)
    print(f'interrupt-{count}', flush=True)
sys.stdin.readline()
print('ended-6' if interrupt & signal.sigpending() else 'ended-5', flush=True)
sys.exit(3)\"";
    suite.program("firebase", stub);
    // It has its own session and terminal, like a person's shell.
    let line = format!("exec {} firebase -- firebase emulators:start", crate::support::program());
    let mut command = suite.within_environment("script");
    if cfg!(target_os = "macos") {
        command.args(["-q", "/dev/null", "sh", "-c", &line]);
    } else {
        command.args(["-qec", &line, "/dev/null"]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut terminal = Server::reading(&mut command);
    let until_said = |terminal: &Server, word: &str| while !terminal.hear().contains(word) {};
    until_said(&terminal, "ready");
    // Several times, so that a duplicate would be counted before the last one.
    for count in 1..=5 {
        terminal.press("\x03");
        until_said(&terminal, &format!("interrupt-{count}"));
    }
    terminal.press("\n");
    until_said(&terminal, "ended-5");
    assert_eq!(terminal.ends().0, Some(3));
    assert!(suite.left().is_empty());
}

#[test]
fn the_file_of_a_killed_run_is_removed_by_the_next() {
    let suite = Suite::new();
    let (mut killed, told) = suite.run(&START);
    let (mut live, other) = suite.run(&START);
    killed.kill_alone();
    assert!(told.path().exists(), "nobody was left to remove it");
    let own = suite.home.project().join("firebase.styxy-notes.json");
    fs::write(&own, "{}").unwrap();
    let (mut next, _) = suite.run(&START);
    assert!(!told.path().exists() && other.path().exists() && own.exists());
    for server in [&mut live, &mut next] {
        server.tell("exit 0");
    }
    killed.hang_up();
}

#[test]
fn without_a_daemon_it_warns_and_runs_on_ports_that_are_free() {
    let suite = Suite::new();
    let taken = TcpListener::bind(("127.0.0.1", suite.ports[0].1)).unwrap();
    let mut command = suite.command(&[&["--no-start"], &START[..]].concat());
    let mut server = Server::run(command.stderr(Stdio::piped()));
    let told: serde_json::Value = serde_json::from_str(&server.hear()).unwrap();
    let auth = &told["config"]["emulators"]["auth"]["port"];
    assert_ne!(auth, &json!(suite.ports[0].1));
    server.tell("exit 0");
    let (code, _) = server.ends();
    assert_eq!(code, Some(0));
    drop(taken);
    suite.program("firebase", "exit 0");
    let said = finish(&mut suite.command(&[&["--no-start"], &START[..]].concat())).done().stderr;
    assert!(said.contains("warning: no daemon runs"), "{said}");
    assert!(suite.home.status().is_none());
}

#[test]
fn if_there_are_not_enough_ports_nothing_runs() {
    let suite = Suite::within(sort::TINY);
    let held: Vec<_> =
        suite.ports.iter().map(|(_, port)| TcpListener::bind(("127.0.0.1", *port)).unwrap()).collect();
    let ran = suite.home.top().join("ran");
    suite.program("firebase", &format!("touch {}", ran.display()));
    let said = finish(&mut suite.command(&START)).exits(1).stderr;
    assert!(said.starts_with("error: "), "{said}");
    assert!(!ran.exists() && suite.left().is_empty() && suite.home.leases().is_empty());
    drop(held);
}

#[test]
fn a_command_without_emulators_or_that_cannot_be_run_is_refused() {
    let suite = Suite::new();
    let run = |words: &[&str]| finish(&mut suite.command(words));
    run(&[]).exits(2);
    assert!(run(&["--", "firebase", "deploy"]).exits(2).stderr.contains("emulators:start"));
    run(&["--", "firebase", "emulators:start", "--config", "absent.json"]).exits(2);
    let said = run(&["--", "no-such-program-here", "emulators:start"]).exits(127).stderr;
    assert!(said.starts_with("error: could not run no-such-program-here"), "no summary comes before: {said}");
    let no_program = suite.original().display().to_string();
    let said = run(&["--", &no_program, "emulators:start"]).exits(126).stderr;
    assert!(said.starts_with("error: could not run"), "{said}");
    assert!(suite.left().is_empty());
    fs::write(suite.original(), "{ \"emulators\": }").unwrap();
    assert!(run(&START).exits(2).stderr.contains("line 1 column"));
    fs::remove_file(suite.original()).unwrap();
    assert!(run(&START).exits(2).stderr.contains("no firebase.json"));
}
