//! The answers to agents' hooks: the context for a session that begins, whether a shell command may run, and what the guard has
//! refused to it.
//!
//! It never makes the agent fail: if anything goes wrong, there is no answer. It never allows a command, it only denies
//! those that would take the port of another's server or end it. A daemon is started when a session starts, and again if it has ended.

mod answer;
#[cfg(target_os = "linux")]
mod cover;
mod event;
mod objection;
mod pattern;
mod report;
mod session;
#[cfg(target_os = "linux")]
pub(crate) mod shims;
mod targets;
mod upkeep;

use styxy_client::agents::Agent;
use styxy_client::{Caller, Session};
use styxy_core::InstanceId;

use crate::here::caller::caller;
use event::{Event, Happened};

/// The answer to `agent` about the event in `text` (JSON); none if there is nothing to say.
pub(crate) fn answer(agent: Agent, text: &[u8]) -> Option<serde_json::Value> {
    let Event { happened, folder, session } = event::read(text)?;
    let caller = caller().at(&folder);
    let session = whose(&caller, agent, session.as_deref());
    match happened {
        Happened::Began { name } => {
            let began = session::begin(agent, &caller, session.as_ref())?;
            Some(answer::context(agent, &name, &began))
        }
        Happened::Moved { from } => {
            session::moved(&from, &caller, session.as_ref());
            None
        }
        Happened::Ended { why } => {
            session::end(&why, session.as_ref());
            None
        }
        Happened::Command { name, text } => {
            upkeep::keep_up();
            let why = objection::objection(
                &text,
                &caller,
                &folder,
                session.as_ref().map(|session| &session.instance),
            )?;
            Some(answer::denial(agent, &name, &why))
        }
        Happened::Ran { name } => {
            let refused = report::report(&session?.instance)?;
            Some(answer::said(agent, &name, &refused))
        }
    }
}

/// The session that the hook runs in, by the same rule as for every command.
fn whose(caller: &Caller, agent: Agent, session: Option<&str>) -> Option<Session> {
    let found = caller.session().ok()?;
    // The agent's shell has the id as a variable.
    let by_id = || {
        let id = session.filter(|_| agent == Agent::Claude)?;
        Some(Session { instance: InstanceId::new(&format!("claude-{id}")).ok()?, pid: None })
    };
    found.or_else(by_id)
}
