//! Which coding agent this process runs under: the nearest ancestor that is one, by its program.

use std::sync::OnceLock;

use crate::ancestry;

pub use styxy_core::session::{Agent, Running, Serves};

/// The nearest agent among this process' ancestors, if there is one. Looked for once: a process keeps its agent.
#[must_use]
pub fn nearest() -> Option<Running> {
    static FOUND: OnceLock<Option<Running>> = OnceLock::new();
    *FOUND.get_or_init(look)
}

fn look() -> Option<Running> {
    around(std::process::id())
}

/// The nearest agent among the ancestors of the process with this pid.
#[must_use]
pub fn around(pid: u32) -> Option<Running> {
    ancestors_of(pid).find_map(at)
}

/// The agent that the process with this pid is.
#[must_use]
pub fn at(pid: u32) -> Option<Running> {
    Running::of(pid, ancestry::words(pid)?.iter().map(String::as_str))
}

/// The pids of this process' ancestors: [`ancestors_of`].
pub(crate) fn ancestors() -> impl Iterator<Item = u32> {
    ancestors_of(std::process::id())
}

/// The pids of the ancestors of the process with this pid, nearest first.
pub fn ancestors_of(pid: u32) -> impl Iterator<Item = u32> {
    ancestry::above(pid)
}
