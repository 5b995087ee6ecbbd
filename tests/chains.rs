//! Chains of processes as people start them: the lease passes to the one that listens.

use std::fs;
use std::process::Stdio;

use serde_json::json;
use styxy_core::api::{CheckAnswer, OwnerKind};

use crate::support::{Home, Server, eventually, pid_of, sort};

const SERVER: &str = "
require('http').createServer((request, answer) => answer.end('ok')).listen(process.env.PORT, '127.0.0.1')
process.stdin.on('end', () => process.exit()).resume()
";

#[test]
fn a_shells_lease_passes_through_npm_to_the_node_that_listens_when_the_shell_is_killed() {
    let home = Home::new();
    fs::write(home.project().join("package.json"), r#"{"scripts": {"dev": "node server.js"}}"#).unwrap();
    fs::write(home.project().join("server.js"), SERVER).unwrap();
    let mut command = home.shell("read PORT; export PORT; npm run --silent dev; true");
    command.env("npm_config_update_notifier", "false").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = Server::run(&mut command);
    let ask = json!({ "service_type": sort::WEB, "pid": shell.pid(), "project_path": home.project() });
    let grant = home.allocate(&ask);
    shell.tell(&grant.port.to_string());

    let lease = home.active(&grant);
    assert_eq!((lease.owner.kind, pid_of(&lease.owner)), (OwnerKind::Process, Some(shell.pid())));
    let check: CheckAnswer = home.socket().get(&format!("/check/{}", grant.port)).ok();
    let usage = check.system_usage.unwrap();
    assert_eq!(usage.process.as_deref(), Some("node"));
    assert_eq!(usage.project_path.unwrap().as_str(), home.project().to_str().unwrap());

    shell.kill_alone();
    let passed = eventually("the lease passes to node", || {
        home.lease_of(&grant).filter(|lease| lease.owner.kind == OwnerKind::Listener)
    });
    assert_eq!(passed.owner.pid, usage.pid);
    shell.hang_up();
    home.ended(&grant);
}
