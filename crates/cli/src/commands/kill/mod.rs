//! `styxy kill`: ends the server that listens on a port, and nothing else.
//!
//! The daemon only says who listens; it ends nothing. First a handle on each process is opened, then the daemon is asked
//! again: if it names the same processes and those of the handles have not ended, the handles are the listeners', even if
//! pids were reused in between. A client of the port does not listen on it, so it is never found.

mod again;
mod tree;
mod victims;

use std::time::Duration;
use std::{io, process};

use styxy_client::living::Living;
use styxy_core::api::{
    CheckAnswer, Code, Ended, Ending, KillAnswer, Lease, Manager, Refusal, Rule, SystemUsage, WhoAnswer,
};
use styxy_core::{Pid, Port};

use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::manager;
use crate::here::may_end::{self, Protected};
use crate::here::named::{Meant, Named};
use crate::here::ownership::{self, Here};
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line, printable};
use again::Above;
use styxy_core::printable::tilde;
use victims::{Left, Victim, Victims};

/// A parent that replaces its children is ended with them; more rounds are needed only if it ends slowly.
const MOST_ROUNDS: usize = 4;

/// End the server that listens on a port
///
/// Shows what it will end, and asks for confirmation. The server gets SIGTERM, and is killed if it has not ended within
/// --grace; on Windows it is terminated at once. When the command exits with 0, the port is free. If a process manager, a
/// watcher or a loop has started the server again, the command exits with 1 and says how to stop that.
///
/// Ends only processes that listen on the port, never its clients: all of them, if the server forked or if several listen
/// on different addresses. A server of another worktree, agent session or user needs --force; a server of a deleted
/// worktree of this repository does not. Pid 1, this command and Styxy's daemon are never ended.
///
/// With --tree everything that belongs to the server ends: the command that `styxy run` started, all processes below it, and
/// those that were started under its lease and detached themselves, if they work in this worktree. Without a lease: the
/// server, what is below it, and what only waits for it, such as npm. Each process is judged by itself: another worktree's or
/// session's server lives on, and so do coding agents and other users' processes. Those that live on are named.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy kill 3000
  styxy kill 3000 --yes       without confirmation, for scripts
  styxy kill dev
  styxy kill 4f5e             the server of the lease with this beginning of its id
  styxy kill dev --tree       with everything that belongs to it
  styxy kill 3000 --force     even if it is another worktree's server"))]
pub(crate) struct Args {
    #[arg(value_name = "TARGET", help = target::HELP, allow_negative_numbers = true)]
    target: Target,
    /// End it even if it belongs to another worktree, session or user
    #[arg(short, long)]
    force: bool,
    /// End everything that belongs to it too: what started it, what it started, and what detached itself
    #[arg(long)]
    tree: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// How long it is given to end by itself: seconds, or 500ms, 30s, 2m
    #[arg(long, value_name = "DURATION", default_value = "5", value_parser = styxy_core::duration, allow_negative_numbers = true)]
    grace: Duration,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let here = Here::of(caller())?;
        let port = port(context, self.target.clone())?;
        if self.tree {
            return tree::run(&self, context, &here, port);
        }
        let (found, living, daemon) = context.ask(async |client| {
            let found = client.check(port).await?;
            let living = Living::around(client, &found).await?;
            Ok((found, living, client.status().await?.pid))
        })?;
        let protected = Protected { own: process::id(), daemon: daemon.get() };
        let may_end = |found: CheckAnswer| self.may_end(found, &here, &living, &protected);
        let mut victims = Victims::hold(context, port, may_end(found)?)?;
        if !self.yes && !output::can_ask() {
            return Err(no_terminal(&self.target, self.flags()));
        }
        if !self.yes && !confirmed(port, &victims, &here)? {
            output::note("Nothing was ended.");
            return Ok(Exit::Refused);
        }
        // The confirmation may have taken a while.
        victims.still(context)?;
        let mut ended = Vec::new();
        for round in 1.. {
            let usages: Vec<&SystemUsage> = victims.all().iter().map(|victim| &victim.usage).collect();
            let pids: Vec<u32> = victims.all().iter().map(|victim| victim.pid.get()).collect();
            let above = Above::of(&usages, &pids);
            let endings = victims.end(self.grace)?;
            ended.extend(victims.all().iter().zip(endings).map(|(victim, ending)| Gone::new(victim, ending)));
            let pids: Vec<Pid> = ended.iter().map(|gone| gone.wire.pid).collect();
            let now = match victims::freed(context, port, &pids)? {
                Left::Free(lease) => match above.back(context, port)? {
                    None => {
                        let answer = answer(port, ended, lease.as_deref(), above.manager());
                        let answer = answer.ok_or_else(|| victims::gone(port))?;
                        context.output.answer(&answer, |out| {
                            io::Write::write_all(out, format!("{}\n", printable(&answer.message)).as_bytes())
                        })?;
                        break;
                    }
                    Some(now) => return Err(taken(port, &now, &have_ended(&ended), &above)),
                },
                Left::Taken(now) => now,
            };
            // The server's parent has replaced a child; the new one is judged like the others.
            let next = may_end(CheckAnswer::clone(&now))
                .ok()
                .filter(|_| round < MOST_ROUNDS && is_its_own(&now, &ended) && !above.starts_at_once(&now));
            victims = match next.map(|next| Victims::hold(context, port, next)) {
                Some(Ok(next)) => next,
                Some(Err(_)) | None => return Err(taken(port, &now, &have_ended(&ended), &above)),
            };
        }
        Ok(Exit::Done)
    }

    /// What was typed beside the target, as hints repeat it.
    const fn flags(&self) -> &'static str {
        match (self.tree, self.force) {
            (false, false) => "",
            (false, true) => " --force",
            (true, false) => " --tree",
            (true, true) => " --tree --force",
        }
    }

    /// The refusal with a hint that keeps the flag without which the hinted command would be refused too.
    fn as_typed(&self, refusal: Refusal) -> Refusal {
        match &refusal.hint {
            Some(hint) if hint.ends_with(" --force") => {
                let hint = hint.replace(" --force", if self.tree { " --tree --force" } else { " --force" });
                let yes = if self.yes || !output::can_ask() { " --yes" } else { "" };
                refusal.hint(format!("{hint}{yes}"))
            }
            Some(_) | None => refusal,
        }
    }

    /// Whose server each listener is, if all of them may be ended.
    fn may_end(
        &self,
        found: CheckAnswer,
        here: &Here,
        living: &Living,
        protected: &Protected,
    ) -> Result<Vec<WhoAnswer>, Refusal> {
        let found = ownership::each(found, here);
        for one in &found {
            may_end::pid(one, protected)?;
            if !self.force {
                may_end::ours(one, here, living).map_err(|refusal| self.as_typed(refusal))?;
            }
        }
        Ok(found)
    }
}

