//! `styxy who`: whose the server on a port is.

use std::io::{self, Write};
use std::path::Path;

use styxy_client::Caller;
use styxy_core::api::{WhoAnswer, Whose};

use crate::here::caller::{caller, ground};
use crate::here::context::Context;
use crate::here::ownership::{self, Here};
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{ALERT, STRONG, one_line};
use crate::say::whose::headline;
use crate::up::kept;
use crate::up::typed;
use styxy_core::printable::tilde;

/// Show whose server is on a port
///
/// It is mine if it runs in this worktree (exit code 0), nobody's if nothing listens (4), a sibling worktree's if it runs
/// in another worktree of this repository (5), somebody else's if it belongs to another project or user (6), and an
/// orphan if its folder or worktree was deleted (7).
///
/// The worktree decides, not the agent session: a server that another session started in this worktree is mine, and the
/// answer names the session.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy who 3000
  styxy who dev/web
  styxy who 3000 --json | jq -r .whose"))]
pub(crate) struct Args {
    #[arg(value_name = "TARGET", help = target::HELP, allow_negative_numbers = true)]
    target: Target,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let here = Here::of(caller())?;
        let named = typed::named(self.target, None, Verb::Who)?;
        let answer = context.ask(async |client| {
            let port = named.find(client).await?.port();
            ownership::whose(client, port, &here).await
        })?;
        let answer = kept::with_service(answer, &here.caller);
        context.output.answer(&answer, |out| show(&answer, &here.caller, out))?;
        Ok(Exit::whose(answer.whose))
    }
}

fn show(answer: &WhoAnswer, caller: &Caller, out: &mut impl Write) -> io::Result<()> {
    let home = caller.home();
    let style = if answer.whose == Whose::Mine { STRONG } else { ALERT };
    writeln!(out, "{style}{}.{style:#}", headline(answer))?;
    let mut row = |name: &str, value: &str| writeln!(out, "  {name:<8}  {}", one_line(value));
    if let Some(usage) = &answer.system_usage {
        if let Some(process) = facts::server(usage) {
            row("process", &process)?;
        }
        if let Some(command) = &usage.command {
            row("command", command)?;
        }
        if let (Some(folder), None) = (&usage.working_directory, &usage.container) {
            let deleted = if usage.working_directory_deleted == Some(true) { " (deleted)" } else { "" };
            row("folder", &format!("{}{deleted}", tilde(folder, home)))?;
        }
    }
    if let Some(folder) =
        answer.system_usage.as_ref().and_then(|usage| usage.container.as_ref()?.folder.as_ref())
    {
        row("folder", &tilde(folder, home))?;
    }
    if let Some(up) = &answer.up {
        row(
            "service",
            &format!("{} of styxy up in {}; to end it: {}", up.service, tilde(&up.root, home), up.stop),
        )?;
    }
    if let Some(manager) = &answer.manager {
        row("kept up", &format!("by {}, {}", facts::manager(manager), facts::again(manager.again)))?;
    }
    if let Some(worktree) = &answer.worktree {
        match place_name(caller, Path::new(worktree.as_str())) {
            // The row above has it.
            "folder" if is_shown(answer, worktree.as_str()) => {}
            name => row(name, &tilde(worktree.as_str(), home))?,
        }
    }
    if let Some(branch) = &answer.branch {
        row("branch", branch)?;
    }
    if let Some(instance) = &answer.instance_id {
        row("session", instance.as_str())?;
    }
    if let Some(lease) = &answer.allocated_to {
        row("lease", &format!("{}, {}, {}", lease.lock_id, facts::service(lease), facts::state(lease)))?;
        if let Some(name) = lease.named_url.as_ref().or(lease.host.as_ref()) {
            row("name", name)?;
        }
    }
    Ok(())
}

/// What the place is called; what is gone was most often a worktree.
fn place_name(caller: &Caller, place: &Path) -> &'static str {
    if place.exists() { ground(&caller.at(place)) } else { "worktree" }
}

/// Whether this folder is shown as the one that the process works in.
fn is_shown(answer: &WhoAnswer, folder: &str) -> bool {
    answer.system_usage.as_ref().and_then(|usage| usage.working_directory.as_deref()) == Some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, plain, snapshot};
    use serde_json::json;

    #[test]
    fn every_step_from_the_port_to_the_session_is_shown() {
        let card = |whose: &str, change: fn(&mut serde_json::Value)| {
            let mut wire = json!({
                "port": 3000, "whose": whose, "reason": "node (42) runs here", "worktree": "/home/ada/fix",
                "branch": "fix", "instance_id": "claude-1", "allocated_to": lease(3000, |_| {}),
                "system_usage": {"pid": 42, "process": "node", "command": "node server.js\nx", "user": "ada",
                    "same_user": true, "addresses": [], "working_directory": "/home/ada/fix/web",
                    "working_directory_deleted": false, "project_path": "/home/ada/fix", "branch": "fix",
                    "started_at": null},
            });
            change(&mut wire);
            let answer: WhoAnswer = serde_json::from_value(wire).unwrap();
            let caller = Caller::new(None, Some("/home/ada".into()), |_| None, || None);
            plain(|out| show(&answer, &caller, out))
        };
        let nothing = |wire: &mut serde_json::Value| {
            for fact in ["worktree", "branch", "instance_id", "allocated_to", "system_usage"] {
                wire[fact] = json!(null);
            }
        };
        snapshot!(
            "who",
            each([
                ("mine", card("mine", |_| {})),
                ("nobody's", card("nobody", nothing)),
                ("a sibling's", card("sibling", |wire| wire["instance_id"] = json!(null))),
                (
                    "kept up",
                    card("mine", |wire| {
                        wire["manager"] = json!({"name": "nodemon", "pid": 41, "unit": null, "again": "on_change",
                            "stop": "kill 41"});
                    }),
                ),
                (
                    "a service of styxy up",
                    card("mine", |wire| {
                        wire["up"] =
                            json!({"service": "web", "root": "/home/ada/fix", "stop": "styxy down web"});
                    }),
                ),
                (
                    "a systemd unit",
                    card("mine", |wire| {
                        wire["manager"] = json!({"name": "systemd", "pid": null, "unit": "shop.service",
                            "again": "as_set", "stop": "systemctl --user stop shop.service"});
                    }),
                ),
                (
                    "a container's",
                    card("mine", |wire| {
                        wire["system_usage"] = json!({"addresses": [], "user": "root", "same_user": false,
                            "container": {"name": "shop-web-1", "compose_project": "shop", "compose_service": "web",
                                "folder": "/home/ada/fix/deploy"}});
                    }),
                ),
                ("foreign", card("foreign", |wire| wire["reason"] = json!("a\u{1b}[2J runs in /w"))),
                (
                    "an orphan's",
                    card("orphan", |wire| wire["system_usage"]["working_directory_deleted"] = json!(true)),
                ),
            ])
        );
    }
}
