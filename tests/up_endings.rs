//! However `styxy up` ends, nothing of the services is left: Ctrl-C, a closed terminal, a removed worktree; and whoever only
//! looks on ends nothing (R135, R137).

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::stack::Stack;
use crate::support::{Terminal, alive, eventually, has_ended, kill, until};

fn web() -> Value {
    json!({ "web": { "run": "exec python3 server.py web", "ready": "/" } })
}

#[test]
fn ctrl_c_ends_the_services_and_shows_their_last_words() {
    let stack = Stack::new(&web());
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("web begins");
    terminal.sees("web: ");
    terminal.sees("ready");
    terminal.sees("Ctrl-C ends the services");
    let pid = stack.pid("web");
    stack.ask("web", "PORT");
    terminal.sees("was asked for /PORT");
    // A second one only looks on.
    let mut other = Terminal::shell(&stack.home);
    other.types("$STYXY up; echo exit $?\r");
    other.sees("already running");
    other.sees("the services stay up when you leave");
    other.types("\x03");
    other.sees("exit 0");
    assert!(alive(pid));
    terminal.types("\x03");
    terminal.sees("web ends");
    terminal.sees("exit 0");
    assert!(has_ended(pid));
    stack.is_over();
}

#[test]
fn ctrl_c_keeps_the_exit_code_of_a_service_that_has_failed() {
    let mut services = web();
    services["bad"] = json!({ "run": "echo no such module; exit 3", "port": false });
    let stack = Stack::new(&services);
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("bad: failed");
    terminal.sees("Ctrl-C ends the services");
    terminal.types("\x03");
    terminal.sees("exit 1");
    stack.is_over();
}

#[test]
fn ctrl_c_in_a_detached_up_says_what_goes_on() {
    let stack = Stack::new(&json!({ "web": { "run": "exec sleep 600", "ready": "/" } }));
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up -d; echo exit $?\r");
    until("it starts", || stack.ps().iter().any(|service| service["state"] == "starting"));
    terminal.types("\x03");
    terminal.sees("web (starting); styxy down ends them");
    terminal.sees("exit 130");
    assert!(alive(stack.pid("web")));
}

#[test]
fn ctrl_c_when_nothing_that_was_started_here_runs_any_more_leaves_the_others_and_says_so() {
    let mut services = web();
    services["job"] = json!({ "run": "sleep 1; true", "port": false });
    let stack = Stack::new(&services);
    stack.up();
    until("the job has ended", || stack.service("job")["state"] == "ended");
    let pid = stack.pid("web");
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("job: ended");
    terminal.types("\x03");
    terminal.sees("the services stay up; styxy down ends them");
    terminal.sees("exit 0");
    assert!(alive(pid));
}

#[test]
fn what_another_up_starts_is_shown_and_followed_and_named_after_ctrl_c() {
    let mut services = web();
    let stack = Stack::new(&services);
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    services["api"] = json!({ "run": "exec python3 server.py api", "ready": "/" });
    stack.say(&services);
    stack.up();
    terminal.sees("api begins");
    terminal.sees("api: ");
    terminal.sees("started by another styxy up");
    let (web, api) = (stack.pid("web"), stack.pid("api"));
    terminal.types("\x03");
    terminal.sees("the services that were started here end");
    terminal.sees("these go on: api (ready); styxy down ends them");
    terminal.sees("exit 0");
    assert!(has_ended(web) && alive(api));
}

#[test]
fn what_another_up_starts_again_is_said() {
    let stack = Stack::new(&web());
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    stack.styxy(&["down", "web"]).done();
    terminal.sees("exit 0");
    let mut services = web();
    services["api"] = json!({ "run": "exec python3 server.py api", "ready": "/" });
    stack.say(&services);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    stack.styxy(&["down", "api"]).done();
    terminal.sees("api: ");
    stack.up();
    terminal.sees("started by another styxy up");
    let api = stack.pid("api");
    terminal.types("\x03");
    terminal.sees("these go on: api (ready); styxy down ends them");
    terminal.sees("exit 0");
    assert!(alive(api));
}

