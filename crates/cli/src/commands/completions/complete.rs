//! `styxy complete` (hidden): what the scripts of `styxy completions` ask.
//!
//! One line for each candidate, with a description behind a tab (for zsh behind a colon, for bash without). A line that
//! begins with a tab is for the shell: `folders` and `files` of its own, or a number: the command line that begins at this
//! word has completions of its own. `words` says that each candidate below it is several words, quoted where they must be (fish
//! inserts one word only, and gets the first). Scripts are kept in files, so this stays as it is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::{env, iter};

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, complete};

use super::{Shell, sources};
use crate::devserver::package::Package;
use crate::here::caller::caller;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line};
use crate::say::shell_word::quoted;

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
        output::text(shown(&answer(command, words), self.shell).as_bytes())?;
        Ok(Exit::Done)
    }
}

/// What completes a word.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Lines(Vec<Line>),
    /// Command lines, where one may begin and nothing is typed of it.
    Words(Vec<Script>),
}

/// A script of package.json, or a task of Deno's.
#[derive(Debug, PartialEq, Eq)]
struct Script {
    /// `npm run`
    words: [String; 2],
    name: String,
    text: String,
}

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Candidate { value: String, help: Option<String> },
    Shell(String),
}

/// The whole answer, as `shell` reads it.
fn shown(answer: &Answer, shell: Shell) -> String {
    match answer {
        Answer::Lines(lines) => lines.iter().map(|line| line.shown(shell)).collect(),
        Answer::Words(scripts) if shell == Shell::Fish => {
            let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for Script { words: [program, _], name, .. } in scripts {
                names.entry(program).or_default().push(name);
            }
            let line = |(program, names): (&str, Vec<&str>)| Line::Candidate {
                value: program.to_owned(),
                help: Some(one_line(&format!("runs {}", names.join(", "))).into_owned()),
            };
            names.into_iter().map(|names| line(names).shown(shell)).collect()
        }
        Answer::Words(scripts) => {
            let line = |Script { words: [program, run], name, text }: &Script| Line::Candidate {
                value: one_line(&format!("{program} {run} {}", quoted(name))).into_owned(),
                help: Some(text.clone()),
            };
            let lines = scripts.iter().map(|script| line(script).shown(shell));
            iter::once("\twords\n".to_owned()).chain(lines).collect()
        }
    }
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
fn answer(command: Command, words: Vec<OsString>) -> Answer {
    let mut command = known(command);
    command.build();
    let index = words.len() - 1;
    let is_empty = words[index].is_empty();
    match command_start(&command, &words) {
        // Every program in PATH fits here. That many are a list that nobody reads.
        Some(start) if start == index && is_empty && words[index - 1] != "--" => {
            let scripts = of_package();
            if !scripts.is_empty() {
                return Answer::Words(scripts);
            }
        }
        Some(start) => {
            let scripts = scripts(&words[start..]);
            let own = || vec![Line::Shell(start.to_string())];
            return Answer::Lines(if scripts.is_empty() { own() } else { scripts });
        }
        None => {}
    }
    Answer::Lines(of_styxy(&mut command, words))
}

/// What Styxy's own arguments are completed with.
fn of_styxy(command: &mut Command, words: Vec<OsString>) -> Vec<Line> {
    let index = words.len() - 1;
    let is_empty = words[index].is_empty();
    // A command line that cannot be read has no completion.
    let candidates = complete(command, words, index, env::current_dir().ok().as_deref()).unwrap_or_default();
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

/// The scripts of the package, each with the command that runs it.
fn of_package() -> Vec<Script> {
    let caller = caller();
    let package = caller.folder().and_then(|folder| Package::around(folder).ok());
    let Some(package) = package else { return Vec::new() };
    let script = |name: &str| {
        let [program, run, _] = package.command(name, caller.root());
        Script {
            words: [program, run].map(str::to_owned),
            name: name.to_owned(),
            text: package.script(name).map(|text| one_line(text).into_owned()).unwrap_or_default(),
        }
    };
    package.scripts().map(script).collect()
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
    // A name of the list, or a folder.
    if matches!((command, arg.get_id().as_str()), ("list" | "top", "project")) {
        return arg.add(ArgValueCompleter::new(|typed: &std::ffi::OsStr| {
            let named = sources::projects(&typed.to_string_lossy());
            if named.is_empty() { vec![CompletionCandidate::new("\tfolders")] } else { named }
        }));
    }
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
        (_, _, Some("TARGET")) | ("list" | "top", "port", _) => {
            arg.add(ArgValueCandidates::new(sources::leased))
        }
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
        let answer = answer(command(), line.split(' ').map(OsString::from).collect());
        shown(&answer, Shell::Fish).split_inclusive('\n').map(str::to_owned).collect()
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
    #[cfg_attr(windows, ignore = "the quotes are those of Unix shells")]
    fn scripts_are_command_lines_where_the_shell_can_insert_one() {
        let script = |words: [&str; 2], name: &str| Script {
            words: words.map(str::to_owned),
            name: name.to_owned(),
            text: "vite".to_owned(),
        };
        let scripts = ["dev", "build: all", "it's"].map(|name| script(["npm", "run"], name));
        let answer = Answer::Words(scripts.into_iter().chain([script(["deno", "task"], "serve")]).collect());
        let said = [Shell::Bash, Shell::Zsh, Shell::Fish].map(|shell| shown(&answer, shell));
        assert_eq!(
            said,
            [
                "\twords\nnpm run dev\nnpm run 'build: all'\nnpm run 'it'\\''s'\ndeno task serve\n",
                "\twords\nnpm run dev:vite\nnpm run 'build\\: all':vite\nnpm run 'it'\\\\''s':vite\ndeno task serve:vite\n",
                "deno\truns serve\nnpm\truns dev, build: all, it's\n",
            ]
        );
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
