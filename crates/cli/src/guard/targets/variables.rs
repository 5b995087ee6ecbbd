//! Variables that commands set. By `NAME=value` and `read` it is known what they hold; what is set by other means is
//! forgotten, whether or not the command is sure to run, and nobody knows what it holds now.

use super::command::Command;
use super::frames::{Malformed, State};
use super::odds::{Chance, Outcome};
use super::{Place, What, plain_port, steps};
use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// `NAME=value`, as a command of its own.
pub(super) fn assign(assigned: &[(String, Word)], place: &mut Place, chance: &Chance) -> Outcome {
    let mut outcome = Outcome::Success;
    for (name, word) in assigned {
        let whose = steps::whose(word, place);
        if !word.inner.is_empty() {
            outcome = Outcome::there(whose.clone());
        }
        place.assign(name, only_reached(whose, chance));
        if name == "PORT" && place.port.is_some() {
            place.port = if *chance == Chance::Surely { plain_port(word) } else { None };
        }
    }
    outcome
}

/// `read NAME`, which in a loop's condition takes one line after the other of what the loop is fed.
pub(super) fn read(args: &[Word], state: &mut State<'_>) -> Result<Outcome, Malformed> {
    let names: Vec<&str> =
        args.iter().filter(|word| !word.is_flag()).map(|word| word.text.as_str()).collect();
    let feed = state.top()?.read();
    for name in &names {
        state.place.assign(name, Vec::new());
    }
    // Elsewhere it may well ask a person.
    let Some(feed) = feed else { return Ok(Outcome::Unknown) };
    if let [name] = names[..] {
        state.place.assign(name, feed.clone());
    }
    Ok(Outcome::there(feed))
}

/// Those of `whose` that what runs by `chance` is sure to mean, if they are there.
pub(super) fn only_reached(mut whose: Vec<What>, chance: &Chance) -> Vec<What> {
    whose.retain(|what| chance.reaches(what));
    whose
}

/// Forgets what `words`, which are read as `command`, set.
pub(super) fn forget(words: &[Word], command: &Command, place: &mut Place) {
    forget_calculated(words, place);
    let Some((first, args)) = command.words.split_first() else { return };
    match program(&first.text) {
        "let" | "getopts" | "mapfile" | "readarray" | "read" | "vared" => {
            for word in args {
                forget_named(&word.text, place);
            }
        }
        "printf" => {
            if let [flag, rest @ ..] = args
                && let Some(name) = flag.text.strip_prefix("-v")
            {
                place.forget(name);
                if let Some(next) = rest.first() {
                    forget_named(&next.text, place);
                }
            }
        }
        "export" | "declare" | "typeset" | "local" | "readonly" => {
            // `export -n PORT` and `declare +x PORT` take it out of the environment; others add to it.
            let plain = args.iter().all(|word| !word.text.starts_with(['-', '+']) || word.text == "-x");
            for word in args.iter().filter(|word| !plain || word.assignment().is_none()) {
                if !plain || word.text.contains('=') {
                    forget_named(&word.text, place);
                }
            }
        }
        "source" | "." => {
            place.forget_all();
            if !args.first().is_some_and(|file| sets_variables_only(&file.text)) {
                place.folder = None;
            }
        }
        // `PORT+=1`, `PORT[0]=1`
        text if text.contains('=') => forget_named(&first.text, place),
        _ => {}
    }
}

/// Forgets what arithmetic in these words may set: `((PORT++))`, `$((P = 1))`.
pub(super) fn forget_calculated(words: &[Word], place: &mut Place) {
    for word in words.iter().filter(|word| word.expanded && word.text.contains("))")) {
        forget_named(&word.text, place);
    }
}

/// Forgets what an `eval` of these words sets that cannot be read in them.
pub(super) fn forget_evaluated(args: &[Word], place: &mut Place) {
    if !args.iter().any(|word| word.expanded) {
        return;
    }
    place.forget_all();
    let [first, ..] = args else { return };
    let printed = first.inner.first().and_then(|script| script.commands.first()?.words.first());
    if first.text.starts_with(['$', '`']) && !printed.is_some_and(|word| prints_variables(&word.text)) {
        place.folder = None;
    }
}

/// Whether what this tool prints for a shell to evaluate sets variables and goes nowhere.
fn prints_variables(tool: &str) -> bool {
    let known = [
        "styxy",
        "fnm",
        "direnv",
        "ssh-agent",
        "brew",
        "pyenv",
        "rbenv",
        "nodenv",
        "mise",
        "asdf",
        "conda",
        "minikube",
        "docker-machine",
        "opam",
        "dircolors",
    ];
    known.contains(&program(tool))
}

/// Whether a file to be sourced is one of those that set variables and go nowhere.
fn sets_variables_only(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let known = [
        "activate",
        "nvm.sh",
        "asdf.sh",
        "conda.sh",
        "sdkman-init.sh",
        ".bashrc",
        ".zshrc",
        ".profile",
        ".bash_profile",
        ".zprofile",
        ".zshenv",
    ];
    known.contains(&name) || name.rsplit('.').next() == Some("env") || name.starts_with(".env")
}

/// Forgets every variable whose name stands in `text`.
pub(super) fn forget_named(text: &str, place: &mut Place) {
    for name in text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
        place.forget(name);
    }
}
