//! Whoever meets a service of `styxy up` by its port or its process learns what it is: `who`, `list`, `kill`, the guard and
//! `uninstall` (R138, R139).

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::stack::{Stack, named};
use crate::support::{Output, alive, finish, has_ended, kill, until};

fn two() -> Value {
    json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "css": { "run": "sleep 1000; true", "port": false },
    })
}

fn port(services: &[Value], name: &str) -> String {
    named(services, name)["port"].to_string()
}

fn at(stack: &Stack, folder: &Path, words: &[&str]) -> Output {
    finish(stack.home.styxy_command(words).current_dir(folder))
}

#[test]
fn who_and_list_say_which_service_a_server_is_and_what_ends_it() {
    let stack = Stack::new(&two());
    let port = port(&stack.up(), "web");
    let root = stack.home.project();
    let said = stack.styxy(&["who", &port]).done().stdout;
    assert!(
        said.contains("  service   web of styxy up in ") && said.contains("; to end it: styxy down web\n"),
        "{said}"
    );
    let wire = stack.styxy(&["who", &port, "--json"]).done().json();
    assert_eq!(wire["up"], json!({ "service": "web", "root": root, "stop": "styxy down web" }));
    let other = at(&stack, &stack.home.other_project(), &["who", &port, "--json"]).exits(6).json();
    assert_eq!(other["up"]["stop"], format!("styxy down web -C {}", root.display()));
    let list = stack.styxy(&["list"]).done().stdout;
    let line = list.lines().find(|line| line.contains(&port)).unwrap();
    assert!(list.lines().next().unwrap().contains(" UP ") && line.contains(" web "), "{list}");
    // A server that was started by hand is of no service.
    stack.styxy(&["down"]).done();
    let mut command =
        stack.home.styxy_command(&["run", "-q", "-s", "web", "--", "python3", "server.py", "x"]);
    let _outside = crate::support::Running::spawn(&mut command);
    until("it listens", || stack.styxy(&["who", &port, "--json"]).code == 0);
    assert_eq!(stack.styxy(&["who", &port, "--json"]).done().json()["up"], Value::Null);
}

#[test]
fn a_service_that_is_killed_by_its_port_has_ended_and_not_failed() {
    let stack = Stack::new(&json!({
        "web": { "run": "sleep 1000 & exec python3 server.py web", "ready": "/" },
        "api": { "run": "exec python3 server.py api", "ready": "/" },
    }));
    let up = stack.up();
    let (web, pid) = (port(&up, "web"), stack.pid("web"));
    let said = stack.styxy(&["kill", &web, "--yes"]).done().stdout;
    assert!(said.starts_with("The service web of styxy up has ended: python3"), "{said}");
    assert!(has_ended(pid));
    assert_eq!((stack.service("web")["state"].as_str(), alive(stack.pid("api"))), (Some("ended"), true));
    let port = port(&stack.up(), "web");
    assert_eq!(port, web, "the port is its own");
    // Another worktree's needs --force, and its keeper ends it all the same.
    let other = stack.home.other_project();
    let said = at(&stack, &other, &["kill", &port, "--yes"]).exits(1);
    assert!(said.stderr.contains("--force"), "{said:?}");
    at(&stack, &other, &["kill", &port, "--yes", "--force"]).done();
    assert_eq!(stack.service("web")["state"], "ended");
    // A killed keeper has left its services: the next one ends them.
    let pid = {
        stack.up();
        stack.pid("web")
    };
    let keeper = stack.keeper();
    kill(keeper, rustix::process::Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
    let wire = stack.styxy(&["kill", &port, "--yes", "--json"]).done().json();
    assert_eq!((wire["pid"].as_u64(), wire["ending"].as_str()), (Some(u64::from(pid)), Some("asked")));
    assert_eq!(stack.service("web")["state"], "ended");
}

#[test]
fn a_service_that_had_to_be_killed_says_so() {
    let deaf = "import signal, sys\nfor s in (signal.SIGINT, signal.SIGTERM):\n    signal.signal(s, signal.SIG_IGN)\n\
                sys.argv = ['server.py', 'web']\nexec(open('server.py').read())\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 deaf.py", "ready": "/" } }));
    fs::write(stack.home.project().join("deaf.py"), deaf).unwrap();
    let web = port(&stack.up(), "web");
    let wire = stack.styxy(&["kill", &web, "--yes", "--grace", "0", "--json"]).done().json();
    assert_eq!(wire["ending"], "killed", "{wire}");
    assert_eq!(stack.service("web")["killed"], true);
    stack.up();
    assert_eq!(stack.styxy(&["down", "--now"]).done().stdout, "web: ended (it was killed)\n");
}

