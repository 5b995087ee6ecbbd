//! The appender's end of the thread that makes the next generation while the current one is appended to.
//!
//! The appender only leaves its requests, and takes what was made. It waits for the thread in one case: the current
//! generation is full, and its successor is being made.

use std::{
    path::Path,
    sync::{Arc, PoisonError, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Folds, JournalError, Options,
    desk::{Desk, Job, Next, Outcome, Predecessor, Shared},
    folding::Bench,
    generation::Generation,
};

/// How long an append waits for the successor of a full generation; compaction takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The appender's end of the thread. Dropping it ends the thread, and removes a successor nobody took.
#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(folder: &Path, options: &Options, folds: Folds) -> Result<Self, JournalError> {
        let shared = Arc::new(Shared::default());
        let bench = Bench::new(Arc::clone(&shared), folder, options, folds);
        let thread = thread::Builder::new()
            .name("styxy-journal".to_owned())
            .spawn(move || bench.work())
            .map_err(|source| JournalError::Thread { source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Asks for the successor of `current`, unless it is being made or ready, or failed: then it is tried again without.
    pub(super) fn fold(&self, current: &Generation) {
        let mut desk = self.shared.desk();
        match desk.outcome {
            Outcome::Folding | Outcome::Ready(_) | Outcome::Failed(_) => {}
            Outcome::Nothing => {
                desk.outcome = Outcome::Folding;
                desk.fold = Some(Job::Fold(Predecessor {
                    number: current.number,
                    path: current.path.clone(),
                    identity: current.identity,
                    reader: current.writer.reader(),
                    capacity: current.writer.capacity(),
                    turn: desk.turn,
                }));
                drop(desk);
                self.shared.work.notify_one();
            }
        }
    }

    /// Whether [`Worker::take`] would return a successor; costs one load. Becomes true when the thread has made one, and
    /// false when it is taken.
    pub(super) fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::Acquire)
    }

    /// Takes the successor, if it is ready.
    pub(super) fn take(&self) -> Option<Next> {
        let mut desk = self.shared.desk();
        self.shared.ready.store(false, Ordering::Release);
        match std::mem::take(&mut desk.outcome) {
            Outcome::Ready(next) => Some(next),
            other @ (Outcome::Nothing | Outcome::Folding | Outcome::Failed(_)) => {
                desk.outcome = other;
                None
            }
        }
    }

    /// Forgets what came of the folds of a generation that is lost, and what will come of the one that is under way.
    pub(super) fn forget(&self) {
        let mut desk = self.shared.desk();
        desk.turn += 1;
        (desk.fold, desk.again, desk.last_error) = (None, None, None);
        desk.stalled = false;
        self.shared.ready.store(false, Ordering::Release);
        let outcome = std::mem::take(&mut desk.outcome);
        drop(desk);
        if let Outcome::Ready(next) = outcome {
            next.discard();
        }
    }

    /// Waits until the fold that was asked for has ended, for two seconds at most, and not at all if it failed or was
    /// waited for in vain.
    ///
    /// # Errors
    /// Why it failed, or nothing if it has not ended.
    pub(super) fn wait(&self) -> Result<(), Option<Arc<JournalError>>> {
        let folding = |desk: &mut Desk| matches!(desk.outcome, Outcome::Folding) && !desk.stalled;
        let waited = self.shared.done.wait_timeout_while(self.shared.desk(), PATIENCE, folding);
        let (mut desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &desk.outcome {
            Outcome::Ready(_) | Outcome::Nothing => Ok(()),
            Outcome::Failed(error) => Err(Some(Arc::clone(error))),
            Outcome::Folding => {
                desk.stalled = true;
                Err(None)
            }
        }
    }

    /// Asks for the pages of `current` behind `from`.
    pub(super) fn warm(&self, current: &Generation, from: usize) {
        let reader = current.writer.reader();
        self.shared.post(|desk| desk.warm = Some(Job::Warm { reader, from }));
    }

    /// Hands over a generation that `new` has taken the place of.
    pub(super) fn retire(&self, old: Generation, new: &Generation) {
        let job = Job::Retire { old, new: new.writer.reader(), new_path: new.path.clone() };
        self.shared.post(|desk| desk.retired.push(job));
    }

    /// Why the last compaction failed, if it did.
    pub(super) fn last_error(&self) -> Option<Arc<JournalError>> {
        self.shared.desk().last_error.clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.post(|desk| desk.stop = true);
        if let Some(thread) = self.thread.take() {
            // An error would be a panic, and that ends the daemon.
            let _ = thread.join();
        }
    }
}
