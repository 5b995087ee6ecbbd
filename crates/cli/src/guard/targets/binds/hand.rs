//! Servers that the table of tools does not have, since nothing is ever added to their words; and tools that run others.

use styxy_core::Port;

use super::super::plain_port;
use crate::devserver::program::program;
use crate::devserver::shell::Word;
use crate::devserver::shell::{self, Simple};

/// What the file of a server is called, up to its ending.
const SERVERS: [&str; 3] = ["server", "app", "www"];
/// The same in the folders that a project's main program is in; elsewhere every program's file may be called so.
const MAINS: [&str; 2] = ["index", "main"];
const MAIN_FOLDERS: [&str; 7] = ["", "src", "server", "dist", "build", "app", "."];

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

/// Nobody runs more beside one another; it bounds the work.
const MOST_BESIDE: usize = 16;

/// The port that the program `name` with `args` listens on, with `PORT` set to `told`.
pub(super) fn of(name: &str, args: &[Word], told: Option<Port>) -> Option<Port> {
    let value = |flags: &[&str]| {
        let at = args.iter().position(|word| flags.contains(&word.text.as_str()))?;
        args.get(at + 1).cloned()
    };
    let joined = |flag: &str| {
        let word = args.iter().find(|word| word.text.starts_with(flag))?;
        let text = word.text.strip_prefix(flag)?.to_owned();
        Some(Word { text, ..word.clone() })
    };
    match name {
        "nc" | "ncat" | "netcat" => netcat(args),
        "nx" if args
            .first()
            .is_some_and(|word| ["serve", "dev", "preview"].contains(&word.text.as_str())) =>
        {
            value(&["--port"]).or_else(|| joined("--port=")).as_ref().and_then(plain_port)
        }
        "react-scripts" if args.first().is_some_and(|word| word.text == "start") => told,
        "node" | "nodemon" | "tsx" | "ts-node" | "bun" => {
            let (file, rest) = file_of(args)?;
            // What it is told may be to do something else, or another port.
            told.filter(|_| rest.is_empty() && is_server(file))
        }
        _ => None,
    }
}

/// Whether a program of the project's own, started by the words `own`, may be its server.
pub(super) fn may_serve(own: &[Word]) -> bool {
    let Some((first, args)) = own.split_first() else { return true };
    match program(&first.text) {
        "node" | "nodejs" | "python" | "python3" | "py" => {
            file_of(args).is_some_and(|(file, rest)| is_server(file) && rest.iter().all(Word::is_flag))
        }
        _ => !is_in(&first.text, &NO_SERVERS),
    }
}

/// The commands that the tool `name` runs beside one another.
pub(super) fn runs(name: &str, args: &[Word]) -> Vec<Vec<Word>> {
    let texts = match name {
        "concurrently" | "conc" => concurrently(args).unwrap_or_default(),
        "nodemon" => match args {
            [flag, text, ..] if matches!(flag.text.as_str(), "-x" | "--exec") => vec![text],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let single = |text: &Word| {
        let script = shell::read(&text.text);
        match (&script.commands[..], script.end) {
            ([Simple { words, groups, .. }], Ok(())) if groups.is_empty() => Some(words.clone()),
            _ => None,
        }
    };
    texts.into_iter().filter_map(single).collect()
}

/// The commands among `concurrently`'s words; none if there is a flag that may keep one from being run.
fn concurrently(args: &[Word]) -> Option<Vec<&Word>> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(word) = args.next() {
        match word.text.as_str() {
            "-n" | "--names" | "-c" | "--prefix-colors" | "-p" | "--prefix" | "-s" | "--success" | "-l"
            | "--prefix-length" | "--restart-tries" | "--restart-after" | "--hide" => {
                args.next()?;
            }
            "-k"
            | "--kill-others"
            | "--kill-others-on-fail"
            | "-r"
            | "--raw"
            | "-g"
            | "--group"
            | "--timings"
            | "--no-color"
            | "-i"
            | "--handle-input" => {}
            flag if ["--names=", "--prefix-colors=", "--prefix=", "--success=", "--hide="]
                .iter()
                .any(|known| flag.starts_with(known)) => {}
            _ if word.is_flag() => return None,
            _ if found.len() == MOST_BESIDE => return None,
            _ => found.push(word),
        }
    }
    Some(found)
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

/// The file that a runtime of these arguments runs, and what it is told.
fn file_of(args: &[Word]) -> Option<(&str, &[Word])> {
    let mut args = args.iter();
    loop {
        let word = args.next()?;
        match word.text.as_str() {
            "watch" | "run" => {}
            "-r" | "--require" | "--import" | "--loader" | "-C" | "--conditions" | "--env-file" | "-w" => {
                args.next();
            }
            "-c" | "-e" | "-p" | "-pe" | "-h" | "-v" | "-i" | "-x" | "--check" | "--eval" | "--print"
            | "--exec" => {
                return None;
            }
            flag if flag.starts_with("--test") => return None,
            _ if word.is_flag() => {}
            file => return Some((file, args.as_slice())),
        }
    }
}

/// Whether a file is a server by its name and its folder.
fn is_server(file: &str) -> bool {
    let (folders, name) = file.rsplit_once('/').unwrap_or(("", file));
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let is_main = MAINS.contains(&stem) && folders.split('/').all(|folder| MAIN_FOLDERS.contains(&folder));
    (is_main || SERVERS.contains(&stem))
        && matches!(ending, "" | "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" | "jsx" | "tsx" | "py")
        && !is_in(file, &NO_SERVERS)
}

/// Whether `path` goes through one of these folders.
fn is_in(path: &str, folders: &[&str]) -> bool {
    let (above, _) = path.rsplit_once('/').unwrap_or_default();
    above.split('/').any(|folder| folders.contains(&folder))
}
