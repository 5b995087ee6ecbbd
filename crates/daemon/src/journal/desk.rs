//! What the appender and the thread that folds leave for each other, behind a lock that is never held for longer than a
//! few stores.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Instant,
};

use super::{JournalError, files, generation::Generation, map::Reader, os};

/// The successor of a generation, complete except for what was appended since it was begun.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) generation: Generation,
    /// How far the predecessor had been read.
    pub(super) folded: usize,
}

impl Next {
    /// Removes it: it has not counted yet.
    pub(super) fn discard(self) {
        let Generation { path, identity, writer, .. } = self.generation;
        // Unmapped first: Windows does not remove a mapped file.
        drop(writer);
        if let Err(error) = files::retire(&path, identity) {
            files::warn_unremoved(&path, &error);
        }
    }
}

/// What the thread needs to know of the generation to be folded.
#[derive(Debug)]
pub(super) struct Predecessor {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) identity: Option<os::Identity>,
    pub(super) reader: Reader,
    pub(super) capacity: usize,
    /// [`Desk::turn`] when the fold was asked for.
    pub(super) turn: u64,
}

/// What the thread has to do.
#[derive(Debug)]
pub(super) enum Job {
    Fold(Predecessor),
    Warm { reader: Reader, from: usize },
    Retire { old: Generation, new: Reader, new_path: PathBuf },
}

/// What came of the fold that was asked for.
#[derive(Debug, Default)]
pub(super) enum Outcome {
    #[default]
    Nothing,
    Folding,
    Ready(Next),
    /// The thread tries again by itself.
    Failed(Arc<JournalError>),
}

/// Everything behind the lock.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) fold: Option<Job>,
    pub(super) warm: Option<Job>,
    pub(super) retired: Vec<Job>,
    pub(super) stop: bool,
    pub(super) outcome: Outcome,
    /// A fold that failed, and when it is to be tried again.
    pub(super) again: Option<(Instant, Predecessor)>,
    pub(super) last_error: Option<Arc<JournalError>>,
    /// The appender has waited in vain for the fold that is under way, and does not wait again.
    pub(super) stalled: bool,
    /// How often the appender began again with a generation that nobody folded; what was folded before counts no more.
    pub(super) turn: u64,
}

/// What the appender and the thread share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) desk: Mutex<Desk>,
    /// There is work for the thread.
    pub(super) work: Condvar,
    /// A fold has ended, with success or not.
    pub(super) done: Condvar,
    /// Mirrors `Outcome::Ready`, so that an append can check it without the lock.
    pub(super) ready: AtomicBool,
}

impl Shared {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn post(&self, place: impl FnOnce(&mut Desk)) {
        place(&mut self.desk());
        self.work.notify_one();
    }
}
