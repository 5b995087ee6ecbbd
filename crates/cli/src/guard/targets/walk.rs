//! A script from its first command to its last: what each would do, where, and whether it is run at all.

use std::cell::Cell;
use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use super::command::{Command, inline};
use super::frames::{Kind, Leaves, Malformed, State};
use super::odds::{Chain, Chance, Outcome, if_there};
use super::{
    MOST, Place, Scripts, Target, binds, kills, plain_port, steps, variables, victims, without_keywords,
};
use crate::devserver::program::program;
use crate::devserver::shell::Word;
use crate::devserver::shell::{self, After, Script, Simple, Unreachable};

/// Commands within commands are followed so many times.
const DEPTH: usize = 4;
/// So many scripts of packages are looked up; each costs a read of a file.
const LOOKUPS: usize = 64;
/// A package's script that is longer, in bytes, is not read.
const SCRIPT: usize = 4096;
/// More commands than somebody types are not judged, so that none keeps the agent waiting.
const COMMANDS: usize = 1024;
/// A longer pipeline prints nobody knows what.
const PIPES: usize = 16;

/// What `text`, run in `folder`, would do; more than [`MOST`] things are not told all.
pub(super) fn walk(text: &str, folder: &Path, home: Option<&Path>, scripts: &Scripts<'_>) -> Vec<Target> {
    let lookups = Cell::new(0);
    let scripts = |folder: &Path, name: &str| {
        lookups.set(lookups.get() + 1);
        let text = if lookups.get() > LOOKUPS { None } else { scripts(folder, name) };
        text.map(|text| if text.len() <= SCRIPT && runs_all(&text) { text } else { String::new() })
    };
    let mut walker = Walker { home, scripts: &scripts, found: Vec::new(), read: 0 };
    let mut place = Place { folder: Some(folder.into()), ..Place::default() };
    walker.script(&shell::read(text), &mut place, Chance::Surely, DEPTH);
    walker.found
}

/// Whether each command of a package's script is sure to run.
fn runs_all(text: &str) -> bool {
    let script = shell::read(text);
    let mut chain = Chain::new(Chance::Surely);
    let place = Place::default();
    !script.end.is_err_and(Unreachable::is_unreadable)
        && script.commands.iter().all(|command| {
            chain.next(command.after);
            let words = Command::of(&command.words).words;
            chain.ends(steps::outcome(std::slice::from_ref(command), &words, &place));
            let first = command.words.first().map_or("", |word| word.text.as_str());
            chain.chance() == Chance::Surely && !shell::is_keyword(first) && leaves(first).is_none()
        })
}

struct Walker<'a> {
    home: Option<&'a Path>,
    scripts: &'a Scripts<'a>,
    found: Vec<Target>,
    /// How many commands were read.
    read: usize,
}

/// What leaves a script, a function, a loop or one turn of it.
fn leaves(word: &str) -> Option<Leaves> {
    match word {
        "exit" | "return" => Some(Leaves::Script),
        "break" | "continue" => Some(Leaves::Loop),
        _ => None,
    }
}

