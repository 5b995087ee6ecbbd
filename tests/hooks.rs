//! `styxy hook`: agents' sessions get ports, each agent gets its own form of answer, and no hook ever fails.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use styxy_core::api::{InstancesAnswer, OwnerKind, State};

use crate::support::session::{Session, home, hook, worktree};
use crate::support::{Server, eventually, finish, sort, until};

#[test]
fn the_ports_of_a_session_that_begins_are_leased_exported_and_listed() {
    let home = home();
    let session = Session::new(&home, &home.project());
    let said = session.begin();
    let (web, api) = (session.exported("STYXY_WEB_PORT"), session.exported("STYXY_API_PORT"));
    assert_eq!((session.exported("PORT"), session.exported("BACKEND_PORT")), (web.clone(), api.clone()));
    assert_eq!(session.exported("STYXY_INSTANCE"), session.instance());
    let door = home.listen_port();
    let expected = format!(
        "Ports that Styxy has leased for this checkout: web {web} (in a browser http://web.project.localhost:{door}), api {api} (in \
         a browser http://api.project.localhost:{door}). The shell has them as PORT (the first one) \
         and STYXY_<SERVICE>_PORT; in another checkout it has the ports of that one. `styxy run -- COMMAND` runs a server on its port, `styxy who PORT` shows whose server \
         is on a port, and `styxy kill PORT` ends a server of this checkout. Other checkouts and sessions on this machine \
         have servers of their own."
    );
    assert_eq!(said, expected);
    assert!(session.leases().iter().all(|lease| lease.owner.kind == OwnerKind::Instance));
    let instances: InstancesAnswer = home.socket().get("/instance/list").ok();
    let [instance] = &instances.instances[..] else { panic!("{instances:?}") };
    assert_eq!(instance.instance_id.as_str(), session.instance());
    assert_eq!(instance.pid.map(styxy_core::Pid::get), Some(session.process.pid()));
    // A session that begins again or is resumed has the same ports.
    session.begin();
    assert_eq!((session.exported("PORT"), session.leases().len()), (web, 2));
}

#[test]
fn a_session_outside_of_every_checkout_has_its_own_ports() {
    let home = home();
    for (folder, project) in [(home.top(), Some(home.top())), (home.top().join("gone"), None)] {
        let session = Session::new(&home, &folder);
        let said = session.begin();
        assert!(said.starts_with("Ports that Styxy has leased for this session: dev "), "{said}");
        let of =
            |lease: &styxy_core::api::Lease| lease.project_path.as_ref().map(|path| path.as_str().into());
        assert!(session.leases().iter().all(|lease| of(lease) == project), "{:?}", session.leases());
    }
}

#[test]
fn the_leases_end_with_the_agents_process_and_not_before() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    session.hook("SessionEnd", &json!({ "reason": "clear" }));
    session.hook("SessionEnd", &json!({ "reason": "resume" }));
    assert_eq!(session.leases().len(), 2);
    session.process.kill();
    until("its leases end", || home.leases().is_empty());
}

#[test]
fn a_port_that_styxy_run_has_used_is_the_sessions_again() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    for code in [0, 7] {
        let mut run = home.styxy_command(&["run", "-q", "-s", sort::WEB, "--", "sh", "-c"]);
        run.arg(format!("echo $PORT; exit {code}")).env("CLAUDE_PID", session.process.pid().to_string());
        assert_eq!(finish(&mut run).exits(code).number(), session.port());
        until("the session has it", || {
            session.leases().iter().all(|lease| lease.owner.kind == OwnerKind::Instance)
        });
        assert_eq!(session.leases().len(), 2);
    }
}

#[test]
fn a_session_that_ends_releases_what_nothing_uses() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    let server = Server::on(&home, session.port());
    until("the server is seen", || session.leases().iter().any(|lease| lease.state == State::Active));
    session.hook("SessionEnd", &json!({ "reason": "other" }));
    let left = session.leases();
    assert_eq!(left.iter().map(|lease| lease.port.get()).collect::<Vec<_>>(), [session.port()]);
    server.kill();
}

#[test]
fn a_server_of_the_session_listens_on_the_sessions_port() {
    let home = home();
    let session = Session::new(&home, &home.project());
    session.begin();
    let exe = std::env::current_exe().unwrap();
    let script = r#"STYXY_TEST_ROLE="listen 127.0.0.1:$PORT" exec "$0" "$@""#;
    let mut command = home.styxy_command(&["run", "-s", sort::WEB, "--", "sh", "-c", script]);
    command.arg(exe).args([
        "--exact",
        "support::helper::a_helper_does_as_it_is_told",
        "--ignored",
        "--nocapture",
    ]);
    command.env("CLAUDE_PID", session.process.pid().to_string());
    let _server =
        Server::listening(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()));
    let served = eventually("the lease is active", || {
        session.leases().into_iter().find(|lease| lease.state == State::Active)
    });
    assert_eq!(served.port.get(), session.port());
    // Asking again gives the same port, and leases no other.
    session.begin();
    assert_eq!((session.port(), session.leases().len()), (served.port.get(), 2));
    session.runs(&format!("kill $(lsof -ti:{})", served.port));
}

