//! Clients in other namespaces than the daemon: a pid is another process there, and a port another program's.

#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use styxy_core::api::{Grant, OwnerKind};

use crate::support::{Home, Output, Server, finish, helper, lacks_namespaces, pid_of, sort, until};

/// How a namespace of its own is made: `pid` or `net`.
fn namespace(kind: &str) -> &'static [&'static str] {
    match kind {
        "pid" => &["--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
        "net" => &["--map-root-user", "--net"],
        other => panic!("no such namespace: {other}"),
    }
}

/// Whether no such namespaces can be made here. Then the test is skipped.
fn lacks(kind: &str) -> bool {
    lacks_namespaces(&[namespace(kind), &["true"]].concat())
}

/// `command`, to be run in a namespace of its own.
fn inside(home: &Home, kind: &str, command: &Command) -> Command {
    let mut unshare = home.command("unshare");
    unshare.args(namespace(kind)).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            unshare.env(name, value);
        }
    }
    unshare
}

/// What a shell says in a namespace of its own, with `$STYXY`.
fn shell(home: &Home, kind: &str, script: &str) -> Output {
    finish(&mut inside(home, kind, &home.shell(&format!("ip link set lo up 2>/dev/null; {script}"))))
}

/// What a process is called in each pid namespace that it is in, from ours inwards.
fn pids(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
    line.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

#[test]
fn a_command_in_another_pid_namespace_owns_its_lease_until_it_ends() {
    if lacks("pid") {
        return;
    }
    let home = Home::new();
    home.start();
    let run =
        home.styxy_command(&["run", "-q", "-s", sort::WEB, "--", "sh", "-c", "echo $PORT $$; read end"]);
    let mut command = inside(&home, "pid", &run);
    let mut runs =
        Server::reading(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()));
    let said = runs.hear();
    let (port, within) = said.split_once(' ').unwrap();
    let lease = home.leases().into_iter().find(|lease| lease.port.to_string() == port).unwrap();
    let owner = pid_of(&lease.owner).unwrap();
    assert_eq!(lease.owner.kind, OwnerKind::Process, "{lease:?}");
    assert_ne!(owner.to_string(), within, "{lease:?}");
    assert_eq!(pids(owner).last().unwrap().to_string(), within, "{lease:?}");
    runs.hang_up();
    until("the lease ends with its command", || home.leases().is_empty());
}

#[test]
fn a_pid_that_a_client_in_another_pid_namespace_names_is_translated_or_refused() {
    if lacks("pid") {
        return;
    }
    let home = Home::new();
    home.start();
    let script = format!(
        "sleep 60 & $STYXY allocate -s {web} --pid $! --json; $STYXY allocate -s {web} --pid 30000 --json; \
         $STYXY allocate -s {web} --pid $$ --json; true",
        web = sort::WEB
    );
    let said = shell(&home, "pid", &script).done();
    let answers: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (answer, process) in [(&answers[0], "sleep"), (&answers[2], "sh")] {
        let grant: Grant = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(grant.owner.process.as_deref(), Some(process), "{said:?}");
        assert!(pid_of(&grant.owner).unwrap() > 10, "not a number of that namespace: {said:?}");
    }
    assert_eq!((&answers[1]["code"], &answers[1]["details"]["rule"]), (&json!("forbidden"), &json!("pid")));
    until("what they owned has ended with their namespace", || home.leases().is_empty());
}

#[test]
fn by_tcp_too_the_kernel_says_who_a_client_in_another_pid_namespace_is() {
    if lacks("pid") {
        return;
    }
    let home = Home::new();
    home.start();
    for place in
        [format!("127.0.0.1:{}", home.listen_port()), home.root().join("styxy.sock").display().to_string()]
    {
        let mut asks = helper(&home, "allocate", &[&place, sort::WEB]);
        let here = Server::run(&mut asks);
        let said = here.hear();
        let grant: Grant = serde_json::from_str(said.strip_prefix("200 ").unwrap()).unwrap();
        assert_eq!(pid_of(&grant.owner), Some(here.pid()), "{said}");
        let mut command = inside(&home, "pid", &asks);
        let there = Server::run(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()));
        let said = there.hear();
        let grant: Grant = serde_json::from_str(said.strip_prefix("200 ").unwrap()).unwrap();
        assert_eq!(pids(pid_of(&grant.owner).unwrap()).len(), 2, "{said}");
    }
}

