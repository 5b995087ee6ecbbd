//! `styxy mcp` speaks only the protocol, owns what it leases, and reports facts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
#[cfg(unix)]
use styxy_core::api::{OwnerKind, State};

#[cfg(unix)]
use super::support::session::{self, Session};
use super::support::{Agent, Home, Server, finish, sort, until};

#[test]
fn nine_tools_are_listed_with_schemas_and_what_they_change() {
    let home = Home::new();
    let mut agent = Agent::new(&home);
    let answer = agent.ask("tools/list", &json!({}));
    let tools = answer["result"]["tools"].as_array().unwrap();
    let seen: Vec<(&str, bool, bool)> = tools
        .iter()
        .map(|tool| {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
            assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
            assert!(!tool["description"].as_str().unwrap().is_empty());
            let hint = |name: &str| tool["annotations"][name].as_bool().unwrap();
            (tool["name"].as_str().unwrap(), hint("readOnlyHint"), hint("destructiveHint"))
        })
        .collect();
    let expected = [
        ("allocate_port", false, false),
        ("release_port", false, true),
        ("list_ports", true, false),
        ("check_port", true, false),
        ("who_owns_port", true, false),
        ("start_service", false, false),
        ("stop_service", false, true),
        ("service_logs", true, false),
        ("wait_for", true, false),
    ];
    assert_eq!(seen, expected);
    assert!(!home.root().join("daemon.lock").exists(), "being listed started a daemon");
}

#[test]
fn the_same_service_has_the_same_port_and_the_server_owns_it() {
    let home = Home::new();
    let mut agent = Agent::new(&home);
    let first = agent.done("allocate_port", &json!({ "service": sort::WEB }));
    let again = agent.done("allocate_port", &json!({ "service": sort::WEB }));
    assert_eq!(first.wire()["lock_id"], again.wire()["lock_id"]);
    assert_eq!((&first.wire()["reused"], &again.wire()["reused"]), (&json!(false), &json!(true)));
    let named = agent.port(&json!({ "service": sort::WEB, "name": "admin" }));
    assert_ne!(first.wire()["port"], named);
    assert!(first.text().starts_with(&format!("web: {}\n", first.wire()["port"])), "{}", first.text());
    let leases = home.leases();
    assert_eq!(leases.len(), 2);
    for lease in leases {
        assert_eq!(lease.owner.pid.unwrap().get(), agent.server.pid());
        assert_eq!(lease.project_path.unwrap().as_str(), home.project().to_str().unwrap());
    }
}

#[test]
fn many_calls_at_once_for_one_service_have_one_port() {
    let home = Home::new();
    home.start();
    let mut agent = Agent::new(&home);
    let call = json!({ "name": "allocate_port", "arguments": { "service": sort::WEB } });
    let mut ids: Vec<u64> = (0..20).map(|_| agent.send("tools/call", &call)).collect();
    let answers: Vec<Value> = ids.iter().map(|_| agent.hear()).collect();
    let mut answered: Vec<u64> = answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    answered.sort_unstable();
    assert_eq!(ids, answered);
    let ports: Vec<&Value> =
        answers.iter().map(|answer| &answer["result"]["structuredContent"]["port"]).collect();
    assert!(ports.iter().all(|port| port.is_u64() && *port == ports[0]), "{answers:#?}");
}

#[test]
fn a_call_for_another_worktree_gets_the_port_of_that() {
    let home = Home::new();
    let mut agent = Agent::new(&home);
    let other = home.other_project();
    fs::create_dir_all(other.join("packages/web")).unwrap();
    let ours = agent.port(&json!({ "service": sort::WEB }));
    let theirs = agent.port(&json!({ "service": sort::WEB, "project": other }));
    let inside = agent.port(&json!({ "service": sort::WEB, "project": other.join("packages/web") }));
    assert_ne!(ours, theirs);
    assert_eq!(theirs, inside, "a folder stands for the worktree around it");
    let listed = agent.done("list_ports", &json!({ "project": other.join("packages") }));
    assert_eq!(listed.wire()["allocations"].as_array().unwrap().len(), 1);
    let all = agent.done("list_ports", &json!({}));
    assert!(all.text().contains(&format!("{ours} web, granted")), "{}", all.text());
    assert!(all.text().contains(", this worktree"), "{}", all.text());
    let refusal = agent.refused("allocate_port", &json!({ "service": sort::WEB, "project": "/no/such" }));
    assert_eq!(refusal.wire()["details"]["field"], "project");
}

