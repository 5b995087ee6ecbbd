//! Appending to a mapped file: a copy in memory, and sometimes a request to the compaction thread.

use std::{path::Path, sync::Arc};

use super::{
    Folds, JournalError, Options,
    compact::{Next, WARM, Worker},
    frame::{self, Kind},
    generation::Generation,
};

/// A journal in a mapped file.
#[derive(Debug)]
pub(super) struct Mapped {
    // The first field, so that its thread has ended before the map is dropped.
    worker: Worker,
    current: Generation,
    /// The write position from which a successor is asked for.
    fold_at: usize,
    /// Up to where pages have been asked for.
    warm_to: usize,
    compactions: u64,
}

impl Mapped {
    pub(super) fn start(
        folder: &Path,
        options: &Options,
        current: Generation,
        folds: Folds,
    ) -> Result<Self, JournalError> {
        let at = current.writer.at();
        current.writer.reader().populate(at, WARM);
        let worker = Worker::start(folder, options, folds)?;
        let fold_at = current.writer.capacity() / 2;
        Ok(Self { worker, current, fold_at, warm_to: at + WARM, compactions: 0 })
    }

    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if self.worker.is_ready() {
            self.switch();
        }
        let stored = frame::stored_len(payload.len());
        if !self.fits(stored) {
            self.make_room(stored)?;
        }
        self.current.push(Kind::Record, payload);

        let at = self.current.writer.at();
        if at > self.fold_at {
            self.ask(at);
        }
        if at + WARM / 2 > self.warm_to && self.warm_to < self.current.writer.capacity() {
            let from = self.warm_to.max(at);
            self.worker.warm(&self.current, from);
            self.warm_to = from + WARM;
        }
        Ok(())
    }

    pub(super) fn current(&self) -> &Generation {
        &self.current
    }

    pub(super) fn compactions(&self) -> u64 {
        self.compactions
    }

    pub(super) fn worker(&self) -> &Worker {
        &self.worker
    }

    fn fits(&self, stored: usize) -> bool {
        self.current.writer.at() + stored <= self.current.writer.capacity()
    }

    /// Asks for a successor, and again after a sixteenth of the capacity: a failed attempt is repeated, but not at
    /// every append.
    fn ask(&mut self, at: usize) {
        self.fold_at = at + self.current.writer.capacity() / 16;
        self.worker.fold(&self.current);
    }

    /// Continues in the successor. It has room for what was appended since it was begun. That is copied first, then
    /// the successor is made to count, and only then may the predecessor be removed.
    fn switch(&mut self) {
        let Some(Next { generation: mut next, folded }) = self.worker.take() else { return };
        self.warm_to = next.writer.at() + WARM;
        next.writer.copy(self.current.writer.reader().frames(folded));
        next.writer.seal();
        self.fold_at = next.writer.capacity() / 2;
        self.compactions += 1;
        let old = std::mem::replace(&mut self.current, next);
        self.worker.retire(old, &self.current);
    }

    /// Waits for the successor; twice, since the first may have been begun long ago and may be nearly full.
    fn make_room(&mut self, stored: usize) -> Result<(), JournalError> {
        for _ in 0..2 {
            self.worker.fold(&self.current);
            if let Err(source) = self.worker.wait() {
                return Err(self.full(source));
            }
            self.switch();
            if self.fits(stored) {
                return Ok(());
            }
        }
        Err(self.full(None))
    }

    fn full(&self, source: Option<Arc<JournalError>>) -> JournalError {
        let Generation { path, writer, .. } = &self.current;
        JournalError::Full { path: path.clone(), capacity: writer.capacity(), source }
    }
}