/// A process that was ended.
struct Gone {
    /// `node (42)`
    shown: String,
    addresses: Vec<String>,
    wire: Ended,
}

impl Gone {
    fn new(victim: &Victim, ending: Ending) -> Self {
        let SystemUsage { process, addresses, .. } = victim.usage.clone();
        Self { shown: victim.shown.clone(), addresses, wire: Ended { pid: victim.pid, process, ending } }
    }
}

/// Whether all processes that listen now have the addresses of one that was ended: its socket, or a new one.
fn is_its_own(now: &CheckAnswer, ended: &[Gone]) -> bool {
    let mut listeners = now.system_usage.iter().chain(&now.others);
    listeners.all(|usage| ended.iter().any(|gone| gone.addresses == usage.addresses))
}

/// The port is not free although its servers have ended.
fn taken(port: Port, now: &CheckAnswer, ended: &str, above: &Above) -> Failure {
    above.started_again(port, now, ended).unwrap_or_else(|| still_taken(port, now, ended))
}

/// `node (42) has ended`
fn have_ended(ended: &[Gone]) -> String {
    let names: Vec<&str> = ended.iter().map(|gone| gone.shown.as_str()).collect();
    format!("{} {} ended", names.join(", "), if names.len() == 1 { "has" } else { "have" })
}

fn still_taken(port: Port, now: &CheckAnswer, ended: &str) -> Failure {
    let usage = now.system_usage.as_ref();
    let other = usage.and_then(|usage| facts::process(usage.process.as_deref(), usage.pid.map(Pid::get)));
    let other = other.unwrap_or_else(|| "another process".to_owned());
    victims::taken(port, format!("{ended}, but {other} listens on port {port}"))
}

/// The port of the target; if that is a lease, its own server must listen there.
fn port(context: &Context, target: Target) -> Result<Port, Failure> {
    let named = Named::new(target, None, Verb::Kill)?;
    match context.ask(async |client| named.find(client).await)? {
        Meant::Port(port) => Ok(port),
        Meant::Service(lease) | Meant::Id(lease) | Meant::Called(lease) if lease.conflict.is_some() => {
            Err(not_its_server(&lease).into())
        }
        Meant::Service(lease) | Meant::Id(lease) | Meant::Called(lease) => Ok(lease.port),
    }
}

/// The hint keeps the flags that were `typed`.
fn no_terminal(target: &Target, typed: &str) -> Failure {
    Failure::usage(
        "kill ends a process, and there is no terminal to ask for confirmation",
        format!("styxy kill {}{typed} --yes", target.shown()),
    )
}

/// A stranger listens on the lease's port.
fn not_its_server(lease: &Lease) -> Refusal {
    let error = format!("the server on port {} does not belong to lease {}", lease.port, lease.lock_id);
    Refusal::new(Code::Forbidden, error).hint(format!("styxy who {}", lease.port)).rule(Rule::Owner)
}

