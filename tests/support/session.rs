//! The stage of the tests of `styxy hook`: agents' sessions, and worktrees with two services.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use styxy_core::api::Lease;

use super::home::{Home, sort};
use super::process::Running;
use super::run::{Output, finish, program};
use super::wait::eventually;

/// An agent's session: its process, its folder, its file of variables.
pub(crate) struct Session<'h> {
    home: &'h Home,
    pub(crate) process: Running,
    pub(crate) folder: PathBuf,
    pub(crate) env_file: PathBuf,
}

impl<'h> Session<'h> {
    pub(crate) fn new(home: &'h Home, folder: &Path) -> Self {
        let process = Running::idle();
        let env_file = home.top().join(format!("env-{}", process.pid()));
        Self { home, process, folder: folder.to_owned(), env_file }
    }

    pub(crate) fn instance(&self) -> String {
        format!("claude-{}", self.process.pid())
    }

    /// What the hook answers to `event`, exiting with 0 and saying nothing else.
    #[track_caller]
    pub(crate) fn hook(&self, event: &str, more: &Value) -> String {
        self.hook_with(event, more, &[])
    }

    /// The same, if the agent has these variables.
    #[track_caller]
    pub(crate) fn hook_with(&self, event: &str, more: &Value, variables: &[(&str, &str)]) -> String {
        let mut input = json!({
            "session_id": "0b1c", "transcript_path": "/t.jsonl", "cwd": self.folder, "hook_event_name": event,
        });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let answer = hook(self.home, "claude", &input.to_string(), |command| {
            command.env("CLAUDE_PID", self.process.pid().to_string()).env("CLAUDE_ENV_FILE", &self.env_file);
            command.envs(variables.iter().copied());
        });
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
        answer.stdout
    }

    #[track_caller]
    pub(crate) fn begin(&self) -> String {
        self.begin_with(&[])
    }

    /// A session that a version without the guard has begun.
    #[track_caller]
    pub(crate) fn begin_as_before(&self) -> String {
        self.begin_with(&[("STYXY_GUARD", "off")])
    }

    #[track_caller]
    fn begin_with(&self, variables: &[(&str, &str)]) -> String {
        let said = self.hook_with("SessionStart", &json!({ "source": "startup" }), variables);
        let json: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        assert_eq!(json["hookSpecificOutput"]["hookEventName"], "SessionStart");
        json["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned()
    }

    pub(crate) fn bash(&self, command: &str) -> String {
        self.bash_with(command, &[])
    }

    pub(crate) fn bash_with(&self, command: &str, variables: &[(&str, &str)]) -> String {
        let tool = json!({ "tool_name": "Bash", "tool_input": { "command": command } });
        self.hook_with("PreToolUse", &tool, variables)
    }

    /// Why `command` is denied. A busy machine may make the hook silent, which is no denial lost for good.
    #[track_caller]
    pub(crate) fn denied(&self, command: &str) -> String {
        let said = eventually(&format!("a denial of {command}"), || {
            Some(self.bash(command)).filter(|said| !said.is_empty())
        });
        let json: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(json["hookSpecificOutput"]["hookEventName"], "PreToolUse");
        assert_eq!(json["hookSpecificOutput"]["permissionDecision"], "deny");
        json["hookSpecificOutput"]["permissionDecisionReason"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn runs(&self, command: &str) {
        assert_eq!(self.bash(command), "", "{command}");
    }

    /// What `command` prints in the agent's shell, which runs it in `folder`.
    #[track_caller]
    pub(crate) fn shell(&self, folder: &Path, command: &str) -> String {
        let mut shell = self.shell_command(folder, command);
        let answer = finish(&mut shell);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{command}");
        answer.stdout.trim_end().to_owned()
    }

    /// A shell that reads the session's file of variables first, as agents have theirs do.
    pub(crate) fn shell_command(&self, folder: &Path, command: &str) -> std::process::Command {
        let mut shell = self.home.command("bash");
        shell.args(["-c", ". \"$ENV_FILE\" && eval \"$COMMAND\""]).current_dir(folder);
        shell.env("ENV_FILE", &self.env_file).env("COMMAND", command);
        shell.env("CLAUDE_PID", self.process.pid().to_string());
        shell
    }

    /// A variable that a command in the session's folder has.
    #[track_caller]
    pub(crate) fn exported(&self, name: &str) -> String {
        self.shell(&self.folder, &format!("printenv {name}"))
    }

    #[track_caller]
    pub(crate) fn port(&self) -> u16 {
        self.exported("PORT").parse().unwrap()
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        let instance = self.instance();
        let ours = |lease: &Lease| lease.instance_id.as_ref().is_some_and(|id| id.as_str() == instance);
        self.home.leases().into_iter().filter(ours).collect()
    }
}

#[track_caller]
pub(crate) fn hook(
    home: &Home,
    agent: &str,
    input: &str,
    change: impl FnOnce(&mut std::process::Command),
) -> Output {
    let mut file = tempfile::NamedTempFile::new_in(home.top()).unwrap();
    std::io::Write::write_all(&mut file, input.as_bytes()).unwrap();
    let mut command = home.shell("\"$PROGRAM\" hook \"$AGENT\" < \"$INPUT\"");
    // `STYXY` turns the guard off, as `STYXY=off`.
    command.env("PROGRAM", program()).env("AGENT", agent).env("INPUT", file.path());
    change(&mut command);
    finish(&mut command)
}

/// A home whose project, and whatever worktrees it gets, has two services.
pub(crate) fn home() -> Home {
    let home = Home::new();
    serves(&home.project());
    fs::write(home.project().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    home
}

pub(crate) fn serves(folder: &Path) {
    // The first one is what PORT means.
    let (web, api) = (sort::WEB, sort::API);
    let services = format!(r#"{{"services": {{"{web}": {{}}, "{api}": {{"env": ["BACKEND_PORT"]}}}}}}"#);
    fs::write(folder.join(".styxy.json"), services).unwrap();
}

pub(crate) fn worktree(home: &Home, path: &str) -> PathBuf {
    let folder = home.worktree(path);
    serves(&folder);
    folder
}
