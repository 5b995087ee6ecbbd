//! A row of the table: when a tool is a server, and how it gets its port.

use crate::devserver::options::value;

/// A tool that listens, or several that get their port in the same way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framework {
    /// What people call it.
    pub(crate) name: &'static str,
    /// The programs, packages or Python modules it is started by.
    pub(crate) commands: &'static [&'static str],
    /// When such a program is a server.
    pub(crate) when: When,
    /// Flags with a value that could be mistaken for a subcommand or a port.
    pub(crate) valued: &'static [&'static str],
    /// How it gets its port.
    pub(crate) port: Way,
    /// Where words are added to its arguments.
    pub(crate) place: Place,
    /// Flags that keep it from moving to another port by itself.
    pub(crate) strict: &'static [&'static str],
    /// Variables that it reads, with `{port}` in their values; every command also gets `PORT`.
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// The service type used if none is named.
    pub(crate) service: &'static str,
    /// Further ports that it listens on.
    pub(crate) more: &'static [Second],
    /// The version that was tried with Styxy, two at once; empty if none was.
    pub(crate) tried: &'static str,
    /// A note for the page.
    pub(crate) note: &'static str,
}

/// A further port of a tool: its inspector, its live reload, its user interface (R67).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Second {
    /// The service type of its lease.
    pub(crate) service: &'static str,
    /// The port that the tool has if nobody names one.
    pub(crate) default: u16,
    /// When the tool listens on it.
    pub(crate) when: When,
    /// How the tool gets it.
    pub(crate) port: Way,
    /// Variables that name it, with `{port}` in their values, and `{inherited}` for the value that the variable has.
    pub(crate) env: &'static [(&'static str, &'static str)],
}

/// When a program is a server, or has a further port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Always.
    Always,
    /// With one of these subcommands.
    Sub(&'static [&'static str]),
    /// Without one of these subcommands.
    Unless(&'static [&'static str]),
    /// With one of these flags.
    Flag(&'static [&'static str]),
    /// Without one of these flags.
    NoFlag(&'static [&'static str]),
    /// With one of these words anywhere, perhaps behind a path: `bootRun`, `:web:bootRun`.
    Task(&'static [&'static str]),
}

/// How a tool gets its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a flag and its value.
    Flag {
        /// The one that is written.
        write: &'static str,
        /// Its value, with `{port}` in it.
        value: &'static str,
        /// Others that mean the same.
        also: &'static [&'static str],
        /// What happens if the flag is given twice.
        twice: Twice,
    },
    /// By an argument without a flag: `8000` or `127.0.0.1:8000`.
    Word,
    /// By the value of one of these flags, as `-S localhost:8000`; never added.
    InFlag(&'static [&'static str]),
    /// By a value in the flag's own word that may be left out, as `--inspect` and `--inspect=9229`; never added.
    Joined(&'static [&'static str]),
    /// Only by its variables.
    Env,
}

/// Where words are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind its arguments, before a `--`.
    End,
    /// Before its arguments: what comes behind them is for the program that it runs.
    Front,
    /// Behind its first argument: what comes later is for the program that it runs.
    AfterFirst,
}

/// What happens if a tool's port flag is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twice {
    /// The last one counts, so that a script's own can be overridden.
    LastWins,
    /// It is an error, or means two ports.
    Wrong,
}

impl Framework {
    /// Whether the tool gets its port by arguments.
    pub(crate) fn needs_words(&self) -> bool {
        self.port != Way::Env
    }

    /// Whether it runs a program of the project's, and listens itself only with its inspector.
    pub(crate) fn is_runtime(&self) -> bool {
        !self.needs_words() && self.more.iter().any(|more| more.service == "inspector")
    }
}

impl Way {
    /// The words to add, with `{port}` in them, if any can be added.
    pub(crate) fn words(self) -> Option<Vec<String>> {
        match self {
            Self::Flag { write, value, .. } => Some(vec![write.to_owned(), value.to_owned()]),
            Self::Word => Some(vec!["{port}".to_owned()]),
            Self::InFlag(_) | Self::Joined(_) | Self::Env => None,
        }
    }
}

impl When {
    /// Whether a program with the arguments `rest` is a server.
    pub(crate) fn is_met<'w>(self, valued: &[&str], rest: &(impl Iterator<Item = &'w str> + Clone)) -> bool {
        let starts_with_one = |subcommands| starts_with_one(subcommands, valued, rest.clone());
        match self {
            Self::Always => true,
            Self::Sub(subcommands) => starts_with_one(subcommands) == Some(true),
            Self::Unless(subcommands) => starts_with_one(subcommands) != Some(true),
            Self::Flag(flags) => has_one(flags, rest.clone()),
            Self::NoFlag(flags) => !has_one(flags, rest.clone()),
            Self::Task(tasks) => rest.clone().any(|word| tasks.iter().any(|task| is_task(word, task))),
        }
    }
}

fn has_one<'w>(flags: &[&str], mut rest: impl Iterator<Item = &'w str>) -> bool {
    rest.any(|word| flags.iter().any(|flag| value(word, flag).is_some()))
}

/// Whether `word` is `task`, perhaps of a project or a plugin that is named before it.
fn is_task(word: &str, task: &str) -> bool {
    word.strip_suffix(task).is_some_and(|before| before.is_empty() || before.ends_with(':'))
}

/// Whether the subcommand among `rest` is one of these; none if there is no subcommand.
///
/// A word after an unknown flag may be the flag's value, so it decides nothing unless it is one of these. After one of
/// `valued` it is the value.
fn starts_with_one<'w>(
    subcommands: &[&str],
    valued: &[&str],
    mut rest: impl Iterator<Item = &'w str> + Clone,
) -> Option<bool> {
    let mut after_flag = false;
    while let Some(word) = rest.next() {
        if word == "--" {
            return None;
        }
        if valued.contains(&word) {
            rest.next();
            after_flag = false;
            continue;
        }
        if word.starts_with('-') {
            after_flag = !word.contains('=');
            continue;
        }
        let is_one = |subcommand: &&str| {
            let mut words = subcommand.split(' ');
            words.next() == Some(word) && words.eq(rest.clone().take(subcommand.split(' ').count() - 1))
        };
        if subcommands.iter().any(is_one) {
            return Some(true);
        }
        if !after_flag {
            return Some(false);
        }
        after_flag = false;
    }
    None
}