#[test]
fn a_daemon_in_another_pid_namespace_does_not_keep_a_command_from_running() {
    if lacks("pid") {
        return;
    }
    let home = Home::new();
    let mut command = inside(&home, "pid", &home.shell("$STYXY daemon start >/dev/null; echo up; read end"));
    let mut daemon =
        Server::reading(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()));
    assert_eq!(daemon.hear(), "up");
    let said = home.styxy(&["run", "-s", sort::WEB, "--", "sh", "-c", "echo $PORT"]);
    let port: u16 = said.done().stdout.lines().next().unwrap().parse().unwrap();
    assert!(home.range(sort::WEB).contains(&port));
    let pid = json!({ "service_type": sort::WEB, "pid": std::process::id() });
    home.socket().post("/allocate", &pid).refused(403, "forbidden");
    daemon.hang_up();
}

#[test]
fn in_another_network_a_command_runs_on_a_port_that_is_free_there_and_the_rest_says_why_not() {
    if lacks("net") {
        return;
    }
    let home = Home::new();
    home.start();
    let run = format!("$STYXY run -s {} -- sh -c 'echo $PORT'", sort::WEB);
    let said = shell(&home, "net", &run).done();
    assert!(home.range(sort::WEB).contains(&said.stdout.trim().parse().unwrap()), "{said:?}");
    assert!(
        said.stderr.contains("another network namespace") && said.stderr.lines().count() == 1,
        "{said:?}"
    );
    assert_eq!(home.leases(), []);
    for words in
        ["list", "check 3000", "allocate -s web", "env", "suggest dev", "who 3000", "wait dev", "cleanup"]
    {
        let said = shell(&home, "net", &format!("$STYXY {words}")).exits(3);
        assert!(said.stderr.contains("another network namespace"), "{words}: {said:?}");
        // A restart from here would take the daemon from everybody else.
        assert!(said.stderr.contains("hint: export STYXY_HOME="), "{words}: {said:?}");
        assert!(!said.stderr.contains("daemon restart"), "{words}: {said:?}");
    }
    let status = shell(&home, "net", "$STYXY daemon status").done();
    assert!(status.stdout.contains("note") && status.stdout.contains("another network"), "{status:?}");
    assert!(!home.styxy(&["daemon", "status"]).done().stdout.contains("network"));
    let doctor = shell(&home, "net", "$STYXY doctor");
    assert!(doctor.stdout.contains("another network"), "{doctor:?}");
    assert!(!doctor.stdout.contains("to do: styxy daemon restart"), "{doctor:?}");
}

#[test]
fn a_restart_moves_the_daemon_to_the_network_that_it_is_asked_from() {
    if lacks("net") {
        return;
    }
    let home = Home::new();
    home.start();
    let script = format!(
        "$STYXY daemon restart >/dev/null; $STYXY allocate -s {web} -q; \
         STYXY_HOME=$STYXY_HOME-2 $STYXY allocate -s dev -q >/dev/null && STYXY_HOME=$STYXY_HOME-2 $STYXY daemon stop",
        web = sort::WEB
    );
    let said = shell(&home, "net", &script).done();
    assert!(said.stdout.lines().next().unwrap().parse::<u16>().is_ok(), "{said:?}");
    home.styxy(&["list"]).exits(3);
    home.styxy(&["daemon", "restart"]).done();
    home.styxy(&["list"]).done();
}

#[test]
fn in_another_network_instances_and_the_doctor_say_why_they_know_nothing() {
    if lacks("net") {
        return;
    }
    let home = Home::new();
    home.socket().post("/instance/register", &json!({ "instance_id": "session" }));
    home.allocate(&json!({ "service_type": sort::WEB }));
    let said = shell(&home, "net", "$STYXY instances; echo $?; $STYXY doctor").exits(0);
    assert!(said.stderr.contains("another network namespace"), "{said:?}");
    assert!(said.stdout.starts_with("3\n"), "{said:?}");
    assert!(said.stdout.contains("unknown here: the daemon runs in another network"), "{said:?}");
    assert!(!said.stdout.contains("none in conflict"), "{said:?}");
}