#[test]
fn only_the_start_of_a_session_starts_the_daemon() {
    let home = home();
    let session = Session::new(&home, &home.project());
    for command in ["kill 4242", "pkill node", "kill $(lsof -ti:3000)"] {
        session.runs(command);
    }
    assert_eq!(session.hook("SessionEnd", &json!({ "reason": "other" })), "");
    assert_eq!(session.hook("CwdChanged", &json!({ "old_cwd": "/", "new_cwd": home.project() })), "");
    assert!(home.daemon_file().is_none());
    session.begin();
    assert!(home.daemon_file().is_some());
}

#[test]
fn sub_agents_of_one_session_share_a_worktrees_ports_and_two_worktrees_have_two() {
    let home = home();
    let (first, second) = (worktree(&home, "first"), worktree(&home, "second"));
    let session = Session::new(&home, &home.project());
    session.begin();
    let run = |folder: &Path| {
        let mut command =
            home.styxy_command(&["run", "-s", sort::WEB, "--", "sh", "-c", "echo $PORT; exec cat"]);
        command.current_dir(folder).env("CLAUDE_PID", session.process.pid().to_string());
        Server::reading(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
    };
    let (one, two) = (run(&first), run(&second));
    let (one, two): (u16, u16) = (one.hear().parse().unwrap(), two.hear().parse().unwrap());
    assert!(one != two && ![one, two].contains(&session.port()));
}

#[test]
fn an_agent_that_sets_no_variable_is_found_among_the_hooks_ancestors() {
    let home = home();
    let codex = home.top().join("codex");
    symlink("/bin/sh", &codex).unwrap();
    let input = home.top().join("event.json");
    let event = json!({ "session_id": "s", "cwd": home.project(), "hook_event_name": "SessionStart", "source": "startup" });
    fs::write(&input, event.to_string()).unwrap();
    let mut agent = home.command(&codex);
    let script =
        r#"sh -c '"$STYXY" hook codex < "$INPUT"; "$STYXY" allocate -s web --reuse -q; true'; cat; true"#;
    agent
        .args(["-c", script])
        .env("STYXY", crate::support::program())
        .env("INPUT", &input)
        .env_remove("STYXY_AGENT");
    let agent = Server::reading(agent.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let said: Value = serde_json::from_str(&agent.hear()).unwrap();
    assert_eq!(said["hookSpecificOutput"]["hookEventName"], "SessionStart");
    let port = agent.hear();
    let leases = home.leases();
    let instance = format!("codex-{}", agent.pid());
    assert!(
        leases.iter().all(|lease| lease.instance_id.as_ref().is_some_and(|id| id.as_str() == instance)),
        "{leases:?}"
    );
    assert_eq!(leases.len(), 2);
    assert!(
        leases.iter().any(|lease| lease.port.to_string() == port && lease.owner.kind == OwnerKind::Instance)
    );
    agent.kill();
    until("its leases end", || home.leases().is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn the_sessions_of_an_app_server_are_told_apart_and_end() {
    let home = home();
    let codex = home.top().join("codex");
    symlink("/bin/sh", &codex).unwrap();
    let event = |name: &str, id: &str| {
        let path = home.top().join(format!("{name}-{id}.json"));
        let event = json!({ "session_id": id, "cwd": home.project(), "hook_event_name": name, "source": "startup", "reason": "other" });
        fs::write(&path, event.to_string()).unwrap();
    };
    for id in ["01a2-1", "01a2-2"] {
        event("SessionStart", id);
        event("SessionEnd", id);
    }
    let script = format!(
        r#"cd "$TOP"; for id in 01a2-1 01a2-2; do "$STYXY" hook codex < "SessionStart-$id.json"; done
        cd "$PROJECT"; for id in 01a2-1 01a2-2; do CODEX_SESSION_ID=$id "$STYXY" env {} --json | tr -d '\n '; echo; done
        read go; "$STYXY" hook codex < "$TOP/SessionEnd-01a2-1.json"; echo ended; cat"#,
        sort::WEB
    );
    let mut agent = home.command(&codex);
    agent.args(["-c", &script, "app-server"]).env("STYXY", crate::support::program());
    agent.env("TOP", home.top()).env("PROJECT", home.project()).env_remove("STYXY_AGENT");
    let mut agent = Server::reading(agent.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let context = |said: String| -> String {
        let said: Value = serde_json::from_str(&said).unwrap();
        said["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned()
    };
    let told = [context(agent.hear()), context(agent.hear())];
    let ports = [agent.hear(), agent.hear()]
        .map(|json| serde_json::from_str::<Value>(&json).unwrap()["PORT"].as_str().unwrap().to_owned());
    assert_ne!(ports[0], ports[1]);
    for (told, port) in told.iter().zip(&ports) {
        assert!(told.contains(&format!(": {} {port} (", sort::WEB)), "{told} {port}");
    }
    let instances: InstancesAnswer = home.socket().get("/instance/list").ok();
    let by_heartbeats = instances.instances.iter().filter(|session| session.pid.is_none()).count();
    assert_eq!((by_heartbeats, instances.instances.len()), (2, 2), "they do not end with the app-server");
    let of = |id: &str| {
        home.leases()
            .iter()
            .filter(|lease| lease.instance_id.as_ref().is_some_and(|of| of.as_str() == id))
            .count()
    };
    assert_eq!((of("codex-01a2-1"), of("codex-01a2-2")), (2, 2));
    agent.tell("go");
    assert_eq!(agent.hear(), "ended");
    assert_eq!((of("codex-01a2-1"), of("codex-01a2-2")), (0, 2));
}

/// Every event of every agent, in the agent's own form, with the exact answer.
#[test]
fn every_agent_is_answered_in_its_own_form() {
    let home = home();
    let fix = worktree(&home, "fix");
    home.start();
    let port = home.spare_port();
    let server = Server::in_folder(&home, &fix, port);
    let name =
        home.styxy(&["who", &port.to_string(), "--json"]).exits(5).json()["system_usage"]["process"].clone();
    let why = format!(
        "Port {port} is used by {} ({}) of another checkout or session: {}, branch fix. This checkout has no leased port \
         yet. `styxy kill PORT` ends only servers of this checkout, and `styxy run -- COMMAND` runs one on a port of its own.",
        name.as_str().unwrap(),
        server.pid(),
        fix.display()
    );
    let corpus = include_str!("corpus/hook-events.jsonl");
    let mut count = 0;
    for line in corpus.lines() {
        let line =
            line.replace("@CWD@", home.project().to_str().unwrap()).replace("@PORT@", &port.to_string());
        let case: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let agent = case["agent"].as_str().unwrap();
        let answer = |expected: &Value| {
            let said = hook(&home, agent, &case["input"].to_string(), |_| {});
            assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{line}");
            if expected.is_null() {
                return said.stdout.is_empty().then_some(());
            }
            let text = expected.to_string().replace("@WHY@", &why);
            (said.stdout == format!("{text}\n")).then_some(())
        };
        // On a busy machine there may be no answer; any answer must be right.
        let expected = &case["output"];
        if expected.is_null() {
            assert_eq!(answer(expected), Some(()), "{line}");
        } else {
            eventually(&line, || answer(expected));
        }
        count += 1;
    }
    assert!(count >= 30, "{count}");
    assert!(home.leases().is_empty(), "none of these begins a session");
}

#[test]
fn a_session_of_another_agent_is_answered_in_that_agents_form() {
    let home = home();
    for (agent, event) in [
        ("codex", "SessionStart"),
        ("gemini", "SessionStart"),
        ("qwen", "SessionStart"),
        ("cursor", "sessionStart"),
        ("copilot", ""),
    ] {
        let input = match agent {
            "copilot" => json!({ "sessionId": "c", "timestamp": 1, "cwd": home.project(), "source": "new" }),
            _ => {
                json!({ "hook_event_name": event, "cwd": home.project(), "workspace_roots": [home.project()] })
            }
        };
        let said = hook(&home, agent, &input.to_string(), |_| {}).done();
        let json = said.json();
        let context = match agent {
            "cursor" => &json["additional_context"],
            "copilot" => &json["additionalContext"],
            _ => &json["hookSpecificOutput"]["additionalContext"],
        };
        assert!(
            context.as_str().unwrap().starts_with("Ports that Styxy has leased for this checkout: web "),
            "{json}"
        );
        if agent == "cursor" {
            assert_eq!(json["env"]["PORT"], json["env"]["STYXY_WEB_PORT"]);
        } else if agent != "copilot" {
            assert_eq!(json["hookSpecificOutput"]["hookEventName"], event);
        }
    }
    // Without a session each asks for the same leases.
    assert_eq!(home.leases().len(), 2);
}

#[test]
fn no_input_makes_the_hook_fail() {
    let home = home();
    home.start();
    let long = format!("{{\"x\": \"{}", "a".repeat(5 * 1024 * 1024));
    let deep = "[".repeat(100_000);
    for input in ["", "{", "null", "[]", "\u{0}", "{\"hook_event_name\": \"SessionStart\"", &long, &deep] {
        for agent in ["claude", "codex", "cursor", "gemini", "qwen", "copilot", "clude", "env"] {
            let said = hook(&home, agent, input, |_| {});
            assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{agent}");
        }
    }
    // Arguments from another version's settings.
    for words in
        ["hook", "hook -q", "hook --bogus", "hook --agent claude", "hook claude --bogus=1 -x", "hook -"]
    {
        let said = home.styxy(&crate::support::words(words));
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{words}");
    }
    // A project file with a mistake, a variables file that cannot be written, an invalid session name.
    fs::write(home.project().join(".styxy.json"), "{").unwrap();
    let input = json!({ "hook_event_name": "SessionStart", "cwd": home.top().join("gone") }).to_string();
    for (name, value) in
        [("CLAUDE_ENV_FILE", "/nowhere/at/all"), ("STYXY_INSTANCE", "a b"), ("STYXY_HOME", "relative")]
    {
        let said = hook(&home, "claude", &input, |command| {
            command.env(name, value);
        });
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{name}");
    }
}
