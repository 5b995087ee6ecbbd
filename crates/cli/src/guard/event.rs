//! The agents' events that matter here. Every field may be missing or have another form.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;
use styxy_core::checkout;

use crate::devserver::program::program;

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) happened: Happened,
    /// The agent's working folder.
    pub(super) folder: PathBuf,
    /// The agent's own name for the session.
    pub(super) session: Option<String>,
}

/// What happened. `name` is the event's name, which the answer repeats.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// A session began or was resumed.
    Began { name: String, source: Source },
    /// A sub-agent begins, or the session has entered a worktree.
    Joined { name: String },
    /// The agent works in another folder now.
    Moved,
    /// A session ended.
    Ended { why: String },
    /// A shell command has run.
    Ran { name: String },
    /// A shell command is about to run.
    Command { name: String, text: String },
}

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    New,
    /// Resumed, cleared, compacted or forked.
    Continued,
}

/// Tools that run a shell command, of Claude Code and Codex, Cursor, Gemini and Qwen, Copilot.
const SHELLS: [&str; 10] = [
    "Bash",
    "PowerShell",
    "shell",
    "local_shell",
    "exec_command",
    "shell_command",
    "Shell",
    "run_shell_command",
    "bash",
    "powershell",
];

/// Programs that run the text after `-c`. For others it is an ordinary argument: `rg -c` counts.
const RUN_TEXT: [&str; 6] = ["sh", "bash", "zsh", "dash", "ksh", "fish"];

/// Reads an event; none if it is not understood or does not matter.
pub(super) fn read(text: &[u8]) -> Option<Event> {
    // Windows programs write a byte order mark at the beginning, which JSON does not allow.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let json: Value = serde_json::from_slice(text).ok()?;
    let said = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = said("hook_event_name").or_else(|| unnamed(&json))?;
    let tool = json.get("tool_input").or_else(|| json.get("toolArgs"));
    let tool_name = said("tool_name").or_else(|| said("toolName"));
    let shell = || tool_name.filter(|tool| SHELLS.contains(tool));
    let session =
        ["session_id", "conversation_id", "sessionId"].into_iter().find_map(said).map(str::to_owned);
    let root = || json.get("workspace_roots")?.get(0)?.as_str();
    let mut folder: PathBuf = match said("cwd").or_else(root) {
        Some(folder) => checkout::said(Path::new(folder)).into_owned(),
        None => std::env::current_dir().ok()?,
    };
    let happened = match name {
        "SessionStart" | "sessionStart" => {
            let continued = matches!(said("source"), Some("resume" | "clear" | "compact" | "fork"));
            let source = if continued { Source::Continued } else { Source::New };
            Happened::Began { name: name.to_owned(), source }
        }
        "SessionEnd" | "sessionEnd" => Happened::Ended { why: said("reason").unwrap_or_default().to_owned() },
        "SubagentStart" | "subagentStart" => Happened::Joined { name: name.to_owned() },
        "PostToolUse" if tool_name == Some("EnterWorktree") => Happened::Joined { name: name.to_owned() },
        "CwdChanged" => Happened::Moved,
        "beforeShellExecution" => {
            Happened::Command { name: name.to_owned(), text: said("command")?.to_owned() }
        }
        "PostToolUse" | "PostToolUseFailure" | "postToolUse" | "AfterTool" => {
            shell()?;
            Happened::Ran { name: name.to_owned() }
        }
        // Commands that skills and slash commands have in their text have an event of their own.
        "PreToolUse" | "preToolUse" | "BeforeTool" | "PreSkillShellCommand" => {
            shell()?;
            let tool = &parsed(tool?);
            for inside in ["workdir", "working_directory", "dir_path", "directory"] {
                if let Some(inside) = tool.get(inside).and_then(Value::as_str) {
                    folder.push(inside);
                }
            }
            let text = command(tool.get("command").or_else(|| tool.get("cmd"))?)?;
            Happened::Command { name: name.to_owned(), text }
        }
        _ => return None,
    };
    Some(Event { happened, folder, session })
}

/// The name of an event of Copilot's, which does not say it: by what it has.
fn unnamed(json: &Value) -> Option<&'static str> {
    let named = [
        ("toolResult", "postToolUse"),
        ("error", "postToolUseFailure"),
        ("toolName", "preToolUse"),
        ("agentName", "subagentStart"),
        ("reason", "sessionEnd"),
        ("source", "sessionStart"),
    ];
    let is_copilots = json.get("sessionId").is_some();
    named.into_iter().filter(|_| is_copilots).find_map(|(has, name)| json.get(has).map(|_| name))
}

/// The arguments of a tool, which some versions of Copilot write as a text.
fn parsed(tool: &Value) -> Cow<'_, Value> {
    let read = tool.as_str().and_then(|text| serde_json::from_slice(text.as_bytes()).ok());
    read.map_or(Cow::Borrowed(tool), Cow::Owned)
}

