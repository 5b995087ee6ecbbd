//! The agents' events that matter here. Every field may be missing or have another form.

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
    Began { name: String },
    /// The agent works in another folder now.
    Moved { from: PathBuf },
    /// A session ended.
    Ended { why: String },
    /// A shell command is about to run.
    Command { name: String, text: String },
}

/// Tools that run a shell command, of Claude Code and Codex, Cursor, Gemini.
const SHELLS: [&str; 8] = [
    "Bash",
    "PowerShell",
    "shell",
    "local_shell",
    "exec_command",
    "shell_command",
    "Shell",
    "run_shell_command",
];

/// Programs that run the text after `-c`. For others it is an ordinary argument: `rg -c` counts.
const RUN_TEXT: [&str; 6] = ["sh", "bash", "zsh", "dash", "ksh", "fish"];

/// Reads an event; none if it is not understood or does not matter.
pub(super) fn read(text: &[u8]) -> Option<Event> {
    // Windows programs write a byte order mark at the beginning, which JSON does not allow.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let json: Value = serde_json::from_slice(text).ok()?;
    let said = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = said("hook_event_name")?;
    let tool = json.get("tool_input");
    let session = said("session_id").or_else(|| said("conversation_id")).map(str::to_owned);
    let root = || json.get("workspace_roots")?.get(0)?.as_str();
    let mut folder: PathBuf = match said("cwd").or_else(root) {
        Some(folder) => checkout::said(Path::new(folder)).into_owned(),
        None => std::env::current_dir().ok()?,
    };
    let happened = match name {
        "SessionStart" | "sessionStart" => Happened::Began { name: name.to_owned() },
        "SessionEnd" | "sessionEnd" => Happened::Ended { why: said("reason").unwrap_or_default().to_owned() },
        "CwdChanged" => {
            if let Some(to) = said("new_cwd") {
                folder = checkout::said(Path::new(to)).into_owned();
            }
            Happened::Moved { from: checkout::said(Path::new(said("old_cwd")?)).into_owned() }
        }
        "beforeShellExecution" => {
            Happened::Command { name: name.to_owned(), text: said("command")?.to_owned() }
        }
        "PreToolUse" | "preToolUse" | "BeforeTool" => {
            let shell = said("tool_name").filter(|tool| SHELLS.contains(tool))?;
            let tool = tool?;
            for inside in ["workdir", "working_directory", "dir_path", "directory"] {
                if let Some(inside) = tool.get(inside).and_then(Value::as_str) {
                    folder.push(inside);
                }
            }
            let text = command(tool.get("command").or_else(|| tool.get("cmd"))?)?;
            let text = if shell == "PowerShell" { of_powershell(&text)? } else { text };
            Happened::Command { name: name.to_owned(), text }
        }
        _ => return None,
    };
    Some(Event { happened, folder, session })
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
                _ => Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
            }
        }
        _ => None,
    }
}

/// A `PowerShell` command in the form of a POSIX shell, where both mean the same; none if it has comments or quotes over
/// several lines, which would look like commands.
fn of_powershell(text: &str) -> Option<String> {
    let goes_over_lines = ["<#", "@'", "@\""].iter().any(|start| text.contains(start));
    (!goes_over_lines).then(|| text.replace('\\', "/"))
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(event: &Value) -> Option<String> {
        match read(event.to_string().as_bytes())?.happened {
            Happened::Command { text, .. } => Some(text),
            Happened::Began { .. } | Happened::Moved { .. } | Happened::Ended { .. } => None,
        }
    }

    #[test]
    fn a_command_is_found_in_every_form() {
        let base = json!({ "hook_event_name": "PreToolUse", "tool_name": "shell", "cwd": "/w" });
        for (command, expected) in [
            (json!("vite --port 1"), "vite --port 1"),
            (json!(["bash", "-lc", "vite --port 1"]), "vite --port 1"),
            (json!(["vite", "--port", "it's"]), r"'vite' '--port' 'it'\''s'"),
        ] {
            let mut event = base.clone();
            event["tool_input"] = json!({ "command": command });
            assert_eq!(text(&event).as_deref(), Some(expected));
        }
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
            let expected = format!("'{other}' '-c' 'pkill node'");
            assert_eq!(given(&json!([other, "-c", "pkill node"])), Some(expected));
        }
    }

    #[test]
    fn powershell_text_over_several_lines_is_not_read() {
        let given = |tool: &str, command: &str| {
            text(&json!({
                "hook_event_name": "PreToolUse", "tool_name": tool, "cwd": "/w",
                "tool_input": { "command": command },
            }))
        };
        for command in ["<#\npkill node\n#>", "$a = @'\nit's\npkill node\n'@", "$a = @\"\npkill node\n\"@"] {
            assert_eq!(given("PowerShell", command), None, "{command}");
            assert_eq!(given("Bash", command).as_deref(), Some(command));
        }
        assert_eq!(given("PowerShell", r".\a\kill 1").as_deref(), Some("./a/kill 1"));
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
