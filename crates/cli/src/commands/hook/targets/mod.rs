//! What a shell command would do to ports: bind one, or end whoever listens on one. Pure, and conservative: what only a
//! shell, a tool or the moment can know is not found.
//!
//! A bind counts if it is certain to be tried: not behind `||`, a test or in a loop. A kill counts wherever it stands.
//! Ports that a command merely speaks to, publishes from a container or writes into a file are none of either.

mod binds;
mod kills;
mod names;
mod victims;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use styxy_core::Port;

use crate::tools::launch::options;
use crate::tools::shell::{self, After, Script, Simple, Unreachable};
use crate::tools::words::{Word, program};
pub(super) use names::Name;

/// Commands within commands are followed so many times.
const DEPTH: usize = 4;

/// One thing that a command would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) what: What,
    /// Where it would do it; from there one can tell whose a port is.
    pub(super) folder: PathBuf,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A server would listen on this port.
    Bind(Port),
    /// Whoever listens on this port would be ended.
    KillPort(Port),
    /// Every process of such a name would be ended.
    KillName(Name),
    /// The process of this number would be ended.
    KillPid(u32),
}

/// The text of a script of the package around a folder.
pub(super) type Scripts<'a> = dyn Fn(&Path, &str) -> Option<String> + 'a;

/// What `text`, run in `folder`, would do.
pub(super) fn read(text: &str, folder: &Path, home: Option<&Path>, scripts: &Scripts<'_>) -> Vec<Target> {
    let mut reader = Reader { home, scripts, found: Vec::new() };
    let mut place =
        Place { folder: Some(folder.to_owned()), port: None, pids: HashMap::new(), tries: Tries::Surely };
    reader.script(&shell::read(text), &mut place, DEPTH);
    reader.found
}

/// What is known at some point of a script.
#[derive(Clone)]
struct Place {
    /// None once a `cd` went where only the shell knows.
    folder: Option<PathBuf>,
    /// `PORT`, if it was exported as a plain number.
    port: Option<Port>,
    /// Variables that hold the pids of these.
    pids: HashMap<String, Vec<What>>,
    tries: Tries,
}

/// Whether what stands here is run for sure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tries {
    Surely,
    Perhaps,
}

struct Reader<'a> {
    home: Option<&'a Path>,
    scripts: &'a Scripts<'a>,
    found: Vec<Target>,
}

impl Reader<'_> {
    fn script(&mut self, script: &Script, place: &mut Place, depth: usize) {
        if script.end == Err(Unreachable::Quotes) {
            return;
        }
        let outer = place.tries;
        let mut folders = vec![place.folder.clone()];
        let mut list_began_in = place.folder.clone();
        let mut groups: &[usize] = &[];
        let mut compound = 0_usize;
        // How deep the chain is that runs perhaps only, if one does.
        let mut perhaps = None;
        for (at, command) in script.commands.iter().enumerate() {
            let shared = groups.iter().zip(&command.groups).take_while(|(one, other)| one == other).count();
            while folders.len() > shared + 1 {
                place.folder = folders.pop().flatten();
            }
            while folders.len() <= command.groups.len() {
                folders.push(place.folder.clone());
            }
            if matches!(command.after, After::End | After::Background) {
                if command.after == After::Background {
                    place.folder.clone_from(&list_began_in);
                }
                list_began_in.clone_from(&place.folder);
                perhaps = perhaps.filter(|depth| shared > *depth);
            }
            if command.after == After::Or {
                perhaps = perhaps.or(Some(shared));
            }
            groups = &command.groups;
            let words = without_keywords(&command.words, &mut compound);
            let certain = outer == Tries::Surely && compound == 0 && perhaps.is_none();
            place.tries = if certain { Tries::Surely } else { Tries::Perhaps };
            let first = command.words.first().map_or("", |word| &word.text);
            if matches!(first, "!" | "[" | "[[" | "test") {
                perhaps = perhaps.or(Some(shared));
            }
            if first == "function" {
                return;
            }
            let pipeline = pipeline(&script.commands[..at], command);
            self.command(words, pipeline, place, depth);
        }
        place.tries = outer;
        place.folder =
            folders.into_iter().next().flatten().filter(|_| !groups.is_empty()).or(place.folder.take());
    }

    fn command(&mut self, words: &[Word], piped: &[Simple], place: &mut Place, depth: usize) {
        for inner in words.iter().flat_map(|word| &word.inner) {
            if depth > 0 {
                self.script(inner, &mut place.clone(), depth - 1);
            }
        }
        let command = Command::of(words);
        let Some((first, args)) = command.words.split_first() else {
            for (name, word) in command.assigned {
                let pids = word.inner.iter().flat_map(|inner| victims::of(&inner.commands)).collect();
                place.pids.insert(name, pids);
            }
            return;
        };
        match program(&first.text) {
            "cd" | "pushd" => place.folder = self.folder(place.folder.as_deref(), args),
            "popd" => place.folder = None,
            "export" => {
                if let Some((_, value)) = args.iter().rev().find_map(|word| named(word, "PORT")) {
                    place.port = value;
                }
            }
            "sh" | "bash" | "zsh" | "dash" | "eval" | "wsl" => {
                if let (Some(text), true) = (inline(first, args), depth > 0) {
                    self.script(&shell::read(&text), &mut place.clone(), depth - 1);
                }
            }
            // What it may end and where it may listen is its own business.
            "styxy" => {}
            _ => {
                let kills = kills::of(&command.words, piped, &place.pids);
                if let Some(folder) = &place.folder {
                    self.found.extend(kills.into_iter().map(|what| Target { what, folder: folder.clone() }));
                    if place.tries == Tries::Surely {
                        let words: Vec<Word> = command.launched.clone();
                        let assigned = command.assigned.iter().rev().find(|(name, _)| name == "PORT");
                        let port = match assigned {
                            Some((_, word)) => plain_port(word),
                            None => place.port,
                        };
                        self.found.extend(binds::of(words, port, folder, self.scripts));
                    }
                }
            }
        }
    }

    fn folder(&self, from: Option<&Path>, args: &[Word]) -> Option<PathBuf> {
        let args: Vec<&Word> = args.iter().filter(|word| word.text != "--" && word.text != "-P").collect();
        match args[..] {
            [] => self.home.map(Path::to_owned),
            [to] if to.expanded || to.text == "-" || to.text.contains(['*', '?']) => None,
            [to] => match to.text.strip_prefix('~') {
                None => Some(from?.join(&to.text)),
                Some("") => self.home.map(Path::to_owned),
                Some(rest) => Some(self.home?.join(rest.strip_prefix('/')?)),
            },
            [_, _, ..] => None,
        }
    }
}

