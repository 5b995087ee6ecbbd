//! Commands that start a server on a port that they name.

mod hand;

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};

use styxy_core::Port;

use super::command::Command;
use super::{Scripts, Target, What, plain_port};
use crate::devserver::frameworks::{self, Framework};
use crate::devserver::launch;
use crate::devserver::port_argument::{self, PortArgument};
use crate::devserver::program::{is_known_place, package_of_file, program};
use crate::devserver::shell;
use crate::devserver::shell::Word;
use crate::devserver::tool::{Reach, Tool};

/// Rows of the table whose tools listen on `PORT` if nothing else is said.
const READ_PORT: [&str; 8] =
    ["Next.js", "Nuxt", "Rails", "serve", "http-server", "Vue CLI", "Gunicorn", "live-server"];

/// Rows whose tools serve files of any folder, which says nothing of whose the server is.
const SERVE_FILES: [&str; 4] = ["serve", "http-server", "json-server", "Python's http.server"];

/// Rows whose `-h` has the host for its value; with others it asks for help.
const HOST_BY_H: [&str; 8] =
    ["Flask", "Storybook", "Storybook 6", "Docusaurus", "Nuxt", "SvelteKit", "Ladle", "Quart"];

/// Options of package managers that name the folder to work in.
const IN_FOLDER: [&str; 5] = ["-C", "--dir", "--cwd", "--prefix", "--directory"];

/// Parts of the names of flags whose value may begin as a path does and yet is not the folder of a project.
const NO_FOLDER: [&str; 14] = [
    "base", "url", "path", "config", "cert", "key", "log", "out", "env", "public", "host", "pid", "port",
    "open",
];

/// Commands that run others are followed so many times.
const DEPTH: usize = 2;

/// The servers that `words` start, with `PORT` set to `port`.
pub(super) fn of(words: Vec<Word>, port: Option<Port>, folder: &Path, scripts: &Scripts<'_>) -> Vec<Target> {
    within(words, port, folder, scripts, DEPTH)
}

