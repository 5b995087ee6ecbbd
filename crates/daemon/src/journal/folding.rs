//! The thread that makes the next generation while the current one is appended to.
//!
//! It does everything that touches files or may wait for the disk: folding, making the successor, forcing it to
//! the disk, unmapping and removing the predecessor, and bringing pages into memory ahead of the writer. If the
//! successor cannot be made, it tries again by itself: four times a second while there is no room, which it asks for
//! before it folds, and once a second otherwise. The same records are never folded twice for want of room.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use crate::system;

use super::{
    Folds, JournalError, Options, WhyLost,
    desk::{Job, Next, Outcome, Predecessor, Shared},
    files,
    frame::{Frames, Kind},
    generation::{self, Backing, Generation},
    header,
    map::Reader,
    os,
};

/// Bytes brought into memory at a time.
pub(super) const WARM: usize = 128 * 1024;
/// While there is no room, the next attempt comes this much later: it asks for room, and folds only what is new.
const SOON: Duration = Duration::from_millis(250);
/// After any other failure, this much later.
const LATER: Duration = Duration::from_secs(1);

/// The thread's end.
pub(super) struct Bench {
    shared: Arc<Shared>,
    folder: PathBuf,
    options: Options,
    folds: Folds,
    /// A snapshot for which there is no room yet, of which generation it is, and up to where that is folded in it.
    homeless: Option<((u64, usize), Vec<u8>)>,
    /// Up to where there were frames when there was no room last.
    stood_at: usize,
    /// Predecessors that could not be removed; they take room.
    left_over: Vec<(PathBuf, Option<os::Identity>)>,
}

impl Bench {
    pub(super) fn new(shared: Arc<Shared>, folder: &Path, options: &Options, folds: Folds) -> Self {
        let (homeless, stood_at, left_over) = (None, 0, Vec::new());
        Self { shared, folder: folder.to_owned(), options: *options, folds, homeless, stood_at, left_over }
    }

    /// Does what it is asked to, until it has to stop.
    pub(super) fn work(mut self) {
        while let Some(job) = self.next_job() {
            match job {
                Job::Fold(predecessor) => {
                    let made = self.fold(&predecessor);
                    let has_no_room =
                        matches!(made, Err(JournalError::Reserve { .. } | JournalError::Open { .. }));
                    let again = Instant::now() + if has_no_room { SOON } else { LATER };
                    self.report(predecessor, made, again);
                    // A fold holds the whole state, and once more while it becomes the snapshot.
                    system::give_back_memory();
                }
                Job::Warm { reader, from } => reader.populate(from, WARM),
                Job::Retire { old, new, new_path } => self.left_over.extend(retire(old, &new, &new_path)),
            }
        }
        let outcome = std::mem::take(&mut self.shared.desk().outcome);
        if let Outcome::Ready(next) = outcome {
            next.discard();
        }
    }

