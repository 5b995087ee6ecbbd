//! How a service ends: interrupted as by a Ctrl-C, then asked to terminate, then killed, until nothing of it is left (R135).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use styxy_core::api::Ending;

use super::happen::Over;
use crate::here::stack_tree::StackTree;
use crate::process::ending;
use crate::up::wire::Hurry;

/// How long a service has to end once it is interrupted.
const POLITE: Duration = Duration::from_secs(5);
/// How long it has once it is asked to terminate.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked whether anything is left. A look at all processes of Windows takes some milliseconds.
const SLICE: Duration = Duration::from_millis(if cfg!(windows) { 100 } else { 20 });
/// How many looks in a row find nothing before it counts as ended: a look is a picture of many moments.
const EMPTY: usize = 2;

/// How fast it is to be; that may change before it is over.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<AtomicU8>);

impl Pace {
    pub(super) fn new(hurry: Hurry) -> Self {
        let pace = Self::default();
        pace.hurry(hurry);
        pace
    }

    /// It never becomes slower.
    pub(super) fn hurry(&self, hurry: Hurry) {
        self.0.fetch_max(hurry as u8, Ordering::Relaxed);
    }

    pub(super) fn is(&self, hurry: Hurry) -> bool {
        self.0.load(Ordering::Relaxed) >= hurry as u8
    }
}

/// Ends what `tree` finds, and blocks until then.
pub(super) fn end(tree: &mut StackTree, pace: &Pace) -> Over {
    let over = polite(tree, pace).and_then(|left| if left { rest(tree, pace) } else { Ok(Over::default()) });
    over.unwrap_or_else(|error| {
        let left = vec![format!("the system does not show its processes: {error}")];
        Over { left, ..Over::default() }
    })
}

/// Interrupts, and waits; returns whether anything is left.
fn polite(tree: &mut StackTree, pace: &Pace) -> io::Result<bool> {
    let deadline = Instant::now() + POLITE;
    if !pace.is(Hurry::Some) {
        tree.interrupt()?;
    }
    let mut empty = 0;
    loop {
        let left = tree.find(&[])?.members;
        empty = if left.is_empty() { empty + 1 } else { 0 };
        if empty == EMPTY {
            return Ok(false);
        }
        let is_over = Instant::now() >= deadline || pace.is(Hurry::Some);
        if !left.is_empty() && (is_over || tree.are_deaf(&left)) {
            return Ok(true);
        }
        tree.wait(SLICE);
    }
}

/// Asks to terminate, and then kills.
fn rest(tree: &mut StackTree, pace: &Pace) -> io::Result<Over> {
    let in_a_rush = || pace.is(Hurry::Most);
    let grace = if in_a_rush() { Duration::ZERO } else { GRACE };
    let owner = Some(tree.leader());
    let mut hurried = |kept: &[u32]| tree.find(kept);
    let outcome = ending::end_in_time(&mut hurried, owner, grace, &in_a_rush)?;
    let said = outcome.left.iter().map(|(entry, error)| {
        let why = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        format!("{} (pid {}) still runs{why}", entry.name, entry.pid)
    });
    let killed = outcome.ended.iter().any(|(_, ending)| *ending == Ending::Killed);
    Ok(Over { left: said.collect(), killed, ..Over::default() })
}
