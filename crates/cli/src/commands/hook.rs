//! `styxy hook`: what a coding agent runs for the events of its sessions.
//!
//! It always exits 0, and prints nothing if there is nothing to say: [`guard`] decides that.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use styxy_client::agents::Agent;

use crate::guard;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// The longest event that is read, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// What an agent's shell asks instead, with the root of the session's checkout and its ports: those of the current folder.
const SHELL: &str = "env";

/// Answer a coding agent's hook; run by agents, not by people
///
/// Reads an event as JSON from standard input and answers in the form that the agent expects. `styxy hooks install` adds
/// it to the agent's settings. It always exits 0, and prints nothing if there is nothing to say.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy hook claude < event.json
  styxy hooks install claude            make Claude Code run it"))]
pub(crate) struct Args {
    // A wrong argument must not be wrong usage: agents take exit code 2 for a denial.
    /// claude, codex, cursor, gemini, qwen or copilot
    #[arg(value_name = "AGENT", allow_hyphen_values = true)]
    agent: Option<OsString>,
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<OsString>,
}

impl Args {
    #[expect(clippy::unnecessary_wraps, reason = "has the form of every command, but never fails")]
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let named = self.agent.as_deref().and_then(OsStr::to_str);
        if named == Some(SHELL) {
            let [root, told] =
                [0, 1].map(|at| self.more.get(at).and_then(|word| word.to_str()).unwrap_or_default());
            // A shell that has ended needs none.
            let _ = output::text(guard::shell_lines(Path::new(root), told).as_bytes());
            return Ok(Exit::Done);
        }
        let agent = Agent::ALL.into_iter().find(|agent| named == Some(agent.as_str()));
        if let Some(answer) = agent.zip(event()).and_then(|(agent, text)| guard::answer(agent, &text)) {
            // An agent that no longer listens needs no answer.
            let _ = output::value(&answer);
        }
        Ok(Exit::Done)
    }
}

/// All of standard input; none if it is a terminal or too long.
fn event() -> Option<Vec<u8>> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return None;
    }
    let mut text = Vec::new();
    stdin.lock().take(LONGEST + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= LONGEST).then_some(text)
}