fn within(
    words: Vec<Word>,
    port: Option<Port>,
    folder: &Path,
    scripts: &Scripts<'_>,
    depth: usize,
) -> Vec<Target> {
    let only_says = |word: &Word| matches!(word.text.as_str(), "--help" | "--version" | "--dry-run");
    let Some((first, args)) = words.split_first() else { return Vec::new() };
    if !is_known_place(&first.text) || words.iter().any(only_says) {
        return Vec::new();
    }
    let port = port.filter(|_| !overrides(&words));
    let by_hand = hand::of(program(&first.text), args, port).filter(|_| !leads_away(args));
    let away = !is_manager(&first.text) && leads_away(args);
    let moved = args.iter().any(|word| IN_FOLDER.contains(&word.text.split('=').next().unwrap_or_default()));
    let moved = moved && is_manager(&first.text);
    // A program of the project's own, run as `npm run dev`: it is a server, and what else would PORT be for.
    let is_told = starts_script(&words) && !words.iter().any(names_port);
    // Scripts may be another folder's, and then it is that one's server, also if they run others of theirs.
    let (base, inside) = (OnceCell::new(), Cell::new(None));
    let (script_is_told, keeps_port) = (Cell::new(true), Cell::new(true));
    let lookup = |to: Option<&str>, name: &str| {
        let folder = base.get().map_or(folder, PathBuf::as_path);
        let folder = to.map_or_else(|| folder.to_owned(), |to| folder.join(to));
        base.get_or_init(|| folder.clone());
        let text = scripts(&folder, name);
        inside.set(Some(folder));
        for command in text.iter().flat_map(|text| shell::read(text).commands) {
            // What is set for the program itself is known further down.
            let is_set = |word: &&Word| {
                word.assignment().is_some() || matches!(word.text.as_str(), "env" | "cross-env")
            };
            let set = command.words.iter().take_while(is_set).count();
            let (set, rest) = command.words.split_at(set);
            script_is_told.set(script_is_told.get() && !rest.iter().any(names_port));
            keeps_port.set(keeps_port.get() && !changes_port(set, rest));
        }
        text
    };
    let tools: Vec<_> = launch::follow(words, &lookup)
        .into_iter()
        .map(|tool| (frameworks::find(&tool.name, &tool.args.iter().map(|word| word.text.as_str())), tool))
        .collect();
    let inside = inside.take();
    if moved && inside.is_none() {
        return Vec::new();
    }
    let folder = inside.unwrap_or_else(|| folder.to_owned());
    let is_own = |tool: &Tool| tool.name.is_empty() && tool.reach != Reach::Elsewhere;
    // What runs before a tool that is known, or not, makes files for it; PORT may mean nothing to either.
    let is_own_server = tools.iter().all(|(row, _)| row.is_none())
        && tools.last().is_some_and(|(_, tool)| is_own(tool) && hand::may_serve(&tool.own))
        && is_told
        && script_is_told.get();
    let (mut ports, mut more) = (Vec::new(), Vec::new());
    for (row, tool) in tools {
        let assigned = tool.assigned.iter().rev().find(|(name, _)| name == "PORT");
        let told = assigned.map_or(port.filter(|_| keeps_port.get()), |(_, word)| plain_port(word));
        let (name, args) = match tool.own.split_first() {
            Some((first, args)) => (program(&first.text), args),
            None => (tool.name.as_str(), &tool.args[..]),
        };
        let serves_files = row.is_some_and(|row| SERVE_FILES.contains(&row.name));
        if (away || leads_away(args)) && !serves_files {
            continue;
        }
        let is_sure = assigned.is_some() || script_is_told.get();
        match row {
            Some(row) => ports.extend(of_tool(row, &tool, told)),
            None if is_own_server && is_own(&tool) => ports.extend(told),
            None => {
                ports.extend(hand::of(name, args, told.filter(|_| is_sure)));
                for words in hand::runs(name, args) {
                    let command = Command::of(&words);
                    let assigned = command.assigned.iter().rev().find(|(name, _)| name == "PORT");
                    let told = assigned.map_or(told, |(_, word)| plain_port(word));
                    if depth > 0 {
                        more.extend(within(command.launched, told, &folder, scripts, depth - 1));
                    }
                }
            }
        }
    }
    ports.extend(by_hand);
    ports.dedup();
    let target = |port| Target { what: What::Bind(port), folder: folder.clone() };
    ports.into_iter().map(target).chain(more).collect()
}

/// Whether `first` starts a package manager, which has a way of its own to name a folder.
fn is_manager(first: &str) -> bool {
    matches!(program(first), "npm" | "pnpm" | "yarn" | "bun" | "uv" | "poetry" | "pdm" | "pipenv" | "rye")
}

/// Whether `dotenv` is to let a file overrule the variables there are.
fn overrides(words: &[Word]) -> bool {
    let dotenv = words.iter().position(|word| program(&word.text).starts_with("dotenv"));
    dotenv.is_some_and(|at| {
        words[at..].iter().any(|word| matches!(word.text.as_str(), "-o" | "--override" | "--overload"))
    })
}

/// Whether a command of a script, with `set` before it, makes `PORT` something else for those behind it or for its own.
fn changes_port(set: &[Word], rest: &[Word]) -> bool {
    let Some(first) = rest.first() else {
        return set.iter().any(|word| word.text.starts_with("PORT="));
    };
    matches!(first.text.as_str(), "export" | "unset" | "read" | "eval" | "source" | "." | "-i" | "-")
        || rest.iter().any(|word| matches!(word.text.as_str(), "PORT" | "-uPORT" | "--unset=PORT"))
        || overrides(rest)
}

