//! `styxy complete` (hidden): what the scripts of `styxy completions` ask.
//!
//! One line for each candidate, with a description behind a tab (for zsh behind a colon, for bash without). A line that
//! begins with a tab is for the shell: `folders` and `files` of its own, or a number: the command line that begins at this
//! word has completions of its own. Scripts are kept in files, so this stays as it is.

use std::env;
use std::ffi::OsString;

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, complete};

use super::{Shell, sources};
use crate::devserver::package::Package;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line};

/// Say what completes a command line
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell that asks
    shell: Shell,
    /// Which word is completed; 0 is `styxy`
    index: usize,
    /// The command line up to the cursor
    #[arg(last = true)]
    words: Vec<OsString>,
}

impl Args {
    /// Says what completes the last of the words, in the command line of `command`.
    pub(crate) fn run(self, command: Command) -> Result<Exit, Failure> {
        let mut words = self.words;
        // An empty word gets lost on its way out of some shells.
        if words.len() == self.index {
            words.push(OsString::new());
        }
        words.truncate(self.index.saturating_add(1));
        if words.len() <= self.index {
            return Ok(Exit::Done);
        }
        let lines: String = lines(command, words).iter().map(|line| line.shown(self.shell)).collect();
        output::text(lines.as_bytes())?;
        Ok(Exit::Done)
    }
}

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Candidate { value: String, help: Option<String> },
    Shell(String),
}

impl Line {
    fn shown(&self, shell: Shell) -> String {
        match (self, shell) {
            (Self::Shell(what), _) => format!("\t{what}\n"),
            (Self::Candidate { value, .. }, Shell::Bash)
            | (Self::Candidate { value, help: None }, Shell::Fish | Shell::Power) => {
                format!("{value}\n")
            }
            (Self::Candidate { value, help: Some(help) }, Shell::Fish | Shell::Power) => {
                format!("{value}\t{help}\n")
            }
            (Self::Candidate { value, help }, Shell::Zsh) => {
                let value = value.replace('\\', "\\\\").replace(':', "\\:");
                let help = help.as_ref().map(|help| format!(":{help}")).unwrap_or_default();
                format!("{value}{help}\n")
            }
        }
    }
}

/// What completes the last word.
fn lines(command: Command, words: Vec<OsString>) -> Vec<Line> {
    let mut command = known(command);
    command.build();
    if let Some(start) = command_start(&command, &words) {
        let scripts = scripts(&words[start..]);
        return if scripts.is_empty() { vec![Line::Shell(start.to_string())] } else { scripts };
    }
    let index = words.len() - 1;
    let is_empty = words[index].is_empty();
    // A command line that cannot be read has no completion.
    let candidates =
        complete(&mut command, words, index, env::current_dir().ok().as_deref()).unwrap_or_default();
    let lines: Vec<Line> = candidates.iter().map(line).collect();
    if let Some(shell) = lines.iter().find(|line| matches!(line, Line::Shell(_))) {
        return vec![shell.clone()];
    }
    // Options are offered where they begin, or where nothing else can be.
    let is_option = |line: &Line| matches!(line, Line::Candidate { value, .. } if value.starts_with('-'));
    if is_empty && !lines.iter().all(is_option) {
        return lines.into_iter().filter(|line| !is_option(line)).collect();
    }
    lines
}

fn line(candidate: &CompletionCandidate) -> Line {
    let value = candidate.get_value().to_string_lossy();
    if let Some((_, what)) = value.split_once('\t') {
        return Line::Shell(what.to_owned());
    }
    let help = candidate.get_help().map(ToString::to_string);
    let help = help.as_deref().and_then(|help| help.lines().next()).map(|help| one_line(help).into_owned());
    Line::Candidate { value: one_line(&value).into_owned(), help }
}

/// Where the command begins that `styxy run` or `styxy firebase` runs, if the last word is in it.
fn command_start(command: &Command, words: &[OsString]) -> Option<usize> {
    let last = words.len() - 1;
    let text = |at: usize| words.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    let name = (1..last).find(|at| !text(*at).starts_with('-'))?;
    let command = command.find_subcommand(text(name))?;
    command.get_positionals().find(|positional| positional.is_trailing_var_arg_set())?;
    let takes_value = |word: &str| {
        let is_it = |option: &&Arg| match word.strip_prefix("--") {
            Some(long) => option.get_long() == Some(long),
            // The last of several short ones.
            None => option.get_short().is_some_and(|short| word.ends_with(short)),
        };
        let option = command.get_arguments().find(|option| !option.is_positional() && is_it(option));
        option.is_some_and(|option| option.get_action().takes_values())
    };
    let mut at = name + 1;
    while at <= last {
        match text(at) {
            "--" => return (at < last).then_some(at + 1),
            word if word.starts_with('-') => at += if takes_value(word) { 2 } else { 1 },
            // The first word of a command is completed like one; before it an option may still come.
            _ => return Some(at),
        }
    }
    None
}

