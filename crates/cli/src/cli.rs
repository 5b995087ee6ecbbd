//! The command line as a whole: the global options, the list of commands, and which one runs. Each command's own
//! arguments are beside its code.

use std::env;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Args as _, CommandFactory, FromArgMatches as _, Parser, Subcommand};
use styxy_core::printable::is_hidden;

#[cfg(target_os = "linux")]
use crate::commands::{agent, guard};
use crate::commands::{
    allocate, allow, check, cleanup, completions, config, daemon, doctor, down, env as env_command, firebase,
    hook, hooks, init, instances, kill, list, logs, man, mcp, open, ps, release, run, scan, suggest,
    uninstall, up, verify, wait, who,
};
use crate::here::context::{Autostart, Context};
use crate::mistyped::{Stopped, script};
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format, Output};

const AFTER: &str = "\
\x1b[1;4mExamples:\x1b[0m
  styxy run -- npm run dev                 a dev server on its own port
  styxy up                                 all services of this worktree
  styxy allocate --service dev             a port for any program you start
  styxy list                               who has which port
  styxy check 3000                         who is on port 3000, leased or not

\x1b[1;4mExit codes:\x1b[0m
  0  success
  1  refused
  2  wrong usage
  3  the daemon does not answer
  4  who, verify: nothing listens on the port
  5  who, verify: it is the server of another worktree of this repository
  6  who, verify: it is somebody else's server
  7  who, verify: it is a server whose worktree was deleted
  126  run: the command cannot be executed
  127  run: the command was not found
  firebase exits with the code of the command that it runs

\x1b[1;4mEnvironment:\x1b[0m
  STYXY_HOME             the daemon's folder [default: ~/.styxy]
  STYXY_INSTANCE         the agent session that leases are for [default:
                         claude-$CLAUDE_PID, else that of the coding agent which
                         runs the command, else claude-$CLAUDE_CODE_SESSION_ID]
  STYXY_AGENT=off        do not look for the coding agent which runs the command
  STYXY=off              styxy run runs the command unchanged, and the guard is off
  STYXY_GUARD=off        the guard is off
  STYXY_NO_AUTOSTART=1   never start the daemon, like --no-start
  NO_COLOR=1             no colours";

/// A port for every dev server on this machine, that nobody else has.
///
/// A background daemon keeps track of who has which port. The first command that needs it starts it.
#[derive(Debug, Parser)]
#[command(name = "styxy", version, arg_required_else_help = true, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The options of every command.
#[derive(Debug, clap::Args)]
struct Global {
    /// Print JSON as the REST API does, refusals too, on stdout
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    /// Do not start the daemon if it is not running
    #[arg(long, global = true, help_heading = "Global options")]
    no_start: bool,
}

/// The subcommands, in the order the help lists them.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Up(up::Args),
    Down(down::Args),
    Logs(logs::Args),
    Ps(ps::Args),
    Allocate(allocate::Args),
    Release(release::Args),
    Env(env_command::Args),
    Check(check::Args),
    Who(who::Args),
    Verify(verify::Args),
    Wait(wait::Args),
    Open(open::Args),
    Kill(kill::Args),
    Firebase(firebase::Args),
    #[cfg(target_os = "linux")]
    Agent(agent::Args),
    #[cfg(target_os = "linux")]
    #[command(subcommand)]
    Guard(guard::Command),
    #[command(subcommand)]
    Hooks(hooks::Command),
    Hook(hook::Args),
    Suggest(suggest::Args),
    List(list::Args),
    Top(list::Top),
    Instances(instances::Args),
    Scan(scan::Args),
    Cleanup(cleanup::Args),
    Status(daemon::status::Args),
    #[command(subcommand)]
    Daemon(daemon::Command),
    #[command(subcommand)]
    Config(config::Command),
    Mcp(mcp::Args),
    Init(init::Args),
    Allow(allow::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Uninstall(uninstall::Args),
    #[command(hide = true)]
    Complete(completions::complete::Args),
    #[command(hide = true)]
    Man(man::Args),
    #[command(hide = true)]
    Keeper(crate::commands::keeper::Args),
}

impl Command {
    /// The command of this name by itself, if it is one of those that shells, agents and programs run all the time: to know them all
    /// takes longer than what most of these do.
    fn alone(name: &str) -> Option<clap::Command> {
        fn of<Args: clap::Args>(name: &'static str) -> clap::Command {
            Args::augment_args(clap::Command::new(name))
        }
        Some(match name {
            "run" => of::<run::Args>("run"),
            "allocate" => of::<allocate::Args>("allocate"),
            "release" => of::<release::Args>("release"),
            "env" => of::<env_command::Args>("env"),
            "check" => of::<check::Args>("check"),
            "who" => of::<who::Args>("who"),
            "verify" => of::<verify::Args>("verify"),
            "wait" => of::<wait::Args>("wait"),
            "hook" => of::<hook::Args>("hook"),
            "list" => of::<list::Args>("list"),
            _ => return None,
        })
    }

    /// Runs the command; returns how it ended.
    fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Run(args) => args.run(context),
            Self::Up(args) => args.run(context),
            Self::Down(args) => args.run(context),
            Self::Ps(args) => args.run(context),
            Self::Env(args) => args.run(context),
            Self::Allocate(args) => args.run(context),
            Self::Release(args) => args.run(context),
            Self::Check(args) => args.run(context),
            Self::Who(args) => args.run(context),
            Self::Verify(args) => args.run(context),
            Self::Wait(args) => args.run(context),
            Self::Open(args) => args.run(context),
            Self::Kill(args) => args.run(context),
            Self::Firebase(args) => args.run(context),
            #[cfg(target_os = "linux")]
            Self::Agent(args) => args.run(context),
            #[cfg(target_os = "linux")]
            Self::Guard(command) => command.run(context),
            Self::Hook(args) => args.run(),
            Self::Hooks(command) => command.run(),
            Self::Suggest(args) => args.run(context),
            Self::List(args) => args.run(context),
            Self::Top(args) => args.run(context),
            Self::Instances(args) => args.run(context),
            Self::Scan(args) => args.run(context),
            Self::Cleanup(args) => args.run(context),
            Self::Status(args) => args.run(context),
            Self::Logs(args) => args.run(context),
            Self::Daemon(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Mcp(args) => args.run(context),
            Self::Init(args) => args.run(context),
            Self::Allow(args) => args.run(context),
            Self::Doctor(args) => args.run(context),
            Self::Uninstall(args) => args.run(context),
            Self::Completions(args) => args.run(),
            Self::Complete(args) => args.run(Cli::command()),
            Self::Man(args) => args.run(Cli::command()),
            Self::Keeper(args) => args.run(),
        }
    }
}

/// Reads the command line and runs its command; returns how that ended.
pub(crate) fn main() -> Exit {
    if let Some((text, args)) = run::script() {
        let shown = Output::new(Format::Human);
        return run::run_script(text, &args).unwrap_or_else(|failure| shown.failure(&failure));
    }
    let words: Vec<OsString> = env::args_os().collect();
    let Cli { global, command } = match alone(&words).map_or_else(|| Cli::try_parse_from(&words), Ok) {
        Ok(cli) => cli,
        Err(stopped) => return self::stopped(stopped),
    };
    let format = if global.json { Format::Json } else { Format::Human };
    let autostart = if global.no_start { Autostart::Never } else { Autostart::FromEnvironment };
    let context = Context::new(format, autostart);
    command.run(&context).unwrap_or_else(|failure| context.output.failure(&failure))
}

/// The command line, if all of it is right and its command is one that is known by itself.
fn alone(words: &[OsString]) -> Option<Cli> {
    let is_global = |word: &&str| ["--json", "--no-start"].contains(word);
    let name = words.iter().skip(1).map_while(|word| word.to_str()).find(|word| !is_global(word))?;
    let command = Global::augment_args(clap::Command::new("styxy")).subcommand(Command::alone(name)?);
    Cli::from_arg_matches(&command.try_get_matches_from(words).ok()?).ok()
}

/// What clap returned instead of a command: a help text, the version, or wrong usage.
fn stopped(error: clap::Error) -> Exit {
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && words.is_empty() {
        // Whoever types the name alone asks what it is. A reader that went away has seen enough.
        let _ = output::text(error.render().ansi().to_string().as_bytes());
        return Exit::Done;
    }
    let Stopped { error: stopped, hint } = Stopped::new(error, &words, script);
    let usage = stopped.use_stderr();
    if usage && words.iter().any(|word| word == "--json") {
        let said = stopped.render().to_string();
        let sentence = said.lines().next().unwrap_or_default();
        output::usage_as_json(sentence.strip_prefix("error: ").unwrap_or(sentence), hint);
    } else if usage && words.iter().any(|word| word.contains(is_hidden)) {
        // The message repeats the argument, which may be another program's: without colours, and without its controls.
        output::note(stopped.render().to_string().trim_end());
    } else {
        // A reader that went away has seen enough.
        let _ = stopped.print();
    }
    if usage { Exit::Usage } else { Exit::Done }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistyped;
    use crate::say::shown::{each, snapshot};
    use clap::{CommandFactory, Parser};

    /// What is printed instead of running `line`, on a terminal with so many columns.
    fn instead(line: &str, columns: usize) -> clap::Error {
        let command = Cli::command().term_width(columns);
        command.try_get_matches_from(line.split(' ')).expect_err(line)
    }

    /// The visible commands, as they are typed: `styxy`, `styxy hooks install`.
    fn commands() -> Vec<String> {
        fn below(command: &clap::Command, line: &str) -> Vec<String> {
            let seen = command.get_subcommands().filter(|command| !command.is_hide_set());
            let more = seen.flat_map(|command| below(command, &format!("{line} {}", command.get_name())));
            std::iter::once(line.to_owned()).chain(more).collect()
        }
        below(&Cli::command(), "styxy")
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_by_itself_is_read_as_it_is_among_all() {
        let read = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let all = Cli::try_parse_from(&words).ok();
            (alone(&words).map(|cli| format!("{cli:?}")), all.map(|cli| format!("{cli:?}")))
        };
        let right = "run -- npm run dev;--no-start run -p 3000 vite --port 1;--json allocate -s dev -s api --reuse;release 3000 dev --json;\
            env dev;check :3000;who 3000;verify dev;wait dev;hook claude;list";
        for line in right.split(';').map(|line| format!("styxy {}", line.trim_start())) {
            let (alone, all) = read(&line);
            assert!(alone.is_some() && alone == all, "{line}: {alone:?} {all:?}");
        }
        for line in ["styxy", "styxy allocate", "styxy run --help", "styxy who -V", "styxy --wrong list"] {
            assert_eq!(read(line), (None, None), "{line}");
        }
        let known = Cli::command();
        for among in known.get_subcommands() {
            let Some(alone) = Command::alone(among.get_name()) else { continue };
            assert_eq!(alone.get_name(), among.get_name());
            assert!(alone.get_arguments().eq(among.get_arguments()), "{}", alone.get_name());
        }
    }

    #[test]
    fn what_is_hidden_is_never_suggested() {
        let command = Cli::command();
        let hidden = command.get_subcommands().filter(|command| command.is_hide_set());
        let hidden: Vec<&str> = hidden.map(clap::Command::get_name).collect();
        assert_eq!(hidden, mistyped::HIDDEN);
    }

    #[test]
    #[cfg_attr(not(target_os = "linux"), ignore = "the commands of the guard are listed")]
    fn every_help_text_is_the_reviewed_one() {
        for line in commands() {
            let shown = [100, 60].into_iter().flat_map(|columns| {
                let help = |flag: &str| instead(&format!("{line} {flag}"), columns).render().to_string();
                let (short, long) = (help("-h"), help("--help"));
                let title = |flags: &str| format!("{line} {flags}, {columns} columns");
                if short == long {
                    return vec![(title("-h and --help"), short)];
                }
                vec![(title("-h"), short), (title("--help"), long)]
            });
            snapshot!(line.replacen("styxy", "help", 1).replace(' ', "_"), each(shown));
        }
    }

    #[test]
    fn an_invalid_port_is_refused_with_what_is_allowed() {
        for bad in ["0", "70000", "-1", "abc", "3000abc", "3.5", "+80"] {
            let line = format!("styxy allocate -s dev -p {bad}");
            let said = instead(&line, 100).to_string();
            let expected = format!("{bad:?} is not a port; allowed: a whole number from 1 to 65535");
            assert!(said.contains(&expected), "{line}: {said}");
        }
    }

    #[test]
    fn every_command_that_takes_a_target_reads_it_alike() {
        let said = |command: &str, text: &str| {
            let said = instead(&format!("styxy {command} {text}"), 100).to_string();
            // `release` takes several, and `open --view` none.
            said.lines().next().unwrap().replace("<TARGET>...", "<TARGET>").replace("[TARGET]", "<TARGET>")
        };
        for bad in ["0", "70000", "-1", "3.5", "+80", "localhost", "http://example.com:3000/x", "a:b:c"] {
            for command in ["who", "verify", "wait", "open", "kill", "release"] {
                assert_eq!(said(command, bad), said("check", bad), "{command} {bad}");
            }
        }
        let lines =
            ["3000", ":3000", "localhost:3000", "http://[::1]:3000/x", "dev", "dev/packages.web", "4f5e"];
        for command in ["check", "who", "verify", "wait", "open", "kill", "release"] {
            for text in lines {
                assert!(Cli::try_parse_from(["styxy", command, text]).is_ok(), "{command} {text}");
            }
        }
    }

    #[test]
    fn an_invalid_name_is_refused_with_what_is_allowed() {
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
    fn every_visible_command_has_an_example() {
        for line in commands() {
            let help = instead(&format!("{line} --help"), 100).to_string();
            assert!(help.contains("Examples:\n  styxy "), "{line}");
        }
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
}