#[test]
fn the_project_file_sets_names_and_preferred_ports() {
    let home = Home::new();
    let wished = home.spare_port();
    let file = json!({ "services": { (sort::WEB): { "name": "shop", "port": wished } } });
    fs::write(home.project().join(".styxy.json"), file.to_string()).unwrap();
    let mut agent = Agent::new(&home);
    let said = agent.done("allocate_port", &json!({ "service": sort::WEB }));
    assert_eq!((&said.wire()["port"], &said.wire()["service_name"]), (&json!(wished), &json!("shop")));
    assert!(said.text().starts_with(&format!("web/shop: {wished}\n")), "{}", said.text());
    fs::write(home.project().join(".styxy.json"), "{\"services\": []}").unwrap();
    let refusal = agent.refused("allocate_port", &json!({ "service": sort::WEB }));
    assert!(refusal.text().contains(".styxy.json:1:"), "{}", refusal.text());
}

#[test]
fn if_the_preferred_port_is_taken_the_text_says_who_has_it() {
    let home = Home::new();
    let wished = home.spare_port();
    let mut holder = Agent::of(
        home.styxy_command(&["mcp"]).env("STYXY_INSTANCE", "claude-812").current_dir(home.other_project()),
    );
    assert_eq!(holder.port(&json!({ "service": sort::API, "port": wished })), wished);
    let mut agent = Agent::of(home.styxy_command(&["mcp"]).env("CLAUDE_PID", "42"));
    let said = agent.done("allocate_port", &json!({ "service": sort::API, "port": wished }));
    let expected = format!(
        "api: {} ({wished} is leased by claude-812 ({}))\n",
        said.wire()["port"],
        path(&home.other_project())
    );
    assert!(said.text().starts_with(&expected), "{}", said.text());
    let leases = home.leases();
    let sessions: Vec<&str> =
        leases.iter().map(|lease| lease.instance_id.as_ref().unwrap().as_str()).collect();
    assert!(sessions.contains(&"claude-42") && sessions.contains(&"claude-812"), "{sessions:?}");
}

#[test]
fn leases_end_with_the_server_however_it_ends() {
    let home = Home::new();
    let mut killed = Agent::new(&home);
    killed.port(&json!({ "service": sort::WEB }));
    killed.server.kill();
    until("the killed server's lease ends", || home.leases().is_empty());
    let mut left = Agent::new(&home);
    left.port(&json!({ "service": sort::WEB }));
    left.server.hang_up();
    let (code, said) = left.server.ends();
    assert_eq!((code, said), (Some(0), Vec::new()));
    until("the lease of the server whose client went away ends", || home.leases().is_empty());
}

#[test]
#[cfg(unix)]
fn the_sessions_own_port_is_given_and_stays_the_sessions() {
    let home = session::home();
    let session = Session::new(&home, &home.project());
    session.begin();
    let mut agent =
        Agent::of(home.styxy_command(&["mcp"]).env("CLAUDE_PID", session.process.pid().to_string()));
    let granted = agent.done("allocate_port", &json!({ "service": sort::WEB }));
    assert_eq!((&granted.wire()["port"], &granted.wire()["reused"]), (&json!(session.port()), &json!(true)));
    let server = Server::on(&home, session.port());
    until("its server is seen", || session.leases().iter().any(|lease| lease.state == State::Active));
    assert_eq!(agent.port(&json!({ "service": sort::WEB })), session.port(), "while its server runs");
    drop(server);
    agent.server.kill();
    // It owned nothing, so nothing of the session ends with it. The daemon checks every owner before it answers.
    home.styxy(&["cleanup"]).done();
    assert_eq!(session.leases().len(), 2);
    assert!(session.leases().iter().all(|lease| lease.owner.kind == OwnerKind::Instance));
}

#[test]
#[cfg(unix)]
fn another_sessions_port_is_not_released() {
    let home = session::home();
    let session = Session::new(&home, &home.project());
    session.begin();
    let mut agent = Agent::of(home.styxy_command(&["mcp"]).env("STYXY_INSTANCE", "claude-none"));
    let refusal = agent.refused("release_port", &json!({ "port": session.port() }));
    assert!(refusal.text().contains(&session.instance()), "{}", refusal.text());
    assert_eq!(session.leases().len(), 2);
}

