//! Which coding agent this process runs under: the nearest ancestor that is one, by its program.
//!
//! Only on Linux can a process read its ancestors without starting another process. Elsewhere none is found, and only the
//! variables that agents set count.

#[cfg(target_os = "linux")]
use std::path::Path;
use std::sync::OnceLock;

pub use styxy_core::session::Agent;

/// The nearest agent among this process' ancestors, and its pid. Looked for once: a process keeps its agent.
#[must_use]
pub fn nearest() -> Option<(Agent, u32)> {
    static FOUND: OnceLock<Option<(Agent, u32)>> = OnceLock::new();
    *FOUND.get_or_init(look)
}

#[cfg(target_os = "linux")]
fn look() -> Option<(Agent, u32)> {
    around(std::process::id())
}

/// The nearest agent among the ancestors of the process with this pid, and the agent's own pid. None where the system is not
/// asked.
#[cfg(target_os = "linux")]
#[must_use]
pub fn around(pid: u32) -> Option<(Agent, u32)> {
    let agent = |pid: u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        // A path may contain spaces, and some programs write their whole title into one word.
        Agent::of_command_line(&String::from_utf8_lossy(&line), |path| Path::new(path).exists())
    };
    ancestors_of(pid).find_map(|pid| Some((agent(pid)?, pid)))
}

/// No other system tells it cheaply.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub const fn around(_: u32) -> Option<(Agent, u32)> {
    None
}

/// The pids of this process' ancestors: [`ancestors_of`].
pub(crate) fn ancestors() -> impl Iterator<Item = u32> {
    ancestors_of(std::process::id())
}

/// The pids of the ancestors of the process with this pid, nearest first, without the first process. None where the system is
/// not asked.
#[cfg(target_os = "linux")]
pub fn ancestors_of(pid: u32) -> impl Iterator<Item = u32> {
    /// Deeper than any agent's shell. It also ends the walk if the process tree changes during it.
    const FAR: usize = 32;

    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        // The name may contain spaces and parentheses: it ends at the last one. Then comes the state, then the parent.
        let after = stat.iter().rposition(|byte| *byte == b')')? + 1;
        std::str::from_utf8(&stat[after..]).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let pids = std::iter::successors(parent(pid), move |pid| parent(*pid));
    pids.take(FAR).take_while(|pid| *pid > 1)
}

/// No other system tells it cheaply.
#[cfg(not(target_os = "linux"))]
pub fn ancestors_of(_: u32) -> impl Iterator<Item = u32> {
    std::iter::empty()
}

#[cfg(not(target_os = "linux"))]
fn look() -> Option<(Agent, u32)> {
    None
}
