//! The functions that a text for a shell defines: their servers are where they are called.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::census::Server;
use crate::devserver::shell::{AndOr, Command, Word, each};
use crate::devserver::shells::BEFORE;

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
    /// Adds those that `list` defines, without what is in them.
    pub(super) fn add(&mut self, list: &[AndOr]) {
        each(list, &mut |command, _| {
            if let Command::Function { name, .. } = command {
                self.all.entry(name.clone()).or_default();
            }
        });
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
pub(super) fn passes(body: &[AndOr]) -> Option<Passes> {
    let (mut shifted, mut found) = (0, None);
    each(body, &mut |command, in_background| {
        let Command::Simple(words) = command else { return };
        let before = |word: &&Word| BEFORE.contains(&&*word.text) || word.assignment().is_some();
        let words: Vec<&str> = words.iter().skip_while(before).map(|word| word.text.as_str()).collect();
        match words[..] {
            ["shift"] => shifted += 1,
            ["shift", count] => shifted += count.parse::<usize>().unwrap_or(1),
            ["$@" | "$*" | "${@}" | "${*}", ..] => {
                found = found.or(Some(Passes { shifted, in_background }));
            }
            _ => {}
        }
    });
    found
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
