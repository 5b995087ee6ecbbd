//! What is known on the way from a typed command to a server.

use super::census::Entry;
use crate::devserver::launch::DEPTH;
use crate::devserver::shell::Word;

/// The variable that make reads options from.
pub(super) const MAKE_FLAGS: &str = "MAKEFLAGS";

/// What is known on the way to a command.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) entry: Entry,
    pub(super) folder: Option<String>,
    pub(super) name: Option<String>,
    pub(super) manager: Option<&'static str>,
    pub(super) port_is_set: bool,
    pub(super) has_port: bool,
    pub(super) before: Option<usize>,
    pub(super) depth: usize,
    /// The options for make in its variable, where the command sets that.
    pub(super) make_flags: Option<String>,
}

impl Way {
    pub(super) fn new(entry: Entry) -> Self {
        Self {
            entry,
            folder: None,
            name: None,
            manager: None,
            port_is_set: false,
            has_port: false,
            before: None,
            depth: DEPTH,
            make_flags: None,
        }
    }

    pub(super) fn with_port(self, port_is_set: bool) -> Self {
        Self { port_is_set: self.port_is_set || port_is_set, ..self }
    }

    /// Where a run can begin somewhere else.
    pub(super) fn at(self, entry: Entry) -> Self {
        Self { entry, ..self }
    }

    /// With the variables in front of a command.
    pub(super) fn assigned(self, words: &[Word]) -> Self {
        let mut variables = words.iter().map_while(Word::assignment);
        // `API_PORT=4000`
        let has_port = self.has_port || variables.any(|(name, _)| name.ends_with("PORT"));
        Self { has_port, ..self }.with_make_flags(words)
    }

    /// With make's own variable, if `words` set it.
    pub(super) fn with_make_flags(self, words: &[Word]) -> Self {
        let mut variables = words.iter().filter_map(Word::assignment);
        let set = variables.find(|(name, _)| *name == MAKE_FLAGS).map(|(_, flags)| flags.to_owned());
        Self { make_flags: set.or(self.make_flags), ..self }
    }

    /// In `folder`, seen from where it was until now.
    pub(super) fn inside(self, folder: Option<&str>) -> Self {
        let folder = match (self.folder, folder) {
            (before, None) => before,
            (Some(before), Some(folder)) if !folder.starts_with('/') => Some(format!("{before}/{folder}")),
            (_, Some(folder)) => Some(folder.to_owned()),
        };
        Self { folder, ..self }
    }

    pub(super) fn named(self, name: Option<String>) -> Self {
        Self { name: name.or(self.name), ..self }
    }

    pub(super) fn unnamed(self) -> Self {
        Self { name: None, ..self }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }
}
