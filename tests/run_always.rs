//! `styxy run` runs the command whatever is wrong with the machine, the daemon or a file, and says so in one warning.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Home, Output, finish, kill, sort, until};

/// Says which port it has.
const SAYS: [&str; 4] = ["--", "sh", "-c", "echo ran $PORT"];

fn run(home: &Home) -> Command {
    home.styxy_command(&[&["run", "-s", sort::WEB], &SAYS[..]].concat())
}

/// It ran, and one warning says why it is not as usual; its port.
#[track_caller]
fn ran(said: Output, why: &str) -> Option<u16> {
    let said = said.done();
    let is_one_warning = said.stderr.starts_with("warning: ") && said.stderr.lines().count() == 1;
    assert!(is_one_warning && said.stderr.contains(why), "{why}: {said:?}");
    let port = said.stdout.strip_prefix("ran").expect("it ran").trim();
    (!port.is_empty()).then(|| port.parse().unwrap())
}

#[test]
fn a_daemon_that_cannot_be_found_or_started_keeps_no_command_from_running() {
    let home = Home::new();
    let port = ran(finish(run(&home).env_remove("HOME").env_remove("STYXY_HOME")), "HOME is not set");
    assert!(port.is_some(), "a free port was looked for");
    assert!(ran(finish(run(&home).env("STYXY_HOME", "relative")), "not an absolute path").is_some());
    let file = home.top().join("file");
    fs::write(&file, "").unwrap();
    assert!(ran(finish(run(&home).env("STYXY_HOME", &file)), "is not a folder").is_some());
    assert!(ran(finish(run(&home).env("STYXY_HOME", "/")), "the daemon").is_some());
    home.write_config("{ \"listenport\": 1 }");
    assert!(ran(finish(&mut run(&home)), "listenport").is_some());
    assert!(home.daemon_file().is_none());
}

#[test]
#[cfg(target_os = "linux")]
fn a_denied_connection_keeps_no_command_from_running() {
    let home = Home::new();
    home.start();
    let mut denied = run(&home);
    crate::support::without_connections(&mut denied);
    let port = ran(finish(&mut denied), "Operation not permitted").expect("a port");
    assert!(home.range(sort::WEB).contains(&port));
    let mut exported = run(&home);
    crate::support::without_connections(&mut exported);
    let said = finish(exported.env("STYXY_WEB_PORT", "8123").env("PORT", "8123")).done();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("ran 8123\n", ""));
}

#[test]
fn a_daemon_that_is_stopped_keeps_no_command_from_running() {
    let home = Home::new();
    home.start();
    let pid = home.daemon_file().unwrap().pid.get();
    kill(pid, Signal::STOP);
    let said = finish(&mut run(&home));
    kill(pid, Signal::CONT);
    assert!(ran(said, &format!("pid {pid}")).is_some());
}

#[test]
fn a_folder_that_cannot_be_named_keeps_no_command_from_running() {
    let home = Home::new();
    let strange = home.top().join(OsStr::from_bytes(b"caf\xe9"));
    for folder in ["checkout/.git", "plain"] {
        fs::create_dir_all(strange.join(folder)).unwrap();
    }
    let at = |folder: &Path| finish(run(&home).current_dir(folder));
    for folder in ["checkout", "plain"] {
        assert!(ran(at(&strange.join(folder)), "is not Unicode").is_some());
    }
    let gone = home.project().join("gone");
    fs::create_dir(&gone).unwrap();
    let mut deleted = home.shell("rmdir ../gone && exec $STYXY run -s web -- printf 'ran %s' {port}");
    assert!(
        ran(
            finish(deleted.current_dir(&gone)),
            &format!("the current folder {} was deleted", gone.display())
        )
        .is_some()
    );
    fs::create_dir(&gone).unwrap();
    let mut deleted = home.shell("rmdir ../gone && exec $STYXY run");
    let said = finish(deleted.current_dir(&gone)).exits(2);
    let expected = format!("error: the current folder {} was deleted\nhint: cd ", gone.display());
    assert!(said.stderr.starts_with(&expected), "{said:?}");
    for command in ["ps", "up", "up --print", "down", "logs"] {
        fs::create_dir(&gone).unwrap();
        let mut deleted = home.shell(&format!("rmdir ../gone && exec $STYXY {command}"));
        let said = finish(deleted.current_dir(&gone)).exits(2);
        assert!(said.stderr.starts_with(&expected), "{command}: {said:?}");
    }
    // The lease has no project then, and ends with its process all the same.
    until("no lease is left behind", || home.leases().is_empty());
    for command in ["allocate -s web -q", "env web", "allocate -s web -q --dry-run"] {
        fs::create_dir(&gone).unwrap();
        let mut deleted = home.shell(&format!("rmdir ../gone && exec $STYXY {command}"));
        let said = finish(deleted.current_dir(&gone)).done();
        let expected = format!(
            "warning: the current folder {} was deleted; the port is not kept for a project\n",
            gone.display()
        );
        assert_eq!(said.stderr, expected, "{command}");
    }
    let said = finish(run(&home).env("STYXY_INSTANCE", "a b"));
    assert!(ran(said, "does not name an agent session").is_some());
}

