//! Agent sessions: how they are named, which programs are agents, and until when a session lives.

use crate::invalid::Invalid;
use crate::names::InstanceId;
use crate::process::Pid;

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

    /// The agent with this command line as the system has it, whose words end in NULs. Some programs write their whole title
    /// into one word; `is_file` tells that from a path with spaces.
    #[must_use]
    pub fn of_command_line(line: &str, is_file: impl FnOnce(&str) -> bool) -> Option<Self> {
        let line = line.trim_end_matches('\0');
        if line.contains('\0') || is_file(line) {
            Self::of(line.split('\0'))
        } else {
            Self::of(line.split(' '))
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

/// The variables that say which session it is, in the order in which they count; the last one only turns a look off.
pub const VARIABLES: [&str; 4] = ["STYXY_INSTANCE", "CLAUDE_PID", "CLAUDE_CODE_SESSION_ID", "STYXY_AGENT"];

/// An agent session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub instance: InstanceId,
    /// The agent's process, if it is known.
    pub pid: Option<Pid>,
}

/// The session: `STYXY_INSTANCE`, else `claude-$CLAUDE_PID`, else `codex-4242` for the `nearest` agent among the ancestors,
/// else `claude-$CLAUDE_CODE_SESSION_ID`. An empty value counts as unset, and so does a `CLAUDE_PID` that is not a pid.
/// With `STYXY_AGENT=off` no ancestor is looked at.
///
/// # Errors
/// The value that counts is not an instance id.
pub fn session(
    env: impl Fn(&str) -> Option<String>,
    nearest: impl FnOnce() -> Option<(Agent, u32)>,
) -> Result<Option<Session>, Invalid> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let claude = set("CLAUDE_PID").and_then(|pid| pid.parse().ok()).and_then(Pid::new);
    let around = || if set("STYXY_AGENT").as_deref() == Some("off") { None } else { nearest() };
    let (name, pid) = if let Some(own) = set("STYXY_INSTANCE") {
        (own, claude.or_else(|| around().and_then(|(_, pid)| Pid::new(pid))))
    } else if let Some(pid) = claude {
        (format!("claude-{pid}"), Some(pid))
    } else if let Some((agent, pid)) = around() {
        (format!("{}-{pid}", agent.as_str()), Pid::new(pid))
    } else if let Some(session) = set("CLAUDE_CODE_SESSION_ID") {
        (format!("claude-{session}"), None)
    } else {
        return Ok(None);
    };
    Ok(Some(Session { instance: InstanceId::new(&name)?, pid }))
}

/// The name of [`session`]. A session that `STYXY_INSTANCE` names needs no look at the ancestors.
///
/// # Errors
/// As [`session`].
pub fn instance(
    env: impl Fn(&str) -> Option<String>,
    nearest: impl FnOnce() -> Option<(Agent, u32)>,
) -> Result<Option<InstanceId>, Invalid> {
    let is_named = env("STYXY_INSTANCE").is_some_and(|name| !name.is_empty());
    let session = session(env, || if is_named { None } else { nearest() })?;
    Ok(session.map(|session| session.instance))
}

/// The process that a session is called by: `claude-812`. Any other name that ends in a number, such as `ticket-48213`,
/// names none.
#[must_use]
pub fn named_process(session: &InstanceId) -> Option<Pid> {
    let (agent, pid) = session.as_str().rsplit_once('-')?;
    let is_agent = Agent::ALL.iter().any(|known| known.as_str() == agent);
    pid.parse().ok().and_then(Pid::new).filter(|_| is_agent)
}

/// What shows that a session lives; each is asked only if those before it do not.
pub trait Signs {
    /// Whether it is registered.
    fn is_registered(&self, session: &InstanceId) -> bool;
    /// Whether this process runs.
    fn runs(&self, process: Pid) -> bool;
    /// Whether an agent is among the ancestors of the server.
    fn is_server_under_agent(&self) -> bool;
    /// Whether this process runs and is neither the server nor above it.
    fn runs_beside_server(&self, process: Pid) -> bool;
}

/// Whether the session that a lease is for lives (R63). `owner` is the process that owns the lease.
pub fn lives(session: &InstanceId, owner: Option<Pid>, signs: &impl Signs) -> bool {
    signs.is_registered(session)
        || named_process(session).map_or_else(|| signs.is_server_under_agent(), |process| signs.runs(process))
        || owner.is_some_and(|owner| signs.runs_beside_server(owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn of(pairs: &[(&str, &str)], nearest: Option<(Agent, u32)>) -> Option<(String, Option<u32>)> {
        let session = session(env(pairs), || nearest).unwrap();
        let instance = instance(env(pairs), || nearest).unwrap();
        assert_eq!(session.as_ref().map(|session| &session.instance), instance.as_ref());
        session.map(|session| (session.instance.into(), session.pid.map(Pid::get)))
    }

    #[test]
    fn the_session_is_named_by_the_first_that_is_set_and_not_empty() {
        let claude = ("CLAUDE_PID", "42");
        let session = ("CLAUDE_CODE_SESSION_ID", "0b1c");
        let codex = Some((Agent::Codex, 7));
        let is = |name: &str, pid| Some((name.to_owned(), pid));
        assert_eq!(of(&[("STYXY_INSTANCE", "mine"), claude, session], codex), is("mine", Some(42)));
        assert_eq!(of(&[("STYXY_INSTANCE", "mine")], codex), is("mine", Some(7)));
        assert_eq!(of(&[("STYXY_INSTANCE", ""), claude, session], codex), is("claude-42", Some(42)));
        for no_pid in ["", "abc", "0", "-5", "4294967296"] {
            assert_eq!(of(&[("CLAUDE_PID", no_pid), session], codex), is("codex-7", Some(7)), "{no_pid:?}");
            assert_eq!(of(&[("CLAUDE_PID", no_pid), session], None), is("claude-0b1c", None), "{no_pid:?}");
        }
        assert_eq!(of(&[session, ("STYXY_AGENT", "off")], codex), is("claude-0b1c", None));
        assert_eq!(of(&[session], None), is("claude-0b1c", None));
        assert_eq!(of(&[], None), None);
    }

    #[test]
    fn a_session_with_a_name_of_its_own_is_named_without_a_look_at_the_ancestors() {
        let named = instance(env(&[("STYXY_INSTANCE", "mine")]), || panic!("the ancestors were looked at"));
        assert_eq!(named.unwrap().unwrap().as_str(), "mine");
    }

    #[test]
    fn a_session_name_of_the_wrong_form_is_refused() {
        assert!(session(env(&[("STYXY_INSTANCE", "a b")]), || None).is_err());
    }

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
        for (line, expected) in [
            ("node\0/w/Cursor Projects/app/dev.js\0", None),
            ("node\0/w/codex stuff/app\0--port\0x\0", None),
            ("/opt/claude code/tool", None),
            ("claude --resume", Some(Agent::Claude)),
            ("codex\0exec\0", Some(Agent::Codex)),
        ] {
            let found = Agent::of_command_line(line, |path| path == "/opt/claude code/tool");
            assert_eq!(found, expected, "{line:?}");
        }
    }
}
