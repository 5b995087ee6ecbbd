//! The programs that read commands for a shell, and where in their arguments these commands are.

use super::program::program;
use super::shell::Word;

/// Shells whose language the reader of shell text knows.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "ksh"];

/// Words before a program that do not make it another one.
pub(crate) const BEFORE: [&str; 8] = ["exec", "nohup", "env", "time", "nice", "setsid", "command", "sudo"];

/// Where the commands of a shell are among its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commands {
    /// In this argument: `sh -c TEXT`.
    Text(usize),
    /// In the file that this argument names: `sh start.sh`.
    File(usize),
}

/// Whether `word` names such a program.
pub(crate) fn is_shell(word: &str) -> bool {
    SHELLS.contains(&program(word))
}

/// The shell that the first line of a file names: `#!/bin/bash -e`, `#!/usr/bin/env -S bash -e`.
pub(crate) fn of_first_line(line: &str) -> Option<&str> {
    let mut words = line.trim_start_matches("#!").split_whitespace();
    let mut named = program(words.next()?);
    if named == "env" {
        let is_own = |word: &&str| word.starts_with('-') || word.contains('=');
        named = program(words.find(|word| !is_own(word))?);
    }
    is_shell(named).then_some(named)
}

/// Where the commands are of a shell with the arguments `args`; none if it reads them from elsewhere.
pub(crate) fn commands<'w>(args: impl IntoIterator<Item = &'w str>) -> Option<Commands> {
    let (mut is_typed, mut is_read, mut is_value) = (false, false, false);
    let found = |at, is_typed| if is_typed { Commands::Text(at) } else { Commands::File(at) };
    let mut args = args.into_iter().enumerate();
    while let Some((at, word)) = args.next() {
        if std::mem::take(&mut is_value) {
            continue;
        }
        let flags = match word {
            "-" | "--" => return args.next().filter(|_| !is_read).map(|(at, _)| found(at, is_typed)),
            word => word.strip_prefix(['-', '+']).filter(|flags| !flags.is_empty()),
        };
        match flags {
            None => return (is_typed || !is_read).then(|| found(at, is_typed)),
            Some("-rcfile" | "-init-file") => is_value = true,
            Some(long) if long.starts_with('-') => {}
            Some(short) => {
                is_typed |= short.contains('c');
                is_read |= short.contains('s');
                // `-eo pipefail`
                is_value = short.ends_with(['o', 'O']);
            }
        }
    }
    None
}

/// The arguments of a command as texts.
pub(crate) fn texts(args: &[Word]) -> impl Iterator<Item = &str> {
    args.iter().map(|word| word.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_a_shell_are_in_an_argument_or_in_a_file() {
        for (line, expected) in [
            ("-c TEXT", Some(Commands::Text(1))),
            ("-euo pipefail -c TEXT name", Some(Commands::Text(3))),
            ("-lc TEXT", Some(Commands::Text(1))),
            ("-c -l TEXT", Some(Commands::Text(2))),
            ("-o pipefail -c a", Some(Commands::Text(3))),
            ("--rcfile x -c a", Some(Commands::Text(3))),
            ("./loop.sh -c a", Some(Commands::File(0))),
            ("-e loop.sh 3000", Some(Commands::File(1))),
            ("+o posix loop.sh", Some(Commands::File(2))),
            ("--norc -- loop.sh", Some(Commands::File(2))),
            ("-s loop.sh", None),
            ("-i", None),
            ("-c", None),
            ("", None),
        ] {
            assert_eq!(commands(line.split_whitespace()), expected, "{line}");
        }
    }

    #[test]
    fn the_first_line_of_a_file_names_its_shell() {
        for (line, expected) in [
            ("#!/bin/sh", Some("sh")),
            ("#! /bin/bash -e", Some("bash")),
            ("#!/usr/bin/env bash", Some("bash")),
            ("#!/usr/bin/env -S A=1 zsh -e", Some("zsh")),
            ("#!/usr/bin/env fish", None),
            ("#!/usr/bin/env pwsh", None),
            ("#!/usr/bin/fish", None),
            ("#!/usr/bin/env node", None),
            ("#!/usr/bin/python3 sh", None),
            ("#!", None),
        ] {
            assert_eq!(of_first_line(line), expected, "{line}");
        }
    }
}
