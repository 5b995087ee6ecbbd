//! The literal forms of commands that end a server: a table, for agents whose shells the guard does not reach (R38).
//!
//! A form is the words of one simple command, or the one pipe from lsof to kill. Quotes, variables, patterns and operators are
//! not read: a text with any of them names nobody.

use styxy_core::{Pid, Port};

use crate::devserver::program::{package, program};

/// Whom a command would end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Victim {
    Process(Pid),
    /// Whoever listens there.
    Listener(Port),
    Named(Name),
}

/// A name of processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    part: Part,
}

/// Of what it has to be a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It is the whole name of the program.
    Whole,
    OfName,
    OfCommandLine,
}

impl Name {
    pub(super) fn means(&self, process: Option<&str>, line: Option<&str>) -> bool {
        match self.part {
            Part::Whole => process.is_some_and(|process| bare(process) == bare(&self.text)),
            Part::OfName => process.is_some_and(|process| process.contains(&self.text)),
            Part::OfCommandLine => line.or(process).is_some_and(|line| line.contains(&self.text)),
        }
    }
}

/// What Windows' tools compare; nothing changes elsewhere.
fn bare(name: &str) -> String {
    if cfg!(windows) { program(name).to_ascii_lowercase() } else { name.to_owned() }
}

/// What agents append to any command.
const ENDINGS: [&str; 3] = [" 2>/dev/null", " >/dev/null 2>&1", " || true"];
/// A text with one of these is more than words.
const MORE: &[char] = &[
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '?', '[', ']', '{', '}', '#', '~',
    '!', '\n', '\r', '%',
];

/// Whom `text` would end; nobody if it is not of these forms.
pub(super) fn read(text: &str) -> Vec<Victim> {
    let mut text = text.trim();
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| text.strip_suffix(ending)) {
        text = shorter.trim_end();
    }
    let inner = text.strip_suffix(')').and_then(|text| text.split_once("$("));
    let found = match (inner, text.split_once("| xargs ")) {
        (Some((kill, list)), _) => listed(list, kill),
        (None, Some((list, kill))) => listed(list, kill.trim_start_matches("-r ")),
        (None, None) => words(text).and_then(|words| plain(&words)),
    };
    found.unwrap_or_default()
}

fn words(text: &str) -> Option<Vec<&str>> {
    (!text.contains(MORE)).then(|| text.split_ascii_whitespace().collect())
}

fn plain(words: &[&str]) -> Option<Vec<Victim>> {
    let (first, args) = words.split_first()?;
    match program(first) {
        "kill" => processes(signalled(args, &[])?),
        "pkill" => {
            let [name] = signalled(args, &["-f", "-x"])?[..] else { return None };
            let part = match (args.contains(&"-f"), args.contains(&"-x")) {
                (true, false) => Part::OfCommandLine,
                (false, false) => Part::OfName,
                (false, true) => Part::Whole,
                (true, true) => return None,
            };
            Some(vec![named(name, part)])
        }
        "killall" => Some(wholly(signalled(args, &["-q", "-v"])?)),
        "fuser" if args.contains(&"-k") => {
            ports(signalled(args, &["-k", "-v"])?.into_iter().map(|word| word.strip_suffix("/tcp")))
        }
        "npx" | "bunx" => {
            let args = args.strip_prefix(&["-y"]).or_else(|| args.strip_prefix(&["--yes"])).unwrap_or(args);
            let (tool, args) = args.split_first()?;
            if package(tool) == "kill-port" { ports(args.iter().copied().map(Some)) } else { None }
        }
        "kill-port" => ports(args.iter().copied().map(Some)),
        first if first.eq_ignore_ascii_case("taskkill") => windows(args, "PID", "IM", &["F", "T"]),
        first if first.eq_ignore_ascii_case("Stop-Process") => windows(args, "Id", "Name", &["Force"]),
        _ => None,
    }
}

/// `lsof -ti:3000`, whose pids `kill` gets.
fn listed<'w>(list: &'w str, kill: &'w str) -> Option<Vec<Victim>> {
    let (list, kill) = (words(list.trim_end().trim_end_matches(ENDINGS[0]))?, words(kill)?);
    let is_kill = kill.first() == Some(&"kill") && signalled(&kill[1..], &[])?.is_empty();
    let [lsof, args @ ..] = &list[..] else { return None };
    let flags = ["-t", "-i", "-ti", "-it", "-n", "-P", "-nP", "-sTCP:LISTEN"];
    let of_port = |word: &&'w str| {
        let (protocol, port) = word.rsplit_once(':')?;
        let protocol = protocol.trim_start_matches('-').to_ascii_lowercase();
        ["", "i", "ti", "it", "tcp", "itcp", "titcp"].contains(&&*protocol).then_some(port)
    };
    let named = args.iter().filter(|word| !flags.contains(word));
    if is_kill && *lsof == "lsof" { ports(named.map(of_port)) } else { None }
}

/// The words of a command that sends a signal, without those that name one; none if it has other `flags`, or signals nobody.
fn signalled<'w>(args: &[&'w str], flags: &[&str]) -> Option<Vec<&'w str>> {
    let mut rest = Vec::new();
    let mut args = args.iter().copied();
    while let Some(word) = args.next() {
        let named = match word {
            "-s" | "--signal" => args.next(),
            word if flags.contains(&word) => continue,
            word => word.strip_prefix('-'),
        };
        match named {
            None => rest.push(word),
            Some("0") => return None,
            Some(signal) if signal.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) => {
            }
            Some(_) => return None,
        }
    }
    Some(rest)
}

/// `/PID 42`, `-Name node`, with a list of names or numbers and nothing but `flags` beside it.
fn windows(args: &[&str], id: &str, name: &str, flags: &[&str]) -> Option<Vec<Victim>> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(word) = args.next() {
        let option = word.trim_start_matches(['/', '-']);
        let is = |other: &str| option.len() < word.len() && option.eq_ignore_ascii_case(other);
        if is(id) {
            found.extend(processes(args.next()?.split(','))?);
        } else if is(name) {
            found.extend(wholly(args.next()?.split(',')));
        } else if !flags.iter().any(|flag| is(flag)) {
            return None;
        }
    }
    Some(found)
}

fn processes<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<Vec<Victim>> {
    let pid = |word: &str| Pid::new(word.parse().ok()?).map(Victim::Process);
    words.into_iter().map(pid).collect()
}

fn ports<'w>(words: impl Iterator<Item = Option<&'w str>>) -> Option<Vec<Victim>> {
    words.map(|word| word?.parse().ok().and_then(|port| Port::new(port).ok()).map(Victim::Listener)).collect()
}

fn wholly<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<Victim> {
    words.into_iter().map(|word| named(word, Part::Whole)).collect()
}

fn named(text: &str, part: Part) -> Victim {
    Victim::Named(Name { text: text.to_owned(), part })
}

#[cfg(test)]
mod tests;
