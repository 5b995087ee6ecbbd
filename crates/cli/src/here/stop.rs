//! Stopping the daemon, also one that does not answer: then the process that holds its lock is ended.
//!
//! The journal has every lease that was acknowledged, however the process ends.

use std::time::Duration;

use styxy_client::{Client, Error, Holder, Stopped};
use styxy_core::Pid;
use styxy_core::api::StatusAnswer;

use crate::process::{Act, Handle};

/// How long a process may take to end after it was asked to, and after it was killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the daemon ended.
pub(crate) enum End {
    /// It was asked to stop and did; this is how it was right before.
    Stopped(StatusAnswer),
    /// It did not answer, and its process was ended.
    Ended {
        /// The process.
        pid: Pid,
        /// Why it was not just asked.
        why: Error,
    },
    /// None ran.
    WasNot,
}

/// Stops the daemon, and returns when it has ended.
///
/// # Errors
/// It refuses, or it does not answer and the process that holds its lock is unknown or cannot be ended.
pub(crate) async fn stop(client: &Client) -> Result<End, Error> {
    match client.stop().await {
        Ok(Stopped::WasRunning(status)) => Ok(End::Stopped(status)),
        Ok(Stopped::WasNot) => Ok(End::WasNot),
        Err(why @ (Error::Stuck { .. } | Error::StillRunning { .. } | Error::Silent { .. })) => {
            end_holder(client).map_or(Err(why.clone()), |pid| Ok(End::Ended { pid, why }))
        }
        Err(error) => Err(error),
    }
}

/// Ends the process that holds the lock; none if it is unknown or did not end.
fn end_holder(client: &Client) -> Option<Pid> {
    let pid = held_by(client)?;
    let Some(process) = Handle::open(pid).ok()? else { return Some(pid) };
    // The handle is of the holder only if that is the same process now as before it was opened.
    if held_by(client) != Some(pid) {
        return None;
    }
    let asked = process.act(Act::Ask).and_then(|()| process.act(Act::Resume));
    let ended = asked.and_then(|()| process.ended_within(PATIENCE));
    if !ended.unwrap_or(false) {
        process.act(Act::Kill).ok()?;
    }
    process.ended_within(PATIENCE).ok()?.then_some(pid)
}

fn held_by(client: &Client) -> Option<Pid> {
    match client.holder()? {
        Holder::Process { pid, .. } => Some(pid),
        Holder::Foreign { .. } | Holder::Named { .. } | Holder::Unknown => None,
    }
}
