//! Commands that start a server on a port that they name.

use std::cell::Cell;
use std::path::Path;

use styxy_core::Port;

use super::{Scripts, Target, What, plain_port};
use crate::frameworks::{self, Framework};
use crate::tools::launch;
use crate::tools::own::{self, Own};
use crate::tools::words::{Word, program};

/// Rows of the table whose tools listen on `PORT` if nothing else is said.
const READ_PORT: [&str; 6] = ["Next.js", "Nuxt", "Rails", "serve", "http-server", "Vue CLI"];

/// The servers that `words` start, with `PORT` set to `port`.
pub(super) fn of(words: Vec<Word>, port: Option<Port>, folder: &Path, scripts: &Scripts<'_>) -> Vec<Target> {
    let by_hand = by_hand(&words, port);
    let starts_script = starts_script(&words);
    // Scripts may be another folder's, and then it is that one's server.
    let inside = Cell::new(None);
    let lookup = |to: Option<&str>, name: &str| {
        let folder = to.map_or_else(|| folder.to_owned(), |to| folder.join(to));
        let text = scripts(&folder, name);
        inside.set(Some(folder));
        text
    };
    let mut ports = Vec::new();
    for tool in launch::follow(words, &lookup) {
        let assigned = tool.assigned.iter().rev().find(|(name, _)| name == "PORT");
        let told = assigned.map_or(port, |(_, word)| plain_port(word));
        let row = frameworks::find(&tool.name, &tool.args.iter().map(|word| word.text.as_str()));
        match row {
            Some(row) => ports.extend(of_tool(row, &tool.args, told)),
            // A program of the project's own, run as `npm run dev`: it is a server, and what else would PORT be for.
            None if tool.name.is_empty() && starts_script => ports.extend(told),
            None => {}
        }
    }
    ports.extend(by_hand);
    ports.dedup();
    let folder = inside.take().unwrap_or_else(|| folder.to_owned());
    ports.into_iter().map(|port| Target { what: What::Bind(port), folder: folder.clone() }).collect()
}

fn of_tool(row: &Framework, args: &[Word], told: Option<Port>) -> Option<Port> {
    let asks = args.iter().any(|word| matches!(word.text.as_str(), "--help" | "--version"));
    match own::find(args, row) {
        _ if asks => None,
        Own::Port { port, .. } => port,
        Own::None => told.filter(|_| READ_PORT.contains(&row.name)),
        Own::Unknown => None,
    }
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
        "nc" | "ncat" | "netcat" => {
            let listens = args.iter().any(|word| {
                word.is_flag()
                    && (word.text == "--listen" || !word.text.starts_with("--") && word.text.contains('l'))
            });
            if !listens {
                return None;
            }
            args.iter().rev().filter(|word| !word.is_flag()).find_map(plain_port)
        }
        "gunicorn" | "hypercorn" => {
            let bound = value(&["-b", "--bind"]).cloned().or_else(|| joined("--bind="))?;
            let (_, port) = bound.text.rsplit_once(':')?;
            plain_port(&Word { text: port.to_owned(), ..bound.clone() })
        }
        "live-server" => joined("--port=").as_ref().and_then(plain_port),
        "react-scripts" if args.first().is_some_and(|word| word.text == "start") => told,
        "node" | "nodemon" | "tsx" | "ts-node" | "bun" => {
            let file =
                args.iter().find(|word| !word.is_flag() && word.text != "watch" && word.text != "run")?;
            let stem = file.text.rsplit('/').next()?.split('.').next()?;
            told.filter(|_| {
                stem == "app" || stem == "www" || stem.ends_with("server") || stem.starts_with("server")
            })
        }
        _ => None,
    }
}
