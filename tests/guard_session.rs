//! Sessions that have no process of their own: one Codex app-server has those of several terminals (R8, R61).

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use serde_json::{Value, json};
use styxy_core::api::{InstancesAnswer, State};

use crate::support::session::home;
use crate::support::{Home, Server, alive, eventually, has_ended, lacks_tool, sort, until};

/// Answers `hook ID FILE` and `run ID TEXT`, one line each, below one process that looks like Codex' app-server.
const APP_SERVER: &str = r#"
    while read -r what id rest; do
      case $what in
      hook) CODEX_ENV_FILE="$TOP/env-$id" "$STYXY" hook codex < "$TOP/$rest" ;;
      run) CODEX_SESSION_ID=$id bash -c ". \"\$TOP/env-$id\"; $rest" 2>&1 | tr '\n' ' ' ;;
      esac
      echo
    done"#;

struct AppServer<'h> {
    home: &'h Home,
    process: Server,
}

impl<'h> AppServer<'h> {
    fn start(home: &'h Home) -> Self {
        let codex = home.top().join("codex");
        symlink("/bin/bash", &codex).unwrap();
        let mut process = home.command(&codex);
        process.args(["-c", APP_SERVER, "app-server"]).env("STYXY", crate::support::program());
        process.env("TOP", home.top()).env_remove("STYXY_AGENT").current_dir(home.project());
        let process = Server::reading(process.stdin(Stdio::piped()).stdout(Stdio::piped()));
        Self { home, process }
    }

    /// What the hook answers to an event of session `id`.
    fn hook(&mut self, id: &str, name: &str, more: &Value) -> String {
        let mut event = json!({ "session_id": id, "cwd": self.home.project(), "hook_event_name": name });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let file = format!("event-{id}.json");
        fs::write(self.home.top().join(&file), event.to_string()).unwrap();
        self.process.tell(&format!("hook {id} {file}"));
        let said = self.process.hear();
        if said.is_empty() {
            return said;
        }
        assert_eq!(self.process.hear(), "");
        let said: Value = serde_json::from_str(&said).unwrap();
        let said = &said["hookSpecificOutput"];
        let text =
            ["additionalContext", "permissionDecisionReason"].into_iter().find_map(|key| said[key].as_str());
        text.unwrap().to_owned()
    }

    fn begin(&mut self, id: &str) -> String {
        self.hook(id, "SessionStart", &json!({ "source": "startup" }))
    }

    fn bash(&mut self, id: &str, command: &str) -> String {
        self.hook(id, "PreToolUse", &json!({ "tool_name": "Bash", "tool_input": { "command": command } }))
    }

    /// What `command` says in the shell of session `id`.
    fn runs(&mut self, id: &str, command: &str) -> String {
        self.process.tell(&format!("run {id} {command}"));
        self.process.hear().trim().to_owned()
    }
}

/// A server on `$PORT` that is below nobody: its parent has ended. It ends by itself.
const DETACHED: &str =
    r#"(setsid "$STYXY" run -s SERVICE -- perl "$TOP/serve.pl" </dev/null >/dev/null 2>&1 &); echo started"#;
const SERVE: &str = "use IO::Socket::INET; alarm 100; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', \
    LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die; while (1) { $s->accept }";

#[test]
fn two_sessions_of_one_app_server_do_not_end_each_others_servers() {
    if lacks_tool("perl") {
        return;
    }
    let home = home();
    fs::write(home.top().join("serve.pl"), SERVE).unwrap();
    let mut terminals = AppServer::start(&home);
    terminals.begin("01a2-1");
    assert_eq!(terminals.runs("01a2-1", &DETACHED.replace("SERVICE", sort::WEB)), "started");
    let lease = eventually("the server is seen", || {
        let mut leases = home.leases().into_iter();
        leases.find(|lease| lease.state == State::Active && lease.service_type.as_str() == sort::WEB)
    });
    let pid = home.styxy(&["who", &lease.port.to_string(), "--json"]).json()["system_usage"]["pid"].as_u64();
    let pid = u32::try_from(pid.unwrap()).unwrap();
    let said = terminals.begin("01a2-2");
    assert!(said.contains("of session codex-01a2-1"), "{said}");
    // The guard filters what a command signals; the command as a whole runs.
    for command in ["pkill perl".to_owned(), format!("kill {pid}"), "npx kill-port 1".to_owned()] {
        assert_eq!(terminals.bash("01a2-2", &command), "", "{command}");
    }
    let said = terminals.runs("01a2-2", &format!("kill {pid}; echo $?"));
    assert!(said.starts_with("styxy: not signalled: ") && said.ends_with(" 1"), "{said}");
    assert!(alive(pid) && said.contains("session codex-01a2-1"), "{said}");
    assert_eq!(terminals.runs("01a2-1", &format!("kill {pid}; echo $?")), "0");
    until("its own session ends it", || has_ended(pid));
}

#[test]
fn a_session_without_a_process_lives_by_its_commands_and_ends_with_its_last_event() {
    let home = home();
    let mut terminals = AppServer::start(&home);
    let sessions = || home.socket().get("/instance/list").ok::<InstancesAnswer>().instances;
    for id in ["01a2-1", "01a2-2"] {
        terminals.begin(id);
    }
    assert!(sessions().iter().all(|session| session.pid.is_none()));
    let last = |name: &str| {
        let all = sessions();
        let found = all.iter().find(|session| session.instance_id.as_str() == name);
        found.map(|session| session.last_heartbeat)
    };
    let first = last("codex-01a2-1").unwrap();
    for event in ["PreToolUse", "PostToolUse"] {
        let before = last("codex-01a2-1");
        terminals.hook("01a2-1", event, &json!({ "tool_name": "Bash", "tool_input": { "command": "ls" } }));
        assert!(last("codex-01a2-1") > before, "{event}");
    }
    assert!(last("codex-01a2-1").unwrap() > first);
    terminals.hook("01a2-1", "SessionEnd", &json!({ "reason": "other" }));
    assert_eq!(last("codex-01a2-1"), None);
    // One that the daemon has lost is there again after its next command.
    home.socket().delete("/instance/codex-01a2-2");
    assert_eq!(last("codex-01a2-2"), None);
    terminals.bash("01a2-2", "ls");
    assert!(last("codex-01a2-2").is_some());
}

#[test]
fn a_pause_of_hours_does_not_end_a_session() {
    let home = home();
    let mut terminals = AppServer::start(&home);
    terminals.begin("01a2-1");
    let beat = json!({ "instance_id": "codex-01a2-1" });
    let answer: serde_json::Value = home.socket().post("/instance/heartbeat", &beat).ok();
    assert_eq!(answer["expires_in"], 43_200.0, "{answer}");
}
