//! What `styxy up` finds that it has not started, what it does not start, and what has ended while it looked on.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::stack::{Stack, named};
use crate::support::{Running, alive, eventually, finish, has_ended, kill, until};

/// Stands in for `next dev` of 16.2: it locks its folder, and a second one does not live.
const NEXT: &str = r#"
import fcntl, http.server, json, os, sys
os.makedirs(".next/dev", exist_ok=True)
lock = open(".next/dev/lock", "a+")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("Another next dev server is already running.")
port = int(os.environ["PORT"])
json.dump({"pid": os.getpid(), "port": port}, lock)
lock.flush()
http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"#;

fn next() -> Stack {
    let stack = Stack::new(&json!({ "web": { "run": "npx next dev" } }));
    let project = stack.home.project();
    fs::write(project.join("next.py"), NEXT).unwrap();
    let programs = stack.home.top().join("programs");
    fs::create_dir(&programs).unwrap();
    fs::write(programs.join("npx"), "#!/bin/sh\nexec python3 next.py\n").unwrap();
    fs::set_permissions(programs.join("npx"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    stack
}

fn with_programs(stack: &Stack, words: &[&str]) -> std::process::Command {
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", stack.home.top().join("programs").display());
    let mut command = stack.home.styxy_command(words);
    command.env("PATH", path);
    command
}

#[test]
fn a_next_dev_that_was_started_by_hand_is_not_doubled() {
    let stack = next();
    let port = stack.home.spare_port();
    let mut command = stack.home.command("python3");
    let by_hand = Running::spawn(command.arg("next.py").env("PORT", port.to_string()));
    let lock = stack.home.project().join(".next/dev/lock");
    until("it holds its lock", || fs::read_to_string(&lock).is_ok_and(|text| text.contains("port")));
    let up = finish(&mut with_programs(&stack, &["up", "-d"])).done();
    let line = format!("web: runs outside of up, http://localhost:{port}, pid {}", by_hand.pid());
    assert!(up.stdout.contains(&line), "{up:?}");
    stack.styxy(&["down"]).done();
    assert!(alive(by_hand.pid()));
    stack.styxy(&["down", "--all"]).done();
    until("it ends", || has_ended(by_hand.pid()));
    // Its file is still there, and nobody holds it.
    assert!(lock.exists());
    let up = finish(&mut with_programs(&stack, &["up", "-d"])).done();
    assert!(up.stdout.contains("web: ready, "), "{up:?}");
}

#[test]
fn what_is_not_started_is_told_all_the_same() {
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/", "env": { "API": "{api.url}" } },
        "api": { "run": "exec python3 server.py api", "ready": "/" },
    }));
    let said = stack.styxy(&["up", "-d", "web"]).done();
    assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
    let told = stack.ask("web", "API").split(' ').next_back().unwrap().to_owned();
    let line = format!("not started, and told to the others all the same: api ({told})\n");
    assert!(told.starts_with("http") && said.stderr.contains(&line), "{told}: {said:?}");
    // It gets that port once it is started.
    let both = stack.up();
    assert_eq!(named(&both, "api")["url"], told);
    assert_eq!(named(&both, "web")["started"], false);
    let said = stack.styxy(&["up", "-d", "web"]).done();
    assert!(!said.stderr.contains("not started"), "it runs: {said:?}");
    let print = stack.styxy(&["up", "--print", "web"]).done().stdout;
    assert!(print.contains("not started, and told to the others all the same: api\n"), "{print}");
}

#[test]
fn reasons_are_said_once_and_again_when_they_have_changed() {
    let stack = Stack::new(&json!({}));
    let project = stack.home.project();
    fs::remove_file(project.join(".styxy.json")).unwrap();
    let procfile = |text: &str| fs::write(project.join("Procfile.dev"), text).unwrap();
    procfile("css: sleep 1000\n");
    let reason = |words: &[&str]| {
        let said = stack.styxy(words).done();
        format!("{}{}", said.stdout, said.stderr).contains("the process css of Procfile.dev")
    };
    assert!(reason(&["up", "-d"]));
    assert!(!reason(&["up", "-d"]), "nothing is new");
    assert!(reason(&["up", "--print"]));
    procfile("css: sleep 1000\nmore: sleep 1000\n");
    assert!(reason(&["up", "-d"]));
    assert!(!reason(&["up", "-d"]));
}

