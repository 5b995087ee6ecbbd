//! `styxy kill`: ends the server that listens on a port, and nothing else.
//!
//! The daemon only says who listens; it ends nothing. A handle on that process is opened first, and then the daemon is
//! asked again: if it names the same process while the handle's has not ended, the handle is that listener's, whatever
//! became of its number in between. A client of the port never listens on it, so it is never found.

mod rules;

use std::time::{Duration, Instant};
use std::{io, process, thread};

use styxy_core::api::{AllocationsQuery, CheckAnswer, Code, Ending, KillAnswer, Lease, Refusal, WhoAnswer};
use styxy_core::{Pid, Port};

use super::release::target::{self, Target};
use super::whose::{self, Here};
use super::words;
use crate::args::{self, examples};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, printable};
use crate::process::Handle;
use crate::table::tilde;
use rules::Protected;

/// End the server that listens on a port
///
/// It shows what it will end and asks. The server is asked to end (SIGTERM), and is killed if it has not within the grace;
/// on Windows it is ended at once. When this returns the port is free.
///
/// It ends who listens, never who is merely connected. A server of another worktree, another agent session or another
/// user is refused without --force; one of a deleted worktree of this repository is not. Pid 1, this command and Styxy's daemon are
/// never ended.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy kill 3000
  styxy kill 3000 --yes       without being asked, for scripts
  styxy kill 4f5e             the server of the lease whose id begins so
  styxy kill 3000 --force     also another worktree's"))]
pub(crate) struct Args {
    /// A port, a lease's id, or how one begins
    #[arg(value_name = "PORT|LEASE", allow_negative_numbers = true)]
    target: Target,
    /// Also end another worktree's, session's or user's server
    #[arg(short, long)]
    force: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// How many seconds it is given to end by itself
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = args::seconds, allow_negative_numbers = true)]
    grace: Duration,
}

/// How long the port may take to be free once its server has ended.
const SETTLE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// The process that is to be ended.
struct Victim {
    port: Port,
    pid: Pid,
    /// `node (42)`
    shown: String,
    handle: Handle,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        if !self.yes && !output::can_ask() {
            return Err(Failure::usage(
                "kill ends a process, and there is no terminal to ask on whether that is meant",
                format!("styxy kill {} --yes", shown(&self.target)),
            ));
        }
        let here = Here::look()?;
        let port = port(context, &self.target)?;
        let (found, daemon) = context
            .ask(async |client| Ok((whose::whose(client, port, &here).await?, client.status().await?.pid)))?;
        let protected = Protected { own: process::id(), daemon: daemon.get() };
        let pid = rules::pid(&found, &protected)?;
        if !self.force {
            rules::ours(&found, &here)?;
        }
        let victim = hold(context, &found, pid)?;
        if !self.yes && !confirmed(&found, &victim, &here)? {
            output::note("Nothing was ended.");
            return Ok(Exit::Refused);
        }
        // The answer may have taken a while.
        still(context, &found, &victim)?;
        let ending = end(&victim, self.grace)?;
        let left = freed(context, &victim)?;
        let answer = answer(&found, &victim, ending, left.as_ref());
        context.output.answer(&answer, |out| {
            io::Write::write_all(out, format!("{}\n", printable(&answer.message)).as_bytes())
        })?;
        Ok(Exit::Done)
    }
}

fn shown(target: &Target) -> String {
    match target {
        Target::Port(port) => port.to_string(),
        Target::Lease(id) => id.to_string(),
        Target::Beginning(beginning) => beginning.clone(),
    }
}

/// The port that is meant; a lease must have a server of its own on it.
fn port(context: &Context, target: &Target) -> Result<Port, Failure> {
    if let Target::Port(port) = target {
        return Ok(*port);
    }
    let leases =
        context.ask(async |client| client.allocations(&AllocationsQuery::default()).await)?.allocations;
    let lease = target::beginning_with(&shown(target), &leases)?;
    if lease.conflict.is_some() {
        return Err(Refusal::new(
            Code::Forbidden,
            format!("the server on port {} is not the one of lease {}", lease.port, lease.lock_id),
        )
        .hint(format!("styxy who {}", lease.port))
        .detail("rule", "owner")
        .into());
    }
    Ok(lease.port)
}