/// A command as text, even if it is a list of words.
fn command(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().map(Value::as_str).collect::<Option<_>>()?;
            match words[..] {
                [shell, flag, text]
                    if RUN_TEXT.contains(&program(shell))
                        && flag.ends_with('c')
                        && flag.starts_with('-')
                        && !flag.starts_with("--") =>
                {
                    Some(text.to_owned())
                }
                _ => Some(words.join(" ")),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(event: &Value) -> Option<String> {
        match read(event.to_string().as_bytes())?.happened {
            Happened::Command { text, .. } => Some(text),
            Happened::Began { .. }
            | Happened::Joined { .. }
            | Happened::Moved
            | Happened::Ended { .. }
            | Happened::Ran { .. } => None,
        }
    }

    #[test]
    fn a_command_is_found_in_every_form() {
        let base = json!({ "hook_event_name": "PreToolUse", "tool_name": "shell", "cwd": "/w" });
        for (command, expected) in [
            (json!("pkill node"), "pkill node"),
            (json!(["bash", "-lc", "pkill node"]), "pkill node"),
            (json!(["kill", "-9", "4242"]), "kill -9 4242"),
        ] {
            let mut event = base.clone();
            event["tool_input"] = json!({ "command": command });
            assert_eq!(text(&event).as_deref(), Some(expected));
        }
    }

    #[test]
    fn events_of_copilot_are_known_by_what_they_have() {
        let happened = |more: Value| {
            let mut event = json!({ "sessionId": "s1", "timestamp": 1, "cwd": "/w" });
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(event.to_string().as_bytes())
        };
        let began = happened(json!({ "source": "new", "initialPrompt": "x" })).unwrap();
        assert_eq!(
            (began.happened, began.session.as_deref()),
            (Happened::Began { name: "sessionStart".into(), source: Source::New }, Some("s1"))
        );
        let ended = happened(json!({ "reason": "user_exit" })).unwrap().happened;
        assert_eq!(ended, Happened::Ended { why: "user_exit".into() });
        let sub = happened(json!({ "agentName": "explore", "transcriptPath": "/t" })).unwrap().happened;
        assert_eq!(sub, Happened::Joined { name: "subagentStart".into() });
        let command = Happened::Command { name: "preToolUse".into(), text: "pkill node".into() };
        for arguments in [json!({ "command": "pkill node" }), json!("{\"command\": \"pkill node\"}")] {
            let event = happened(json!({ "toolName": "bash", "toolArgs": arguments }));
            assert_eq!(event.unwrap().happened, command);
        }
        assert_eq!(happened(json!({ "toolName": "view", "toolArgs": { "path": "x" } })), None);
        let ran = happened(json!({ "toolName": "bash", "toolArgs": {}, "toolResult": {} }));
        assert_eq!(ran.unwrap().happened, Happened::Ran { name: "postToolUse".into() });
        assert_eq!(happened(json!({ "toolName": "view", "toolArgs": {}, "toolResult": {} })), None);
        assert_eq!(happened(json!({ "prompt": "x" })), None);
        assert_eq!(read(br#"{"source": "new"}"#), None);
    }

    #[test]
    fn commands_of_skills_are_read_as_the_shells() {
        let event = json!({ "hook_event_name": "PreSkillShellCommand", "tool_name": "Bash", "cwd": "/w",
            "tool_input": { "command": "pkill node" }, "command_name": "deploy", "invoked_by": "user" });
        assert_eq!(text(&event).as_deref(), Some("pkill node"));
    }

    #[test]
    fn only_a_shell_runs_the_text_after_its_flag() {
        let given = |words: &Value| {
            text(&json!({
                "hook_event_name": "PreToolUse", "tool_name": "shell", "cwd": "/w",
                "tool_input": { "command": words },
            }))
        };
        for shell in ["sh", "/bin/bash", "zsh", "dash", "fish", "ksh", r"C:\Git\bin\bash.exe"] {
            assert_eq!(given(&json!([shell, "-lc", "pkill node"])).as_deref(), Some("pkill node"), "{shell}");
        }
        for other in ["rg", "grep", "git", "docker", "ssh", "./run"] {
            let expected = format!("{other} -c pkill node");
            assert_eq!(given(&json!([other, "-c", "pkill node"])), Some(expected));
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let event = r#"{"hook_event_name": "beforeShellExecution", "command": "a", "cwd": "/w"}"#;
        let marked = format!("\u{feff}{event}");
        assert!(read(event.as_bytes()).is_some());
        assert_eq!(read(marked.as_bytes()), read(event.as_bytes()));
    }

    #[test]
    fn an_event_that_is_not_understood_is_ignored() {
        for bad in
            ["", "{", "[]", "null", "{}", r#"{"hook_event_name": 3}"#, r#"{"hook_event_name": "Stop"}"#]
        {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
        for tool in [json!(null), json!({}), json!({ "command": 3 }), json!({ "command": [3] })] {
            let event = json!({ "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": tool });
            assert_eq!(text(&event), None);
        }
        let other =
            json!({ "hook_event_name": "PreToolUse", "tool_name": "Edit", "tool_input": { "command": "x" } });
        assert_eq!(text(&other), None);
    }
}
