//! The daemon starts by itself, once, and keeps nothing of the process that started it.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
#[cfg(target_os = "linux")]
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal};
use serde_json::json;
use styxy_core::api::{AllocateAnswer, Code, DEFAULT_PORT, StatusAnswer};

use crate::support::{
    Home, Output, Running, Server, alive, eventually, finish, kill, lacks_root, sort, until,
};

#[test]
fn the_first_allocate_starts_the_daemon_and_prints_a_port() {
    let home = Home::new();
    let said = home.styxy(&["allocate", "--service", sort::WEB]).done().stdout;
    let first = *home.range(sort::WEB).start();
    assert!(said.contains(&format!("http://localhost:{first}")), "{said}");
    assert_eq!(home.status().expect("a daemon").allocations, 1);
}

#[test]
fn nothing_needs_to_exist_before_the_first_allocate() {
    let home = Home::empty();
    let port = home.styxy(&["allocate", "-s", "dev", "-q"]).done().number();
    assert_ne!(port, 0);
    let mode = |path: &str| fs::metadata(home.root().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("styxy.sock"), mode("daemon.json")), (0o700, 0o600, 0o600));
}

#[test]
fn quiet_prints_the_number_and_nothing_else() {
    let home = Home::new();
    let first = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    assert!(home.range(sort::WEB).contains(&first));
    let second = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    assert_ne!(first, second);
}

#[test]
fn a_command_substitution_that_starts_the_daemon_returns() {
    let home = Home::new();
    // `finish` waits until nobody holds the shell's output any more, and the shell until nobody holds `$(…)`'s.
    let said = finish(&mut home.shell("PORT=$($STYXY allocate -s web -q 2>&1); echo \"got $PORT\"")).done();
    assert_eq!(said.stdout, format!("got {}\n", home.range(sort::WEB).start()));
    assert!(home.status().is_some());
}

#[test]
#[cfg(target_os = "linux")]
fn the_daemon_keeps_no_descriptor_and_no_folder_of_its_starter() {
    let home = Home::new();
    let witness = home.top().join("witness");
    finish(&mut home.shell(&format!("exec 7>{}; $STYXY allocate -s web -q", witness.display()))).done();
    let process = format!("/proc/{}", home.status().unwrap().pid);
    let open: Vec<_> = fs::read_dir(format!("{process}/fd"))
        .unwrap()
        .map(|entry| fs::read_link(entry.unwrap().path()).unwrap_or_default())
        .collect();
    assert!(!open.contains(&witness), "{open:?}");
    for standard in ["0", "1", "2"] {
        let target = fs::read_link(format!("{process}/fd/{standard}")).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"), "descriptor {standard}");
    }
    assert_eq!(fs::read_link(format!("{process}/cwd")).unwrap().to_str(), Some("/"));
}