fn confirmed(port: Port, victims: &Victims, here: &Here) -> io::Result<bool> {
    for victim in victims.all() {
        show(port, victim, here);
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
    let manager = manager::of(usage);
    for (name, value) in [
        ("process", Some(victim.shown.clone())),
        ("kept up", manager.map(|manager| format!("by {}", facts::manager(&manager)))),
        ("command", usage.command.as_deref().map(|command| one_line(command).into_owned())),
        ("folder", place.map(|place| tilde(place, here.caller.home()))),
    ] {
        if let Some(value) = value {
            output::note(&format!("  {name:<7}  {value}"));
        }
    }
}

/// What was done, if anything; `left` is the lease that still covers the port, and `manager` what may start the server again, if
/// there are such.
fn answer(
    port: Port,
    ended: Vec<Gone>,
    left: Option<&Lease>,
    manager: Option<&Manager>,
) -> Option<KillAnswer> {
    let how = |gone: &Gone| match gone.wire.ending {
        Ending::Asked => format!("{} has ended", gone.shown),
        Ending::Killed => format!("{} was killed", gone.shown),
    };
    let said: Vec<String> = ended.iter().map(how).collect();
    let mut all = ended.into_iter().map(|gone| gone.wire);
    let Ended { pid, process, ending } = all.next()?;
    let message = message(port, &said.join(", "), left, manager);
    let (others, manager) = (all.collect(), manager.cloned());
    Some(KillAnswer {
        success: true,
        port,
        pid,
        process,
        ending,
        others,
        spared: Vec::new(),
        manager,
        message,
    })
}

/// `said` is what has become of the processes.
fn message(port: Port, said: &str, left: Option<&Lease>, manager: Option<&Manager>) -> String {
    let ends = |lease: &Lease| {
        format!("; its lease ends with {}, or with: styxy release {port}", facts::ends_with(&lease.owner))
    };
    let lease = left.map(ends).unwrap_or_default();
    let again = manager.map(again::warning).unwrap_or_default();
    format!("{said}. Nothing listens on port {port} now{lease}{again}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::json;

    fn ended(pids: &[u32], ending: Ending) -> Vec<Gone> {
        let gone = |pid: &u32| Gone {
            shown: format!("node ({pid})"),
            addresses: vec!["127.0.0.1".to_owned()],
            wire: Ended { pid: Pid::new(*pid).unwrap(), process: Some("node".to_owned()), ending },
        };
        pids.iter().map(gone).collect()
    }

    #[test]
    #[cfg_attr(windows, ignore = "the file has the commands of Unix")]
    fn the_answer_says_what_was_done_and_what_was_not() {
        let port = Port::new(3000).unwrap();
        let done =
            |gone, left: Option<&Lease>| format!("{}\n", answer(port, gone, left, None).unwrap().message);
        let kept_up = |manager: serde_json::Value| {
            let manager: Manager = serde_json::from_value(manager).unwrap();
            format!("{}\n", answer(port, ended(&[42], Ending::Asked), None, Some(&manager)).unwrap().message)
        };
        let one = "node (42) has ended";
        let taken = CheckAnswer {
            port,
            available: false,
            allocated_to: None,
            system_usage: Some(SystemUsage { process: Some("python3".to_owned()), ..SystemUsage::default() }),
            others: Vec::new(),
            reason: None,
        };
        let killed = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        snapshot!(
            "kill",
            each([
                ("asked", done(ended(&[42], Ending::Asked), None)),
                ("killed", done(ended(&[42, 43], Ending::Killed), None)),
                ("its lease stands", done(ended(&[42], Ending::Asked), Some(&lease(3000, |_| {})))),
                (
                    "a watcher is above it",
                    kept_up(
                        json!({"name": "nodemon", "pid": 41, "unit": null, "again": "on_change", "stop": "kill 41"})
                    ),
                ),
                (
                    "a unit may start it again",
                    kept_up(
                        json!({"name": "systemd", "pid": null, "unit": "shop.service", "again": "as_set",
                        "stop": "systemctl --user stop shop.service"})
                    ),
                ),
                (
                    "a manager has started it again",
                    failed(again::refused(port, one, "pm2 (9)", "node (43)", Some("pm2 stop 0".to_owned()))),
                ),
                (
                    "nobody says how to stop that",
                    failed(again::refused(port, one, "sh (9)", "node (43)", None))
                ),
                ("no terminal", failed(no_terminal(&Target::Port(port), ""))),
                ("a stranger on the lease's port", failed(not_its_server(&lease(3000, |_| {})))),
                ("gone before", failed(victims::gone(port))),
                ("another listens", failed(still_taken(port, &taken, one))),
                ("not this user's", failed(victims::cannot(Pid::new(42).unwrap(), "node (42)", &killed))),
            ])
        );
    }
}