#[test]
fn a_lack_of_descriptors_keeps_no_command_from_running() {
    let home = Home::new();
    home.start();
    for most in [5, 7, 9] {
        let script = format!("ulimit -n {most}; exec $STYXY run -s web -- printf 'ran %s' {{port}}");
        let said = finish(&mut home.shell(&script)).done();
        assert!(said.stdout.starts_with("ran "), "{most}: {said:?}");
        let expected = format!("this process may have only {most} open files");
        assert!(most > 7 || said.stderr.contains(&expected), "{most}: {said:?}");
        assert!(said.stderr.lines().count() < 2, "{most}: {said:?}");
    }
    let fresh = Home::new();
    let said =
        finish(&mut fresh.shell("ulimit -n 9; exec $STYXY run -s web -- printf 'ran %s' {port}")).done();
    assert!(said.stderr.contains("this process may have only 9 open files"), "{said:?}");
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    // Other commands fail as usual: they do not panic, name the limit and say how to raise it.
    for (command, limits) in [("list", "-n"), ("doctor", "-n"), ("allocate -s web", "-n"), ("list", "-Sn")] {
        for most in [7, 9] {
            let said =
                finish(&mut home.shell(&format!("ulimit {limits} {most}; exec $STYXY {command}"))).exits(3);
            let expected = format!(
                "error: the daemon cannot be reached, since this process may have only {most} open files\nhint: "
            );
            assert!(said.stderr.starts_with(&expected), "{command}: {said:?}");
            let hint = if limits == "-n" { "which ulimit -Hn shows" } else { "ulimit -n 1024" };
            assert!(said.stderr.trim_end().ends_with(hint), "{command}: {said:?}");
        }
    }
}

#[test]
fn a_refusal_of_the_daemon_keeps_no_command_from_running() {
    let home = Home::with(&json!({ "quotas": { "leases_per_checkout": 1 } }));
    let tiny = || finish(&mut home.styxy_command(&[&["run", "-s", sort::TINY], &SAYS[..]].concat()));
    let others: Vec<u16> = home.range(sort::TINY).collect();
    for port in &others {
        home.allocate(&json!({ "service_type": sort::TINY, "project_path": format!("/w/{port}") }));
    }
    let port = ran(tiny(), "no free port").expect("another port than those of the type");
    assert!(!others.contains(&port), "{port} is leased");
    let _kept = home.allocate(&json!({ "service_type": sort::API, "project_path": home.project() }));
    let port = ran(finish(&mut run(&home)), "live leases").expect("a port");
    assert!(home.range(sort::WEB).contains(&port), "{port}");
}

#[test]
fn a_mistake_in_the_projects_file_keeps_no_command_from_running() {
    let home = Home::new();
    let path = home.project().join(".styxy.json");
    fs::write(&path, "{ \"services\": {\n  \"web\": { \"env\": [\"LD_PRELOAD\"] } } }").unwrap();
    let port = ran(finish(&mut run(&home)), &format!("{}:2:20: ", path.display())).expect("a port");
    assert!(home.range(sort::WEB).contains(&port));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(ran(finish(&mut run(&home)), "it is not a file").is_some());
}

#[test]
fn a_port_that_is_insisted_on_is_taken_without_a_daemon_too_if_it_is_free() {
    let home = Home::new();
    let port = home.spare_port().to_string();
    let exact = || {
        let line = [&["run", "-s", sort::WEB, "--no-start", "--exact", "-p", &port], &SAYS[..]].concat();
        home.styxy(&line)
    };
    assert_eq!(ran(exact(), "not leased").map(|port| port.to_string()), Some(port.clone()));
    let _taken = TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
    assert!(exact().exits(1).stderr.contains(&format!("port {port} is not free")));
}
