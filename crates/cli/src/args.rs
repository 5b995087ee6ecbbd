//! The command line as a whole, and how its words are read. Each subcommand's arguments are beside its code.

use std::env;

use clap::Parser;
use styxy_core::{Pid, Port, PortRange};

use crate::commands::Command;
use crate::exit::Exit;
use crate::output;

/// Examples under a command's help, in the look of clap's own headings.
macro_rules! examples {
    ($text:literal) => {
        concat!("\x1b[1;4mExamples:\x1b[0m\n", $text)
    };
}
pub(crate) use examples;

const AFTER: &str = "\
\x1b[1;4mExamples:\x1b[0m
  styxy run -- npm run dev                 a dev server on a port of its own
  styxy allocate --service dev             a port for whatever you start
  styxy list                               who has which port
  styxy check 3000                         who is on 3000, leased or not

\x1b[1;4mExit codes:\x1b[0m
  0  done
  1  refused
  2  wrong usage
  3  no daemon answers
  4  who, verify: nobody listens on the port
  5  who, verify: another worktree of this repository does
  6  who, verify: somebody else does
  7  who, verify: a server does whose worktree was deleted
  126  run: the command cannot be run
  127  run: there is no such command
  firebase exits as the command that it runs

\x1b[1;4mEnvironment:\x1b[0m
  STYXY_HOME             the daemon's folder, instead of ~/.styxy
  STYXY_INSTANCE         the agent session that leases are asked for; unset, it is
                         claude-$CLAUDE_PID, else that of the coding agent which runs
                         the command, else claude-$CLAUDE_CODE_SESSION_ID
  STYXY_AGENT=off        do not look for such an agent
  STYXY=off              styxy run runs the command as it is
  STYXY_NO_AUTOSTART=1   never start a daemon, as --no-start
  NO_COLOR=1             no colour";

/// A port for every dev server on this machine, that nobody else has.
///
/// A background daemon remembers who has which port. The first command that needs it starts it.
#[derive(Debug, Parser)]
#[command(name = "styxy", version, arg_required_else_help = true, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What may be said to every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Answer in JSON, the same as the REST API's; a refusal too, on stdout
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Do not start the daemon if none is running
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) no_start: bool,
}

/// What clap ended with instead of a command: a help text, the version, or wrong usage.
pub(crate) fn stopped(stopped: &clap::Error) -> Exit {
    let usage = stopped.use_stderr();
    if usage && env::args_os().any(|arg| arg == "--json") {
        let said = stopped.render().to_string();
        let sentence = said.lines().next().unwrap_or_default();
        output::usage_as_json(sentence.strip_prefix("error: ").unwrap_or(sentence));
    } else {
        // A reader that went away has seen enough of the help.
        let _ = stopped.print();
    }
    if usage { Exit::Usage } else { Exit::Done }
}

/// Reads `4242`.
///
/// # Errors
/// Says what came and what is allowed.
pub(crate) fn pid(text: &str) -> Result<Pid, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number
        .and_then(Pid::new)
        .ok_or_else(|| format!("{text:?} is not a pid; allowed: a whole number from 1 to 2147483647"))
}

/// Reads `3000-3099`, or one port.
///
/// # Errors
/// Says what came and what is allowed.
pub(crate) fn ports(text: &str) -> Result<PortRange, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |end: &str| end.trim().parse::<Port>().map_err(|error| error.to_string());
    let (first, last) = (port(first)?, port(last)?);
    PortRange::new(first, last)
        .ok_or_else(|| format!("the range {first}-{last} is reversed; did you mean {last}-{first}?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    /// What is said of a command line that cannot be read.
    pub(crate) fn wrong(line: &str) -> String {
        let error = Cli::try_parse_from(line.split(' ')).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        error.to_string()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_no_port_is_refused_wherever_a_port_is_asked_for() {
        for bad in ["0", "70000", "-1", "abc", "3000abc", "3.5", "+80"] {
            for line in [format!("styxy check {bad}"), format!("styxy allocate -s dev -p {bad}")] {
                let said = wrong(&line);
                let expected = format!("{bad:?} is not a port; allowed: a whole number from 1 to 65535");
                assert!(said.contains(&expected), "{line}: {said}");
            }
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_what_is_allowed() {
        let long = "x".repeat(300);
        for bad in ["a b", "a\"b", "ü", long.as_str()] {
            for option in ["-s", "-n", "--instance"] {
                let line = ["styxy", "allocate", "-s", "dev", option, bad];
                let error = Cli::try_parse_from(line).expect_err(bad);
                assert_eq!(error.exit_code(), 2);
                assert!(error.to_string().contains("; allowed: letters, digits"), "{option} {bad}: {error}");
            }
        }
    }

    #[test]
    fn an_unknown_command_is_told_the_nearest_one() {
        assert!(wrong("styxy alocate").contains("'allocate'"));
        assert!(wrong("styxy daemon strat").contains("'start'"));
        assert!(wrong("styxy lst").contains("'list'"));
    }

    #[test]
    fn every_command_that_people_see_has_an_example() {
        fn check(command: &clap::Command) {
            for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
                let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(after.contains("Examples:\n  styxy "), "{}", command.get_name());
                assert!(command.get_about().is_some(), "{}", command.get_name());
                check(command);
            }
        }
        check(&Cli::command());
    }

    #[test]
    fn the_help_lists_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        let exits = [
            Exit::Done,
            Exit::Refused,
            Exit::Usage,
            Exit::Unreachable,
            Exit::Nobody,
            Exit::Sibling,
            Exit::Foreign,
            Exit::Orphan,
            Exit::NotExecutable,
            Exit::NotFound,
        ];
        for exit in exits {
            assert!(help.contains(&format!("\n  {}  ", exit.code())), "{help}");
        }
    }

    #[test]
    fn a_duration_may_have_units() {
        for line in
            ["styxy wait dev --timeout 30s", "styxy kill 3000 --grace 500ms", "styxy wait dev --timeout 0.5"]
        {
            Cli::try_parse_from(line.split(' ')).expect(line);
        }
        for bad in ["-1", "1e3", "inf", "2d"] {
            let said = wrong(&format!("styxy wait dev --timeout {bad}"));
            assert!(
                said.contains(&format!("{bad:?} is not a duration; allowed: 0 to 86400 seconds")),
                "{said}"
            );
        }
    }

    #[test]
    fn pids_and_ranges_are_whole_numbers_in_order() {
        assert_eq!(pid("4242").map(Pid::get), Ok(4242));
        for bad in ["", "0", "-1", "abc", "1.5", "2147483648", "99999999999"] {
            assert!(pid(bad).is_err(), "{bad}");
        }
        assert_eq!(ports("3000-3099").unwrap().to_string(), "3000-3099");
        assert_eq!(ports("3000").unwrap().to_string(), "3000-3000");
        assert!(ports("3099-3000").unwrap_err().contains("did you mean 3000-3099?"));
        for bad in ["", "-", "3000-", "-3000", "0-10", "3000-70000", "a-b", "1-2-3"] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }
}
