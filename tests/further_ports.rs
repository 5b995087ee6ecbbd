//! A tool's further ports, such as its inspector, are leased with its first one.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use styxy_core::api::Lease;

use crate::support::{Home, Server, finish, pid_of, sort, until, words};

/// A tool that says how it was started, and then runs until its standard input ends.
const TOOL: &str = "#!/bin/sh\necho \"$@\" / $STYXY_INSPECTOR_PORT / $NODE_OPTIONS\nexec cat\n";

/// A home with ranges of its own for what these tools listen on.
fn home() -> Home {
    let home = Home::new();
    let types = |name: &str| {
        let range = home.range(name);
        json!({ "preferred_ports": [], "range": [range.start(), range.end()] })
    };
    let (dev, inspector) = (types(sort::WEB), types(sort::API));
    home.configure(&json!({ "service_types": { "dev": dev, "inspector": inspector } }));
    for name in ["wrangler", "node"] {
        let tool = home.top().join("bin").join(name);
        fs::create_dir_all(tool.parent().unwrap()).unwrap();
        fs::write(&tool, TOOL).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    }
    home
}

/// `styxy run` of such a tool in `folder`.
fn run(home: &Home, folder: &Path, line: &str) -> Command {
    let mut command = home.styxy_command(&[&["run"], &words(line)[..]].concat());
    let mut path = OsString::from(home.top().join("bin"));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    command.env("PATH", path).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// The lease of this type that the server's own process has.
fn lease(home: &Home, server: &Server, service: &str) -> Option<Lease> {
    let is_its =
        |lease: &Lease| lease.service_type.as_str() == service && pid_of(&lease.owner) == Some(server.pid());
    home.leases().into_iter().find(is_its)
}

fn port(home: &Home, server: &Server, service: &str) -> u16 {
    lease(home, server, service).expect("a lease").port.get()
}

#[test]
fn every_checkout_has_its_own_and_gets_it_again() {
    let home = home();
    let other = home.other_project();
    let line = "-n web -- wrangler dev";
    let servers = [home.project(), other].map(|folder| Server::reading(&mut run(&home, &folder, line)));
    let said = servers.each_ref().map(Server::hear);
    let ports =
        servers.each_ref().map(|server| (port(&home, server, "dev"), port(&home, server, "inspector")));
    for ((dev, inspector), said) in ports.iter().zip(said) {
        assert_eq!(said, format!("dev --port {dev} --inspector-port {inspector} / {inspector} /"));
    }
    let named = lease(&home, &servers[0], "inspector").unwrap().service_name.unwrap();
    assert_eq!(named.as_str(), "web");
    let [(dev, inspector), (dev_2, inspector_2)] = ports;
    assert!(dev != dev_2 && inspector != inspector_2, "{ports:?}");
    for server in servers {
        server.kill();
    }
    until("all leases end", || home.leases().is_empty());
    let again = Server::reading(&mut run(&home, &home.other_project(), line));
    again.hear();
    assert_eq!((port(&home, &again, "dev"), port(&home, &again, "inspector")), ports[1]);
}

#[test]
fn a_number_that_is_typed_is_preferred_and_one_of_a_script_stays() {
    let home = home();
    let wished = home.spare_port();
    let line = format!("-- node --inspect={wished} server.js");
    let first = Server::reading(&mut run(&home, &home.project(), &line));
    assert_eq!(first.hear(), format!("--inspect={wished} server.js / {wished} /"));
    let second = Server::reading(&mut run(&home, &home.other_project(), &line));
    let said = second.hear();
    let other = port(&home, &second, "inspector");
    assert_eq!(said, format!("--inspect={other} server.js / {other} /"));
    assert_ne!(other, wished);

    let third = home.worktree("third");
    let scripts = json!({ "scripts": { "dev": format!("node --inspect={wished} server.js"), "bare": "node --inspect a.js" } });
    fs::write(third.join("package.json"), scripts.to_string()).unwrap();
    fs::copy(home.top().join("bin/node"), home.top().join("bin/npm")).unwrap();
    let mut command = run(&home, &third, "-- npm run dev");
    let said = finish(&mut command).done();
    assert!(said.stdout.starts_with("run dev / "), "{}", said.stdout);
    assert!(
        said.stderr.contains(&format!("the script itself sets inspector port {wished}")),
        "{}",
        said.stderr
    );
    let bare = Server::reading(run(&home, &third, "-- npm run bare").env("NODE_OPTIONS", "--no-warnings"));
    let own = bare.hear();
    let inspector = port(&home, &bare, "inspector");
    assert_eq!(own, format!("run bare / {inspector} / --no-warnings --inspect-port={inspector}"));
}

#[test]
fn a_further_port_that_is_refused_leaves_the_first_one() {
    let home = home();
    let range = home.range(sort::WEB);
    let dev = json!({ "preferred_ports": [], "range": [range.start(), range.end()] });
    home.configure(&json!({ "service_types": { "dev": dev }, "quotas": { "leases_per_checkout": 1 } }));
    let server = Server::reading(&mut run(&home, &home.project(), "-- wrangler dev"));
    let said = server.hear();
    assert_eq!(said, format!("dev --port {} / /", port(&home, &server, "dev")));
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn a_block_and_a_command_that_says_where_its_port_goes_have_no_further_ones() {
    let home = home();
    for line in ["--block 2 -- wrangler dev", "-- wrangler dev --port {port}"] {
        let said = finish(&mut run(&home, &home.project(), line)).done().stdout;
        assert!(said.ends_with("/ /\n") && !said.contains("--inspector-port"), "{line}: {said}");
    }
}
