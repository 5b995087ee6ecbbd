//! `styxy hook`: what a coding agent runs at the events of its sessions.
//!
//! It never fails the agent: whatever goes wrong, it says nothing and exits 0. It never allows anything, it only denies
//! what would take or end another's server. Only the start of a session starts a daemon.

mod answer;
mod guard;
mod input;
mod pattern;
mod ports;
mod session;
mod targets;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Read};

use styxy_client::agents::{self, Agent};
use styxy_client::place::{self, Session};
use styxy_core::InstanceId;

use crate::args::examples;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

use input::{Event, Happened};

/// No event is longer, in bytes; a longer one is not understood.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Answer a hook of a coding agent; agents run this, people do not
///
/// Reads an event as JSON from standard input and answers as that agent expects. `styxy hooks install` enters it into the
/// agent's settings. It ends with 0 whatever happens, and says nothing when there is nothing to say.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy hook claude < event.json
  styxy hooks install claude            have Claude Code run it"))]
pub(crate) struct Args {
    // A wrong word must not be wrong usage: agents take exit code 2 for a denial.
    /// claude, codex, cursor or gemini
    #[arg(value_name = "AGENT", allow_hyphen_values = true)]
    agent: Option<OsString>,
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<OsString>,
}

impl Args {
    #[expect(clippy::unnecessary_wraps, reason = "a command like any other, which happens never to fail")]
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let named = self.agent.as_deref().and_then(OsStr::to_str);
        let agent = Agent::ALL.into_iter().find(|agent| named == Some(agent.as_str()));
        if let Some(answer) = agent.and_then(answer) {
            // An agent that does not listen any more needs no answer.
            let _ = output::text(format!("{answer}\n").as_bytes());
        }
        Ok(Exit::Done)
    }
}

/// What to tell `agent`, if anything.
fn answer(agent: Agent) -> Option<serde_json::Value> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return None;
    }
    let mut text = Vec::new();
    stdin.lock().take(LONGEST + 1).read_to_end(&mut text).ok()?;
    if text.len() as u64 > LONGEST {
        return None;
    }
    let Event { happened, folder, session } = input::read(&text)?;
    let session = whose(agent, session.as_deref());
    match happened {
        Happened::Began { name } => {
            let began = session::begin(agent, &folder, session.as_ref())?;
            Some(answer::context(agent, &name, &began))
        }
        Happened::Moved { from } => {
            session::moved(&from, &folder, session.as_ref());
            None
        }
        Happened::Ended { why } => {
            session::end(&why, session.as_ref());
            None
        }
        Happened::Command { name, text } => {
            let why = guard::objection(&text, &folder, session.as_ref().map(|session| &session.instance))?;
            Some(answer::denial(agent, &name, &why))
        }
    }
}

/// The session that the hook runs in, by the rule of every other command.
fn whose(agent: Agent, session: Option<&str>) -> Option<Session> {
    let found = place::session(|name| env::var(name).ok(), agents::nearest).ok()?;
    // The agent's shell has this as a variable.
    let by_id = || {
        let id = session.filter(|_| agent == Agent::Claude)?;
        Some(Session { instance: InstanceId::new(&format!("claude-{id}")).ok()?, pid: None })
    };
    found.or_else(by_id)
}
