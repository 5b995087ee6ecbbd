//! A word that the command does not take where it stands: the option, or the command, that takes it.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use styxy_core::config::Config;
use styxy_core::{Port, ServiceType};

use crate::here::target::{range, scan};
use crate::say::instead::Tip;
use crate::say::shell_word::quoted;

/// Options with a value: the word behind one is not on its own.
const WITH_VALUE: [&str; 13] = [
    "--block",
    "--grace",
    "--instance",
    "--name",
    "--pid",
    "--port",
    "--project",
    "--request-id",
    "--service",
    "--timeout",
    "-n",
    "-p",
    "-s",
];

/// What is typed instead of `words`, those after `styxy`, because of which clap returned `error`; none if nobody is known to mean
/// anything by it.
pub(crate) fn tip(error: &clap::Error, words: &[String]) -> Option<Tip> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (command, args) = words.split_first()?;
    match error.kind() {
        ErrorKind::ValueValidation => {
            let (first, last) = range(text(ContextKind::InvalidValue)?)?;
            text(ContextKind::InvalidArg)
                .filter(|arg| arg.starts_with("<TARGET>") || arg.starts_with("[START-END]"))
                .map(|_| Tip::new("see all of these ports", scan(first, last)))
        }
        ErrorKind::MissingRequiredArgument => missing(error, command, args),
        ErrorKind::UnknownArgument if text(ContextKind::InvalidArg)?.starts_with('-') => {
            without_option(text(ContextKind::InvalidArg)?, command, args)
        }
        ErrorKind::UnknownArgument => {
            let at = place(text(ContextKind::InvalidArg)?, args)?;
            match command.as_str() {
                "allocate" => {
                    let line = rewritten(command, args, at, of_allocate);
                    let has_service =
                        line.split(' ').any(|word| word == "--service" || word.starts_with("-s"));
                    // A port says nothing about what it is for, and most are for a dev server.
                    let more = if has_service { "" } else { " --service dev" };
                    Some(Tip::new("get a port", line + more))
                }
                "list" | "top" if let Some((first, last)) = range(&args[at]) => {
                    Some(Tip::new("see all of these ports", scan(first, last)))
                }
                "list" | "top" => {
                    Some(Tip::new("see only these leases", rewritten(command, args, at, of_list)))
                }
                "scan" => {
                    let ends = (args[..at].last()?.parse::<Port>(), args[at].parse::<Port>());
                    let (Ok(one), Ok(other)) = ends else { return None };
                    Some(Tip::new("see all of these ports", scan(one.min(other), one.max(other))))
                }
                "kill" => {
                    let is_signal = |word: &String| word.starts_with('-') && word[1..].parse::<u8>().is_ok();
                    let signal = args[..at].last().filter(|word| is_signal(word))?;
                    let grace = if signal == "-9" { " --grace 0" } else { "" };
                    Some(Tip::new("end the server on it", format!("styxy kill {}{grace}", quoted(&args[at]))))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// What each command is typed for, and an example of the word that it needs.
const PURPOSES: [(&str, &str, &str); 13] = [
    ("allocate", "get a port", ""),
    ("check", "see who has a port", "3000"),
    ("completions", "print the script for a shell", "bash"),
    ("firebase", "run the emulators", "-- firebase emulators:start"),
    ("hooks", "add the hooks to an agent", "claude"),
    ("kill", "end the server", "dev"),
    ("open", "open this worktree's server", "dev"),
    ("release", "give a port back", "dev"),
    ("run", "run a command on that port", "-- COMMAND"),
    ("suggest", "see which ports you would get", "dev"),
    ("verify", "check that a server is yours", "3000"),
    ("wait", "wait for this worktree's server", "dev"),
    ("who", "see whose server is on a port", "3000"),
];

/// The purpose and the example of `command`.
fn known(command: &str) -> Option<(&'static str, &'static str)> {
    PURPOSES.iter().find(|(name, ..)| *name == command).map(|(_, purpose, example)| (*purpose, *example))
}

/// The command with an example of what it needs.
fn missing(error: &clap::Error, command: &str, args: &[String]) -> Option<Tip> {
    let Some(ContextValue::Strings(needed)) = error.get(ContextKind::InvalidArg) else { return None };
    let mut line = format!("styxy {command}");
    for needed in needed {
        // Options come before a command that is run.
        line += match needed.as_str() {
            "--service <TYPE>" => " --service dev",
            "--port <PORT>" => " --port 3000",
            _ => "",
        };
    }
    for word in args {
        line.push(' ');
        line += &quoted(word);
    }
    let (purpose, example) = known(command)?;
    if needed.iter().any(|needed| needed.starts_with('<')) {
        line.push(' ');
        line += example;
    }
    Some(Tip::new(purpose, line))
}

/// The command with the value of an option that it does not take, where it takes that without an option: `suggest --service dev`.
fn without_option(option: &str, command: &str, args: &[String]) -> Option<Tip> {
    const TAKES_ONE: [&str; 8] = ["check", "who", "verify", "wait", "open", "kill", "release", "suggest"];
    // A port says nothing about the ports that one would get.
    let flags: &[&str] = match command {
        "suggest" => &["--service", "--type", "-s"],
        _ => &["--service", "--port", "--target", "--type", "-s", "-p"],
    };
    let (flag, at) = args.iter().enumerate().find_map(|(at, word)| {
        let flag = flags.iter().find(|flag| {
            option == **flag
                && (word == *flag || word.strip_prefix(**flag).is_some_and(|rest| rest.starts_with('=')))
        })?;
        Some((flag, at))
    })?;
    let (value, behind) = match args[at].strip_prefix(*flag).and_then(|rest| rest.strip_prefix('=')) {
        Some(value) => (value.to_owned(), at + 1),
        None => (args.get(at + 1)?.clone(), at + 2),
    };
    let others = args[..at].iter().chain(&args[behind..]);
    let words: Vec<String> = std::iter::once(&value).chain(others).map(|word| quoted(word)).collect();
    let (purpose, _) = known(command).filter(|_| TAKES_ONE.contains(&command))?;
    Some(Tip::new(purpose, format!("styxy {command} {}", words.join(" "))))
}

/// Where `word` stands on its own.
fn place(word: &str, args: &[String]) -> Option<usize> {
    let alone = |at: &usize| {
        let before = at.checked_sub(1).map(|before| args[before].as_str());
        !word.starts_with('-') && !before.is_some_and(|before| WITH_VALUE.contains(&before))
    };
    (0..args.len()).filter(|at| args[*at] == word).find(alone)
}

/// The command with an option before the word at `from`, and before those on their own that follow it at once.
fn rewritten(command: &str, args: &[String], from: usize, option: fn(&str) -> &'static str) -> String {
    let until =
        args[from..].iter().position(|word| word.starts_with('-')).map_or(args.len(), |count| from + count);
    let mut line = format!("styxy {command}");
    for (at, word) in args.iter().enumerate() {
        if (from..until).contains(&at) {
            line.push(' ');
            line.push_str(option(word));
        }
        line.push(' ');
        line.push_str(&quoted(word));
    }
    line
}

fn of_allocate(word: &str) -> &'static str {
    if word.parse::<Port>().is_ok() { "--port" } else { "--service" }
}

fn of_list(word: &str) -> &'static str {
    let is_known = |kind: ServiceType| Config::default().service_types.contains_key(&kind);
    if word.parse::<Port>().is_ok() {
        "--port"
    } else if word.parse().is_ok_and(is_known) {
        "--service"
    } else {
        "--project"
    }
}