/// The commands whose output goes into `command`, and which are right before it.
fn pipeline<'a>(before: &'a [Simple], command: &Simple) -> &'a [Simple] {
    if command.after != After::Pipe {
        return &[];
    }
    let start = before.iter().rposition(|one| one.after != After::Pipe).unwrap_or(0);
    &before[start..]
}

/// Leaves out what belongs to a compound command, and counts how deep in such the words are.
fn without_keywords<'a>(mut words: &'a [Word], compound: &mut usize) -> &'a [Word] {
    while let Some(word) = words.first() {
        match word.text.as_str() {
            "if" | "while" | "until" => *compound += 1,
            "for" | "case" | "select" => {
                *compound += 1;
                return &[];
            }
            "fi" | "done" | "esac" => *compound = compound.saturating_sub(1),
            other if shell::is_keyword(other) => {}
            _ => return words,
        }
        words = &words[1..];
    }
    words
}

/// A command without what merely runs it.
struct Command {
    /// Variables that are set for it.
    assigned: Vec<(String, Word)>,
    /// It, without `sudo`, `timeout 5`, `nohup` and the like.
    words: Vec<Word>,
    /// The same with the package managers' ways of running a tool, which know of servers.
    launched: Vec<Word>,
}

impl Command {
    fn of(words: &[Word]) -> Self {
        let mut words = words.to_vec();
        let mut assigned = Vec::new();
        loop {
            while let Some((name, value)) = words.first().and_then(Word::assignment) {
                let (name, text) = (name.to_owned(), value.to_owned());
                assigned.push((name, Word { text, ..words.remove(0) }));
            }
            let Some(first) = words.first() else { break };
            let valued: &[&str] = match program(&first.text) {
                "sudo" | "doas" => &["-u", "-g", "-C", "-p"],
                "nohup" | "setsid" | "time" | "command" | "builtin" | "exec" | "caffeinate" | "unbuffer" => {
                    &[]
                }
                "env" => &["-u", "-C", "-S"],
                "nice" | "ionice" => &["-n", "-c"],
                "stdbuf" => &["-i", "-o", "-e"],
                "timeout" | "gtimeout" => &["-s", "-k", "--signal", "--kill-after"],
                _ => break,
            };
            let waits = program(&first.text).ends_with("timeout");
            let asks =
                program(&first.text) == "command" && words.get(1).is_some_and(|word| word.text == "-v");
            words.remove(0);
            options(&mut words, valued, |_, _| {});
            if waits && !words.is_empty() {
                words.remove(0);
            }
            if asks {
                words.clear();
            }
        }
        let launched = words.clone();
        kills::unpack(&mut words);
        Self { assigned, words, launched }
    }
}

/// The text that a shell is given to run.
fn inline(first: &Word, args: &[Word]) -> Option<String> {
    if first.text == "eval" {
        return Some(args.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "));
    }
    let flag = args
        .iter()
        .position(|word| word.is_flag() && !word.text.starts_with("--") && word.text.ends_with('c'))?;
    Some(args.get(flag + 1)?.text.clone())
}

/// The value of `name` in `NAME=value`, as a port if it is one.
fn named<'w>(word: &'w Word, name: &str) -> Option<(&'w str, Option<Port>)> {
    let (found, value) = word.assignment()?;
    let plain = Word { text: value.to_owned(), expanded: word.expanded, ..Word::default() };
    (found == name).then(|| (found, plain_port(&plain)))
}

/// The port that `word` is, if no shell changes it.
fn plain_port(word: &Word) -> Option<Port> {
    let digits = !word.expanded && word.text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { word.text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
