//! `styxy hook`: agents' sessions have ports, and no agent takes or ends another's server.
//!
//! Long because all of it is played by the same sessions, whose stage is half of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use styxy_core::api::{InstancesAnswer, Lease, OwnerKind, State};

use crate::support::{Home, Output, Running, Server, eventually, finish, sort, until};

/// An agent's session: its process, its folder, its file of variables.
struct Session<'h> {
    home: &'h Home,
    process: Running,
    folder: PathBuf,
    env_file: PathBuf,
}

impl<'h> Session<'h> {
    fn new(home: &'h Home, folder: &Path) -> Self {
        let process = Running::idle();
        let env_file = home.top().join(format!("env-{}", process.pid()));
        Self { home, process, folder: folder.to_owned(), env_file }
    }

    fn instance(&self) -> String {
        format!("claude-{}", self.process.pid())
    }

    /// What the hook answers to `event`, exiting with 0 and saying nothing else.
    #[track_caller]
    fn hook(&self, event: &str, more: &Value) -> String {
        let mut input = json!({
            "session_id": "0b1c", "transcript_path": "/t.jsonl", "cwd": self.folder, "hook_event_name": event,
        });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let answer = hook(self.home, "claude", &input.to_string(), |command| {
            command.env("CLAUDE_PID", self.process.pid().to_string()).env("CLAUDE_ENV_FILE", &self.env_file);
        });
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
        answer.stdout
    }

