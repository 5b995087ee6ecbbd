//! Which coding agent this process runs under: the nearest ancestor that is one, by its program.
//!
//! Only on Linux can a process read its ancestors without starting another process. Elsewhere none is found, and only the
//! variables that agents set count.

use std::sync::OnceLock;

/// A coding agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// Claude Code.
    Claude,
    /// `OpenAI`'s Codex.
    Codex,
    /// Cursor, the editor and `cursor-agent`.
    Cursor,
    /// Gemini CLI.
    Gemini,
}

impl Agent {
    /// Every agent.
    pub const ALL: [Self; 4] = [Self::Claude, Self::Codex, Self::Cursor, Self::Gemini];

    /// What its instances' names begin with, and what the command calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Cursor => "cursor",
            Self::Gemini => "gemini",
        }
    }

    /// The names of its programs, and the folder of its package if it is written in JavaScript.
    const fn programs(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Claude => (&["claude"], "@anthropic-ai/claude-code"),
            Self::Codex => (&["codex"], "@openai/codex"),
            Self::Cursor => (&["cursor", "Cursor", "cursor-agent"], "cursor-agent/versions"),
            Self::Gemini => (&["gemini"], "@google/gemini-cli"),
        }
    }

    /// The agent that a process with this command line is: by its program, or by the script that an interpreter runs.
    ///
    /// A helper process of the Cursor editor (`--type=utility`) does not count: its terminals and its hooks run in different
    /// ones, and the editor's own process is above both.
    #[must_use]
    pub fn of<'w>(words: impl Iterator<Item = &'w str>) -> Option<Self> {
        let mut words = words.peekable();
        let program = words.next()?;
        if words.peek().is_some_and(|first| first.starts_with("--type=")) {
            return None;
        }
        let script = match name(program) {
            "node" | "nodejs" | "bun" | "deno" => words.find(|word| !word.starts_with('-')),
            _ => None,
        };
        Self::ALL.into_iter().find(|agent| {
            let (programs, package) = agent.programs();
            programs.contains(&name(program))
                || script.is_some_and(|script| programs.contains(&name(script)) || is_of(script, package))
        })
    }
}

fn name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".exe").unwrap_or(name)
}

/// Whether the file at `path` belongs to `package`.
fn is_of(path: &str, package: &str) -> bool {
    path.replace('\\', "/").contains(&format!("/{package}/"))
}

/// The nearest agent among this process' ancestors, and its pid. Looked for once: a process keeps its agent.
#[must_use]
pub fn nearest() -> Option<(Agent, u32)> {
    static FOUND: OnceLock<Option<(Agent, u32)>> = OnceLock::new();
    *FOUND.get_or_init(look)
}

#[cfg(target_os = "linux")]
fn look() -> Option<(Agent, u32)> {
    around(std::process::id())
}

/// The nearest agent among the ancestors of the process with this pid, and the agent's own pid. None where the system is not
/// asked.
#[cfg(target_os = "linux")]
#[must_use]
pub fn around(pid: u32) -> Option<(Agent, u32)> {
    let agent = |pid: u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        of_command_line(&String::from_utf8_lossy(&line))
    };
    ancestors_of(pid).find_map(|pid| Some((agent(pid)?, pid)))
}

/// No other system tells it cheaply.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub const fn around(_: u32) -> Option<(Agent, u32)> {
    None
}

/// The pids of this process' ancestors: [`ancestors_of`].
pub(crate) fn ancestors() -> impl Iterator<Item = u32> {
    ancestors_of(std::process::id())
}

/// The pids of the ancestors of the process with this pid, nearest first, without the first process. None where the system is
/// not asked.
#[cfg(target_os = "linux")]
pub fn ancestors_of(pid: u32) -> impl Iterator<Item = u32> {
    /// Deeper than any agent's shell. It also ends the walk if the process tree changes during it.
    const FAR: usize = 32;

    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        // The name may contain spaces and parentheses: it ends at the last one. Then comes the state, then the parent.
        let after = stat.iter().rposition(|byte| *byte == b')')? + 1;
        std::str::from_utf8(&stat[after..]).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let pids = std::iter::successors(parent(pid), move |pid| parent(*pid));
    pids.take(FAR).take_while(|pid| *pid > 1)
}

/// No other system tells it cheaply.
#[cfg(not(target_os = "linux"))]
pub fn ancestors_of(_: u32) -> impl Iterator<Item = u32> {
    std::iter::empty()
}

/// The agent with this command line, whose words end in NULs.
#[cfg(target_os = "linux")]
fn of_command_line(line: &str) -> Option<Agent> {
    let line = line.trim_end_matches('\0');
    // Some programs write their whole title into one word. A path may contain spaces, too.
    if line.contains('\0') || std::path::Path::new(line).exists() {
        Agent::of(line.split('\0'))
    } else {
        Agent::of(line.split(' '))
    }
}

#[cfg(not(target_os = "linux"))]
fn look() -> Option<(Agent, u32)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_known_by_its_program_or_its_script() {
        for (line, expected) in [
            ("claude --resume", Some(Agent::Claude)),
            ("/home/ada/.local/bin/claude", Some(Agent::Claude)),
            ("node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", Some(Agent::Claude)),
            ("node --max-old-space-size=8192 /usr/bin/gemini", Some(Agent::Gemini)),
            ("/usr/lib/node_modules/@openai/codex/vendor/x86_64/codex exec", Some(Agent::Codex)),
            ("node /x/node_modules/@openai/codex/bin/codex.js", Some(Agent::Codex)),
            ("/opt/cursor/cursor --no-sandbox", Some(Agent::Cursor)),
            ("/opt/cursor/cursor --type=utility --utility-sub-type=node.mojom.NodeService", None),
            ("/home/ada/.local/bin/cursor-agent", Some(Agent::Cursor)),
            (
                "/x/cursor-agent/versions/2026.11/node /x/cursor-agent/versions/2026.11/index.js",
                Some(Agent::Cursor),
            ),
            ("node /home/ada/cursor-agent/server.js", None),
            ("vim claude", None),
            ("bash -c claude", None),
            ("node server.js claude", None),
            ("node /w/claude/server.js", None),
            ("claude-squad", None),
        ] {
            assert_eq!(Agent::of(line.split(' ')), expected, "{line}");
        }
    }
    #[test]
    #[cfg(target_os = "linux")]
    fn a_space_in_a_path_does_not_make_an_agent() {
        let top = tempfile::tempdir().unwrap();
        let tool = top.path().join("claude code").join("tool");
        std::fs::create_dir(tool.parent().unwrap()).unwrap();
        std::fs::write(&tool, "").unwrap();
        for (line, expected) in [
            ("node\0/w/Cursor Projects/app/dev.js\0", None),
            ("node\0/w/codex stuff/app\0--port\0x\0", None),
            (tool.to_str().unwrap(), None),
            ("claude --resume", Some(Agent::Claude)),
            ("codex\0exec\0", Some(Agent::Codex)),
        ] {
            assert_eq!(of_command_line(line), expected, "{line:?}");
        }
    }
}
