//! `styxy kill`: ends the server that listens on a port, and nothing else.
//!
//! The daemon only says who listens; it ends nothing. A handle on each process is opened first, and then the daemon is
//! asked again: if it names the same processes while the handles' have not ended, they are those listeners', whatever
//! became of their numbers in between. A client of the port never listens on it, so it is never found.

mod rules;
mod victims;

use std::time::Duration;
use std::{io, process};

use styxy_core::Port;
use styxy_core::api::{AllocationsQuery, Code, Ended, Ending, KillAnswer, Lease, Refusal};

use super::release::target::{self, Target};
use super::whose::{self, Here};
use super::words;
use crate::args::{self, examples};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, printable};
use crate::table::tilde;
use rules::Protected;
use victims::{Victim, Victims};

/// End the server that listens on a port
///
/// It shows what it will end and asks. The server is asked to end (SIGTERM), and is killed if it has not within the grace;
/// on Windows it is ended at once. When this returns the port is free.
///
/// It ends who listens, never who is merely connected: all processes that do, if the server forked or several have the
/// port on different addresses. A server of another worktree, another agent session or another
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
        let (found, daemon) =
            context.ask(async |client| Ok((client.check(port).await?, client.status().await?.pid)))?;
        let found = whose::each(found, &here);
        let protected = Protected { own: process::id(), daemon: daemon.get() };
        for one in &found {
            rules::pid(one, &protected)?;
            if !self.force {
                rules::ours(one, &here)?;
            }
        }
        let victims = Victims::hold(context, port, found)?;
        if !self.yes && !confirmed(&victims, &here)? {
            output::note("Nothing was ended.");
            return Ok(Exit::Refused);
        }
        // The answer may have taken a while.
        victims.still(context)?;
        let endings = victims.end(self.grace)?;
        let left = victims.freed(context)?;
        let answer = answer(&victims, &endings, left.as_ref());
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

fn confirmed(victims: &Victims, here: &Here) -> io::Result<bool> {
    for victim in victims.all() {
        show(victims.port(), victim, here);
    }
    let question = match victims.all() {
        [one] => format!("End {}?", printable(&one.shown)),
        all => format!("End these {} processes?", all.len()),
    };
    output::confirmed(&question)
}

fn show(port: Port, victim: &Victim, here: &Here) {
    let usage = &victim.usage;
    let worktree = victim.found.worktree.as_ref().map(styxy_core::ProjectPath::as_str);
    let place = usage.working_directory.as_deref().or(worktree);
    output::note(&format!("Port {port}: {}", victim.found.reason));
    for (name, value) in [
        ("process", Some(victim.shown.clone())),
        ("command", usage.command.as_ref().map(|command| command.replace('\n', " "))),
        ("folder", place.map(|place| tilde(place, here.home.as_deref()))),
    ] {
        if let Some(value) = value {
            output::note(&format!("  {name:<7}  {value}"));
        }
    }
}

/// What has been done; `left` is the lease that still covers the port, if one does.
fn answer(victims: &Victims, endings: &[Ending], left: Option<&Lease>) -> KillAnswer {
    let port = victims.port();
    let ended = victims.all().iter().zip(endings).map(|(victim, ending)| {
        let how = match ending {
            Ending::Asked => "has ended",
            Ending::Killed => "was killed",
        };
        let process = victim.usage.process.clone();
        (format!("{} {how}", victim.shown), Ended { pid: victim.pid, process, ending: *ending })
    });
    let (said, mut ended): (Vec<String>, Vec<Ended>) = ended.unzip();
    let others = ended.split_off(1);
    let Ended { pid, process, ending } = ended.remove(0);
    let lease =
        left.map(|lease| format!("; its lease stands, for {}", words::who(lease))).unwrap_or_default();
    let message = format!("{}. Nothing listens on port {port} now{lease}", said.join(", "));
    KillAnswer { success: true, port, pid, process, ending, others, message }
}
