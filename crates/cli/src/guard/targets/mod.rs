//! What a shell command would do to ports: bind one, or end whoever listens on one. Pure, and conservative: what only a
//! shell, a tool or the moment can know is not found.
//!
//! A bind counts if it is certain to be tried: not behind `||`, a test or in a loop. A kill counts also in a loop that is
//! sure to be gone through, and behind what only tells whether the same processes are there; not behind what tells
//! anything else, which may be whose they are. Ports that a command merely speaks to, publishes from a container or writes
//! into a file are none of either.

mod binds;
mod command;
mod frames;
mod kills;
mod names;
mod odds;
mod place;
mod steps;
mod variables;
mod victims;
mod walk;

use std::path::{Path, PathBuf};

use styxy_core::Port;

use crate::devserver::shell;
use crate::devserver::shell::Word;
pub(super) use names::Name;
use place::Place;

/// More is no command that somebody typed; it is not read, so that no text can keep the agent waiting.
const LONGEST: usize = 64 * 1024;
/// A command that does more than so many things is not judged.
const MOST: usize = 64;

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
    if text.len() > LONGEST {
        return Vec::new();
    }
    let found = walk::walk(text, folder, home, scripts);
    if found.len() > MOST { Vec::new() } else { found }
}

/// Leaves out what belongs to a compound command, and counts such words.
fn without_keywords<'a>(mut words: &'a [Word], keywords: &mut usize) -> &'a [Word] {
    while let Some((first, rest)) = words.split_first().filter(|(word, _)| shell::is_keyword(&word.text)) {
        *keywords += 1;
        words = rest;
        if matches!(first.text.as_str(), "for" | "case" | "select" | "function") {
            return &[];
        }
    }
    words
}

/// The port that `word` is, if no shell changes it.
fn plain_port(word: &Word) -> Option<Port> {
    let digits = !word.expanded && word.text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { word.text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
