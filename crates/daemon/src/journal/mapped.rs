//! Appending to a mapped file: a copy in memory, and sometimes a request to the compaction thread.

use std::{path::Path, sync::Arc};

use super::{
    Folds, JournalError, Options, WhyLost,
    compact::Worker,
    desk::Next,
    files,
    folding::WARM,
    frame::{self, Kind},
    generation::{self, Backing, Generation},
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
        let fold_at = fold_at(&current);
        Ok(Self { worker, current, fold_at, warm_to: at + WARM, compactions: 0 })
    }

    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if self.current.writer.is_lost() {
            return Err(self.lost());
        }
        if self.worker.is_ready() {
            self.switch();
        }
        let stored = frame::stored_len(payload.len());
        if !self.fits(stored) {
            self.make_room(stored)?;
        }
        self.current.push(Kind::Record, payload);
        // Asked behind the store, which may be the one that fails.
        if self.current.writer.is_lost() {
            return Err(self.lost());
        }

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

    /// Asks for a successor, and again after a sixteenth of the capacity, in case the one that was made could not be
    /// taken.
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
        if self.current.writer.is_lost() {
            return Next { generation: next, folded }.discard();
        }
        next.writer.seal();
        self.fold_at = fold_at(&next);
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

    /// Continues in a new generation that has nothing but `state`, whatever became of the present one.
    pub(super) fn begin_again(
        &mut self,
        folder: &Path,
        options: &Options,
        state: &[u8],
    ) -> Result<(), JournalError> {
        let newest = files::list(folder)?.first().map_or(0, |newest| newest.generation);
        // One more, since the thread may be making the next one at this moment.
        let number = newest.max(self.current.number + 1) + 1;
        let path = files::path(folder, number);
        match generation::create(&path, number, state, 0, options)? {
            Backing::Mapped { mut writer, identity } => {
                writer.seal();
                self.current = Generation { number, path, identity, writer };
            }
            Backing::Unmapped { source, .. } => {
                files::remove(&path);
                return Err(JournalError::Reserve { path, bytes: state.len(), source });
            }
        }
        self.worker.forget();
        self.fold_at = fold_at(&self.current);
        self.warm_to = self.current.writer.at();
        Ok(())
    }

    /// What happened to the file, if anything did. It is remembered: nothing is appended from then on.
    pub(super) fn check_place(&mut self) -> Option<WhyLost> {
        let why = self.current.why_lost();
        if why.is_some() {
            self.current.writer.give_up();
        }
        why
    }

    fn lost(&self) -> JournalError {
        let Generation { path, .. } = &self.current;
        let why = self.current.why_lost().unwrap_or(WhyLost::Unreadable);
        JournalError::Lost { path: path.clone(), why, source: None }
    }

    fn full(&self, source: Option<Arc<JournalError>>) -> JournalError {
        let Generation { path, writer, .. } = &self.current;
        if writer.is_lost() {
            return self.lost();
        }
        JournalError::Full { path: path.clone(), capacity: writer.capacity(), source }
    }
}

/// The write position from which a successor is asked for: in the middle, or in the middle of what a snapshot has left.
fn fold_at(of: &Generation) -> usize {
    let (at, capacity) = (of.writer.at(), of.writer.capacity());
    if at < capacity / 2 { capacity / 2 } else { at + (capacity - at) / 2 }
}
