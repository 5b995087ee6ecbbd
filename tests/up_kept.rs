//! The keeper of `styxy up` may be killed at any time: no service is lost, and the next one adopts all of them (R131). What a
//! service prints stays within bounds (R133).

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::stack::{Stack, named};
use crate::support::{alive, eventually, finish, has_ended, kill, lacks_namespaces, lacks_root, until};

fn two() -> Value {
    json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "api": { "run": "exec python3 server.py api", "ready": "/" },
    })
}

fn pids(services: &[Value]) -> Vec<u64> {
    services.iter().map(|service| service["pid"].as_u64().unwrap()).collect()
}

#[test]
fn a_killed_keeper_loses_no_service_and_the_next_one_adopts_all() {
    let stack = Stack::new(&two());
    let before = stack.up();
    let keeper = stack.keeper();
    kill(keeper, Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
    assert!(stack.ask("web", "PORT").starts_with("web ") && stack.ask("api", "PORT").starts_with("api "));
    assert_eq!(stack.service("web")["why"], "its keeper was killed; styxy up adopts it");
    let after = stack.up();
    assert_eq!(pids(&before), pids(&after));
    assert!(
        after.iter().all(|service| service["started"] == false && service["state"] == "ready"),
        "{after:?}"
    );
    assert_ne!(stack.keeper(), keeper);
    // The daemon too.
    kill(stack.keeper(), Signal::KILL);
    stack.home.kill_daemon();
    assert_eq!(pids(&stack.up()), pids(&before));
    let web = stack.pid("web");
    kill(web, Signal::KILL);
    let failed =
        eventually("its end is noticed", || Some(stack.service("web")).filter(|web| web["state"] != "ready"));
    assert!(failed["pid"].is_null(), "{failed}");
    assert!(alive(stack.pid("api")));
}

/// Two servers, each of which leaves a process in a session of its own whose parents have ended: [`left_by`] has its pid.
fn leaving() -> Stack {
    let apart = "import os, signal, sys, time\n\
                 if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        \
                 open('apart-' + sys.argv[1], 'w').write(str(os.getpid()))\n        \
                 signal.signal(signal.SIGINT, signal.SIG_IGN)\n        time.sleep(1000)\n    os._exit(0)\n\
                 os.execvp('python3', ['python3', 'server.py', sys.argv[1]])\n";
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 apart.py web", "ready": "/" },
        "api": { "run": "exec python3 apart.py api", "ready": "/" },
    }));
    fs::write(stack.home.project().join("apart.py"), apart).unwrap();
    stack
}

fn left_by(stack: &Stack, name: &str) -> u32 {
    let path = stack.home.project().join(format!("apart-{name}"));
    let pid = eventually("it says its pid", || fs::read_to_string(&path).ok()?.parse::<u32>().ok());
    assert!(alive(pid));
    pid
}

#[test]
fn down_after_an_adoption_ends_what_went_its_own_way() {
    let stack = leaving();
    stack.up();
    let all = [left_by(&stack, "web"), left_by(&stack, "api")];
    stack.styxy(&["down", "api"]).done();
    until("what api has left ends", || has_ended(all[1]));
    assert!(alive(all[0]) && stack.ask("web", "PORT").starts_with("web "));
    kill(stack.keeper(), Signal::KILL);
    stack.styxy(&["down"]).done();
    until("what web has left ends", || has_ended(all[0]));
    stack.is_over();
    assert_eq!(stack.service("web")["state"], "ended");
}

#[test]
fn a_service_that_puts_itself_into_the_background_is_still_the_service() {
    let fork = "import os, sys\nif os.fork():\n    os._exit(0)\nos.setsid()\nos.execvp('python3', ['python3', 'server.py', 'web'])\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 fork.py", "ready": "/" } }));
    fs::write(stack.home.project().join("fork.py"), fork).unwrap();
    let up = stack.up();
    assert_eq!(up[0]["state"], "ready", "{up:?}");
    let pid: u32 = stack.ask("web", "").split(' ').nth(1).unwrap().parse().unwrap();
    until("the server is known", || stack.service("web")["pid"] == pid);
    stack.styxy(&["down"]).done();
    assert!(has_ended(pid));
}

#[test]
fn a_damaged_or_newer_memory_is_said_and_what_runs_is_neither_doubled_nor_lost() {
    let mut services = two();
    services["css"] = json!({ "run": "sleep 1000; true", "port": false });
    let stack = Stack::new(&services);
    let before = stack.up();
    let kill_keeper = || {
        let keeper = stack.keeper();
        kill(keeper, Signal::KILL);
        until("the keeper has ended", || has_ended(keeper));
    };
    for text in ["{ \"version\": 1, ", "{ \"version\": 99 }"] {
        kill_keeper();
        fs::write(stack.kept().join("state.json"), text).unwrap();
        let ps = stack.styxy(&["ps"]).done();
        assert!(ps.stderr.contains("is not readable") && ps.stdout.contains("css"), "{ps:?}");
        let said = stack.styxy(&["up", "-d"]).done();
        assert!(said.stderr.contains("is not readable") && said.stderr.contains("css (pid "), "{said:?}");
        let after = stack.up();
        assert_eq!(pids(&after), pids(&before), "{after:?}");
        assert_eq!(named(&after, "web")["state"], "ready", "{after:?}");
        assert_eq!(fs::read_to_string(stack.kept().join("state.json.unread")).unwrap(), text);
    }
    // The disk was full when the last one of them was to be written down.
    kill_keeper();
    fs::remove_file(stack.kept().join("state.json")).unwrap();
    let down = stack.styxy(&["down"]).done();
    assert!(down.stdout.contains("css: ended\n"), "{down:?}");
    for pid in pids(&before) {
        assert!(has_ended(u32::try_from(pid).unwrap()));
    }
    stack.is_over();
}