impl Walker<'_> {
    fn script(&mut self, script: &Script, place: &mut Place, chance: Chance, depth: usize) {
        if script.end.is_err_and(Unreachable::is_unreadable) {
            return;
        }
        let before = self.found.len();
        if self.commands(&script.commands, &mut State::new(place, chance), depth).is_err() {
            self.found.truncate(before);
        }
    }

    fn commands(&mut self, all: &[Simple], state: &mut State<'_>, depth: usize) -> Result<(), Malformed> {
        let mut groups: &[usize] = &[];
        let mut pipe = 0;
        for (at, command) in all.iter().enumerate() {
            if self.found.len() > MOST {
                return Ok(());
            }
            self.read += 1;
            if self.read > COMMANDS || state.place.is_full() {
                return Err(Malformed);
            }
            if command.after != After::Pipe {
                pipe = at;
            }
            let pipeline = if at - pipe < PIPES { &all[pipe..=at] } else { &all[at..=at] };
            let into_pipe = all.get(at + 1).is_some_and(|next| next.after == After::Pipe);
            let shared = groups.iter().zip(&command.groups).take_while(|(one, other)| one == other).count();
            for _ in shared..groups.len() {
                state.close(&[Kind::Subshell], false)?;
            }
            let mut after = command.after;
            for _ in shared..command.groups.len() {
                state.open(Kind::Subshell, after)?;
                after = After::End;
            }
            groups = &command.groups;
            let mut keywords = 0;
            let rest = without_keywords(&command.words, &mut keywords);
            let (keywords, head) = command.words.split_at(keywords);
            for keyword in keywords {
                let pipes = Pipes { pipeline, alone: into_pipe };
                after = Self::keyword(&keyword.text, head, after, pipes, state)?;
            }
            if !rest.is_empty() {
                let pipes = Pipes { pipeline, alone: after == After::Pipe || into_pipe };
                state.go_on(after)?;
                if state.top()?.kind == Kind::Function {
                    return Err(Malformed);
                }
                let outcome = if keywords.last().is_some_and(|word| word.text == "[[") {
                    let chance = state.top()?.chain.chance();
                    variables::forget_calculated(rest, state.place);
                    self.substitutions(rest, state.place, &chance, depth);
                    steps::double_test(rest, state.place)
                } else {
                    self.simple(rest, pipes, state, depth)?
                };
                let turns = !into_pipe && std::mem::take(&mut state.turned);
                let outcome = if turns { outcome.turned() } else { outcome };
                state.top()?.chain.ends(outcome);
            }
        }
        for _ in groups {
            state.close(&[Kind::Subshell], false)?;
        }
        state.is_over()
    }

    /// A word of the grammar behind `after`, and `head` behind it. Says what the command behind that is behind.
    fn keyword(
        keyword: &str,
        head: &[Word],
        after: After,
        pipes: Pipes<'_>,
        state: &mut State<'_>,
    ) -> Result<After, Malformed> {
        let kind = match keyword {
            "!" => {
                state.turned = !state.turned;
                return Ok(after);
            }
            "[[" => return Ok(after),
            "then" | "elif" | "else" | "do" => {
                if after == After::Background {
                    state.go_on(after)?;
                }
                state.turn(keyword)?;
                return Ok(After::End);
            }
            "{" => Kind::Braces,
            "if" => Kind::If,
            "while" => Kind::While,
            "until" => Kind::Until,
            "for" => Kind::For,
            "case" | "select" => Kind::Choice,
            "function" => Kind::Function,
            closing => {
                let kinds: &[Kind] = match closing {
                    "}" => &[Kind::Braces],
                    "fi" => &[Kind::If],
                    "done" => &[Kind::While, Kind::Until, Kind::For, Kind::Choice],
                    _ => &[Kind::Choice],
                };
                if after == After::Background {
                    state.go_on(after)?;
                }
                state.close(kinds, pipes.alone)?;
                // What is no redirection cannot stand here.
                return if head.is_empty() { Ok(After::End) } else { Err(Malformed) };
            }
        };
        let frame = state.open(kind, after)?;
        if after == After::Pipe {
            frame.feed = victims::of(before(pipes.pipeline));
        }
        variables::forget_calculated(head, state.place);
        match (kind, head) {
            (Kind::For, [name, of, words @ ..]) if of.text == "in" => {
                let whose: Vec<_> = words.iter().map(|word| steps::whose(word, state.place)).collect();
                let known = whose.iter().all(|whose| !whose.is_empty());
                let whose = if known { whose.concat() } else { Vec::new() };
                // Any other word may stand for none.
                let is_there = |word: &Word| !word.expanded && !word.text.contains(['*', '?', '[']);
                let feeds = if words.iter().any(is_there) { Chance::Surely } else { if_there(whose.clone()) };
                state.top()?.feeds = feeds;
                state.place.forget(&name.text);
                state.place.assign(&name.text, whose);
            }
            (Kind::For | Kind::Choice, [name, ..]) => {
                state.top()?.feeds = Chance::Unknown;
                variables::forget_named(&name.text, state.place);
            }
            (Kind::Function, [name, ..]) => drop(state.place.functions.insert(name.text.clone())),
            _ => {}
        }
        Ok(After::End)
    }

    /// A command that is none of the grammar's.
    fn simple(
        &mut self,
        words: &[Word],
        pipes: Pipes<'_>,
        state: &mut State<'_>,
        depth: usize,
    ) -> Result<Outcome, Malformed> {
        let chance = state.top()?.chain.chance();
        let command = Command::of(words);
        variables::forget(words, &command, state.place);
        self.substitutions(words, state.place, &chance, depth);
        let first = command.words.first().map_or("", |word| word.text.as_str());
        if let Some(leaves) = leaves(first) {
            if !pipes.alone {
                state.leave(leaves)?;
            }
            return Ok(Outcome::Unknown);
        }
        if state.place.functions.contains(first) {
            if !pipes.alone {
                state.lose()?;
            }
            return Ok(Outcome::Unknown);
        }
        if pipes.alone {
            // It is in a process of its own, and what it sets is set there.
            let mut aside = state.place.clone();
            return Ok(self.run(&command, pipes.pipeline, &mut aside, &chance, depth));
        }
        if first == "read" {
            return variables::read(&command.words[1..], state);
        }
        let folder = state.place.folder.clone();
        let outcome = self.run(&command, pipes.pipeline, state.place, &chance, depth);
        let stays = match (&state.place.folder, &folder) {
            (Some(now), Some(before)) => Rc::ptr_eq(now, before),
            (now, before) => now.is_none() && before.is_none(),
        };
        if !stays {
            if state.top()?.chain.is_otherwise() {
                state.place.folder = None;
            }
            let top = state.top()?;
            top.moved |= chance != *top.chain.base();
        }
        if command.replaces {
            state.leave(Leaves::Script)?;
        }
        Ok(outcome)
    }

    /// What `$(…)` in these words would do.
    fn substitutions(&mut self, words: &[Word], place: &Place, chance: &Chance, depth: usize) {
        for inner in words.iter().flat_map(|word| &word.inner) {
            if depth > 0 {
                self.script(inner, &mut place.clone(), chance.clone(), depth - 1);
            }
        }
    }

    fn run(
        &mut self,
        command: &Command,
        pipeline: &[Simple],
        place: &mut Place,
        chance: &Chance,
        depth: usize,
    ) -> Outcome {
        let Some((first, args)) = command.words.split_first() else {
            return if command.asks {
                steps::asks(pipeline)
            } else {
                variables::assign(&command.assigned, place, chance)
            };
        };
        match program(&first.text) {
            "cd" => place.folder = place.target(self.home, args),
            "pushd" if !args.is_empty() => place.folder = place.target(self.home, args),
            "pushd" | "popd" => place.folder = None,
            "export" | "declare" | "typeset" | "local" | "readonly" => {
                let exports = first.text == "export";
                for (name, value) in args.iter().filter_map(Word::assignment) {
                    if name == "PORT" && (exports || place.port.is_some()) {
                        let word = args.iter().rfind(|word| word.text.starts_with("PORT="));
                        let plain = word.is_some_and(|word| !word.expanded) && *chance == Chance::Surely;
                        place.port = if plain { value.parse().ok() } else { None };
                    }
                    let word = Word { text: value.to_owned(), ..args[0].clone() };
                    let whose = if args.len() == 1 { steps::whose(&word, place) } else { Vec::new() };
                    place.assign(name, variables::only_reached(whose, chance));
                }
            }
            "unset" => {
                for word in args {
                    place.assign(&word.text, Vec::new());
                    place.port = place.port.filter(|_| word.text != "PORT");
                }
            }
            "set" | "setopt" | "shopt" => {
                place.ends_on_failure |= ends_on_failure(args);
                place.fails_by_any |= args.iter().any(|word| word.text == "pipefail");
            }
            "eval" => {
                if let Some(text) = inline(first, args).filter(|_| depth > 0) {
                    self.script(&shell::read(&text), place, chance.clone(), depth - 1);
                }
                variables::forget_evaluated(args, place);
            }
            "sh" | "bash" | "zsh" | "dash" => {
                if let Some(text) = inline(first, args).filter(|_| depth > 0) {
                    let mut inside = Place {
                        functions: HashSet::new(),
                        ends_on_failure: false,
                        fails_by_any: false,
                        ..place.clone()
                    };
                    self.script(&shell::read(&text), &mut inside, chance.clone(), depth - 1);
                }
            }
            // What it may end and where it may listen is its own business.
            "styxy" => {}
            _ => self.tool(command, pipeline, place, chance),
        }
        steps::outcome(pipeline, &command.words, place)
    }

    /// A program that may end servers, or be one.
    fn tool(&mut self, command: &Command, pipeline: &[Simple], place: &Place, chance: &Chance) {
        let Some(folder) = &place.folder else { return };
        if !command.by_another {
            let kills =
                variables::only_reached(kills::of(&command.words, before(pipeline), &place.pids), chance);
            self.found.extend(kills.into_iter().map(|what| Target { what, folder: folder.to_path_buf() }));
        }
        if *chance == Chance::Surely {
            let assigned = command.assigned.iter().rev().find(|(name, _)| name == "PORT");
            let port = assigned.map_or(place.port, |(_, word)| plain_port(word));
            self.found.extend(binds::of(command.launched.clone(), port, folder, self.scripts));
        }
    }
}

/// Where a command stands among those that its input comes from and its output goes to.
#[derive(Clone, Copy)]
struct Pipes<'a> {
    /// The commands before it, and it.
    pipeline: &'a [Simple],
    /// Whether there are any (before or) behind it.
    alone: bool,
}

/// The commands whose output goes into the last one.
fn before(pipeline: &[Simple]) -> &[Simple] {
    pipeline.split_last().map_or(&[], |(_, before)| before)
}

/// `set -e`, in a cluster or by its long name.
fn ends_on_failure(args: &[Word]) -> bool {
    args.iter().any(|word| {
        word.text == "errexit"
            || word.text.strip_prefix('-').is_some_and(|flags| !flags.starts_with('-') && flags.contains('e'))
    })
}

#[cfg(test)]
mod tests;
