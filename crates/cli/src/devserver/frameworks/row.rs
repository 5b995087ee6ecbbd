//! A row of the table: how a tool is known to be a server, and how it is told its port.

use crate::devserver::options::value;

/// One tool that listens, or several that take their port alike.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framework {
    /// As people call it.
    pub(crate) name: &'static str,
    /// The programs, packages or Python modules it is started by.
    pub(crate) commands: &'static [&'static str],
    /// When such a program is a server at all.
    pub(crate) when: When,
    /// Flags that take the next word as their value, where it could be taken for a subcommand or a port.
    pub(crate) valued: &'static [&'static str],
    /// How it is told the port.
    pub(crate) port: Way,
    /// What keeps it from moving to another port on its own.
    pub(crate) strict: &'static [&'static str],
    /// Variables it reads, with `{port}` in their values; every command has `PORT` besides.
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// The service type asked for if none is named.
    pub(crate) service: &'static str,
    /// What is worth knowing, for the page.
    pub(crate) note: &'static str,
}

/// When a program is a server.
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
}

/// How a tool is told its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a flag and its value.
    Flag {
        /// The one that is written.
        write: &'static str,
        /// Others that mean the same.
        also: &'static [&'static str],
        /// What it makes of a flag that is there twice.
        twice: Twice,
    },
    /// By a word of its own: `8000` or `127.0.0.1:8000`.
    Word,
    /// By the value of a flag that makes it a server, as `-S localhost:8000`; never added.
    InFlag(&'static str),
    /// By its variables alone.
    Env,
}

/// What a tool makes of a port flag that is there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twice {
    /// The last one counts, so a script's own can be overruled.
    LastWins,
    /// A mistake, or two ports.
    Wrong,
}

impl Framework {
    /// Whether the row says how to pass a port other than by variables.
    pub(crate) fn needs_words(&self) -> bool {
        self.port != Way::Env
    }
}

impl When {
    /// Whether a program with the arguments `rest` is a server.
    pub(super) fn is_met<'w>(self, valued: &[&str], rest: &(impl Iterator<Item = &'w str> + Clone)) -> bool {
        let starts_with_one = |subcommands| starts_with_one(subcommands, valued, rest.clone());
        match self {
            Self::Always => true,
            Self::Sub(subcommands) => starts_with_one(subcommands) == Some(true),
            Self::Unless(subcommands) => starts_with_one(subcommands) != Some(true),
            Self::Flag(flags) => {
                rest.clone().any(|word| flags.iter().any(|flag| value(word, flag).is_some()))
            }
        }
    }
}

/// Whether the subcommand among `rest` is one of these; none if there is no subcommand.
///
/// A word behind a flag that is not known may be the flag's value, so it decides nothing unless it is one of these. Behind
/// one of `valued` it is.
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