/// The scripts of package.json, where a package manager is asked to run one.
fn scripts(words: &[OsString]) -> Vec<Line> {
    let text: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let [before @ .., current] = &text[..] else { return Vec::new() };
    let runs =
        matches!(before, ["npm" | "pnpm" | "yarn" | "bun", "run" | "run-script"] | ["pnpm" | "yarn" | "bun"]);
    let package = env::current_dir().ok().filter(|_| runs).and_then(|folder| Package::around(&folder).ok());
    let Some(package) = package else { return Vec::new() };
    let named = package.scripts().filter(|name| name.starts_with(current));
    let line = |name: &str| Line::Candidate {
        value: one_line(name).into_owned(),
        help: package.script(name).map(|text| one_line(text).into_owned()),
    };
    named.map(line).collect()
}

/// `command` with what is known of the values of its arguments.
fn known(command: Command) -> Command {
    command.mut_subcommands(|subcommand| {
        let of = subcommand.get_name().to_owned();
        known(subcommand.mut_args(move |arg| with_values(&of, arg)))
    })
}

fn with_values(command: &str, arg: Arg) -> Arg {
    let for_shell = |what: &'static str| {
        ArgValueCompleter::new(move |_: &std::ffi::OsStr| vec![CompletionCandidate::new(format!("\t{what}"))])
    };
    match arg.get_value_hint() {
        ValueHint::DirPath => return arg.add(for_shell("folders")),
        ValueHint::FilePath => return arg.add(for_shell("files")),
        _ => {}
    }
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    match (command, arg.get_id().as_str(), value.as_deref()) {
        ("check" | "who" | "verify" | "kill", _, Some("TARGET")) => {
            arg.add(ArgValueCandidates::new(sources::listening))
        }
        (_, _, Some("TARGET")) | ("list", "port", _) => arg.add(ArgValueCandidates::new(sources::leased)),
        (_, "instance", _) => arg.add(ArgValueCandidates::new(sources::sessions)),
        (_, "name", _) => arg.add(ArgValueCandidates::new(sources::names)),
        (_, _, Some("TYPE" | "SERVICE")) => arg.add(ArgValueCandidates::new(sources::services)),
        _ => arg,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command line with the sorts of argument that matter.
    fn command() -> Command {
        let run = Command::new("run")
            .arg(Arg::new("service").short('s').long("service").value_name("TYPE"))
            .arg(Arg::new("quiet").short('q').long("quiet").action(clap::ArgAction::SetTrue))
            .arg(Arg::new("command").num_args(1..).trailing_var_arg(true));
        let open = Command::new("open").arg(Arg::new("folder").long("folder").value_hint(ValueHint::DirPath));
        Command::new("styxy").subcommand(run).subcommand(open)
    }

    fn of(line: &str) -> Vec<String> {
        let lines = lines(command(), line.split(' ').map(OsString::from).collect());
        lines.iter().map(|line| line.shown(Shell::Fish)).collect()
    }

    #[test]
    fn commands_and_options_are_completed() {
        assert_eq!(of("styxy ru"), ["run\n"]);
        assert_eq!(
            of("styxy "),
            ["run\n", "open\n", "help\tPrint this message or the help of the given subcommand(s)\n"]
        );
        assert_eq!(of("styxy run --q"), ["--quiet\n"]);
    }

    #[test]
    fn behind_run_the_commands_own_completion_counts() {
        for (line, start) in [
            ("styxy run -- ", 3),
            ("styxy run -- vi", 3),
            ("styxy run vite --po", 2),
            ("styxy --json run -s api -- npm ru", 6),
            ("styxy run -qs api vite ", 4),
            ("styxy run -q vite -- --port", 3),
            ("styxy run --service=api vi", 3),
        ] {
            assert_eq!(of(line), [format!("\t{start}\n")], "{line}");
        }
        assert_eq!(of("styxy run --"), ["--service\n", "--quiet\n", "--help\tPrint help\n"]);
    }

    #[test]
    fn folders_are_the_shells_to_complete() {
        assert_eq!(of("styxy open --folder "), ["\tfolders\n"]);
        assert_eq!(of("styxy open --folder=x"), ["\tfolders\n"]);
    }

    #[test]
    fn each_shell_gets_what_it_can_show() {
        let line = Line::Candidate { value: "a:b".to_owned(), help: Some("c: d".to_owned()) };
        let shown = [Shell::Bash, Shell::Zsh, Shell::Fish].map(|shell| line.shown(shell));
        assert_eq!(shown, ["a:b\n", "a\\:b:c: d\n", "a:b\tc: d\n"]);
    }
}