#[test]
fn a_server_that_listens_keeps_its_port_when_the_session_ends() {
    let home = Home::new();
    let mut agent = Agent::new(&home);
    let port = agent.port(&json!({ "service": sort::WEB }));
    let server = Server::on(&home, port);
    let said = agent.done("check_port", &json!({ "port": port }));
    assert_eq!(said.wire()["allocated_to"]["state"], "active", "{}", said.0);
    assert_eq!(agent.port(&json!({ "service": sort::WEB })), port, "asked again while its server runs");
    agent.server.kill();
    until("the lease passes to the server", || {
        home.leases().iter().any(|lease| lease.owner.pid.is_some_and(|pid| pid.get() == server.pid()))
    });
}

#[test]
fn a_port_is_released_by_number_and_by_lease() {
    let home = Home::new();
    let mut agent = Agent::new(&home);
    let port = agent.port(&json!({ "service": sort::WEB }));
    let said = agent.done("release_port", &json!({ "port": port }));
    assert_eq!(said.wire()["port"], port);
    let granted = agent.done("allocate_port", &json!({ "service": sort::WEB }));
    let lock_id = &granted.wire()["lock_id"];
    agent.done("release_port", &json!({ "lock_id": lock_id }));
    assert!(home.leases().is_empty());
    let ended = agent.refused("release_port", &json!({ "lock_id": lock_id }));
    assert_eq!(ended.wire()["code"], "lease_ended");
    let unknown = agent.refused("release_port", &json!({ "port": port }));
    assert_eq!(unknown.wire()["code"], "unknown_lease");
    for neither in [json!({}), json!({ "port": port, "lock_id": lock_id })] {
        assert_eq!(agent.refused("release_port", &neither).wire()["code"], "invalid_request");
    }
}

#[test]
fn a_port_that_another_worktrees_or_sessions_server_uses_is_not_released() {
    let home = Home::new();
    let other = home.other_project();
    let mut holder = Agent::of(home.styxy_command(&["mcp"]).current_dir(&other));
    let granted = holder.done("allocate_port", &json!({ "service": sort::WEB }));
    let port = u16::try_from(granted.wire()["port"].as_u64().unwrap()).unwrap();
    let _theirs = Server::in_folder(&home, &other, port);
    let mut session = Agent::of(home.styxy_command(&["mcp"]).env("STYXY_INSTANCE", "claude-812"));
    let sessions_port = session.port(&json!({ "service": sort::WEB }));
    let _sessions = Server::on(&home, sessions_port);
    let mut agent = Agent::of(home.styxy_command(&["mcp"]).env("STYXY_INSTANCE", "claude-1"));
    for (target, holder) in [
        (json!({ "port": port }), path(&other)),
        (json!({ "lock_id": granted.wire()["lock_id"] }), path(&other)),
        (json!({ "port": sessions_port }), "claude-812".to_owned()),
    ] {
        let refusal = agent.refused("release_port", &target);
        assert_eq!(refusal.wire()["code"], "forbidden", "{target}");
        assert!(refusal.text().contains(&holder), "{}", refusal.text());
        assert!(!refusal.text().contains("--force"), "{}", refusal.text());
    }
    assert_eq!(home.leases().len(), 2);
    session.done("release_port", &json!({ "port": sessions_port }));
}

#[test]
fn the_owner_of_a_server_is_shown_without_its_command_line() {
    let home = Home::new();
    let fix = home.worktree("fix");
    let port = home.spare_port();
    let server = Server::in_folder(&home, &fix, port);
    let mut agent = Agent::new(&home);
    let said = agent.done("who_owns_port", &json!({ "port": port }));
    let wire = said.wire();
    assert_eq!((&wire["whose"], &wire["branch"]), (&json!("sibling"), &json!("fix")));
    assert_eq!(wire["system_usage"]["pid"], server.pid());
    assert_eq!(wire["worktree"], path(&fix));
    assert!(said.text().contains(&format!("({})", server.pid())), "{}", said.text());
    assert!(said.text().contains("\nbranch fix"), "{}", said.text());
    let checked = agent.done("check_port", &json!({ "port": port }));
    for said in [&said, &checked] {
        // The helper's command line contains this word.
        assert!(!said.0.to_string().contains("--nocapture"), "{}", said.0);
        assert_eq!(said.wire()["system_usage"]["command"], Value::Null);
    }
    let there = agent.done("who_owns_port", &json!({ "port": port, "project": fix }));
    assert_eq!(there.wire()["whose"], "mine");
    let nobody = agent.done("who_owns_port", &json!({ "port": home.spare_port() }));
    assert_eq!(nobody.wire()["whose"], "nobody");
}

