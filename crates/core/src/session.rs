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
    /// Qwen Code.
    Qwen,
    /// GitHub Copilot CLI.
    Copilot,
}

/// Whose sessions a running agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// One session: it begins and ends with its process.
    One,
    /// Those of several terminals, which begin and end while it runs: an app-server.
    Several,
}

/// A running agent above a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Which one.
    pub agent: Agent,
    /// Its process.
    pub pid: u32,
    /// Whose sessions it has.
    pub serves: Serves,
}

impl Running {
    /// The agent that the process with this pid and command line is.
    #[must_use]
    pub fn of<'w>(pid: u32, words: impl Iterator<Item = &'w str> + Clone) -> Option<Self> {
        let agent = Agent::of(words.clone())?;
        Some(Self { agent, pid, serves: Self::serves(words) })
    }

    /// As [`Running::of`], for a command line as the system has it: [`Agent::of_command_line`].
    #[must_use]
    pub fn of_command_line(pid: u32, line: &str, is_file: impl FnOnce(&str) -> bool) -> Option<Self> {
        let agent = Agent::of_command_line(line, is_file)?;
        Some(Self { agent, pid, serves: Self::serves(line.split(['\0', ' '])) })
    }

    fn serves<'w>(mut words: impl Iterator<Item = &'w str>) -> Serves {
        if words.any(|word| word == "app-server") { Serves::Several } else { Serves::One }
    }
}

impl Agent {
    /// Every agent.
    pub const ALL: [Self; 6] =
        [Self::Claude, Self::Codex, Self::Cursor, Self::Gemini, Self::Qwen, Self::Copilot];

    /// The agent that the command calls so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.as_str() == name)
    }

    /// What its instances' names begin with, and what the command calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Cursor => "cursor",
            Self::Gemini => "gemini",
            Self::Qwen => "qwen",
            Self::Copilot => "copilot",
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
            Self::Qwen => (&["qwen"], "@qwen-code/qwen-code"),
            Self::Copilot => (&["copilot"], "@github/copilot"),
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
pub const VARIABLES: [&str; 5] =
    ["STYXY_INSTANCE", "CLAUDE_PID", "CODEX_SESSION_ID", "CLAUDE_CODE_SESSION_ID", "STYXY_AGENT"];

/// An agent session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub instance: InstanceId,
    /// The process that it ends with, if it is known and has no other sessions.
    pub pid: Option<Pid>,
}

impl Session {
    /// The session that an agent itself calls `id`: it has no process of its own.
    ///
    /// # Errors
    /// The name is not an instance id.
    pub fn called(agent: Agent, id: &str) -> Result<Self, Invalid> {
        Ok(Self { instance: InstanceId::new(&format!("{}-{id}", agent.as_str()))?, pid: None })
    }
}

/// The session: `STYXY_INSTANCE`, else `claude-$CLAUDE_PID`, else `codex-4242` for the `nearest` agent among the ancestors,
/// else `codex-$CODEX_SESSION_ID` or `claude-$CLAUDE_CODE_SESSION_ID`. If the nearest agent is Codex' app-server, which has several
/// sessions, `CODEX_SESSION_ID` comes before it. An empty value counts as unset, and so does a `CLAUDE_PID` that is not a pid.
/// With `STYXY_AGENT=off` no ancestor is looked at.
///
/// # Errors
/// The value that counts is not an instance id.
pub fn session(
    env: impl Fn(&str) -> Option<String>,
    nearest: impl FnOnce() -> Option<Running>,
) -> Result<Option<Session>, Invalid> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let claude = set("CLAUDE_PID").and_then(|pid| pid.parse().ok()).and_then(Pid::new);
    let around = || if set("STYXY_AGENT").as_deref() == Some("off") { None } else { nearest() };
    let only = |running: &Running| running.serves == Serves::One;
    if let Some(own) = set("STYXY_INSTANCE") {
        let pid = || around().filter(only).and_then(|running| Pid::new(running.pid));
        return Ok(Some(Session { instance: InstanceId::new(&own)?, pid: claude.or_else(pid) }));
    }
    if let Some(pid) = claude {
        return Ok(Some(Session { pid: Some(pid), ..Session::called(Agent::Claude, &pid.to_string())? }));
    }
    let around = around();
    let codex = set("CODEX_SESSION_ID").filter(|_| around.is_none_or(is_several_of_codex));
    if let Some(id) = codex {
        return Session::called(Agent::Codex, &id).map(Some);
    }
    if let Some(running) = around {
        let pid = Pid::new(running.pid).filter(|_| only(&running));
        return Ok(Some(Session { pid, ..Session::called(running.agent, &running.pid.to_string())? }));
    }
    set("CLAUDE_CODE_SESSION_ID").map(|id| Session::called(Agent::Claude, &id)).transpose()
}