#[test]
fn what_only_builds_is_done_when_it_has_ended() {
    let stack = Stack::new(&json!({
        "types": { "run": "tsc && touch built", "port": false },
        "web": { "run": "test -e built && exec python3 server.py web", "ready": "/", "after": ["types"] },
    }));
    let programs = stack.home.top().join("programs");
    fs::create_dir(&programs).unwrap();
    let tsc = |text: &str| {
        fs::write(programs.join("tsc"), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(programs.join("tsc"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    };
    // Longer than what counts as running at once.
    tsc("sleep 1");
    let up = finish(&mut with_programs(&stack, &["up", "-d"])).done();
    assert!(
        up.stdout.contains("types: ended (exit 0 after ") && up.stdout.contains("web: ready, "),
        "{up:?}"
    );
    assert_eq!(stack.service("types")["exit_code"], 0);
    let print = stack.styxy(&["up", "--print"]).done().stdout;
    assert!(print.contains("types: tsc && touch built (builds and ends)"), "{print}");
    stack.styxy(&["down"]).done();
    fs::remove_file(stack.home.project().join("built")).unwrap();
    tsc("echo wrong; exit 2");
    let up = finish(&mut with_programs(&stack, &["up", "-d"])).exits(1);
    assert!(up.stderr.contains("types: failed: exit 2 after ") && up.stderr.contains("wrong"), "{up:?}");
}

#[test]
fn the_code_of_an_adopted_service_is_known() {
    let ends = "import os, signal, sys\nsignal.signal(signal.SIGUSR1, lambda *_: os._exit(7))\n\
                sys.argv = ['server.py', 'web']\nexec(open('server.py').read())\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 ends.py", "ready": "/" } }));
    fs::write(stack.home.project().join("ends.py"), ends).unwrap();
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let numbers = release.split(['.', '-']).take(2).filter_map(|part| part.parse::<u32>().ok());
    let is_told = numbers.collect::<Vec<_>>() >= vec![6, 15];
    for (signal, code, why) in [(Signal::USR1, 7, "exit 7 after "), (Signal::KILL, 137, "signal 9 after ")] {
        stack.up();
        let keeper = stack.keeper();
        kill(keeper, Signal::KILL);
        until("the keeper has ended", || has_ended(keeper));
        stack.up();
        kill(stack.pid("web"), signal);
        let web: Value = eventually("its end is noticed", || {
            Some(stack.service("web")).filter(|web| web["state"] == "failed")
        });
        // Before Linux 6.15 only the parent learns it.
        let expected = if is_told { json!(code) } else { Value::Null };
        assert_eq!(web["exit_code"], expected, "{web}");
        assert!(
            web["why"].as_str().unwrap().starts_with(if is_told { why } else { "it has ended" }),
            "{web}"
        );
    }
}

#[test]
fn a_port_that_was_changed_in_the_file_is_taken() {
    let stack = Stack::new(&json!({}));
    let (one, two) = (stack.home.spare_port(), stack.home.spare_port());
    let web =
        |port: u16| json!({ "web": { "run": "exec python3 server.py web", "ready": "/", "port": port } });
    for port in [one, two, one] {
        stack.say(&web(port));
        assert_eq!(stack.up()[0]["port"], port);
        stack.styxy(&["down"]).done();
    }
}

#[test]
fn a_folder_that_is_not_there_and_a_service_that_is_unknown_are_said() {
    let stack = Stack::new(&json!({ "web": { "run": "echo ---; echo --- no; exit 3" } }));
    for command in ["up", "down", "logs", "ps"] {
        let said = stack.styxy(&[command, "-C", "/no/such/folder"]).exits(2);
        assert!(said.stderr.contains("-C: /no/such/folder is not a folder"), "{said:?}");
    }
    let said = stack.styxy(&["up", "-d"]).exits(1);
    assert!(said.stderr.contains("\n  ---\n  --- no\n"), "{said:?}");
    let said = stack.styxy(&["down", "nope"]).exits(2);
    assert!(said.stderr.contains("there is no service nope here"), "{said:?}");
}
