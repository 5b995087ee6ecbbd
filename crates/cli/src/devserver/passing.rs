//! Programs that keep `PORT` from the command that they run, or set one of their own: the words that pass ours on.

use styxy_core::Port;

use super::inward::around::Around;
use super::options::among;
use super::plan::PORT;
use super::program::program;
use super::recipes::Book;
use super::shell::Word;

/// What has to be done so that the command gets our `PORT`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passing {
    /// Words that come before the typed word with this number, or at the end.
    pub(super) added: Option<(usize, Vec<String>)>,
    /// A typed word that names a port, with another port in its place.
    pub(super) changed: Option<(usize, String)>,
    /// The port that this word names.
    pub(super) typed_port: Option<Port>,
    /// The port that a file names.
    pub(super) file_port: Option<Port>,
    /// What only the user can do.
    pub(super) lost: Option<Lost>,
}

/// How the port is lost on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// This program drops it, unless these words are written instead of its name.
    Dropped { by: &'static str, write: &'static str },
    /// A command in this file sets another one; where it does, this has to be written instead.
    Set { file: String, port: Port, write: &'static str },
}

/// What the typed `words` need, as far as their first program is one of those.
pub(super) fn find(words: &[Word], around: &dyn Around) -> Passing {
    let Some((first, args)) = words.split_first() else { return Passing::default() };
    let found = match program(&first.text) {
        "env" => emptied(args),
        "sudo" => dropped(args),
        "nix-shell" => purified(args, 0, &["--pure"]),
        "nix" => {
            let at = args.iter().position(|word| !word.is_flag());
            at.and_then(|at| purified(args, at + 1, &["-i", "--ignore-env", "--ignore-environment"]))
        }
        "systemd-run" => of_manager(args),
        "docker" | "podman" => published(args),
        "make" | "gmake" => made(args, around),
        "just" => just(args, around),
        _ => None,
    };
    found.unwrap_or_default()
}

fn has(args: &[Word], flags: &[&str]) -> bool {
    args.iter().any(|word| flags.contains(&word.text.as_str()))
}

/// Adds `text` before the argument with this number, or behind all.
fn add(args: &[Word], at: usize, text: &[&str]) -> Passing {
    // The program itself is the word before the arguments.
    let typed = args.get(at).map_or(Some(args.len() + 1), |word| word.typed);
    let words = text.iter().map(|word| (*word).to_owned()).collect();
    Passing { added: typed.map(|typed| (typed, words)), ..Passing::default() }
}

const ASSIGNED: &str = "PORT={port}";

/// `env -i` begins with no variables.
fn emptied(args: &[Word]) -> Option<Passing> {
    let mut at = 0;
    let mut is_emptied = false;
    while let Some(word) = args.get(at).filter(|word| word.text.starts_with('-')) {
        match word.text.as_str() {
            "-" | "--ignore-environment" => is_emptied = true,
            "-u" | "--unset" | "-C" | "--chdir" => at += 1,
            short if !short.starts_with("--") && short.contains('i') => is_emptied = true,
            _ => {}
        }
        at += 1;
    }
    let mut variables = args[at.min(args.len())..].iter().map_while(Word::assignment);
    let is_set = variables.any(|(name, _)| name == "PORT");
    (is_emptied && !is_set && at < args.len()).then(|| add(args, at, &[ASSIGNED]))
}

/// The options of sudo that have a value.
const SUDO: &str = "-u --user -g --group -p --prompt -C --close-from -D --chdir -h --host -T --command-timeout -R \
    --chroot";

/// sudo drops what it is not told to keep; whether it may be told to is its administrator's decision.
fn dropped(args: &[Word]) -> Option<Passing> {
    let mut at = 0;
    while let Some(word) = args.get(at).filter(|word| word.is_flag()) {
        let keeps = |list: &str| list.split(',').any(|name| name == "PORT");
        match word.text.as_str() {
            "--" => break,
            "-E" | "--preserve-env" => return None,
            long if long.strip_prefix("--preserve-env=").is_some_and(keeps) => return None,
            short if !short.starts_with("--") && short.contains('E') => return None,
            flag if among(SUDO, flag) => at += 1,
            _ => {}
        }
        at += 1;
    }
    let mut variables = args.get(at..)?.iter().map_while(Word::assignment);
    if variables.any(|(name, _)| name == "PORT") || at >= args.len() {
        return None;
    }
    let lost = Lost::Dropped { by: "sudo", write: "sudo --preserve-env=PORT" };
    Some(Passing { lost: Some(lost), ..Passing::default() })
}

/// Nix keeps the variables that it is told to.
fn purified(args: &[Word], at: usize, flags: &[&str]) -> Option<Passing> {
    let keeps = args.windows(2).any(|two| {
        ["--keep", "-k", "--keep-env-var"].contains(&two[0].text.as_str()) && two[1].text == "PORT"
    });
    (has(args, flags) && !keeps).then(|| add(args, at, &["--keep", "PORT"]))
}