#[test]
fn the_guard_spares_another_worktrees_keeper_and_what_it_has_started() {
    let stack = Stack::new(&two());
    stack.up();
    let (keeper, css) = (stack.keeper(), stack.pid("css"));
    let other = stack.home.other_project();
    let guarded = |folder: &Path, pid: u32| {
        let kill = format!("kill {pid}");
        let mut agent = stack.home.styxy_command(&["agent", "--", "bash", "-c", &kill]);
        finish(agent.current_dir(folder).stdin(Stdio::null()))
    };
    let root = stack.home.project();
    for (pid, said, stop) in [
        (keeper, "keeps the services of ", "styxy down --force -C "),
        (css, "is of the service css of styxy up in ", "styxy down css --force -C "),
    ] {
        let refused = guarded(&other, pid);
        assert!(refused.code != 0 && refused.stderr.contains(said), "{refused:?}");
        let hint = format!("If it is meant: {stop}'{}'", root.display());
        assert!(refused.stderr.contains(&hint), "{refused:?}");
        assert!(alive(pid));
    }
    // Its own an agent may end.
    assert_eq!(guarded(&root, css).done().stderr, "");
    until("the service ends", || has_ended(css));
    assert_eq!(guarded(&root, keeper).done().stderr, "");
    stack.is_over();
}

#[test]
fn an_agent_ends_its_own_worktrees_services_and_those_that_its_session_has_started() {
    let stack = Stack::new(&two());
    let other = stack.home.other_project();
    let project = stack.home.project();
    let down = |session: &str, force: &[&str]| {
        let words = [&["down", "-C", project.to_str().unwrap()], force].concat();
        finish(stack.home.styxy_command(&words).current_dir(&other).env("STYXY_INSTANCE", session))
    };
    stack.up();
    let web = stack.pid("web");
    let refused = down("claude-77", &[]).exits(1);
    assert!(
        refused.stderr.contains("are of another worktree, ")
            && refused.stderr.contains("styxy down --force -C "),
        "{refused:?}"
    );
    assert!(alive(web));
    down("claude-77", &["--force"]).done();
    assert!(has_ended(web));
    // Its own session has started these.
    let mut up = stack.home.styxy_command(&["up", "-d", "-C", project.to_str().unwrap()]);
    finish(up.current_dir(&other).env("STYXY_INSTANCE", "claude-77")).done();
    let web = stack.pid("web");
    down("claude-78", &[]).exits(1);
    down("claude-77", &[]).done();
    assert!(has_ended(web));
    // A person ends any.
    stack.up();
    at(&stack, &other, &["down", "-C", project.to_str().unwrap()]).done();
    assert_eq!(stack.service("web")["state"], "ended");
}

#[test]
fn uninstall_stops_at_running_services_and_ends_them_by_force() {
    let stack = Stack::new(&two());
    let up = stack.up();
    let pids: Vec<u32> = ["web", "css"].iter().map(|name| stack.pid(name)).collect();
    let said = stack.styxy(&["uninstall", "--yes"]).exits(1);
    let line = format!("services of styxy up in {}: css, web\n", stack.home.project().display());
    assert!(said.stderr.contains(&line), "{said:?}");
    assert!(said.stderr.contains("ends the services of styxy up"), "{said:?}");
    let dry = stack.styxy(&["uninstall", "--dry-run", "--json"]).done().json();
    assert_eq!(dry["blockers"]["stacks"][0]["services"][0]["service"], up[0]["service"]);
    assert!(pids.iter().all(|pid| alive(*pid)));
    let said = stack.styxy(&["uninstall", "--yes", "--force"]).done();
    assert!(said.stderr.contains("end what styxy up has started in "), "{said:?}");
    assert!(pids.iter().all(|pid| has_ended(*pid)), "{said:?}");
    stack.is_over();
    assert!(!stack.home.root().exists());
}
