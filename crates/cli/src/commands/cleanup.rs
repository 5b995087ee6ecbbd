//! `styxy cleanup`: look at every owner and listener now, or end everything.

use std::io::{self, Write};

use styxy_core::api::{AllocationsQuery, CleanupAnswer, CleanupRequest, Lease};

use crate::here::context::Context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, printable};

/// End the leases whose owners are gone
///
/// The daemon notices by itself when an owner ends; this makes it look at all of them now. With --force every lease
/// ends, whoever lives: servers keep running, on ports that can then be given to others.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy cleanup
  styxy cleanup --force
  styxy cleanup --force --yes   without being asked, for scripts"))]
pub(crate) struct Args {
    /// End every lease, whoever lives
    #[arg(short, long)]
    force: bool,
    /// Do not ask whether --force is meant
    #[arg(short, long, requires = "force")]
    yes: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        if self.force && !self.yes && !meant(context)? {
            output::note("Nothing was ended.");
            return Ok(Exit::Refused);
        }
        let request = CleanupRequest { force: self.force.then_some(true) };
        let answer = context.ask(async |client| client.cleanup(&request).await)?;
        context.output.answer(&answer, |out| show(&answer, out))?;
        Ok(Exit::Done)
    }
}

/// Whether the person at the terminal wants every lease to end.
fn meant(context: &Context) -> Result<bool, Failure> {
    if !output::can_ask() {
        return Err(no_terminal());
    }
    let leases =
        context.ask(async |client| client.allocations(&AllocationsQuery::default()).await)?.allocations;
    Ok(leases.is_empty() || output::confirmed(&question(leases.len()))?)
}

fn no_terminal() -> Failure {
    Failure::usage(
        "--force ends every lease, and there is no terminal to ask on whether that is meant",
        "styxy cleanup --force --yes",
    )
}

fn question(leases: usize) -> String {
    if leases == 1 { "End the one lease there is?".to_owned() } else { format!("End all {leases} leases?") }
}

fn show(answer: &CleanupAnswer, out: &mut impl Write) -> io::Result<()> {
    match answer.cleaned {
        0 => return writeln!(out, "No lease ended."),
        1 => writeln!(out, "1 lease ended:")?,
        many => writeln!(out, "{many} leases ended:")?,
    }
    answer.released.iter().try_for_each(|lease: &Lease| {
        writeln!(out, "  {} {}, {}", lease.port, facts::service(lease), printable(&facts::who(lease)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, plain, snapshot};
    use clap::Parser;

    #[test]
    fn the_question_says_how_many_leases_would_end() {
        assert_eq!(question(7), "End all 7 leases?");
        assert_eq!(question(1), "End the one lease there is?");
    }

    /// The command's arguments as a command line of their own.
    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        _args: Args,
    }

    #[test]
    fn yes_without_force_is_wrong_usage() {
        assert_eq!(Line::try_parse_from(["cleanup", "--yes"]).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn every_ended_lease_is_named() {
        let ended = |released: Vec<Lease>| {
            let cleaned = released.len();
            let answer = CleanupAnswer { success: true, cleaned, released, message: String::new() };
            plain(|out| show(&answer, out))
        };
        let lease = |port| facts::tests::lease(port, |_| {});
        snapshot!(
            "cleanup",
            each([
                ("none", ended(Vec::new())),
                ("one", ended(vec![lease(3000)])),
                ("two", ended(vec![lease(3000), lease(3001)])),
                ("no terminal", failed(no_terminal())),
            ])
        );
    }
}