/// A handle on the listener: no other process can come to be meant by it.
fn hold(context: &Context, found: &WhoAnswer, pid: Pid) -> Result<Victim, Failure> {
    let port = found.port;
    let process = found.system_usage.as_ref().and_then(|usage| usage.process.as_deref());
    let shown = words::process(process, Some(pid.get())).unwrap_or_default();
    let handle =
        Handle::open(pid).map_err(|error| cannot(&shown, &error))?.ok_or_else(|| gone(port, &shown))?;
    let victim = Victim { port, pid, shown, handle };
    still(context, found, &victim)?;
    Ok(victim)
}

/// Fails unless the process behind the handle still is the listener that was found.
fn still(context: &Context, found: &WhoAnswer, victim: &Victim) -> Result<(), Failure> {
    let now = context.ask(async |client| client.check(victim.port).await)?;
    let ended = victim.handle.ended_within(Duration::ZERO).map_err(|error| cannot(&victim.shown, &error))?;
    if ended || !rules::is_among(found.system_usage.as_ref(), &now) {
        return Err(gone(victim.port, &victim.shown));
    }
    Ok(())
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

fn confirmed(found: &WhoAnswer, victim: &Victim, here: &Here) -> io::Result<bool> {
    let usage = found.system_usage.as_ref();
    let place = usage
        .and_then(|usage| usage.working_directory.as_deref())
        .or(found.worktree.as_ref().map(styxy_core::ProjectPath::as_str));
    output::note(&format!("Port {}: {}", victim.port, found.reason));
    for (name, value) in [
        ("process", Some(victim.shown.clone())),
        ("command", usage.and_then(|usage| usage.command.as_ref()).map(|command| command.replace('\n', " "))),
        ("folder", place.map(|place| tilde(place, here.home.as_deref()))),
    ] {
        if let Some(value) = value {
            output::note(&format!("  {name:<7}  {value}"));
        }
    }
    output::confirmed(&format!("End {}?", printable(&victim.shown)))
}

/// Asks the process to end, and kills it if it has not within `grace`.
fn end(victim: &Victim, grace: Duration) -> Result<Ending, Failure> {
    let failed = |error: io::Error| cannot(&victim.shown, &error);
    if cfg!(unix) && !grace.is_zero() {
        victim.handle.ask().map_err(failed)?;
        if victim.handle.ended_within(grace).map_err(failed)? {
            return Ok(Ending::Asked);
        }
    }
    victim.handle.kill().map_err(failed)?;
    if victim.handle.ended_within(SETTLE).map_err(failed)? {
        return Ok(Ending::Killed);
    }
    let sentence = format!("{} was killed and has not ended within {} s", victim.shown, SETTLE.as_secs());
    Err(Refusal::new(Code::PortUnavailable, sentence).hint(format!("styxy who {}", victim.port)).into())
}

/// Waits until nothing listens on the port: the lease that still covers it, if one does.
fn freed(context: &Context, victim: &Victim) -> Result<Option<Lease>, Failure> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let CheckAnswer { system_usage, allocated_to, .. } =
            context.ask(async |client| client.check(victim.port).await)?;
        let Some(usage) = system_usage else { return Ok(allocated_to) };
        if Instant::now() >= deadline {
            let other = words::process(usage.process.as_deref(), usage.pid.map(Pid::get));
            let other = other.unwrap_or_else(|| "another process".to_owned());
            let sentence = format!("{} has ended, and {other} listens on port {}", victim.shown, victim.port);
            return Err(Refusal::new(Code::PortUnavailable, sentence)
                .hint(format!("styxy who {}", victim.port))
                .detail("port", victim.port.get())
                .into());
        }
        thread::sleep(PAUSE);
    }
}

fn answer(found: &WhoAnswer, victim: &Victim, ending: Ending, left: Option<&Lease>) -> KillAnswer {
    let how = match ending {
        Ending::Asked => "has ended",
        Ending::Killed => "was killed",
    };
    let lease =
        left.map(|lease| format!("; its lease stands, for {}", words::who(lease))).unwrap_or_default();
    let message = format!("{} {how}. Nothing listens on port {} now{lease}", victim.shown, victim.port);
    let process = found.system_usage.as_ref().and_then(|usage| usage.process.clone());
    KillAnswer { success: true, port: victim.port, pid: victim.pid, process, ending, message }
}
