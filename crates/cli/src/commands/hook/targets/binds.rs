//! Commands that start a server on a port that they name.

use std::cell::Cell;
use std::path::Path;

use styxy_core::Port;

use super::{Scripts, Target, What, plain_port};
use crate::frameworks::{self, Framework};
use crate::tools::launch::{self, Reach, Tool};
use crate::tools::own::{self, Own};
use crate::tools::shell;
use crate::tools::words::{Word, program};

/// Rows of the table whose tools listen on `PORT` if nothing else is said.
const READ_PORT: [&str; 6] = ["Next.js", "Nuxt", "Rails", "serve", "http-server", "Vue CLI"];

/// What the file of a server is called, up to its ending.
const SERVERS: [&str; 5] = ["server", "app", "index", "main", "www"];

/// Folders whose programs are tests, tools and clients, whatever they are called.
const NO_SERVERS: [&str; 14] = [
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "e2e",
    "cypress",
    "playwright",
    "script",
    "scripts",
    "tools",
    "bench",
    "client",
    "cli",
];

/// The servers that `words` start, with `PORT` set to `port`.
pub(super) fn of(words: Vec<Word>, port: Option<Port>, folder: &Path, scripts: &Scripts<'_>) -> Vec<Target> {
    if words.iter().any(|word| matches!(word.text.as_str(), "--help" | "--version")) {
        return Vec::new();
    }
    let by_hand = by_hand(&words, port);
    // A program of the project's own, run as `npm run dev`: it is a server, and what else would PORT be for.
    let is_told = starts_script(&words) && !words.iter().any(names_port);
    // Scripts may be another folder's, and then it is that one's server.
    let inside = Cell::new(None);
    let script_is_told = Cell::new(true);
    let lookup = |to: Option<&str>, name: &str| {
        let folder = to.map_or_else(|| folder.to_owned(), |to| folder.join(to));
        let text = scripts(&folder, name);
        inside.set(Some(folder));
        if let Some(text) = &text {
            let named = shell::read(text).commands.iter().any(|command| {
                // What is set for the program itself is known further down.
                let is_set = |word: &&Word| {
                    word.assignment().is_some() || matches!(word.text.as_str(), "env" | "cross-env")
                };
                command.words.iter().skip_while(is_set).any(names_port)
            });
            script_is_told.set(script_is_told.get() && !named);
        }
        text
    };
    let tools: Vec<_> = launch::follow(words, &lookup)
        .into_iter()
        .map(|tool| (frameworks::find(&tool.name, &tool.args.iter().map(|word| word.text.as_str())), tool))
        .collect();
    let is_own = |tool: &Tool| tool.name.is_empty() && tool.reach != Reach::Elsewhere;
    // What runs before a tool that is known, or not, makes files for it; PORT may mean nothing to either.
    let is_own_server = tools.iter().all(|(row, _)| row.is_none())
        && tools.last().is_some_and(|(_, tool)| is_own(tool))
        && is_told
        && script_is_told.get();
    let mut ports = Vec::new();
    for (row, tool) in tools {
        let assigned = tool.assigned.iter().rev().find(|(name, _)| name == "PORT");
        let told = assigned.map_or(port, |(_, word)| plain_port(word));
        match row {
            Some(row) => ports.extend(of_tool(row, &tool.args, told)),
            None if is_own_server && is_own(&tool) => ports.extend(told),
            None => {}
        }
    }
    ports.extend(by_hand);
    ports.dedup();
    let folder = inside.take().unwrap_or_else(|| folder.to_owned());
    ports.into_iter().map(|port| Target { what: What::Bind(port), folder: folder.clone() }).collect()
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

fn of_tool(row: &Framework, args: &[Word], told: Option<Port>) -> Option<Port> {
    if asks(args) {
        return None;
    }
    match own::find(args, row) {
        Own::Port { port, .. } => port,
        Own::None => told.filter(|_| READ_PORT.contains(&row.name) && is_plain_server(row, args)),
        Own::Unknown => None,
    }
}

/// Whether a tool only says something of itself, or listens on a socket that is a file.
fn asks(args: &[Word]) -> bool {
    args.iter().enumerate().any(|(at, word)| match word.text.as_str() {
        "--help" | "--version" | "--uds" | "--fd" => true,
        // With a value it is the host's.
        "-h" => args.get(at + 1).is_none_or(Word::is_flag),
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

/// Servers that the table of tools does not have, since nothing is ever added to them.
fn by_hand(words: &[Word], told: Option<Port>) -> Option<Port> {
    let (first, args) = words.split_first()?;
    let value = |flags: &[&str]| {
        let at = args.iter().position(|word| flags.contains(&word.text.as_str()))?;
        args.get(at + 1)
    };
    let joined = |flag: &str| {
        let word = args.iter().find(|word| word.text.starts_with(flag))?;
        let text = word.text.strip_prefix(flag)?.to_owned();
        Some(Word { text, ..word.clone() })
    };
    match program(&first.text) {
        "nc" | "ncat" | "netcat" => netcat(args),
        "gunicorn" | "hypercorn" => {
            let only_says = ["-h", "-v", "--check-config", "--print-config"];
            if args.iter().any(|word| only_says.contains(&word.text.as_str())) {
                return None;
            }
            let bound = value(&["-b", "--bind"]).cloned().or_else(|| joined("--bind="))?;
            let (_, port) = bound.text.rsplit_once(':')?;
            plain_port(&Word { text: port.to_owned(), ..bound.clone() })
        }
        "live-server" if !asks(args) => joined("--port=").as_ref().and_then(plain_port),
        "react-scripts" if args.first().is_some_and(|word| word.text == "start") => told,
        "node" | "nodemon" | "tsx" | "ts-node" | "bun" => told.filter(|_| runs_server(args)),
        _ => None,
    }
}

/// The port of `nc -l 3000`, `nc -lk -p 3000`.
fn netcat(args: &[Word]) -> Option<Port> {
    let (mut listens, mut port, mut last) = (false, None, None);
    let mut args = args.iter();
    while let Some(word) = args.next() {
        match word.text.as_str() {
            "--listen" => listens = true,
            "--keep-open" => {}
            _ if !word.is_flag() => last = Some(word),
            flags => {
                for letter in flags[1..].chars() {
                    match letter {
                        'l' => listens = true,
                        'p' => port = Some(args.next()?),
                        'w' | 'q' | 'i' | 's' => drop(args.next()?),
                        'k' | 'v' | 'n' | 'N' | 'd' | '4' | '6' => {}
                        // UDP, a socket that is a file, a look at whether somebody listens.
                        _ => return None,
                    }
                }
            }
        }
    }
    port.or(last).filter(|_| listens).and_then(plain_port)
}

/// Whether a runtime of these arguments runs a file that is a server by its name, and tells it nothing.
fn runs_server(args: &[Word]) -> bool {
    let mut args = args.iter();
    let file = loop {
        let Some(word) = args.next() else { return false };
        match word.text.as_str() {
            "watch" | "run" => {}
            "-r" | "--require" | "--import" | "--loader" | "-C" | "--conditions" | "--env-file" | "-w" => {
                args.next();
            }
            "-c" | "-e" | "-p" | "-pe" | "-h" | "-v" | "-i" | "-x" | "--check" | "--eval" | "--print"
            | "--exec" => {
                return false;
            }
            flag if flag.starts_with("--test") => return false,
            _ if word.is_flag() => {}
            file => break file,
        }
    };
    // What it is told may be to do something else, or another port.
    if args.next().is_some() {
        return false;
    }
    let (folders, name) = file.rsplit_once('/').unwrap_or(("", file));
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    SERVERS.contains(&stem)
        && matches!(ending, "" | "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" | "jsx" | "tsx")
        && !folders.split('/').any(|folder| NO_SERVERS.contains(&folder))
}