#[test]
fn the_daemon_outlives_the_process_group_and_the_session_of_its_starter() {
    let home = Home::new();
    let mut shell = home.shell("$STYXY allocate -s web -q; cat");
    let mut starter = shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(starter.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let daemon = home.status().expect("a daemon granted a port").pid.get();
    // Only the daemon's: this test's own may be outside of its container, where it has no id here.
    let daemons = Pid::from_raw(i32::try_from(daemon).unwrap());
    assert_eq!(rustix::process::getsid(daemons).ok(), daemons);
    let group = Pid::from_child(&starter);
    for signal in [Signal::HUP, Signal::KILL] {
        let _ = rustix::process::kill_process_group(group, signal);
    }
    starter.wait().unwrap();
    assert_eq!(home.status().expect("the daemon lives").pid.get(), daemon);
    assert_eq!(home.leases().iter().map(|lease| lease.port.to_string()).collect::<Vec<_>>(), [port.trim()]);
}

#[test]
fn without_autostart_a_command_exits_3_and_starts_nothing() {
    let home = Home::new();
    let by_variable = finish(home.styxy_command(&["list"]).env("STYXY_NO_AUTOSTART", "1")).exits(3);
    let by_option = home.styxy(&["list", "--no-start"]).exits(3);
    for said in [by_variable, by_option] {
        assert_eq!(said.stdout, "");
        assert!(said.stderr.contains("styxy daemon start"), "{}", said.stderr);
    }
    let json = home.styxy(&["allocate", "-s", sort::WEB, "--no-start", "--json"]).exits(3);
    assert_eq!(json.refusal().code, Code::DaemonUnreachable);
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}

#[test]
fn a_hundred_cold_clients_at_once_end_with_one_daemon_and_a_hundred_ports() {
    let home = Home::new();
    // All of them ask for one checkout, and none brings a server.
    home.configure(&json!({ "quotas": { "waiting_per_owner": 100 } }));
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let one = || home.styxy(&["allocate", "-s", sort::MANY, "--json"]);
        let clients: Vec<_> = (0..100).map(|_| scope.spawn(one)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut ports = HashSet::new();
    for output in outputs {
        let AllocateAnswer::One(grant) = output.done().wire() else { panic!("a group") };
        assert!(ports.insert(grant.port), "{} was granted twice", grant.port);
    }
    let status = home.status().unwrap();
    assert_eq!(status.allocations, 100);
    assert_eq!(home.daemon_file().unwrap().pid, status.pid);
    #[cfg(target_os = "linux")]
    assert_eq!(daemons_of(&home), [status.pid.get()]);
}

/// Every process that holds the lock's file open.
#[cfg(target_os = "linux")]
fn daemons_of(home: &Home) -> Vec<u32> {
    let lock = fs::metadata(home.root().join("daemon.lock")).expect("a lock");
    let holds = |pid: &u32| {
        let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        let mut open = open.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok());
        open.any(|file| (file.dev(), file.ino()) == (lock.dev(), lock.ino()))
    };
    let pids = fs::read_dir("/proc")
        .expect("a process table")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(holds).collect()
}

#[test]
fn a_client_that_comes_while_the_daemon_stops_gets_its_port_from_the_next_one() {
    let home = Home::new();
    let first = home.start().pid;
    // Half a request keeps the daemon from ending.
    let body = json!({ "service_type": sort::API }).to_string();
    let head = format!(
        "POST /allocate HTTP/1.1\r\nHost: styxy\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let socket = home.socket();
    let mut in_flight = socket.begin(head.as_bytes()).unwrap();
    let stop = Running::spawn(home.styxy_command(&["daemon", "stop"]).stdout(Stdio::null()));
    until("the daemon takes no more connections", || socket.begin(b"").is_err());
    let second = std::thread::scope(|scope| {
        let client = scope.spawn(|| home.styxy(&["allocate", "-s", sort::WEB, "-q"]));
        in_flight.more(body.as_bytes());
        assert_eq!(in_flight.finish().unwrap().status, 200, "what was in flight was not finished");
        client.join().unwrap().done().number()
    });
    drop(stop);
    assert!(home.range(sort::WEB).contains(&second));
    assert_ne!(home.start().pid, first);
    assert_eq!(home.leases().len(), 2, "the lease granted while stopping, and the one after");
}

#[test]
fn a_request_that_never_ends_does_not_keep_the_next_daemon_from_starting() {
    let home = Home::new();
    let first = home.start().pid;
    let socket = home.socket();
    let half = b"POST /allocate HTTP/1.1\r\nHost: styxy\r\nContent-Length: 100\r\n\r\n{";
    let _hangs = socket.begin(half).unwrap();
    let stop = Running::spawn(home.styxy_command(&["daemon", "stop"]).stdout(Stdio::null()));
    until("the daemon takes no more connections", || socket.begin(b"").is_err());
    home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    assert_ne!(home.start().pid, first);
    drop(stop);
}

#[test]
fn starts_and_stops_at_once_never_leave_a_client_without_its_port() {
    let home = Home::new();
    for _ in 0..5 {
        home.start();
        std::thread::scope(|scope| {
            let stop = scope.spawn(|| home.styxy(&["daemon", "stop"]));
            let clients: Vec<_> =
                (0..3).map(|_| scope.spawn(|| home.styxy(&["allocate", "-s", sort::WEB, "-q"]))).collect();
            for client in clients {
                client.join().unwrap().done().number();
            }
            stop.join().unwrap().done();
        });
    }
    assert_eq!(home.leases().len(), 15);
}

#[test]
fn a_second_daemon_run_exits_1_and_names_the_first() {
    let home = Home::new();
    let first = home.start().pid;
    let second = home.styxy(&["daemon", "run"]).exits(1);
    assert!(second.stderr.contains(&format!("pid {first}")), "{}", second.stderr);
    assert_eq!(home.status().unwrap().pid, first);
}

#[test]
fn daemon_start_exits_0_if_the_daemon_is_already_running() {
    let home = Home::new();
    let first = home.start().pid;
    let again = home.styxy(&["daemon", "start"]).done();
    assert!(
        again.stdout.contains("already running") && again.stdout.contains(&first.to_string()),
        "{again:?}"
    );
    assert_eq!(home.start().pid, first);
}

#[test]
fn without_a_daemon_status_exits_3_and_stop_exits_0() {
    let home = Home::new();
    home.styxy(&["daemon", "status"]).exits(3);
    assert_eq!(home.styxy(&["daemon", "status", "--json"]).exits(3).refusal().code, Code::DaemonUnreachable);
    home.styxy(&["daemon", "stop"]).done();
    assert_eq!(home.styxy(&["daemon", "stop", "--json"]).done().wire::<Option<StatusAnswer>>(), None);
    assert!(!home.root().join("daemon.lock").exists(), "a daemon was started");
}

#[test]
fn daemon_start_returns_when_the_daemon_answers_on_every_address() {
    let home = Home::new();
    let status = home.start();
    let port = home.listen_port();
    assert_eq!(status.listen.tcp, [format!("127.0.0.1:{port}"), format!("[::1]:{port}")]);
    for way in [home.tcp(), home.tcp6(), home.socket()] {
        assert_eq!(way.get("/status").ok::<StatusAnswer>().pid, status.pid);
    }
}

#[test]
fn daemon_stop_returns_when_the_daemon_has_ended() {
    let home = Home::new();
    let status = home.start();
    let said: Option<StatusAnswer> = home.styxy(&["daemon", "stop", "--json"]).done().wire();
    assert_eq!(said.expect("it ran").pid, status.pid);
    assert!(home.tcp().begin(b"").is_err(), "it still listens");
    assert!(home.daemon_file().is_none() && !home.root().join("styxy.sock").exists());
}

#[test]
fn a_daemon_in_the_foreground_exits_0_when_it_is_stopped() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        let mut run = home.styxy_command(&["daemon", "run"]);
        let mut run = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pid = eventually("the daemon answers", || home.status()).pid.get();
        assert_eq!(pid, run.id());
        kill(pid, signal);
        let status = eventually("it ends", || run.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_listen_port_that_is_taken_is_refused_with_its_holder() {
    let home = Home::new();
    let holder = Server::on(&home, home.listen_port());
    let said = home.styxy(&["allocate", "-s", sort::WEB]).exits(3);
    let (port, pid) = (home.listen_port(), holder.pid());
    assert!(
        said.stderr.contains(&format!("{port}")) && said.stderr.contains(&format!("pid {pid}")),
        "{said:?}"
    );
    let refusal = home.styxy(&["daemon", "start", "--json"]).exits(3).refusal();
    assert_eq!(refusal.code, Code::PortUnavailable);
    // Whoever started it may be gone by then.
    let log = std::fs::read_to_string(home.root().join("logs/daemon.log")).unwrap();
    assert!(log.contains("port_unavailable") && log.contains(&format!("pid {pid}")), "{log}");
    assert!(home.status().is_none());
    assert!(alive(pid), "the holder was ended");
}

#[test]
fn without_a_listen_port_the_next_free_one_is_taken_and_reported() {
    use DEFAULT_PORT;
    let home = Home::empty();
    // It is taken, by this test or by the daemon of the machine's user.
    let _held = TcpListener::bind(("127.0.0.1", DEFAULT_PORT));
    let said = home.styxy(&["daemon", "start"]).done().stdout;
    assert!(said.contains(&DEFAULT_PORT.to_string()), "{said}");
    let status = home.status().unwrap();
    assert!(status.notes.iter().any(|note| note.contains(&DEFAULT_PORT.to_string())), "{:?}", status.notes);
    let allowed: Vec<String> =
        (DEFAULT_PORT + 1..=DEFAULT_PORT + 10).map(|port| format!("127.0.0.1:{port}")).collect();
    assert!(status.listen.tcp.first().is_none_or(|address| allowed.contains(address)), "{:?}", status.listen);
    let log = home.styxy(&["daemon", "logs"]).done().stdout;
    assert!(log.contains(&DEFAULT_PORT.to_string()), "{log}");
}

#[test]
fn a_folder_too_deep_for_a_socket_has_a_short_one_elsewhere() {
    let home = Home::empty();
    let deep = home.top().join("x".repeat(120));
    let home = home.at(deep);
    home.configure(&json!({}));
    let status = home.start();
    assert!(status.listen.socket.len() < 108, "{}", status.listen.socket);
    assert_eq!(home.daemon_file().unwrap().socket, status.listen.socket);
    home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let mode = fs::metadata(&status.listen.socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_folder_of_another_user_is_refused_with_what_to_type() {
    if lacks_root() {
        return;
    }
    let home = Home::new();
    std::os::unix::fs::chown(home.root(), Some(65_534), Some(65_534)).unwrap();
    // A client does not even ask (no daemon of ours is to be reached there), and a daemon refuses to be one there.
    for (words, code) in
        [(&["allocate", "-s", sort::WEB][..], 3), (&["daemon", "start"], 3), (&["daemon", "run"], 1)]
    {
        let said = home.styxy(words).exits(code);
        assert!(said.stderr.contains("STYXY_HOME"), "{words:?}: {}", said.stderr);
    }
    assert!(!home.root().join("daemon.lock").exists());
    std::os::unix::fs::chown(home.root(), Some(0), Some(0)).unwrap();
}

#[test]
fn root_makes_no_folder_in_another_users_home() {
    if lacks_root() {
        return;
    }
    let home = Home::new();
    let theirs = home.top().join("user");
    std::os::unix::fs::chown(&theirs, Some(65_534), Some(65_534)).unwrap();
    for words in [&["allocate", "-s", sort::WEB][..], &["daemon", "start"], &["daemon", "run"]] {
        let code = if words == ["daemon", "run"] { 1 } else { 3 };
        let said = finish(home.styxy_command(words).env_remove("STYXY_HOME")).exits(code);
        assert!(
            said.stderr.contains("STYXY_HOME") && said.stderr.contains("sudo"),
            "{words:?}: {}",
            said.stderr
        );
    }
    assert!(!theirs.join(".styxy").exists());
}
