//! `styxy kill` ends all the processes of a server that forked: those that share its socket.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use styxy_core::api::{CheckAnswer, Ending, KillAnswer, SystemUsage};

use crate::kill::{is_free, kill};
use crate::support::{Home, Running, has_ended, on_terminal, until};

/// Processes that share one listening socket, as those of a server that forked do: a folder and a script for each.
pub(crate) fn forked(home: &Home, port: u16, servers: &[(&Path, &str)]) -> Vec<Running> {
    let socket = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let start = |(folder, script): &(&Path, &str)| {
        let mut command = home.shell(script);
        let socket = Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
        Running::spawn(command.current_dir(folder).stdin(socket).stdout(Stdio::null()))
    };
    let running: Vec<Running> = servers.iter().map(start).collect();
    drop(socket);
    let mut expected: Vec<_> = running.iter().map(Running::pid).collect();
    expected.sort_unstable();
    until("they alone have the socket", || {
        let CheckAnswer { system_usage, others, .. } = home.socket().get(&format!("/check/{port}")).ok();
        let all = system_usage.iter().chain(&others);
        let mut pids: Vec<_> = all.filter_map(|usage: &SystemUsage| Some(usage.pid?.get())).collect();
        pids.sort_unstable();
        pids == expected
    });
    running
}

pub(crate) const WAITS: &str = "exec sleep 1000";
const IS_DEAF: &str = "trap '' TERM; exec sleep 1000";

#[test]
fn all_processes_of_a_server_that_forked_are_ended() {
    let home = Home::new();
    let port = home.spare_port();
    let here = home.project();
    home.start();
    let mut running = forked(&home, port, &[(&here, WAITS), (&here, WAITS), (&here, WAITS)]);
    let answer: KillAnswer = kill(&home, &port.to_string(), &["--json"]).done().wire();
    is_free(port);
    assert_eq!((answer.others.len(), answer.ending), (2, Ending::Asked));
    let mut pids: Vec<u32> = answer.others.iter().map(|other| other.pid.get()).collect();
    pids.push(answer.pid.get());
    pids.sort_unstable();
    running.sort_by_key(Running::pid);
    assert_eq!(pids, running.iter().map(Running::pid).collect::<Vec<_>>());
    assert!(pids.iter().all(|pid| has_ended(*pid)));
}

#[test]
fn only_those_processes_of_a_forked_server_that_do_not_end_are_killed() {
    let home = Home::new();
    let port = home.spare_port();
    home.start();
    let running = forked(&home, port, &[(&home.project(), IS_DEAF), (&home.project(), WAITS)]);
    let deaf = running[0].pid();
    // Which signals it ignores is settled only after the shell has become the program.
    until("it is deaf", || fs::read_to_string(format!("/proc/{deaf}/comm")).unwrap() == "sleep\n");
    let answer: KillAnswer = kill(&home, &port.to_string(), &["--grace", "0.2", "--json"]).done().wire();
    let others = answer.others.iter().map(|other| (other.pid.get(), other.ending));
    let mut endings: Vec<_> = others.chain([(answer.pid.get(), answer.ending)]).collect();
    endings.sort_by_key(|(pid, _)| *pid != deaf);
    assert_eq!(endings, [(deaf, Ending::Killed), (running[1].pid(), Ending::Asked)]);
}

/// A shell that has a listening socket and runs `script`, whose children have it too.
fn parent(home: &Home, port: u16, script: &str) -> Running {
    let socket = Stdio::from(OwnedFd::from(TcpListener::bind(("127.0.0.1", port)).unwrap()));
    let parent = Running::spawn(home.shell(script).stdin(socket).stdout(Stdio::null()));
    until("it and a child have the socket", || {
        let CheckAnswer { system_usage, others, .. } = home.socket().get(&format!("/check/{port}")).ok();
        let pids =
            system_usage.iter().chain(&others).filter_map(|usage: &SystemUsage| Some(usage.pid?.get()));
        let (ours, children): (Vec<u32>, Vec<u32>) = pids.partition(|pid| *pid == parent.pid());
        !ours.is_empty() && !children.is_empty()
    });
    parent
}

#[test]
fn a_server_whose_children_come_and_go_is_ended() {
    let home = Home::new();
    home.start();
    for replaces in ["while :; do sleep 0.02; done", "trap : TERM; while :; do sleep 1000; done"] {
        let port = home.spare_port();
        let parent = parent(&home, port, replaces);
        kill(&home, &port.to_string(), &["--grace", "0.2"]).done();
        is_free(port);
        assert!(has_ended(parent.pid()), "{replaces}");
    }
}

#[test]
fn a_socket_that_another_worktrees_process_shares_needs_force() {
    let home = Home::new();
    let port = home.spare_port();
    let other = home.worktree("fix");
    home.start();
    let running = forked(&home, port, &[(&home.project(), WAITS), (&other, WAITS)]);
    let refused = kill(&home, &port.to_string(), &["--json"]).exits(1).refusal();
    assert_eq!(refused.hint, Some(format!("styxy kill {port} --force --yes")));
    assert!(running.iter().all(|process| !has_ended(process.pid())), "one was ended");
    let (code, shown) = on_terminal(&mut home.styxy_command(&["kill", &port.to_string(), "--force"]), "y\n");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("End these 2 processes?"), "{shown}");
    assert!(running.iter().all(|process| shown.contains(&process.pid().to_string())), "{shown}");
    is_free(port);
}
