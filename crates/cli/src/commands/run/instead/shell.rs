//! A command of the shell itself in front of what should run.

use super::{Instead, SHELL, Typed};
use crate::say::shell_word::quoted;

/// What to type instead of a line that begins with a command of the shell.
pub(super) fn command(typed: &Typed<'_>) -> Instead {
    let name = typed.name;
    let hint = match name {
        "cd" | "pushd" => folder(typed),
        "export" | "declare" | "typeset" | "readonly" | "local" => variables(typed),
        "builtin" | "eval" if !typed.args.is_empty() => typed.line(&["styxy run --"]),
        // These are for what comes behind them.
        "." | "source" | "set" | "shopt" | "trap" | "ulimit" | "umask" | "unset" | "alias" | "unalias" => {
            format!("for a shell: styxy run -- bash -c {}", quoted(&(typed.line(&[name]) + " && COMMAND")))
        }
        _ => format!("for a shell: styxy run -- {SHELL} {}", quoted(&typed.line(&[name]))),
    };
    Instead::new("it is a command of the shell, not a program", hint)
}

/// `cd shop npm run dev`: the first word behind `cd` is the folder, the others are the command.
fn folder(typed: &Typed<'_>) -> String {
    let name = typed.name;
    let to = typed.args.first().map(|to| format!(" {to}")).unwrap_or_default();
    let command: Vec<&str> = typed.args.iter().skip(1).map(String::as_str).collect();
    let command = match command.split_first() {
        None => "COMMAND".to_owned(),
        Some((operator, [])) if is_operator(operator) => "COMMAND".to_owned(),
        Some((operator, rest)) if is_operator(operator) => rest.join(" "),
        Some(_) => command.join(" "),
    };
    format!("{name}{to} && styxy run -- {command}")
}

fn is_operator(word: &str) -> bool {
    matches!(word.trim_matches('\''), "&&" | ";")
}

/// `export A=1 npm run dev`: variables, and perhaps a command behind them.
fn variables(typed: &Typed<'_>) -> String {
    let options = typed.args.iter().take_while(|word| word.starts_with('-')).count();
    let words = &typed.args[options..];
    let has_command = words.iter().any(|word| !word.trim_start_matches('\'').contains('='));
    let command = if has_command { "" } else { " COMMAND" };
    format!("styxy run -- env {}{command}", words.join(" "))
}