#[test]
fn a_closed_terminal_and_a_killed_command_end_the_services() {
    let stack = Stack::new(&web());
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up\r");
    terminal.sees("Ctrl-C ends the services");
    let pid = stack.pid("web");
    drop(terminal);
    until("the service ends with the terminal", || has_ended(pid));
    stack.is_over();
    // `--wait` is attached without a terminal too.
    let mut command = stack.home.styxy_command(&["up", "--wait"]);
    let attached = crate::support::Running::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()));
    let pid =
        eventually("it runs", || stack.ps().first()?["pid"].as_u64().map(|pid| u32::try_from(pid).unwrap()));
    until("it is ready", || stack.service("web")["state"] == "ready");
    attached.kill();
    until("the service ends with the command", || has_ended(pid));
    stack.is_over();
}

#[test]
fn d_leaves_the_services_running() {
    let stack = Stack::new(&web());
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("d leaves them running");
    terminal.types("d");
    terminal.sees("exit 0");
    // The terminal shows what is typed again.
    terminal.types("echo typed\r");
    terminal.sees("echo typed");
    assert!(stack.ask("web", "PORT").starts_with("web "));
}

#[test]
fn a_service_with_a_terminal_gets_what_is_typed() {
    let stack = Stack::new(&json!({
        "web": { "run": "stty -echo; while read line; do echo got $line on $(tty); done", "port": false, "tty": true },
    }));
    let mut terminal = Terminal::shell(&stack.home);
    terminal.resizes(30, 100);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("running");
    terminal.sees("Ctrl-C ends the services");
    terminal.types("some keys\r");
    terminal.sees("got some keys on /dev/");
    let pid = stack.pid("web");
    terminal.types("\x03");
    terminal.sees("exit 0");
    assert!(has_ended(pid));
}

#[test]
fn a_service_that_is_deaf_is_killed_in_the_end() {
    let deaf = "import signal, time\nfor s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):\n    signal.signal(s, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(1000)\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 deaf.py", "port": false } }));
    fs::write(stack.home.project().join("deaf.py"), deaf).unwrap();
    stack.up();
    until("it is deaf", || stack.logs().contains("deaf\n"));
    let pid = stack.pid("web");
    stack.styxy(&["down"]).done();
    assert!(has_ended(pid));
    // Ctrl-C three times is fast, whatever a service does with the first two.
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    until("it is deaf", || stack.logs().matches("deaf\n").count() == 2);
    let pid = stack.pid("web");
    terminal.types("\x03");
    terminal.sees("faster");
    terminal.types("\x03");
    terminal.types("\x03");
    terminal.sees("exit 0");
    assert!(has_ended(pid));
}

#[test]
fn a_removed_worktree_ends_its_services() {
    let stack = Stack::new(&web());
    stack.up();
    let pid = stack.pid("web");
    fs::remove_dir_all(stack.home.project()).unwrap();
    until("the service ends with its worktree", || has_ended(pid));
    let again = stack.home.project();
    fs::create_dir_all(again.join(".git")).unwrap();
    stack.is_over();
}

#[test]
fn a_worktree_that_git_has_removed_but_for_some_files_ends_its_services() {
    let stack = Stack::new(&web());
    let record = stack.home.other_project().join(".git/worktrees/project");
    let git = stack.home.project().join(".git");
    fs::create_dir_all(&record).unwrap();
    fs::remove_dir(&git).unwrap();
    fs::write(git, format!("gitdir: {}\n", record.display())).unwrap();
    fs::write(record.join("commondir"), "../..\n").unwrap();
    stack.up();
    let pid = stack.pid("web");
    fs::remove_dir_all(&record).unwrap();
    until("the service ends with its worktree", || has_ended(pid));
    stack.is_over();
}

#[test]
fn a_keeper_that_is_told_to_terminate_ends_everything() {
    let stack = Stack::new(&web());
    stack.up();
    let pid = stack.pid("web");
    kill(stack.keeper(), Signal::TERM);
    until("the service ends with the keeper", || has_ended(pid));
    stack.is_over();
}

