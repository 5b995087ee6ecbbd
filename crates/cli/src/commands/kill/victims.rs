//! The processes to end, each held by a handle, which cannot come to refer to another process.

use std::time::{Duration, Instant};
use std::{io, thread};

use styxy_core::api::{CheckAnswer, Code, Ending, Lease, Refusal, Rule, SystemUsage, WhoAnswer};
use styxy_core::{Pid, Port};

use crate::here::context::Context;
use crate::here::may_end;
use crate::process::Handle;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output;

/// How long the port may take to be free once its server has ended.
const SETTLE: Duration = Duration::from_secs(5);
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// How long others may listen before they count: a server's last children end a moment after it.
const LINGER: Duration = Duration::from_millis(300);

/// Every process that listens on a port; at least one.
pub(super) struct Victims {
    port: Port,
    all: Vec<Victim>,
}

/// One of them.
pub(super) struct Victim {
    pub(super) pid: Pid,
    /// `node (42)`
    pub(super) shown: String,
    pub(super) usage: SystemUsage,
    /// Whose server it is.
    pub(super) found: WhoAnswer,
    handle: Handle,
}

/// The state of the port after its servers have ended.
pub(super) enum Left {
    /// Nothing listens; the lease that still covers it, if there is one.
    Free(Option<Box<Lease>>),
    /// Other processes listen.
    Taken(Box<CheckAnswer>),
}

impl Victims {
    /// Opens a handle on each process that was found, and makes sure that it is that process. A server's children come and
    /// go: those that are gone are left out.
    ///
    /// # Errors
    /// All are gone, or this user may not end one of them.
    pub(super) fn hold(context: &Context, port: Port, found: Vec<WhoAnswer>) -> Result<Self, Failure> {
        let all = found.into_iter().filter_map(|found| Victim::hold(found).transpose());
        let mut victims = Self { port, all: all.collect::<Result<_, _>>()? };
        victims.still(context)?;
        if let Some(why) = victims.all.iter().find_map(|victim| victim.handle.why_by_start()) {
            let known = "identified by its start time and not by a handle";
            output::note(&format!(
                "there are no handles on processes here (pidfd_open: {why}): each is {known}"
            ));
        }
        Ok(victims)
    }

    pub(super) fn all(&self) -> &[Victim] {
        &self.all
    }

    /// Leaves out those that are no longer the listeners that were found.
    ///
    /// # Errors
    /// None is left.
    pub(super) fn still(&mut self, context: &Context) -> Result<(), Failure> {
        let now = context.ask(async |client| client.check(self.port).await)?;
        let mut failed = None;
        self.all.retain(|victim| {
            let has_ended = victim.has_ended_by(Instant::now()).unwrap_or_else(|failure| {
                failed = Some(failure);
                false
            });
            !has_ended && may_end::is_among(Some(&victim.usage), &now)
        });
        match failed {
            Some(failure) => Err(failure),
            None if self.all.is_empty() => Err(gone(self.port)),
            None => Ok(()),
        }
    }

    /// Asks all of them to end, and kills those that have not ended within `grace`. Returns how each ended, in order.
    ///
    /// All are asked before any is waited for, since a server's parent would replace a child that has ended.
    pub(super) fn end(&self, grace: Duration) -> Result<Vec<Ending>, Failure> {
        let asks = cfg!(unix) && !grace.is_zero();
        if asks {
            self.all.iter().try_for_each(Victim::ask)?;
        }
        let deadline = Instant::now() + grace;
        let mut endings = Vec::new();
        for victim in &self.all {
            endings.push(if asks && victim.has_ended_by(deadline)? {
                Ending::Asked
            } else {
                victim.kill()?;
                Ending::Killed
            });
        }
        let deadline = Instant::now() + SETTLE;
        for victim in &self.all {
            if !victim.has_ended_by(deadline)? {
                let sentence =
                    format!("{} was killed but has not ended within {} s", victim.shown, SETTLE.as_secs());
                return Err(taken(self.port, sentence));
            }
        }
        Ok(endings)
    }
}

