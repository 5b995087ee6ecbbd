//! The processes that are to be ended, each held by a handle: no other process can come to be meant by it.

use std::time::{Duration, Instant};
use std::{io, thread};

use styxy_core::api::{CheckAnswer, Code, Ending, Lease, Refusal, SystemUsage, WhoAnswer};
use styxy_core::{Pid, Port};

use super::super::words;
use super::rules;
use crate::context::Context;
use crate::failure::Failure;
use crate::process::Handle;

/// How long the port may take to be free once its server has ended.
const SETTLE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

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
    /// Whose it is.
    pub(super) found: WhoAnswer,
    handle: Handle,
}

impl Victims {
    /// Opens a handle on each that was found, and makes sure that it is the one that was meant.
    ///
    /// # Errors
    /// One has gone, cannot be seen, or is not this user's to end.
    pub(super) fn hold(context: &Context, port: Port, found: Vec<WhoAnswer>) -> Result<Self, Failure> {
        let all = found.into_iter().map(|found| Victim::hold(port, found)).collect::<Result<_, _>>()?;
        let victims = Self { port, all };
        victims.still(context)?;
        Ok(victims)
    }

    pub(super) const fn port(&self) -> Port {
        self.port
    }

    pub(super) fn all(&self) -> &[Victim] {
        &self.all
    }

    /// Fails unless the processes behind the handles still are the listeners that were found.
    pub(super) fn still(&self, context: &Context) -> Result<(), Failure> {
        let now = context.ask(async |client| client.check(self.port).await)?;
        for victim in &self.all {
            if victim.has_ended_by(Instant::now())? || !rules::is_among(Some(&victim.usage), &now) {
                return Err(gone(self.port, &victim.shown));
            }
        }
        Ok(())
    }

    /// Asks all of them to end, and kills those that have not within `grace`. How each ended, in order.
    ///
    /// All are asked before any is waited for: a server's parent would replace a child that has ended.
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
                    format!("{} was killed and has not ended within {} s", victim.shown, SETTLE.as_secs());
                return Err(self.taken(sentence));
            }
        }
        Ok(endings)
    }

    /// Waits until nothing listens on the port: the lease that still covers it, if one does.
    pub(super) fn freed(&self, context: &Context) -> Result<Option<Lease>, Failure> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let CheckAnswer { system_usage, allocated_to, .. } =
                context.ask(async |client| client.check(self.port).await)?;
            let Some(usage) = system_usage else { return Ok(allocated_to) };
            if Instant::now() >= deadline {
                let other = words::process(usage.process.as_deref(), usage.pid.map(Pid::get));
                let other = other.unwrap_or_else(|| "another process".to_owned());
                let ended: Vec<&str> = self.all.iter().map(|victim| victim.shown.as_str()).collect();
                let have = if ended.len() == 1 { "has" } else { "have" };
                let sentence =
                    format!("{} {have} ended, and {other} listens on port {}", ended.join(", "), self.port);
                return Err(self.taken(sentence));
            }
            thread::sleep(PAUSE);
        }
    }

    fn taken(&self, sentence: String) -> Failure {
        Refusal::new(Code::PortUnavailable, sentence)
            .hint(format!("styxy who {}", self.port))
            .detail("port", self.port.get())
            .into()
    }
}

impl Victim {
    fn hold(port: Port, found: WhoAnswer) -> Result<Self, Failure> {
        let usage = found.system_usage.clone().unwrap_or_default();
        let shown = words::process(usage.process.as_deref(), usage.pid.map(Pid::get)).unwrap_or_default();
        let pid = usage.pid.ok_or_else(|| gone(port, &shown))?;
        let handle =
            Handle::open(pid).map_err(|error| cannot(&shown, &error))?.ok_or_else(|| gone(port, &shown))?;
        Ok(Self { pid, shown, usage, found, handle })
    }

    fn ask(&self) -> Result<(), Failure> {
        self.handle.ask().map_err(|error| cannot(&self.shown, &error))
    }

    fn kill(&self) -> Result<(), Failure> {
        self.handle.kill().map_err(|error| cannot(&self.shown, &error))
    }

    fn has_ended_by(&self, deadline: Instant) -> Result<bool, Failure> {
        let patience = deadline.saturating_duration_since(Instant::now());
        self.handle.ended_within(patience).map_err(|error| cannot(&self.shown, &error))
    }
}

fn gone(port: Port, shown: &str) -> Failure {
    Refusal::new(Code::NotRunning, format!("{shown} no longer listens on port {port}; nothing was ended"))
        .hint(format!("styxy who {port}"))
        .detail("port", port.get())
        .into()
}

fn cannot(shown: &str, error: &io::Error) -> Failure {
    let refusal = Refusal::new(Code::Forbidden, format!("{shown} cannot be ended from here: {error}"));
    refusal.hint("end it as its own user").detail("rule", "owner").into()
}
