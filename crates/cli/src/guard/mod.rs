//! The answers to agents' hooks: the context for a session that begins, whether a shell command may run, and what the guard has
//! refused to it.
//!
//! It never makes the agent fail: if anything goes wrong, there is no answer. It never allows a command. It denies one only where
//! the guard does not reach, if it would end another's server. A daemon is started when a session starts, and again if it has ended.

mod answer;
mod beside;
mod cover;
mod event;
mod literal;
mod objection;
mod patience;
mod report;
mod session;
mod shell;
#[cfg(target_os = "linux")]
pub(crate) mod shims;
mod stack;
mod upkeep;

use std::path::Path;

use styxy_client::agents::Agent;

use crate::here::caller::caller;
use event::{Event, Happened};
use patience::Patience;

/// The answer to `agent` about the event in `text` (JSON); none if there is nothing to say.
pub(crate) fn answer(agent: Agent, text: &[u8]) -> Option<serde_json::Value> {
    let Event { happened, folder, session } = event::read(text)?;
    let caller = caller().at(&folder);
    let caller = match id_variable(agent) {
        Some(variable) => caller.with(variable, session.as_deref()),
        None => caller,
    };
    let session = caller.session().ok().flatten();
    match happened {
        Happened::Began { name, source } => {
            let began = session::begin(agent, source, &caller, session.as_ref())?;
            Some(answer::context(agent, &name, &began))
        }
        Happened::Joined { name } => {
            let said = session::join(agent, &caller, session.as_ref())?;
            Some(answer::said(agent, &name, &said))
        }
        Happened::Moved => {
            shell::again(agent);
            None
        }
        Happened::Ended { why } => {
            session::end(&why, session.as_ref());
            None
        }
        Happened::Command { name, text } => {
            let patience = upkeep::keep_up(&caller, session.as_ref(), Patience::begin());
            let instance = session.as_ref().map(|session| &session.instance);
            let why = objection::objection(&text, &caller, instance, patience)?;
            Some(answer::denial(agent, &name, &why))
        }
        Happened::Ran { name } => {
            let refused = report::report(&caller, session.as_ref()?)?;
            Some(answer::said(agent, &name, &refused))
        }
    }
}

/// The lines that an agent's shell evaluates before a command and after a `cd`: the ports of the current folder. `root` is the
/// session's own checkout, and `told` are its ports.
pub(crate) fn shell_lines(root: &Path, told: &str) -> String {
    let caller = caller();
    let session = caller.session().ok().flatten();
    let root = Some(root).filter(|root| !root.as_os_str().is_empty());
    shell::lines(&caller, session.as_ref(), root, told)
}

/// The variable in which the shells of `agent` have its own name for the session, which its hooks are told in the event.
const fn id_variable(agent: Agent) -> Option<&'static str> {
    match agent {
        Agent::Claude => Some("CLAUDE_CODE_SESSION_ID"),
        Agent::Codex => Some("CODEX_SESSION_ID"),
        Agent::Cursor | Agent::Gemini | Agent::Qwen | Agent::Copilot => None,
    }
}