    /// Waits for the next job, the most urgent first; none when the thread has to stop and nothing is left to clean
    /// up.
    fn next_job(&self) -> Option<Job> {
        let mut desk = self.shared.desk();
        loop {
            if desk.stop {
                return desk.retired.pop();
            }
            if let Some(job) = desk.warm.take().or_else(|| desk.fold.take()).or_else(|| desk.retired.pop()) {
                return Some(job);
            }
            let wait = desk.again.as_ref().map(|(at, _)| at.saturating_duration_since(Instant::now()));
            desk = match wait {
                Some(Duration::ZERO) => {
                    return desk.again.take().map(|(_, predecessor)| Job::Fold(predecessor));
                }
                Some(wait) => {
                    let waited = self.shared.work.wait_timeout(desk, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.work.wait(desk).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Makes the successor. Whether there is room is asked first: while a disk is full, an attempt costs microseconds. Once
    /// nothing is appended any more, what will be written is folded in advance, so that it goes on as soon as there is
    /// room.
    fn fold(&mut self, predecessor: &Predecessor) -> Result<Next, JournalError> {
        let Predecessor { number, path, identity, reader, capacity, .. } = predecessor;
        self.left_over.retain(|(path, identity)| files::retire(path, *identity).is_err());
        let frames = reader.frames(header::LEN);
        let folded = header::LEN + frames.len();
        // Whatever the current generation can still take must fit behind the snapshot.
        let to_come = capacity - folded;
        let (number, next_path) = (number + 1, files::path(&self.folder, number + 1));
        let ready = self
            .homeless
            .take_if(|(of, _)| *of == (predecessor.number, folded))
            .map(|(_, snapshot)| snapshot);
        let least = generation::least_for(&self.options, ready.as_ref().map_or(0, Vec::len), to_come);
        let room = match generation::reserve(&next_path, least, &self.options) {
            Ok(room) => room,
            Err(error) => {
                let stands = std::mem::replace(&mut self.stood_at, folded) == folded;
                let ahead = || stands.then(|| fold(frames, &self.folds)).flatten();
                self.homeless = ready.or_else(ahead).map(|snapshot| ((predecessor.number, folded), snapshot));
                return Err(error);
            }
        };

        let snapshot = ready.or_else(|| fold(frames, &self.folds));
        // A file that was cut reads as zeros: whatever came of it then is worth nothing.
        let lost = files::why_lost(path, *identity, *capacity);
        let lost = lost.or_else(|| reader.is_lost().then_some(WhyLost::Unreadable));
        let lost = lost.or_else(|| snapshot.is_none().then_some(WhyLost::Unreadable));
        if let Some(why) = lost {
            reader.give_up();
            drop(room);
            files::remove(&next_path);
            return Err(JournalError::Lost { path: path.clone(), why, source: None });
        }
        let snapshot = snapshot.unwrap_or_default();

        let made = generation::fill(room, &next_path, number, &snapshot, to_come, &self.options);
        let has_no_room = matches!(made, Err(JournalError::Reserve { .. }));
        self.homeless = has_no_room.then_some(((predecessor.number, folded), snapshot));
        match made? {
            Backing::Mapped { writer, identity } => {
                writer.reader().populate(writer.at(), WARM);
                let generation = Generation { number, path: next_path, identity, writer };
                Ok(Next { generation, folded })
            }
            Backing::Unmapped { source, .. } => {
                files::remove(&next_path);
                Err(JournalError::Reserve { path: next_path, bytes: least, source })
            }
        }
    }

    /// Leaves what was made for the appender; after a failure, the fold is tried once more at `again`.
    fn report(&self, predecessor: Predecessor, made: Result<Next, JournalError>, again: Instant) {
        let mut desk = self.shared.desk();
        if predecessor.turn != desk.turn {
            drop(desk);
            return made.into_iter().for_each(Next::discard);
        }
        desk.stalled = false;
        match made {
            Ok(next) => {
                tracing::debug!(
                    generation = next.generation.number,
                    bytes = next.generation.writer.at(),
                    "journal compacted"
                );
                desk.last_error = None;
                desk.outcome = Outcome::Ready(next);
                // Dropped before the appender drops its own: the last owner of the map unmaps it.
                drop(predecessor);
                self.shared.ready.store(true, Ordering::Release);
            }
            Err(error) => {
                // Logged once: on a full disk it is tried again and again.
                if desk.last_error.is_none() {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the journal could not be compacted"
                    );
                }
                // A lost file is nothing to be folded: the appender begins again without it.
                if !matches!(error, JournalError::Lost { .. }) {
                    desk.again = Some((again, predecessor));
                }
                let error = Arc::new(error);
                desk.last_error = Some(Arc::clone(&error));
                desk.outcome = Outcome::Failed(error);
            }
        }
        drop(desk);
        self.shared.done.notify_all();
    }
}

/// Forces the successor to the disk and then removes the predecessor, so that a power cut leaves one of them. Returns one
/// that could not be removed.
fn retire(old: Generation, new: &Reader, new_path: &Path) -> Option<(PathBuf, Option<os::Identity>)> {
    let Generation { path, identity, writer, .. } = old;
    // Unmapped first: Windows does not remove a mapped file.
    drop(writer);
    match new.flush() {
        Ok(()) => {
            let error = files::retire(&path, identity).err()?;
            files::warn_unremoved(&path, &error);
            Some((path, identity))
        }
        Err(error) => {
            warn_unflushed(new_path, &error);
            None
        }
    }
}

fn warn_unflushed(path: &Path, error: &io::Error) {
    tracing::warn!(path = %path.display(), %error, "the journal could not be flushed, its predecessor stays");
}

/// Folds `frames` into one snapshot; none if they are not whole to the last.
pub(super) fn fold(frames: &[u8], folds: &Folds) -> Option<Vec<u8>> {
    let (mut fold, mut walk) = (folds(), Frames::new(frames, 0));
    for frame in walk.by_ref() {
        match frame.kind {
            Kind::Snapshot => fold.snapshot(frame.payload),
            Kind::Record => fold.record(frame.payload),
        }
    }
    (walk.at() == frames.len()).then(|| fold.to_snapshot())
}
