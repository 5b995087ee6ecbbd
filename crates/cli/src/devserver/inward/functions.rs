//! The functions that a text for a shell defines: their servers are where they are called.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::census::Server;
use crate::devserver::shell::{Simple, is_keyword};

/// The functions of one text, by name.
#[derive(Default)]
pub(super) struct Functions {
    all: BTreeMap<String, Function>,
}

#[derive(Default)]
struct Function {
    servers: Vec<Server>,
    is_called: bool,
}

impl Functions {
    /// Those that `commands` define, without what is in them.
    pub(super) fn of(commands: &[Simple]) -> Self {
        let names = commands.iter().filter_map(defined);
        Self { all: names.map(|name| (name.to_owned(), Function::default())).collect() }
    }

    pub(super) fn define(&mut self, name: &str, servers: Vec<Server>) {
        self.all.entry(name.to_owned()).or_default().servers = servers;
    }

    /// The servers that a call of `name` starts; none if there is no such function.
    pub(super) fn call(&mut self, name: &str) -> Option<Vec<Server>> {
        let function = self.all.get_mut(name)?;
        function.is_called = true;
        Some(function.servers.clone())
    }

    /// The servers of those that are called in no way that can be read: `"$@"`, `trap`.
    pub(super) fn uncalled(&self) -> Vec<Vec<Server>> {
        let uncalled = self.all.values().filter(|function| !function.is_called);
        uncalled.map(|function| function.servers.clone()).collect()
    }
}

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
