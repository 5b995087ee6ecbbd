//! Which coding agent this process runs under: the nearest ancestor that is one, by its program.

use std::sync::OnceLock;

use crate::ancestry;

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

fn look() -> Option<(Agent, u32)> {
    around(std::process::id())
}

/// The nearest agent among the ancestors of the process with this pid, and the agent's own pid.
#[must_use]
pub fn around(pid: u32) -> Option<(Agent, u32)> {
    let agent = |pid: u32| Agent::of(ancestry::words(pid)?.iter().map(String::as_str));
    ancestors_of(pid).find_map(|pid| Some((agent(pid)?, pid)))
}

/// The pids of this process' ancestors: [`ancestors_of`].
pub(crate) fn ancestors() -> impl Iterator<Item = u32> {
    ancestors_of(std::process::id())
}

/// The pids of the ancestors of the process with this pid, nearest first.
pub fn ancestors_of(pid: u32) -> impl Iterator<Item = u32> {
    ancestry::above(pid)
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
            (r"C:\Users\ada\.local\bin\claude.exe --resume", Some(Agent::Claude)),
            (r"C:\node\node.exe C:\npm\node_modules\@openai\codex\bin\codex.js", Some(Agent::Codex)),
            ("/Applications/Cursor.app/Contents/MacOS/Cursor", Some(Agent::Cursor)),
        ] {
            assert_eq!(Agent::of(line.split(' ')), expected, "{line}");
        }
    }

    #[test]
    fn a_space_in_a_path_does_not_make_an_agent() {
        for words in
            [&["node", "/w/Cursor Projects/app/dev.js"][..], &["node", "/w/codex stuff/app", "--port"]]
        {
            assert_eq!(Agent::of(words.iter().copied()), None, "{words:?}");
        }
    }
}
