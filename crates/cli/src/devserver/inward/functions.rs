//! The functions that a text for a shell defines: their servers are where they are called.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::census::Server;
use crate::devserver::shell::{After, Simple, Word, is_keyword};

/// The functions of one text, by name.
#[derive(Default)]
pub(super) struct Functions {
    all: BTreeMap<String, Function>,
}

#[derive(Default)]
struct Function {
    body: Body,
    is_called: bool,
}

/// What a call of a function starts.
#[derive(Default, Clone)]
pub(super) struct Body {
    /// Servers that run on behind the call.
    pub(super) running: Vec<Server>,
    /// Servers that have ended when the call has.
    pub(super) last: Vec<Server>,
    pub(super) passes: Option<Passes>,
}

/// How a function runs the command in its own arguments: `"$@"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passes {
    /// How many arguments come before the command: they were shifted away.
    pub(super) shifted: usize,
    pub(super) in_background: bool,
}

impl Functions {
    /// Adds those that `commands` define, without what is in them.
    pub(super) fn add(&mut self, commands: &[Simple]) {
        for name in commands.iter().filter_map(defined) {
            self.all.entry(name.to_owned()).or_default();
        }
    }

    pub(super) fn define(&mut self, name: &str, body: Body) {
        self.all.entry(name.to_owned()).or_default().body = body;
    }

    /// What a call of `name` starts; none if there is no such function.
    pub(super) fn call(&mut self, name: &str) -> Option<Body> {
        let function = self.all.get_mut(name)?;
        function.is_called = true;
        Some(function.body.clone())
    }

    /// The servers of those that are called in no way that can be read: `"$@"`, `trap`.
    pub(super) fn uncalled(&self) -> Vec<Vec<Server>> {
        let uncalled = self.all.values().filter(|function| !function.is_called);
        uncalled.map(|function| [&function.body.running[..], &function.body.last[..]].concat()).collect()
    }
}

/// How the function with this body runs the command in its arguments, if it does.
pub(super) fn passes(body: &[Simple]) -> Option<Passes> {
    let mut shifted = 0;
    for (at, command) in body.iter().enumerate() {
        let before = |word: &&Word| {
            is_keyword(&word.text) || BEFORE.contains(&word.text.as_str()) || word.assignment().is_some()
        };
        let words: Vec<&str> =
            command.words.iter().skip_while(before).map(|word| word.text.as_str()).collect();
        match words[..] {
            ["shift"] => shifted += 1,
            ["shift", count] => shifted += count.parse::<usize>().unwrap_or(1),
            ["$@" | "$*" | "${@}" | "${*}", ..] => {
                let in_background = body.get(at + 1).is_some_and(|next| next.after == After::Background);
                return Some(Passes { shifted, in_background });
            }
            _ => {}
        }
    }
    None
}

/// Words in front of a command that do not make it another one.
const BEFORE: [&str; 6] = ["command", "env", "exec", "nohup", "setsid", "time"];

/// The function that begins behind `command`.
pub(super) fn defined(command: &Simple) -> Option<&str> {
    match &command.words[..] {
        [.., function, name] if function.text == "function" => Some(&name.text),
        _ => None,
    }
}

/// How many of `commands` are the body of the function that they begin with.
pub(super) fn body(commands: &[Simple]) -> usize {
    let Some(first) = commands.first() else { return 0 };
    let begins_with =
        |command: &Simple, word: &str| command.words.first().is_some_and(|first| first.text == word);
    if !begins_with(first, "{") {
        let group = first.groups.last();
        return commands
            .iter()
            .take_while(|command| group.is_some_and(|group| command.groups.contains(group)))
            .count();
    }
    let mut open = 0_usize;
    for (at, command) in commands.iter().enumerate() {
        for word in command.words.iter().take_while(|word| is_keyword(&word.text)) {
            match word.text.as_str() {
                "{" => open += 1,
                "}" => open = open.saturating_sub(1),
                _ => {}
            }
        }
        if open == 0 {
            return at + 1;
        }
    }
    commands.len()
}

/// One server for several calls of a function that run together: each call starts it again.
pub(super) fn merge_calls(together: &mut Vec<Server>) {
    let mut called: BTreeMap<(String, String), usize> = BTreeMap::new();
    for one in std::mem::take(together) {
        let Some(function) = one.function.clone() else {
            together.push(one);
            continue;
        };
        match called.entry((function, one.name.clone())) {
            Entry::Occupied(first) => together[*first.get()].repeated = true,
            Entry::Vacant(place) => {
                place.insert(together.len());
                together.push(one);
            }
        }
    }
}
