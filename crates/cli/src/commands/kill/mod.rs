//! `styxy kill`: ends the server that listens on a port, and with `--tree` all that belongs to it. The daemon only says who
//! listens; it ends nothing.

mod again;
mod by_keeper;
mod left;
mod server;

use std::time::Duration;

use styxy_client::living::Living;
use styxy_core::api::{CheckAnswer, Code, Lease, Refusal, Rule, WhoAnswer};
use styxy_core::{Pid, Port};

use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::may_end::{self, Protected};
use crate::here::named::Meant;
use crate::here::ownership::{self, Here};
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::typed;
use again::Above;
use server::Server;

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
/// A service of `styxy up` is ended by what keeps it, as by `styxy down`, with everything that it has started.
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
        Server { args: &self, context, here: &here, port }.run()
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

/// The port is not free although its servers have ended.
fn taken(port: Port, now: &CheckAnswer, ended: &str, above: &Above) -> Failure {
    above.started_again(port, now, ended).unwrap_or_else(|| still_taken(port, now, ended))
}

fn still_taken(port: Port, now: &CheckAnswer, ended: &str) -> Failure {
    let usage = now.system_usage.as_ref();
    let other = usage.and_then(|usage| facts::process(usage.process.as_deref(), usage.pid.map(Pid::get)));
    let other = other.unwrap_or_else(|| "another process".to_owned());
    left::taken(port, format!("{ended}, but {other} listens on port {port}"))
}

/// The port of the target; if that is a lease, its own server must listen there.
fn port(context: &Context, target: Target) -> Result<Port, Failure> {
    let named = typed::named(target, None, Verb::Kill)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::json;
    use styxy_core::api::{Ended, Ending, Manager, SystemUsage};

    fn ended(pids: &[u32], ending: Ending) -> Vec<Ended> {
        let gone =
            |pid: &u32| Ended { pid: Pid::new(*pid).unwrap(), process: Some("node".to_owned()), ending };
        pids.iter().map(gone).collect()
    }

    #[test]
    #[cfg_attr(windows, ignore = "the file has the commands of Unix")]
    fn the_answer_says_what_was_done_and_what_was_not() {
        let port = Port::new(3000).unwrap();
        let answer = |gone, left: Option<&Lease>, manager: Option<&Manager>| {
            let answer = server::answer(port, gone, None, Vec::new(), left, manager);
            format!("{}\n", answer.unwrap().message)
        };
        let done = |gone, left: Option<&Lease>| answer(gone, left, None);
        let kept_up = |manager: serde_json::Value| {
            let manager: Manager = serde_json::from_value(manager).unwrap();
            answer(ended(&[42], Ending::Asked), None, Some(&manager))
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
                ("gone before", failed(left::gone(port))),
                ("another listens", failed(still_taken(port, &taken, one))),
                ("not this user's", failed(left::cannot(Pid::new(42).unwrap(), "node (42)", &killed))),
            ])
        );
    }
}