/// Whether `args` may have a tool work in another folder, whose server it is then.
fn leads_away(args: &[Word]) -> bool {
    args.iter().enumerate().any(|(at, word)| {
        let before =
            at.checked_sub(1).map(|at| &args[at]).filter(|word| word.is_flag() && !word.text.contains('='));
        let (flag, value) = match word.text.split_once('=') {
            Some((flag, value)) if word.is_flag() => (flag, value),
            _ if word.is_flag() => return false,
            _ => (before.map_or("", |word| word.text.as_str()), word.text.as_str()),
        };
        let is_away = value.starts_with(['/', '~'])
            || value.starts_with("..")
            || value.contains("worktrees/")
            // A word that only the shell knows may be anything, behind a flag rarely a folder.
            || word.expanded && flag.is_empty();
        let flag = flag.to_ascii_lowercase();
        is_away && !NO_FOLDER.iter().any(|part| flag.contains(part)) && package_of_file(value).is_none()
    })
}

/// Whether `word` may name a port that counts for more than `PORT`; whether it does, only the program knows.
fn names_port(word: &Word) -> bool {
    let text = word.text.to_ascii_lowercase();
    let flag = text.split('=').next().unwrap_or_default();
    word.assignment().is_some_and(|(name, _)| name.ends_with("PORT"))
        || flag.starts_with("--") && flag.ends_with("port") && !matches!(flag, "--import" | "--export")
        || text.starts_with("-p")
        || text.rsplit(':').next().is_some_and(|number| number.parse::<Port>().is_ok())
}

fn of_tool(row: &Framework, tool: &Tool, told: Option<Port>) -> Option<Port> {
    let args = &tool.args[..];
    if asks(row, args) || !listens(row, tool) {
        return None;
    }
    match port_argument::find(args, row.port, row.valued) {
        PortArgument::Port { port, .. } => port,
        PortArgument::None => told.filter(|_| READ_PORT.contains(&row.name) && is_plain_server(row, args)),
        PortArgument::Unknown => None,
    }
}

/// Whether a tool that takes a port listens on it, of those that have it in the other case too.
fn listens(row: &Framework, tool: &Tool) -> bool {
    let has = |flags: &[&str]| tool.args.iter().any(|word| flags.contains(&word.text.as_str()));
    match (row.name, tool.name.as_str()) {
        // It manages packages and runs scripts too.
        (_, "vp") => {
            let mut args = tool.args.iter();
            let sub = loop {
                let Some(word) = args.next() else { break None };
                if row.valued.contains(&word.text.as_str()) {
                    args.next();
                } else if !word.is_flag() {
                    break Some(word.text.as_str());
                }
            };
            matches!(sub, None | Some("dev" | "preview" | "serve"))
        }
        ("Vitest UI", _) => has(&["--ui"]) && !has(&["run", "--run", "list"]),
        ("PHP", _) => !has(&["-l", "-i", "-m", "-r", "-s", "-w", "-z", "--ini"]),
        _ => true,
    }
}

/// Whether a tool only says something of itself, or listens on a socket that is a file.
fn asks(row: &Framework, args: &[Word]) -> bool {
    args.iter().enumerate().any(|(at, word)| match word.text.as_str() {
        "--help" | "--version" | "--smoke-test" | "--check-config" | "--print-config" | "--uds" | "--fd" => {
            true
        }
        "-h" => !HOST_BY_H.contains(&row.name) || args.get(at + 1).is_none_or(Word::is_flag),
        "-v" | "-V" => at == 0,
        text => text.starts_with("--uds="),
    })
}

/// Next.js has subcommands that listen nowhere, and more with each version.
fn is_plain_server(row: &Framework, args: &[Word]) -> bool {
    row.name != "Next.js"
        || args
            .iter()
            .find(|word| !word.is_flag())
            .is_none_or(|word| matches!(word.text.as_str(), "dev" | "start"))
}

/// Whether `words` run a package's script that is a server by its name.
fn starts_script(words: &[Word]) -> bool {
    let mut plain = words.iter().filter(|word| !word.is_flag()).map(|word| word.text.as_str());
    let manager = plain.next().map(program);
    let mut name = plain.next();
    if matches!(name, Some("run" | "run-script")) {
        name = plain.next();
    }
    matches!(manager, Some("npm" | "pnpm" | "yarn" | "bun"))
        && matches!(name, Some("dev" | "start" | "serve" | "develop" | "preview"))
        && !words.iter().any(|word| word.text == "-h")
}