/// Waits until nothing listens on `port`, or only processes other than `ended` do.
pub(super) fn freed(context: &Context, port: Port, ended: &[Pid]) -> Result<Left, Failure> {
    settled(ended, || context.ask(async |client| client.check(port).await))
}

/// As [`freed`]: `look` says who listens.
fn settled(ended: &[Pid], mut look: impl FnMut() -> Result<CheckAnswer, Failure>) -> Result<Left, Failure> {
    let deadline = Instant::now() + SETTLE;
    let soon = Instant::now() + LINGER;
    loop {
        let began = Instant::now();
        let now = look()?;
        if now.system_usage.is_none() {
            // The daemon may not know yet that the lease's owner has ended.
            let is_over = |lease: &Lease| lease.owner.pid.is_some_and(|pid| ended.contains(&pid));
            return Ok(Left::Free(now.allocated_to.filter(|lease| !is_over(lease)).map(Box::new)));
        }
        let mut pids = now.system_usage.iter().chain(&now.others).map(|usage| usage.pid);
        let others = pids.all(|pid| pid.is_none_or(|pid| !ended.contains(&pid)));
        // A look may take longer than the children that it saw still live.
        if others && began >= soon || began >= deadline {
            return Ok(Left::Taken(Box::new(now)));
        }
        thread::sleep(PAUSE);
    }
}

/// The port is not free, although its server has ended.
pub(super) fn taken(port: Port, sentence: String) -> Failure {
    Refusal::new(Code::PortUnavailable, sentence)
        .hint(format!("styxy who {port}"))
        .detail("port", port.get())
        .into()
}

impl Victim {
    /// None if it is gone.
    fn hold(found: WhoAnswer) -> Result<Option<Self>, Failure> {
        let usage = found.system_usage.clone().unwrap_or_default();
        let shown = facts::process(usage.process.as_deref(), usage.pid.map(Pid::get)).unwrap_or_default();
        let Some(pid) = usage.pid else { return Ok(None) };
        let handle = Handle::open(pid).map_err(|error| cannot(pid, &shown, &error))?;
        Ok(handle.map(|handle| Self { pid, shown, usage, found, handle }))
    }

    fn ask(&self) -> Result<(), Failure> {
        self.handle.ask().map_err(|error| cannot(self.pid, &self.shown, &error))
    }

    fn kill(&self) -> Result<(), Failure> {
        self.handle.kill().map_err(|error| cannot(self.pid, &self.shown, &error))
    }

    fn has_ended_by(&self, deadline: Instant) -> Result<bool, Failure> {
        let patience = deadline.saturating_duration_since(Instant::now());
        self.handle.ended_within(patience).map_err(|error| cannot(self.pid, &self.shown, &error))
    }
}

pub(super) fn gone(port: Port) -> Failure {
    let sentence = format!("the server on port {port} is gone, and nothing was ended");
    Refusal::new(Code::NotRunning, sentence)
        .hint(format!("styxy who {port}"))
        .detail("port", port.get())
        .into()
}

pub(super) fn cannot(pid: Pid, shown: &str, error: &io::Error) -> Failure {
    let refusal = Refusal::new(Code::Forbidden, format!("could not end {shown}: {error}")).rule(Rule::Owner);
    // Whatever else is missing, root would miss it too.
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    refusal.hint(if is_denied { may_end::as_root(pid) } else { "styxy doctor".to_owned() }).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_slow_look_saw_of_children_that_were_ending_is_looked_at_again() {
        let port = json!({"port": 3000, "available": false, "allocated_to": null, "system_usage": null, "reason": null});
        let free: CheckAnswer = serde_json::from_value(port).unwrap();
        let child = SystemUsage { pid: Pid::new(43), ..SystemUsage::default() };
        let seen = CheckAnswer { system_usage: Some(child), ..free.clone() };
        let mut looks = [seen, free].into_iter();
        let slow = || {
            thread::sleep(LINGER);
            Ok(looks.next().unwrap())
        };
        let left = settled(&[Pid::new(42).unwrap()], slow).ok();
        assert!(matches!(left, Some(Left::Free(None))), "the child has ended by the second look");
    }
}
