//! `styxy run`: the command has its own port, and otherwise runs as it would without Styxy.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use styxy_core::api::{Code, Lease, OwnerKind};

use crate::support::{Home, Output, Server, eventually, finish, pid_of, sort, until, words};

/// `styxy run` with a service type of the tests and these words.
fn run(home: &Home, line: &str) -> Command {
    home.styxy_command(&[&["run", "-s", sort::WEB], &words(line)[..]].concat())
}

/// A script that prints its pid and variables, and then runs until its standard input ends.
const SAYS: &str = "echo $$ $PORT $STYXY_PORT $STYXY_WEB_PORT $STYXY_URL $STYXY_LOCK_ID; exec cat";

fn says(home: &Home, more: &[&str]) -> Command {
    let mut command =
        home.styxy_command(&[&["run", "-s", sort::WEB], more, &["--", "sh", "-c", SAYS]].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn lease_on(home: &Home, port: u16) -> Lease {
    home.leases().into_iter().find(|lease| lease.port.get() == port).expect("a lease")
}

#[test]
fn the_command_itself_owns_the_lease_and_has_its_port_in_its_variables() {
    let home = Home::new();
    let server = Server::reading(&mut says(&home, &["-n", "web"]));
    let said = server.hear();
    let [pid, port, again, by_service, url, lock_id] = words(&said)[..] else { panic!("{said}") };
    assert_eq!(pid, server.pid().to_string());
    assert_eq!((again, by_service, url), (port, port, format!("http://localhost:{port}").as_str()));
    let lease = lease_on(&home, port.parse().unwrap());
    assert_eq!(lease.lock_id.to_string(), lock_id);
    assert_eq!((lease.owner.kind, pid_of(&lease.owner)), (OwnerKind::Process, Some(server.pid())));
    assert_eq!(lease.service_name.unwrap().as_str(), "web");
    assert_eq!(lease.project_path.unwrap().as_str(), home.project().to_str().unwrap());
    server.kill();
    until("the lease ends with its command", || home.leases().is_empty());
}

#[test]
fn two_commands_of_one_project_have_two_ports_and_the_next_one_gets_the_first_again() {
    let home = Home::new();
    let port = |server: &Server| words(&server.hear())[1].to_owned();
    let first = Server::reading(&mut says(&home, &[]));
    let first_port = port(&first);
    let second = Server::reading(&mut says(&home, &[]));
    assert_ne!(port(&second), first_port);
    first.kill();
    until("the first lease ends", || home.leases().len() == 1);
    let third = Server::reading(&mut says(&home, &[]));
    assert_eq!(port(&third), first_port);
}

#[test]
fn a_port_announced_for_the_worktree_is_the_one_used() {
    let home = Home::new();
    let announced = home.styxy(&["allocate", "-s", sort::WEB, "-q"]).done().number();
    let server = Server::reading(&mut says(&home, &[]));
    assert_eq!(words(&server.hear())[1], announced.to_string());
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn a_run_inside_a_run_gets_the_same_lease_and_the_outer_command_stays_its_owner() {
    let home = Home::new();
    let script = format!(
        "echo $STYXY_LOCK_ID; $STYXY run -s {} -- sh -c 'echo $STYXY_LOCK_ID; exec cat'; true",
        sort::WEB
    );
    let mut command = home.styxy_command(&["run", "-s", sort::WEB, "--", "sh", "-c", &script]);
    command.env("STYXY", crate::support::program()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let server = Server::reading(&mut command);
    assert_eq!(server.hear(), server.hear());
    let leases = home.leases();
    assert_eq!(leases.len(), 1);
    assert_eq!(pid_of(&leases[0].owner), Some(server.pid()));
}

#[test]
fn several_services_are_leased_at_once_and_each_has_its_variable() {
    let home = Home::new();
    let line = format!("-s {} -- sh -c", sort::API);
    let said =
        finish(run(&home, &line).arg("echo $PORT $STYXY_WEB_PORT $STYXY_API_PORT {port:api}")).done().stdout;
    let [port, web, api, named] = words(&said)[..] else { panic!("{said}") };
    assert_eq!((port, named), (web, api));
    assert!(home.range(sort::WEB).contains(&web.parse().unwrap()));
    assert!(home.range(sort::API).contains(&api.parse().unwrap()));
    for line in ["-s api -n x -- true", "-s web -- true"] {
        finish(&mut run(&home, line)).exits(2);
    }
}

#[test]
fn exit_code_standard_streams_and_arguments_are_the_commands_own() {
    let home = Home::new();
    let said = finish(run(&home, "-- sh -c").arg("echo out; echo err >&2; exit 7")).exits(7);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("out\n", "err\n"));
    let mut command = run(&home, "-- printf %s,");
    let args = [
        OsStr::from_bytes(b"\xff\xfe"),
        OsStr::new("a b"),
        OsStr::new(""),
        OsStr::new("$X'\""),
        OsStr::new("--json"),
    ];
    let printed = command.args(args).stdin(Stdio::null()).output().unwrap().stdout;
    assert_eq!(printed, b"\xff\xfe,a b,,$X'\",--json,");
    let mut cat = Server::reading(run(&home, "-- cat").stdin(Stdio::piped()).stdout(Stdio::piped()));
    cat.tell("through");
    assert_eq!(cat.hear(), "through");
}

#[test]
fn a_command_that_cannot_be_run_ends_as_in_a_shell() {
    let home = Home::new();
    let said = finish(&mut run(&home, "-- there-is-no-such-command")).exits(127);
    assert!(said.stderr.starts_with("error: could not run there-is-no-such-command"), "{}", said.stderr);
    let file = home.project().join("notes");
    fs::write(&file, "").unwrap();
    finish(run(&home, "--").arg(file)).exits(126);
    until("no lease is left behind", || home.leases().is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn the_command_inherits_no_descriptor_and_no_child_from_styxy() {
    let home = Home::new();
    let mut bare = Command::new("ls");
    let bare = finish(bare.arg("/proc/self/fd")).done().stdout;
    // No daemon runs yet: the first run starts one.
    let ours = finish(&mut run(&home, "-- ls /proc/self/fd")).done().stdout;
    assert_eq!(ours, bare);
    home.kill_daemon();
    let server = Server::reading(&mut says(&home, &[]));
    server.hear();
    let daemon = home.daemon_file().unwrap().pid;
    let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
    assert!(
        !status.contains(&format!("\nPPid:\t{}\n", server.pid())),
        "the daemon is the command's child: {status}"
    );
}

#[test]
fn styxy_off_runs_the_command_as_it_is_and_starts_no_daemon() {
    let home = Home::new();
    let said = finish(run(&home, "-p 1 -- sh -c").arg("echo [$PORT] {port}").env("STYXY", "off")).done();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("[] {port}\n", ""));
    assert!(!home.root().join("daemon.lock").exists());
}

#[test]
fn what_the_user_insists_on_or_misspells_exits_1_and_nothing_runs() {
    let home = Home::new();
    let ran = home.project().join("ran");
    let refused = |line: &str, code: Code| {
        let line = [&["run", "--json"], &words(line)[..], &["--", "touch", "ran"]].concat();
        let said = home.styxy(&line).exits(1);
        assert_eq!(said.refusal().code, code, "{line:?}");
    };
    refused("-s wep", Code::InvalidRequest);
    let taken = home.allocate(&json!({ "service_type": sort::WEB, "project_path": "/w/other" })).port;
    refused(&format!("-s web -p {taken} --exact"), Code::PortUnavailable);
    refused(&format!("-s web -s api -p {taken} --exact"), Code::PortUnavailable);
    for _ in home.range(sort::TINY) {
        home.allocate(&json!({ "service_type": sort::TINY, "project_path": "/w/other" }));
    }
    refused(&format!("-s tiny -p {} --exact", home.range(sort::TINY).start()), Code::PortUnavailable);
    let busy = TcpListener::bind(("127.0.0.1", home.spare_port())).unwrap();
    let port = busy.local_addr().unwrap().port();
    refused(&format!("-s web -p {port} --exact --no-start"), Code::PortUnavailable);
    home.styxy(&["daemon", "stop"]).done();
    refused(&format!("-s web -p {port} --exact --no-start"), Code::PortUnavailable);
    assert!(!ran.exists());
}

#[test]
fn wrong_usage_exits_2_and_nothing_runs() {
    let home = Home::new();
    for line in ["--env PATH", "--env a=b", "-p 0", "--exact", "-s a'b", "--nonsense"] {
        let said = home.styxy(&[&["run"], &words(line)[..], &["--", "touch", "ran"]].concat()).exits(2);
        assert!(!said.stderr.is_empty(), "{line}");
    }
    // Without a package.json there is no dev script.
    home.styxy(&["run"]).exits(2);
    fs::write(home.project().join("package.json"), r#"{"scripts": {"build": "true", "start": "true"}}"#)
        .unwrap();
    let said = home.styxy(&["run", "-s", "web", "--", "touch", "ran", "{port:nope}"]).exits(2);
    assert!(said.stderr.contains("nope was not requested, only web"), "{}", said.stderr);
    let said = home.styxy(&["run"]).exits(2);
    assert!(said.stderr.contains("its scripts: build, start"), "{}", said.stderr);
    assert!(!home.project().join("ran").exists() && !home.root().join("daemon.lock").exists());
}

#[test]
fn without_a_daemon_the_command_runs_on_a_free_port() {
    let home = Home::new();
    let seen = |variables: &[(&str, &str)]| -> (u16, Output) {
        let mut command = run(&home, "-- sh -c");
        command.arg("echo $PORT [$STYXY_LOCK_ID]").envs(variables.iter().copied());
        // The lease of an outer run is not a lease of this port.
        command.env("STYXY_LOCK_ID", "4f5e0000-0000-4000-8000-000000000000");
        let said = finish(&mut command).done();
        let (port, lock) = said.stdout.trim().split_once(' ').unwrap();
        assert_eq!(lock, "[]");
        (port.parse().unwrap(), said)
    };
    let (port, said) = seen(&[("STYXY_NO_AUTOSTART", "1")]);
    assert!(home.range(sort::WEB).contains(&port), "{port}");
    assert!(
        said.stderr.starts_with("warning: no daemon runs") && said.stderr.lines().count() == 1,
        "{}",
        said.stderr
    );
    assert!(!home.root().join("daemon.lock").exists());
    let told = home.spare_port();
    let shown = told.to_string();
    let (port, _) = seen(&[("STYXY_NO_AUTOSTART", "1"), ("STYXY_WEB_PORT", &shown)]);
    assert_eq!(port, told, "an outer run told it");
    home.write_config("{ \"listenport\": 1 }");
    let (_, said) = seen(&[]);
    assert!(said.stderr.contains("listenport"), "{}", said.stderr);
}

#[test]
fn a_daemon_that_was_killed_is_started_again() {
    let home = Home::new();
    home.start();
    home.kill_daemon();
    let said = finish(run(&home, "-- sh -c").arg("echo $STYXY_LOCK_ID")).done();
    assert_eq!(said.stderr, "");
    assert_ne!(said.stdout, "\n");
}

/// A tool with this name that prints its arguments.
fn tool(home: &Home, name: &str) {
    let bin = home.project().join("node_modules/.bin");
    fs::create_dir_all(&bin).unwrap();
    let file = home.project().join("says.sh");
    fs::write(&file, "#!/bin/sh\necho \"<$*>\"\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(&file, bin.join(name)).unwrap();
}

fn package(folder: &Path, scripts: &serde_json::Value) {
    fs::write(folder.join("package.json"), json!({ "scripts": scripts }).to_string()).unwrap();
}

/// The arguments that the tool printed, with `PORT` for the port.
fn told(home: &Home, line: &str) -> (String, String) {
    let said = finish(run(home, line).env("npm_config_update_notifier", "false")).done();
    let arguments =
        said.stdout.split_once('<').and_then(|(_, rest)| rest.split_once('>')).expect(&said.stdout).0;
    let port = home.range(sort::WEB).start().to_string();
    (arguments.replace(&port, "PORT"), said.stderr)
}

#[test]
fn flags_reach_the_tool_through_npm_and_its_scripts() {
    let home = Home::new();
    tool(&home, "vite");
    package(
        &home.project(),
        &json!({ "dev": "true && NODE_ENV=x vite --host", "start": "npm run dev", "piped": "vite | cat" }),
    );
    let flags = "--port PORT --strictPort";
    for (line, expected) in [
        ("-- npm run dev", format!("--host {flags}")),
        ("-- npm run dev -- --open", format!("--host --open {flags}")),
        ("-- npm start", format!("--host {flags}")),
        ("-- npx vite --cors", format!("--cors {flags}")),
        ("-- npm exec vite", flags.to_owned()),
        ("-- node_modules/.bin/vite", flags.to_owned()),
        ("", format!("--host {flags}")),
    ] {
        assert_eq!(told(&home, line).0, expected, "{line}");
    }
    // A run in front of the tool reaches it where words behind the script do not.
    assert_eq!(told(&home, "-- npm run piped"), (flags.to_owned(), String::new()));
    fs::write(home.project().join(".npmrc"), "script-shell=/bin/sh\n").unwrap();
    let (arguments, said) = told(&home, "-- npm run piped");
    assert_eq!(arguments, "");
    assert!(said.contains("warning: Vite does not get its port"), "{said}");
}

#[test]
fn a_port_flag_in_the_command_is_the_preferred_port() {
    let home = Home::new();
    tool(&home, "vite");
    let wished = home.spare_port().to_string();
    let said = finish(&mut run(&home, &format!("-- node_modules/.bin/vite --port {wished}"))).done();
    assert_eq!(said.stdout, format!("<--port {wished} --strictPort>\n"));
    until("the lease ends", || home.leases().is_empty());
    home.allocate(&json!({ "service_type": sort::API, "port": wished.parse::<u16>().unwrap() }));
    let said = finish(&mut run(&home, &format!("-- node_modules/.bin/vite --port {wished}"))).done();
    assert!(!said.stdout.contains(&wished) && said.stdout.ends_with(" --strictPort>\n"), "{}", said.stdout);
}

#[test]
fn a_server_listens_on_the_port_it_was_leased() {
    let home = Home::new();
    let mut command = run(&home, "-- python3 -m http.server --bind 127.0.0.1");
    let server = Server::reading(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()));
    let lease = eventually("the server listens on its lease", || {
        home.leases().into_iter().find(|lease| lease.last_seen_listening.is_some())
    });
    assert_eq!(pid_of(&lease.owner), Some(server.pid()));
    let called = lease.owner.process.unwrap();
    assert!(called.starts_with("python"), "the owner is still called {called}");
    assert!(home.range(sort::WEB).contains(&lease.port.get()));
}