#[test]
fn a_service_that_prints_without_end_fills_no_disk() {
    let print =
        "import sys\nline = b'%0126d\\n'\nfor i in range(830000):\n    sys.stdout.buffer.write(line % i)\n";
    let stack = Stack::new(&json!({ "web": { "run": "python3 print.py; sleep 1000", "port": false } }));
    fs::write(stack.home.project().join("print.py"), print).unwrap();
    stack.up();
    let path = stack.kept().join("web.log");
    let most = 9 << 20;
    let mut highest = 0;
    until("all of it was printed", || {
        let found = path.metadata().unwrap();
        highest = highest.max(found.blocks() * 512);
        found.len() > 830_000 * 127
    });
    until("only its end is on the disk", || path.metadata().unwrap().blocks() * 512 <= most);
    let log = fs::File::open(&path).unwrap();
    let length = log.metadata().unwrap().len();
    let mut end = vec![0; 4 << 20];
    log.read_exact_at(&mut end, length - (4 << 20)).unwrap();
    assert!(end.iter().all(|byte| *byte == b'\n' || byte.is_ascii_digit()), "the last 4 MiB are whole");
    let last = stack.styxy(&["logs", "web", "-n", "1"]).done().stdout;
    assert_eq!(last.trim_end().trim_start_matches('0'), "829999");
    eprintln!("at most {} KiB on the disk", highest >> 10);
    // Also where the keeper ends with what was printed last.
    stack.say(&json!({ "api": { "run": "python3 print.py", "port": false } }));
    stack.styxy(&["up", "-d"]).done();
    stack.is_over();
    assert!(stack.kept().join("api.log").metadata().unwrap().blocks() * 512 <= most);
}

#[test]
fn down_of_one_service_after_a_killed_keeper_ends_what_that_one_has_left() {
    let stack = leaving();
    stack.up();
    let (web, api) = (left_by(&stack, "web"), left_by(&stack, "api"));
    let keeper = stack.keeper();
    kill(keeper, Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
    stack.styxy(&["down", "web"]).done();
    until("what web has left ends", || has_ended(web));
    assert!(alive(api) && stack.ask("api", "PORT").starts_with("api "));
}

#[test]
fn a_log_that_is_deleted_while_its_service_writes_is_there_again_without_a_gap() {
    let print = "import time\nfor i in range(100000):\n    print(i, flush=True)\n    time.sleep(0.005)\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 print.py", "port": false } }));
    fs::write(stack.home.project().join("print.py"), print).unwrap();
    stack.up();
    let path = stack.kept().join("web.log");
    let numbers = || -> Vec<u32> {
        let said = stack.styxy(&["logs", "web", "-n", "100000"]).done().stdout;
        said.lines().filter_map(|line| line.parse().ok()).collect()
    };
    let mut least = 20;
    for _ in 0..2 {
        until("it prints", || numbers().len() > least);
        fs::remove_file(&path).unwrap();
        let before = least;
        until("the log is there again", || path.exists() && numbers().len() > before + 50);
        least = numbers().len();
    }
    // What it prints last is not lost either, nor what the next start prints.
    fs::remove_file(&path).unwrap();
    stack.styxy(&["down"]).done();
    stack.is_over();
    let all = numbers();
    assert!(all.len() > least, "{} after {least}", all.len());
    assert!(all.iter().enumerate().all(|(at, number)| at == *number as usize), "{all:?}");
    stack.up();
    fs::remove_file(&path).unwrap();
    stack.styxy(&["down"]).done();
    stack.up();
    let log = fs::read_to_string(&path).unwrap();
    assert_eq!(log.matches("--- started ").count(), 3, "{log}");
}

#[test]
fn what_runs_is_kept_and_said_where_the_disk_has_no_room_to_write_it_down() {
    // Only root can mount.
    if lacks_root() || lacks_namespaces(&["-m", "mount", "-t", "tmpfs", "none", "/mnt"]) {
        return;
    }
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } }));
    let more = json!({ "services": {
        "web": { "run": "exec python3 server.py web", "ready": "/" }, "css": { "run": "sleep 1000", "port": false },
    } });
    fs::write(stack.home.project().join("more.json"), more.to_string()).unwrap();
    let script = r#"
        mount -t tmpfs -o size=64k none "$STYXY_HOME/up" || exit
        "$STYXY" up -d >/dev/null 2>&1 || echo "not up"
        cat /dev/zero >"$STYXY_HOME/up/full" 2>/dev/null
        cp more.json .styxy.json
        "$STYXY" up -d 2>&1 | sed -n "s=^\(what runs could not be written down: \)$STYXY_HOME/up/[0-9a-f]*: \(No space left on device\).*=\1\2=p"
        "$STYXY" ps | grep -o "^[a-z]*  *\(ready\|running\)"
        rm "$STYXY_HOME/up/full"
        "$STYXY" down 2>&1
        grep -c '"label": "css"' "$STYXY_HOME"/up/*/state.json
    "#;
    fs::create_dir_all(stack.home.root().join("up")).unwrap();
    let shell = stack.home.shell(script);
    let mut inside = stack.home.command("unshare");
    inside.arg("-m").arg(shell.get_program()).args(shell.get_args());
    inside.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = finish(inside.env("STYXY_HOME", stack.home.root()).stdin(Stdio::null()));
    let lines: Vec<String> =
        said.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let full = "what runs could not be written down: No space left on device";
    assert_eq!(lines, [full, "css running", "web ready", "css: ended", "web: ended", "1"], "{said:?}");
}
