//! The port of a server that has ended, and why one could not be ended.

use std::time::{Duration, Instant};
use std::{io, thread};

use styxy_core::api::{CheckAnswer, Code, Lease, Refusal, Rule};
use styxy_core::{Pid, Port};

use crate::here::context::Context;
use crate::here::may_end;
use crate::say::failure::Failure;

/// How long the port may take to be free once its server has ended.
const SETTLE: Duration = Duration::from_secs(5);
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// How long others may listen before they count: a server's last children end a moment after it.
const LINGER: Duration = Duration::from_millis(300);

/// The state of the port after its servers have ended.
pub(super) enum Left {
    /// Nothing listens; the lease that still covers it, if there is one.
    Free(Option<Box<Lease>>),
    /// Other processes listen.
    Taken(Box<CheckAnswer>),
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
        let others = now.listeners().all(|usage| usage.pid.is_none_or(|pid| !ended.contains(&pid)));
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
    use styxy_core::api::SystemUsage;

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