/// A unit that is not a scope is started by systemd, with variables of its own.
fn of_manager(args: &[Word]) -> Option<Passing> {
    let is_set = args.iter().any(|word| word.text.contains("PORT="));
    (!is_set && !has(args, &["--scope"])).then(|| add(args, 0, &["--setenv=PORT={port}"]))
}

/// The options of `docker run` without a value.
const PLAIN: &str = "--detach --disable-content-trust --init --interactive --no-healthcheck --oom-kill-disable \
    --privileged --publish-all --quiet --read-only --rm --sig-proxy --tty";

/// The one port of a container that is published under a certain port is published under ours.
fn published(args: &[Word]) -> Option<Passing> {
    let run = args.iter().position(|word| word.text == "run")?;
    if args[..run].iter().any(|word| !word.is_flag() && word.text != "container") {
        return None;
    }
    let mut found = Vec::new();
    let mut at = run + 1;
    // What is not an option is the image.
    while let Some(word) = args.get(at).filter(|word| word.is_flag()) {
        let text = word.text.as_str();
        if let Some(mapped) = text.strip_prefix("--publish=").or_else(|| text.strip_prefix("-p=")) {
            found.push((at, &text[..text.len() - mapped.len()], mapped));
        } else if ["-p", "--publish"].contains(&text) {
            found.push((at + 1, "", args.get(at + 1)?.text.as_str()));
        }
        let is_short = !text.starts_with("--");
        let alone = text.contains('=')
            || among(PLAIN, text)
            || is_short && text[1..].chars().all(|letter| "ditPq".contains(letter));
        at += if alone { 1 } else { 2 };
    }
    let [(at, before, mapped)] = found[..] else { return None };
    // `3000:80` and `127.0.0.1:3000:80`; a port alone is the container's.
    let (host, container) = mapped.rsplit_once(':')?;
    let (address, port) =
        host.rsplit_once(':').map_or(("", host), |(_, port)| (&host[..host.len() - port.len()], port));
    let typed_port = Some(port.parse().ok()?);
    let changed = args[at].typed.map(|typed| (typed, format!("{before}{address}{PORT}:{container}")));
    Some(Passing { changed, typed_port, ..Passing::default() })
}

/// A variable of the Makefile wins over one of the environment, and one that is typed wins over both.
fn made(args: &[Word], around: &dyn Around) -> Option<Passing> {
    let book = Book::find("make", args, None, around)?;
    if args.iter().any(|word| word.text.starts_with("PORT=")) {
        return None;
    }
    let mut of_make = book.text.lines().filter(|line| !line.starts_with('\t'));
    let assigned = of_make.find_map(|line| {
        let rest =
            line.strip_prefix("export ").unwrap_or(line).trim_start().strip_prefix("PORT")?.trim_start();
        rest.strip_prefix("::=").or_else(|| rest.strip_prefix(":=")).or_else(|| rest.strip_prefix('='))
    });
    if let Some(value) = assigned
        && !has(args, &["-e", "--environment-overrides"])
    {
        let file_port = value.trim().parse().ok();
        return Some(Passing { file_port, ..add(args, args.len(), &[ASSIGNED]) });
    }
    let port = set_in_recipe(&book, args)?;
    let lost = Lost::Set { file: book.name, port, write: "$$PORT" };
    Some(Passing { file_port: Some(port), lost: Some(lost), ..Passing::default() })
}

/// A variable of the justfile that is exported wins, unless it is typed before the recipe.
fn just(args: &[Word], around: &dyn Around) -> Option<Passing> {
    let book = Book::find("just", args, None, around)?;
    let text = &book.text;
    if args.iter().any(|word| word.text.starts_with("PORT=")) {
        return None;
    }
    let all_are_exported =
        text.lines().any(|line| matches!(line.trim(), "set export" | "set export := true"));
    let assigned = text.lines().find_map(|line| {
        let exported = line.strip_prefix("export ");
        let line = exported.or_else(|| all_are_exported.then_some(line))?.trim_start();
        line.strip_prefix("PORT")?.trim_start().strip_prefix(":=")
    });
    if let Some(value) = assigned {
        let file_port = value.trim().trim_matches(['"', '\'']).parse().ok();
        let recipe = args.iter().position(|word| !word.is_flag() && word.text != book.name);
        return Some(Passing { file_port, ..add(args, recipe.unwrap_or(args.len()), &[ASSIGNED]) });
    }
    let port = set_in_recipe(&book, args)?;
    let lost = Lost::Set { file: book.name, port, write: "$PORT" };
    Some(Passing { file_port: Some(port), lost: Some(lost), ..Passing::default() })
}

/// The port that a command of the recipes that run sets: `PORT=3000 node server.js`.
fn set_in_recipe(book: &Book, args: &[Word]) -> Option<Port> {
    let recipes = book.recipes();
    let targets = book.targets(args, &recipes);
    let runs = recipes.iter().filter(|recipe| recipe.names.iter().any(|name| targets.contains(name)));
    let mut words = runs.flat_map(|recipe| &recipe.lines).flat_map(|line| line.split_whitespace());
    words.find_map(|word| word.strip_prefix("PORT=")?.parse().ok())
}

#[cfg(test)]
mod tests;
