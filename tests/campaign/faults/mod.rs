//! The faults: one file for each row of the table in docs/RELIABILITY.md.

mod crowd;
mod cut;
mod disk;
mod exact;
mod files;
mod flip;
mod journal;
mod kill;
mod pause;
mod runaway;
mod soak;
mod storm;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::options::Form;
use crate::report::Report;

/// One row: what is done to the daemon, and how often.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Rounds in CI.
    pub(crate) short: u32,
    /// Rounds in the full form.
    pub(crate) full: u32,
    pub(crate) run: fn(&mut Context) -> Report,
}

/// Every fault, in the order in which they run.
pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "kill",
        title: "kill -9 at a random moment under 32 clients",
        short: 20,
        full: 1_000,
        run: kill::run,
    },
    Fault {
        name: "cut",
        title: "the journal cut at every byte of 500 records",
        short: 500,
        full: u32::MAX,
        run: cut::run,
    },
    Fault {
        name: "flip",
        title: "a random bit of the journal flipped",
        short: 1_000,
        full: 20_000,
        run: flip::run,
    },
    Fault {
        name: "disk",
        title: "disk full, inodes full, read-only in the middle",
        short: 2,
        full: 100,
        run: disk::run,
    },
    Fault {
        name: "crowd",
        title: "more connections than descriptors, slow clients, unread events",
        short: 1,
        full: 20,
        run: crowd::run,
    },
    Fault {
        name: "pause",
        title: "SIGSTOP with 200 instances, and clock jumps",
        short: 2,
        full: 50,
        run: pause::run,
    },
    Fault {
        name: "files",
        title: "lock, socket, journal, folder deleted, moved, replaced, truncated",
        short: 1,
        full: 50,
        run: files::run,
    },
    Fault {
        name: "exact",
        title: "one exact port for 64 clients; foreign binders",
        short: 50,
        full: 10_000,
        run: exact::run,
    },
    Fault {
        name: "storm",
        title: "start, stop, restart and upgrade from 8 shells under load",
        short: 5,
        full: 100,
        run: storm::run,
    },
    Fault {
        name: "runaway",
        title: "runaway clients against the quotas",
        short: 1,
        full: 5,
        run: runaway::run,
    },
    Fault { name: "soak", title: "50 clients for so many seconds", short: 30, full: 28_800, run: soak::run },
];

/// Raises a flag when it is dropped: threads that run until then end also when the row panics.
pub(crate) struct Stops<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a row is given.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) rounds: u32,
    pub(crate) form: Form,
    /// Whether there is an addon to be a client by.
    pub(crate) addon: bool,
    /// Every random choice comes from here.
    pub(crate) rng: fastrand::Rng,
}

impl Context {
    /// A random time between the two.
    pub(crate) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        from + to.saturating_sub(from).mul_f64(self.rng.f64())
    }
}