#[test]
fn each_service_ends_with_the_command_that_has_started_it() {
    let api = json!({ "run": "exec python3 server.py api", "ready": "/" });
    let stack =
        Stack::new(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" }, "api": api }));
    stack.styxy(&["up", "-d", "web"]).done();
    let web = stack.pid("web");
    let mut command = stack.home.styxy_command(&["up", "--wait"]);
    let attached = crate::support::Running::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()));
    let is_ready = |view: &serde_json::Value| view["service"] == "api" && view["state"] == "ready";
    until("api is ready", || stack.ps().iter().any(is_ready));
    let api = stack.pid("api");
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(said.stderr.contains("these end with the styxy up that has started them: api"), "{said:?}");
    attached.signal(Signal::TERM);
    until("what it has started ends", || has_ended(api));
    assert!(alive(web) && stack.service("web")["state"] == "ready");
    // A terminal owns api, and web is started beside it to stay.
    stack.styxy(&["down"]).done();
    let mut terminal = Terminal::shell(&stack.home);
    terminal.types("$STYXY up api; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    stack.styxy(&["up", "-d", "web"]).done();
    let (web, api) = (stack.pid("web"), stack.pid("api"));
    terminal.types("\x03");
    terminal.sees("exit 0");
    assert!(has_ended(api) && alive(web));
    let down = stack.styxy(&["down"]).done().stdout;
    assert_eq!(down, "web: ended\n");
}

#[test]
fn a_worktree_that_is_made_again_and_one_that_moves_with_a_folder_above_are_watched() {
    let stack = Stack::new(&web());
    stack.up();
    let first = stack.pid("web");
    let project = stack.home.project();
    let read = |name: &str| fs::read_to_string(project.join(name)).unwrap();
    let (server, file) = (read("server.py"), read(".styxy.json"));
    fs::remove_dir_all(&project).unwrap();
    fs::create_dir_all(project.join(".git")).unwrap();
    fs::write(project.join("server.py"), server).unwrap();
    fs::write(project.join(".styxy.json"), file).unwrap();
    stack.up();
    let second = stack.pid("web");
    assert!(second != first && has_ended(first), "the old folder's server is not adopted");
    fs::remove_dir_all(&project).unwrap();
    until("the service ends with the new folder too", || has_ended(second));
    fs::create_dir_all(project.join(".git")).unwrap();
    stack.is_over();
    // Another worktree, whose grandparent moves.
    let above = stack.home.top().join("above");
    let deep = above.join("between/deep");
    fs::create_dir_all(deep.join(".git")).unwrap();
    fs::write(
        deep.join(".styxy.json"),
        r#"{ "services": { "css": { "run": "sleep 1000; true", "port": false } } }"#,
    )
    .unwrap();
    let up =
        crate::support::finish(stack.home.styxy_command(&["up", "-d", "--json"]).current_dir(&deep)).done();
    let pid = u32::try_from(up.json()["services"][0]["pid"].as_u64().unwrap()).unwrap();
    fs::rename(&above, stack.home.top().join("elsewhere")).unwrap();
    until("the service ends with the move", || has_ended(pid));
}

#[test]
fn down_names_all_that_it_has_ended_and_what_runs_outside_stays_known() {
    let stack = Stack::new(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/", "after": ["api"] },
        "api": { "run": "exec python3 server.py api", "ready": "/" },
    }));
    stack.up();
    let down = stack.styxy(&["down"]).done().stdout;
    assert!(down.contains("web: ended\n") && down.contains("api: ended\n"), "{down}");
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "api", "--", "python3", "server.py", "x"]);
    let outside = crate::support::Running::spawn(&mut command);
    until("it listens", || {
        stack.home.leases().iter().any(|lease| lease.state == styxy_core::api::State::Active)
    });
    stack.styxy(&["up", "-d", "api"]).done();
    stack.is_over();
    assert_eq!(stack.service("api")["state"], "outside", "without a keeper too");
    let down = stack.styxy(&["down"]).done().stdout;
    assert!(down.contains("api: runs outside of up, and stays"), "{down}");
    assert!(alive(outside.pid()));
}

#[test]
fn nothing_that_the_shell_has_open_stays_open_with_the_services() {
    let stack = Stack::new(&web());
    let lock = fs::File::create(stack.home.top().join("lock")).unwrap();
    let mut shell = stack.home.command("sh");
    shell.args(["-c", "exec 9>\"$LOCK\"; flock 9 2>/dev/null; exec \"$STYXY\" up -d"]);
    shell.env("LOCK", stack.home.top().join("lock")).env("STYXY", crate::support::program());
    crate::support::finish(&mut shell).done();
    assert_eq!(stack.service("web")["state"], "ready");
    lock.try_lock().expect("nobody holds it");
}
