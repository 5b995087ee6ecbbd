//! `styxy daemon install`: makes the daemon start at login.

use std::io::{self, Write};

use serde::Serialize;

use crate::here::context::Context;
use crate::here::login::Login;
use crate::say::consent::{Consent, nothing_was_changed};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Start the daemon at login
///
/// Nobody needs this: any command starts the daemon. It is for programs that only speak HTTP to port 9876, and for a daemon that
/// inherits nothing from a terminal. It shows the file that it writes and the commands that it runs, and asks first. The file
/// runs styxy daemon start: after an update the first command replaces that daemon like any other one.
///
/// Linux: a systemd user unit. macOS: a launch agent. Windows: a scheduled task.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon install
  styxy daemon install --dry-run   show what would be done
  styxy daemon install --yes       without confirmation, for scripts
  styxy daemon uninstall           undo it"))]
pub(crate) struct Args {
    #[command(flatten)]
    consent: Consent,
}

/// What was done; with `--json` the answer.
#[derive(Debug, Serialize)]
pub(super) struct Done<'l> {
    #[serde(flatten)]
    pub(super) login: &'l Login,
    /// Whether anything changed.
    pub(super) changed: bool,
    /// Whether anything would; with `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) would_change: Option<bool>,
}

impl<'l> Done<'l> {
    /// What was done.
    pub(super) const fn new(login: &'l Login, changed: bool) -> Self {
        Self { login, changed, would_change: None }
    }
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let login = Login::here()?;
        login.is_there()?;
        let changed = !login.is_current();
        if changed {
            let plan = shown(&login, self.consent.will());
            if self.consent.is_dry() {
                return would_be(context, &login, &plan);
            }
            output::note(&plan);
            if !self.consent.is_given("Start the daemon at login?", "styxy daemon install --yes")? {
                return Ok(Exit::Refused);
            }
            login.put()?;
        }
        context.output.answer(&Done::new(&login, changed), |out| done(&login, changed, out))?;
        Ok(Exit::Done)
    }
}

/// Shows the plan of a change that is not made.
pub(super) fn would_be(context: &Context, login: &Login, plan: &str) -> Result<Exit, Failure> {
    let answer = Done { login, changed: false, would_change: Some(true) };
    context.output.answer(&answer, |out| writeln!(out, "{plan}"))?;
    nothing_was_changed();
    Ok(Exit::Done)
}

fn shown(login: &Login, will: &str) -> String {
    let text: Vec<String> = login.text.lines().map(|line| format!("  | {line}")).collect();
    format!(
        "This file {will} be written, {}:\n{}\nand this {will} be run:\n{}",
        login.file.display(),
        text.join("\n"),
        lines(&login.install)
    )
}

/// A line for each command.
pub(super) fn lines(commands: &[Vec<String>]) -> String {
    commands.iter().map(|words| format!("  {}", words.join(" "))).collect::<Vec<_>>().join("\n")
}

fn done(login: &Login, changed: bool, out: &mut impl Write) -> io::Result<()> {
    let file = login.file.display();
    if changed {
        writeln!(out, "The daemon starts at login ({file}). To undo it: styxy daemon uninstall")
    } else {
        writeln!(out, "The daemon starts at login already ({file}).")
    }
}