    #[track_caller]
    fn begin(&self) -> String {
        let said = self.hook("SessionStart", &json!({ "source": "startup" }));
        let json: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        assert_eq!(json["hookSpecificOutput"]["hookEventName"], "SessionStart");
        json["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned()
    }

    fn bash(&self, command: &str) -> String {
        self.hook("PreToolUse", &json!({ "tool_name": "Bash", "tool_input": { "command": command } }))
    }

    /// Why `command` is denied. A busy machine may make the hook silent, which is no denial lost for good.
    #[track_caller]
    fn denied(&self, command: &str) -> String {
        let said = eventually(&format!("a denial of {command}"), || {
            Some(self.bash(command)).filter(|said| !said.is_empty())
        });
        let json: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(json["hookSpecificOutput"]["hookEventName"], "PreToolUse");
        assert_eq!(json["hookSpecificOutput"]["permissionDecision"], "deny");
        json["hookSpecificOutput"]["permissionDecisionReason"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn runs(&self, command: &str) {
        assert_eq!(self.bash(command), "", "{command}");
    }

    /// The last value of a variable that the shell is given.
    #[track_caller]
    fn exported(&self, name: &str) -> String {
        let lines = fs::read_to_string(&self.env_file).unwrap();
        let start = format!("export {name}='");
        let line = lines
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(&start))
            .unwrap_or_else(|| panic!("{lines}"));
        line.strip_suffix('\'').unwrap().to_owned()
    }

    #[track_caller]
    fn port(&self) -> u16 {
        self.exported("PORT").parse().unwrap()
    }

    fn leases(&self) -> Vec<Lease> {
        let instance = self.instance();
        let ours = |lease: &Lease| lease.instance_id.as_ref().is_some_and(|id| id.as_str() == instance);
        self.home.leases().into_iter().filter(ours).collect()
    }
}

#[track_caller]
fn hook(home: &Home, agent: &str, input: &str, change: impl FnOnce(&mut std::process::Command)) -> Output {
    let mut file = tempfile::NamedTempFile::new_in(home.top()).unwrap();
    std::io::Write::write_all(&mut file, input.as_bytes()).unwrap();
    let mut command = home.shell("\"$STYXY\" hook \"$AGENT\" < \"$INPUT\"");
    command.env("AGENT", agent).env("INPUT", file.path());
    change(&mut command);
    finish(&mut command)
}

/// A home whose project, and whatever worktrees it gets, has two services.
fn home() -> Home {
    let home = Home::new();
    serves(&home.project());
    fs::write(home.project().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    home
}

fn serves(folder: &Path) {
    // The first one is what PORT means.
    let (web, api) = (sort::WEB, sort::API);
    let services = format!(r#"{{"services": {{"{web}": {{}}, "{api}": {{"env": ["BACKEND_PORT"]}}}}}}"#);
    fs::write(folder.join(".styxy.json"), services).unwrap();
}

fn worktree(home: &Home, path: &str) -> PathBuf {
    let folder = home.worktree(path);
    serves(&folder);
    folder
}

#[test]
fn a_session_that_begins_has_its_ports_leased_exported_and_said() {
    let home = home();
    let session = Session::new(&home, &home.project());
    let said = session.begin();
    let (web, api) = (session.exported("STYXY_WEB_PORT"), session.exported("STYXY_API_PORT"));
    assert_eq!((session.exported("PORT"), session.exported("BACKEND_PORT")), (web.clone(), api.clone()));
    assert_eq!(session.exported("STYXY_INSTANCE"), session.instance());
    let expected = format!(
        "Ports that Styxy has leased for this checkout: web {web}, api {api}. The shell has them as PORT (the first one) \
         and STYXY_<SERVICE>_PORT. `styxy run -- COMMAND` runs a server on its port, `styxy who PORT` tells whose a port \
         is, and `styxy kill PORT` ends a server of this checkout. Other checkouts and sessions on this machine have \
         servers of their own."
    );
    assert_eq!(said, expected);
    assert!(session.leases().iter().all(|lease| lease.owner.kind == OwnerKind::Instance));
    let instances: InstancesAnswer = home.socket().get("/instance/list").ok();
    let [instance] = &instances.instances[..] else { panic!("{instances:?}") };
    assert_eq!(instance.instance_id.as_str(), session.instance());
    assert_eq!(instance.pid.map(styxy_core::Pid::get), Some(session.process.pid()));
    // What begins anew, or goes on, has the same ports.
    session.begin();
    assert_eq!((session.exported("PORT"), session.leases().len()), (web, 2));
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
fn a_session_that_ends_gives_back_what_nobody_uses() {
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
fn what_the_session_runs_serves_on_the_port_that_it_was_told() {
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
    // And asking again tells of that one, and leases no other.
    session.begin();
    assert_eq!((session.port(), session.leases().len()), (served.port.get(), 2));
    session.runs(&format!("kill $(lsof -ti:{})", served.port));
}

#[test]
fn a_session_that_moves_to_another_worktree_has_that_ones_ports() {
    let home = home();
    let fix = worktree(&home, "fix");
    let session = Session::new(&home, &home.project());
    session.begin();
    let first = session.port();
    let moved = |from: &Path, to: &Path| {
        session.hook("CwdChanged", &json!({ "cwd": to, "old_cwd": from, "new_cwd": to }))
    };
    let before = fs::read_to_string(&session.env_file).unwrap();
    let inside = home.project().join("packages");
    fs::create_dir(&inside).unwrap();
    assert_eq!(moved(&home.project(), &inside), "");
    assert_eq!(fs::read_to_string(&session.env_file).unwrap(), before, "the same worktree");
    assert_eq!(moved(&inside, &fix), "");
    assert_ne!(session.port(), first);
    moved(&fix, &home.project());
    assert_eq!(session.port(), first);
    assert_eq!(session.leases().len(), 4);
}

#[test]
fn only_the_beginning_of_a_session_starts_a_daemon() {
    let home = home();
    let session = Session::new(&home, &home.project());
    for command in ["vite --port 3000", "pkill node", "kill $(lsof -ti:3000)"] {
        session.runs(command);
    }
    assert_eq!(session.hook("SessionEnd", &json!({ "reason": "other" })), "");
    assert_eq!(session.hook("CwdChanged", &json!({ "old_cwd": "/", "new_cwd": home.project() })), "");
    assert!(home.daemon_file().is_none());
    session.begin();
    assert!(home.daemon_file().is_some());
}

#[test]
fn two_sessions_that_fight_over_a_port_both_keep_their_servers() {
    let home = home();
    let fix = worktree(&home, "fix");
    let (one, other) = (Session::new(&home, &home.project()), Session::new(&home, &fix));
    one.begin();
    other.begin();
    let (ours, theirs) = (one.port(), other.port());
    assert_ne!(ours, theirs);
    let held = |server: &Server, port: u16| {
        until("its lease is active", || {
            home.leases().iter().any(|lease| lease.port.get() == port && lease.state == State::Active)
        });
        server.pid()
    };
    // Before anything listens, the lease alone keeps the other off.
    assert!(
        one.denied(&format!("npx vite --port {theirs}")).starts_with(&format!("Port {theirs} is leased for"))
    );
    let server = Server::in_folder(&home, &fix, theirs);
    let pid = held(&server, theirs);
    let why = one.denied(&format!("PORT={theirs} npx next dev"));
    let process = other.leases().into_iter().find(|lease| lease.port.get() == theirs).unwrap();
    assert_eq!(process.state, State::Active);
    assert!(why.contains(&format!("({pid})")), "{why}");
    assert!(why.contains(&format!("session {}, {}, branch fix", other.instance(), fix.display())), "{why}");
    assert!(why.contains(&format!("This checkout has web {ours}, api ")), "{why}");
    assert!(why.ends_with("`styxy run -- COMMAND` runs a server on a port of its own."), "{why}");
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_else(|_| "it".to_owned());
    let name = name.trim();
    // The kernel cuts a long one, and killall compares the whole.
    let program = std::env::current_exe().unwrap();
    let program = program.file_name().unwrap().to_str().unwrap();
    for kill in [
        format!("kill -9 $(lsof -ti:{theirs})"),
        format!("lsof -ti :{theirs} | xargs kill -9; PORT={theirs} npm start"),
        format!("npx kill-port {theirs}"),
        format!("fuser -k {theirs}/tcp || true"),
        format!("pkill {name}"),
        format!("killall -9 {program}"),
        format!("pkill -f 'listen|{name}'"),
        format!("kill -9 {pid}"),
    ] {
        assert!(one.denied(&kill).contains("another checkout or session"), "{kill}");
        // Whose it is may end it.
        other.runs(&kill);
    }
    for harmless in [
        format!("curl -s localhost:{theirs}"),
        format!("npx playwright test --base-url http://localhost:{theirs}"),
        format!("styxy kill {theirs} --yes"),
        format!("styxy run -p {theirs} -- vite"),
        format!("kill -0 {pid}"),
        format!("git commit -m 'kill $(lsof -ti:{theirs})'"),
        format!("npx vite --port {ours}"),
        "pkill -f no-such-server".to_owned(),
    ] {
        one.runs(&harmless);
    }
    // The other way round, and with the sessions over.
    assert!(other.denied(&format!("npx vite --port {ours}")).contains(&one.instance()));
    server.kill();
    other.process.kill();
    until("the port is free", || home.leases().iter().all(|lease| lease.port.get() != theirs));
    one.runs(&format!("npx vite --port {theirs}"));
}

#[test]
fn another_live_session_of_the_same_worktree_is_another_and_an_ended_one_is_not() {
    let home = home();
    let (one, other) = (Session::new(&home, &home.project()), Session::new(&home, &home.project()));
    one.begin();
    other.begin();
    let port = other.port();
    let _server = Server::on(&home, port);
    until("it is seen", || other.leases().iter().any(|lease| lease.state == State::Active));
    assert!(one.denied(&format!("kill $(lsof -ti:{port})")).contains(&other.instance()));
    other.process.kill();
    until("the session is over", || {
        home.socket().get("/instance/list").ok::<InstancesAnswer>().instances.len() == 1
    });
    one.runs(&format!("kill $(lsof -ti:{port})"));
}

#[test]
fn a_persons_server_in_another_worktree_is_kept_and_one_of_this_worktree_is_ours() {
    let home = home();
    let fix = worktree(&home, "fix");
    let session = Session::new(&home, &home.project());
    session.begin();
    let (theirs, ours) = (home.spare_port(), home.spare_port());
    let (_theirs, _ours) = (Server::in_folder(&home, &fix, theirs), Server::on(&home, ours));
    assert!(session.denied(&format!("npx vite --port {theirs}")).contains("branch fix"));
    assert!(session.denied(&format!("fuser -k {theirs}/tcp")).contains("branch fix"));
    // Who works there may, and so may who goes there.
    session.runs(&format!("cd {} && npx vite --port {theirs}", fix.display()));
    session.runs(&format!("fuser -k {ours}/tcp"));
    session.runs(&format!("npx vite --port {ours}"));
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
    // A sub-agent that looks into the other's worktree may not take its port.
    let command = json!({ "command": format!("npx vite --port {two}") });
    let event = |folder: &Path| {
        session.hook(
            "PreToolUse",
            &json!({ "cwd": folder, "agent_id": "a1", "agent_type": "worker", "tool_name": "Bash", "tool_input": command }),
        )
    };
    let said = eventually("a denial", || Some(event(&first)).filter(|said| !said.is_empty()));
    assert!(said.contains("second"), "{said}");
    assert_eq!(event(&second), "");
}

#[test]
fn an_agent_that_sets_no_variable_is_found_among_the_hooks_ancestors() {
    if !cfg!(target_os = "linux") {
        return;
    }
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
        .env("STYXY", env!("CARGO_BIN_EXE_styxy"))
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

/// Every event of every agent, in that agent's own form, with the exact answer.
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
        "Port {port} is in use by {} ({}) of another checkout or session: {}, branch fix. This checkout has no leased port \
         yet. `styxy run -- COMMAND` runs a server on a port of its own.",
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
        // Silence is what a busy machine may lead to; anything else must be right at once.
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
fn a_session_of_another_agent_is_told_in_that_agents_form() {
    let home = home();
    for (agent, event) in [("codex", "SessionStart"), ("gemini", "SessionStart"), ("cursor", "sessionStart")]
    {
        let input =
            json!({ "hook_event_name": event, "cwd": home.project(), "workspace_roots": [home.project()] });
        let said = hook(&home, agent, &input.to_string(), |_| {}).done();
        let json = said.json();
        let context = match agent {
            "cursor" => &json["additional_context"],
            _ => &json["hookSpecificOutput"]["additionalContext"],
        };
        assert!(
            context.as_str().unwrap().starts_with("Ports that Styxy has leased for this checkout: web "),
            "{json}"
        );
        if agent == "cursor" {
            assert_eq!(json["env"]["PORT"], json["env"]["STYXY_WEB_PORT"]);
        } else {
            assert_eq!(json["hookSpecificOutput"]["hookEventName"], event);
        }
    }
    // Without a session each asks for the same leases.
    assert_eq!(home.leases().len(), 2);
}

#[test]
fn whatever_comes_in_the_agent_is_never_failed() {
    let home = home();
    home.start();
    let long = format!("{{\"x\": \"{}", "a".repeat(5 * 1024 * 1024));
    let deep = "[".repeat(100_000);
    for input in ["", "{", "null", "[]", "\u{0}", "{\"hook_event_name\": \"SessionStart\"", &long, &deep] {
        for agent in ["claude", "codex", "cursor", "gemini", "clude"] {
            let said = hook(&home, agent, input, |_| {});
            assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{agent}");
        }
    }
    // A project's file with a mistake, a file of variables that cannot be written, a session that cannot be named.
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
