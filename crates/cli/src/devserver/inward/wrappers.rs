//! Programs that run a command with variables of their own, where a `PORT` may be among them.

use super::around::Around;
use super::text::sets_port;
use crate::devserver::options::value;
use crate::devserver::shell::Word;

/// What such a program does with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Environment {
    pub(super) command: Command,
    /// The `PORT` that the command gets may be another one than ours.
    pub(super) sets_port: bool,
}

/// Where the command is among the arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// From this argument on.
    Words(usize),
    /// In this argument, as a text for a shell.
    Text(usize),
}

/// What `name` does with `args`; none if it does not change the environment.
pub(super) fn environment(name: &str, args: &[Word], around: &dyn Around) -> Option<Environment> {
    match name {
        "env-cmd" => env_cmd(args, around),
        "dotenv" | "dotenv-cli" => dotenv(args, around),
        "dotenvx" => dotenvx(args, around),
        "doppler" => secrets(args, "run", &["--preserve-env"], &DOPPLER),
        "infisical" => secrets(args, "run", &[], &INFISICAL),
        "op" => op(args, around),
        "direnv" if first(args) == Some("exec") => {
            let folder = args.get(1)?;
            let file = format!("{}/.envrc", folder.text.trim_end_matches('/'));
            Some(words(2, args, around.text(&file).is_some_and(|text| sets_port(&text))))
        }
        _ => None,
    }
}

/// Their options that have a value.
const DOPPLER: [&str; 12] = [
    "-p",
    "--project",
    "-c",
    "--config",
    "-t",
    "--token",
    "--scope",
    "--mount",
    "--name-transformer",
    "--fallback",
    "--config-dir",
    "--api-host",
];
const INFISICAL: [&str; 8] = ["-e", "--env", "-p", "--path", "--token", "--projectId", "-t", "--domain"];

fn first(args: &[Word]) -> Option<&str> {
    args.first().map(|word| word.text.as_str())
}

fn words(at: usize, args: &[Word], sets_port: bool) -> Environment {
    // A `--` in front of the command belongs to the program.
    let at = if args.get(at).is_some_and(|word| word.text == "--") { at + 1 } else { at };
    Environment { command: Command::Words(at), sets_port }
}

/// Where the first argument is that is neither an option nor the value of one of `valued`, from `at` on.
fn behind(args: &[Word], mut at: usize, valued: &[&str]) -> usize {
    while let Some(word) = args.get(at).filter(|word| word.is_flag() && word.text != "--") {
        at += if valued.contains(&word.text.as_str()) { 2 } else { 1 };
    }
    at
}

/// The values of an option that may be repeated.
fn values<'w>(args: &'w [Word], flags: &[&str]) -> Vec<&'w str> {
    let mut all = Vec::new();
    for (at, word) in args.iter().enumerate() {
        if word.text == "--" {
            break;
        }
        for flag in flags {
            match value(&word.text, flag) {
                Some(crate::devserver::options::Value::Next) => {
                    all.extend(args.get(at + 1).map(|next| next.text.as_str()));
                }
                Some(crate::devserver::options::Value::Here(from)) => all.push(&word.text[from..]),
                None => {}
            }
        }
    }
    all
}

fn any_sets_port(files: &[&str], around: &dyn Around) -> bool {
    files.iter().any(|file| around.text(file).is_some_and(|text| sets_port(&text)))
}

/// Its file wins, unless it is told not to.
fn env_cmd(args: &[Word], around: &dyn Around) -> Option<Environment> {
    let valued = ["-f", "--file", "-e", "--environments", "-r", "--rc-file"];
    let at = behind(args, 0, &valued);
    let own = &args[..at.min(args.len())];
    let keeps = own.iter().any(|word| word.text == "--no-override");
    let mut files = values(own, &["-f", "--file"]);
    if files.is_empty() {
        files = vec![".env"];
    }
    args.get(at)?;
    Some(words(at, args, !keeps && any_sets_port(&files, around)))
}

/// It keeps what is set, unless it is told to override.
fn dotenv(args: &[Word], around: &dyn Around) -> Option<Environment> {
    let at = behind(args, 0, &["-e", "-v", "-c"]);
    let own = &args[..at.min(args.len())];
    let overrides = own.iter().any(|word| matches!(word.text.as_str(), "-o" | "--override"));
    let given = own.iter().any(|word| word.text.starts_with("PORT="));
    let mut files = values(own, &["-e"]);
    if files.is_empty() {
        files = vec![".env"];
    }
    args.get(at)?;
    Some(words(at, args, overrides && (given || any_sets_port(&files, around))))
}

fn dotenvx(args: &[Word], around: &dyn Around) -> Option<Environment> {
    let run = args.iter().position(|word| word.text == "run")?;
    let valued = ["-f", "--env-file", "-e", "--env", "-fk", "--env-keys-file", "--convention"];
    let at = behind(args, run + 1, &valued);
    let own = &args[..at.min(args.len())];
    let overrides = own.iter().any(|word| matches!(word.text.as_str(), "-o" | "--overload" | "--override"));
    let mut files = values(own, &["-f", "--env-file"]);
    if files.is_empty() {
        files = vec![".env"];
    }
    args.get(at)?;
    Some(words(at, args, overrides && any_sets_port(&files, around)))
}

/// Their variables come from elsewhere and win, so a `PORT` may always be among them.
fn secrets(args: &[Word], sub: &str, keeps: &[&str], valued: &[&str]) -> Option<Environment> {
    let run = args.iter().position(|word| word.text == sub)?;
    let own = args.iter().take_while(|word| word.text != "--");
    let sets_port = !own.clone().any(|word| keeps.contains(&word.text.as_str()));
    if let Some(at) = own.clone().position(|word| word.text == "--command") {
        args.get(at + 1)?;
        return Some(Environment { command: Command::Text(at + 1), sets_port });
    }
    let at = behind(args, run + 1, valued);
    args.get(at)?;
    Some(words(at, args, sets_port))
}

/// 1Password sets what its files name.
fn op(args: &[Word], around: &dyn Around) -> Option<Environment> {
    let run = args.iter().position(|word| word.text == "run")?;
    let at = behind(args, run + 1, &["--env-file", "--account", "--config"]);
    args.get(at)?;
    let files = values(&args[run..at.min(args.len())], &["--env-file"]);
    Some(words(at, args, any_sets_port(&files, around)))
}
