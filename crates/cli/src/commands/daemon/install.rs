//! `styxy daemon install`: makes the daemon start at login.

use std::io::{self, Write};

use serde::Serialize;

use crate::here::context::Context;
use crate::here::login::Login;
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
  styxy daemon install --yes   without confirmation, for scripts
  styxy daemon uninstall       undo it"))]
pub(crate) struct Args {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// What was done; with `--json` the answer.
#[derive(Debug, Serialize)]
pub(super) struct Done<'l> {
    #[serde(flatten)]
    pub(super) login: &'l Login,
    /// Whether anything changed.
    pub(super) changed: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let login = Login::here()?;
        login.is_there()?;
        let changed = !login.is_current();
        if changed {
            output::note(&shown(&login));
            if !self.yes && !confirmed("Start the daemon at login?", "styxy daemon install --yes")? {
                return Ok(Exit::Refused);
            }
            login.put()?;
        }
        context.output.answer(&Done { login: &login, changed }, |out| done(&login, changed, out))?;
        Ok(Exit::Done)
    }
}

/// Whether the person at the terminal says yes; `typed` is for those who have none.
pub(super) fn confirmed(question: &str, typed: &str) -> Result<bool, Failure> {
    if !output::can_ask() {
        return Err(Failure::usage(
            "there is no terminal to ask for confirmation; nothing was changed",
            typed,
        ));
    }
    let confirmed = output::confirmed(question)?;
    if !confirmed {
        output::note("Nothing was changed.");
    }
    Ok(confirmed)
}

fn shown(login: &Login) -> String {
    let text: Vec<String> = login.text.lines().map(|line| format!("  | {line}")).collect();
    format!(
        "This file will be written, {}:\n{}\nand this will be run:\n{}",
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