fn is_several_of_codex(running: Running) -> bool {
    (running.agent, running.serves) == (Agent::Codex, Serves::Several)
}

/// The name of [`session`]. A session that `STYXY_INSTANCE` names needs no look at the ancestors.
///
/// # Errors
/// As [`session`].
pub fn instance(
    env: impl Fn(&str) -> Option<String>,
    nearest: impl FnOnce() -> Option<Running>,
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
    pid.parse().ok().and_then(Pid::new).filter(|_| Agent::named(agent).is_some())
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

    fn running(agent: Agent, pid: u32, serves: Serves) -> Running {
        Running { agent, pid, serves }
    }

    fn of(pairs: &[(&str, &str)], nearest: Option<Running>) -> Option<(String, Option<u32>)> {
        let session = session(env(pairs), || nearest).unwrap();
        let instance = instance(env(pairs), || nearest).unwrap();
        assert_eq!(session.as_ref().map(|session| &session.instance), instance.as_ref());
        session.map(|session| (session.instance.into(), session.pid.map(Pid::get)))
    }

    #[test]
    fn the_session_is_named_by_the_first_that_is_set_and_not_empty() {
        let claude = ("CLAUDE_PID", "42");
        let session = ("CLAUDE_CODE_SESSION_ID", "0b1c");
        let codex = Some(running(Agent::Codex, 7, Serves::One));
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
    fn the_sessions_of_an_app_server_are_told_apart_and_have_no_process() {
        let id = ("CODEX_SESSION_ID", "01a2-86");
        let server = Some(running(Agent::Codex, 7, Serves::Several));
        let is = |name: &str, pid| Some((name.to_owned(), pid));
        assert_eq!(of(&[id], server), is("codex-01a2-86", None));
        assert_eq!(of(&[], server), is("codex-7", None), "an older Codex does not say which one it is");
        assert_eq!(of(&[("STYXY_INSTANCE", "mine")], server), is("mine", None));
        assert_eq!(of(&[id], Some(running(Agent::Codex, 7, Serves::One))), is("codex-7", Some(7)));
        // An agent that was started from Codex' shell.
        assert_eq!(of(&[id], Some(running(Agent::Gemini, 9, Serves::One))), is("gemini-9", Some(9)));
        // Where no ancestor can be looked at.
        assert_eq!(of(&[id], None), is("codex-01a2-86", None));
    }

    #[test]
    fn an_app_server_is_known_by_its_command() {
        for (line, expected) in [
            ("/x/codex app-server --listen stdio://", Serves::Several),
            ("/x/codex --config a=b app-server", Serves::Several),
            ("/x/codex exec go", Serves::One),
        ] {
            assert_eq!(Running::of(7, line.split(' ')).unwrap().serves, expected, "{line}");
            let line = line.replace(' ', "\0");
            assert_eq!(Running::of_command_line(7, &line, |_| false).unwrap().serves, expected);
        }
        assert_eq!(Running::of(7, "vim app-server".split(' ')), None);
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
            ("node /usr/lib/node_modules/@qwen-code/qwen-code/cli-entry.js", Some(Agent::Qwen)),
            ("/usr/lib/node_modules/@github/copilot-linux-x64/copilot", Some(Agent::Copilot)),
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