#[test]
fn bad_arguments_are_refused_by_name_with_what_is_allowed() {
    let home = Home::new();
    let mut agent = Agent::new(&home);
    for (tool, arguments, field) in [
        ("allocate_port", json!({ "service": sort::WEB, "prot": 1 }), "prot"),
        ("allocate_port", json!({ "service": "a b" }), "service"),
        ("allocate_port", json!({ "service": sort::WEB, "name": 7 }), "name"),
        ("allocate_port", json!({ "service": sort::WEB, "port": "3000x" }), "port"),
        ("allocate_port", json!({}), "service"),
        ("release_port", json!({ "port": 0 }), "port"),
        ("release_port", json!({ "lock_id": "4f5e" }), "lock_id"),
        ("release_port", json!({ "port": 3000, "force": true }), "force"),
        ("list_ports", json!({ "sevice": "web" }), "sevice"),
        ("check_port", json!({ "port": 70_000 }), "port"),
        ("check_port", json!({ "port": 3.5 }), "port"),
        ("who_owns_port", json!({ "port": -1 }), "port"),
        ("who_owns_port", json!({ "port": 3000, "project": "/no/such/folder" }), "project"),
        ("who_owns_port", json!({ "port": 3000, "command": true }), "command"),
    ] {
        let refusal = agent.refused(tool, &arguments);
        assert_eq!(refusal.wire()["code"], "invalid_request", "{tool} {arguments}");
        assert!(refusal.wire()["error"].as_str().unwrap().contains(field), "{}", refusal.text());
    }
    assert!(!home.root().join("daemon.lock").exists(), "bad input reached a daemon");
    let unknown = agent.refused("allocate_port", &json!({ "service": "wbe" }));
    assert!(unknown.text().contains("\nhint: "), "{}", unknown.text());
}

#[test]
fn without_a_daemon_the_tools_say_so_and_the_server_keeps_running() {
    let home = Home::new();
    let mut agent = Agent::of(&mut home.styxy_command(&["mcp", "--no-start"]));
    for (tool, arguments) in [
        ("allocate_port", json!({ "service": sort::WEB })),
        ("release_port", json!({ "port": 3000 })),
        ("list_ports", json!({})),
        ("check_port", json!({ "port": 3000 })),
        ("who_owns_port", json!({ "port": 3000 })),
    ] {
        let refusal = agent.refused(tool, &arguments);
        assert_eq!(refusal.wire()["code"], "daemon_unreachable", "{tool}");
        assert!(refusal.text().contains("hint: styxy daemon start"), "{}", refusal.text());
    }
    home.start();
    let granted = agent.done("allocate_port", &json!({ "service": sort::WEB }));
    home.kill_daemon();
    agent.refused("list_ports", &json!({}));
    home.start();
    let again = agent.done("allocate_port", &json!({ "service": sort::WEB }));
    assert_eq!(granted.wire()["lock_id"], again.wire()["lock_id"]);
}

#[test]
fn what_was_asked_before_the_end_of_input_is_answered() {
    let home = Home::new();
    let mut agent = Agent::new(&home);
    agent.send("tools/call", &json!({ "name": "allocate_port", "arguments": { "service": sort::WEB } }));
    agent.server.hang_up();
    let (code, said) = agent.server.ends();
    assert_eq!((code, said.len()), (Some(0), 1), "{said:?}");
    assert!(said[0].contains("\"lock_id\":"), "{said:?}");
}

#[test]
fn a_client_that_asks_a_thousand_things_at_once_gets_every_answer_in_little_memory() {
    const CALLS: usize = 1_000;
    let home = Home::new();
    home.start();
    let mut agent = Agent::new(&home);
    let pid = agent.server.pid();
    for call in 0..CALLS {
        match call % 10 {
            0 => agent.send("tools/call", &json!({ "name": "check_port", "arguments": { "port": 1 } })),
            _ => agent.send("tools/list", &json!({})),
        };
    }
    let memory = || std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = memory()
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    agent.server.hang_up();
    let (code, said) = agent.server.ends();
    assert_eq!((code, said.len()), (Some(0), CALLS));
    // Without /proc the memory is not looked at.
    let peak: u32 = peak.unwrap_or_default();
    assert!(peak < 80 * 1024, "{peak} KiB");
}

#[test]
fn input_that_ends_at_once_is_not_a_failure() {
    let home = Home::new();
    let ended = finish(&mut home.styxy_command(&["mcp"]));
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    assert!(!home.root().join("daemon.lock").exists());
}

fn path(folder: &Path) -> String {
    folder.to_str().unwrap().to_owned()
}
