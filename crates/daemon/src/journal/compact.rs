//! The thread that makes the next generation while the current one is appended to.
//!
//! It does everything that touches files or may wait for the disk: folding, making the successor, forcing it to
//! the disk, unmapping and removing the predecessor, and bringing pages into memory ahead of the writer. The
//! appender only leaves its requests behind a lock that is never held for longer than a few stores.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::system;

use super::{
    Folds, JournalError, Options, files,
    frame::{Frames, Kind},
    generation::{self, Backing, Generation},
    header,
    map::Reader,
};

/// Bytes brought into memory at a time.
pub(super) const WARM: usize = 128 * 1024;
/// How long an append waits for the successor of a full generation; compaction takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The successor of a generation, complete except for what was appended since it was begun.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) generation: Generation,
    /// How far the predecessor had been read.
    pub(super) folded: usize,
}

#[derive(Debug)]
enum Job {
    Fold { number: u64, path: PathBuf, reader: Reader, capacity: usize },
    Warm { reader: Reader, from: usize },
    Retire { old: Generation, new: Reader, new_path: PathBuf },
}

#[derive(Debug, Default)]
enum Outcome {
    #[default]
    Nothing,
    Folding,
    Ready(Next),
    Failed(Arc<JournalError>),
}

/// What the appender and the thread share.
#[derive(Debug, Default)]
struct Desk {
    fold: Option<Job>,
    warm: Option<Job>,
    retired: Vec<Job>,
    stop: bool,
    outcome: Outcome,
    last_error: Option<Arc<JournalError>>,
}

#[derive(Debug, Default)]
struct Shared {
    desk: Mutex<Desk>,
    /// There is work for the thread.
    work: Condvar,
    /// A fold has ended, with success or not.
    done: Condvar,
    /// Mirrors `Outcome::Ready`, so that an append can check it without the lock.
    ready: AtomicBool,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, place: impl FnOnce(&mut Desk)) {
        place(&mut self.desk());
        self.work.notify_one();
    }
}

/// The appender's end of the thread. Dropping it ends the thread, and removes a successor nobody took.
#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(folder: &Path, options: &Options, folds: Folds) -> Result<Self, JournalError> {
        let shared = Arc::new(Shared::default());
        let bench =
            Bench { shared: Arc::clone(&shared), folder: folder.to_owned(), options: *options, folds };
        let thread = thread::Builder::new()
            .name("styxy-journal".to_owned())
            .spawn(move || bench.work())
            .map_err(|source| JournalError::Thread { source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Asks for the successor of `current`, unless it is being made or ready.
    pub(super) fn fold(&self, current: &Generation) {
        let mut desk = self.shared.desk();
        match desk.outcome {
            Outcome::Folding | Outcome::Ready(_) => {}
            Outcome::Nothing | Outcome::Failed(_) => {
                desk.outcome = Outcome::Folding;
                desk.fold = Some(Job::Fold {
                    number: current.number,
                    path: current.path.clone(),
                    reader: current.writer.reader(),
                    capacity: current.writer.capacity(),
                });
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

    /// Waits until the fold that was asked for has ended, for five seconds at most.
    ///
    /// # Errors
    /// Why it failed, or nothing if it has not ended.
    pub(super) fn wait(&self) -> Result<(), Option<Arc<JournalError>>> {
        let folding = |desk: &mut Desk| matches!(desk.outcome, Outcome::Folding);
        let waited = self.shared.done.wait_timeout_while(self.shared.desk(), PATIENCE, folding);
        let (desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &desk.outcome {
            Outcome::Ready(_) | Outcome::Nothing => Ok(()),
            Outcome::Failed(error) => Err(Some(Arc::clone(error))),
            Outcome::Folding => Err(None),
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
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread panicked");
        }
    }
}

/// The thread's end.
struct Bench {
    shared: Arc<Shared>,
    folder: PathBuf,
    options: Options,
    folds: Folds,
}

impl Bench {
    fn work(self) {
        while let Some(job) = self.next_job() {
            match job {
                Job::Fold { number, path, reader, capacity } => {
                    let made = self.fold(number, &path, &reader, capacity);
                    // Dropped before the appender drops its own: the last owner of the map unmaps it.
                    drop(reader);
                    self.report(made);
                    // A fold holds the whole state, and once more while it becomes the snapshot.
                    system::give_back_memory();
                }
                Job::Warm { reader, from } => reader.populate(from, WARM),
                Job::Retire { old, new, new_path } => retire(old, &new, &new_path),
            }
        }
        let outcome = std::mem::take(&mut self.shared.desk().outcome);
        if let Outcome::Ready(Next { generation: Generation { path, writer, .. }, .. }) = outcome {
            drop(writer);
            files::remove(&path);
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
            desk = self.shared.work.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fold(&self, number: u64, path: &Path, reader: &Reader, capacity: usize) -> Result<Next, JournalError> {
        let frames = reader.frames(header::LEN);
        let folded = header::LEN + frames.len();
        let snapshot = fold(Frames::new(frames, 0), &self.folds, path)?;
        // Whatever the current generation can still take must fit behind the snapshot.
        let to_come = capacity - folded;
        let path = files::path(&self.folder, number + 1);
        match generation::create(&path, number + 1, &snapshot, to_come, &self.options)? {
            Backing::Mapped(writer) => {
                writer.reader().populate(writer.at(), WARM);
                Ok(Next { generation: Generation { number: number + 1, path, writer }, folded })
            }
            Backing::Unmapped { source, .. } => {
                files::remove(&path);
                Err(JournalError::Reserve { path, bytes: snapshot.len(), source })
            }
        }
    }

    fn report(&self, made: Result<Next, JournalError>) {
        let mut desk = self.shared.desk();
        match made {
            Ok(next) => {
                tracing::debug!(
                    generation = next.generation.number,
                    bytes = next.generation.writer.at(),
                    "journal compacted"
                );
                desk.last_error = None;
                desk.outcome = Outcome::Ready(next);
                self.shared.ready.store(true, Ordering::Release);
            }
            Err(error) => {
                // Logged once: on a full disk every append fails.
                if desk.last_error.is_none() {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the journal could not be compacted"
                    );
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

/// Forces the successor to the disk and then removes the predecessor, so that a power cut leaves one of them.
fn retire(old: Generation, new: &Reader, new_path: &Path) {
    let Generation { path, writer, .. } = old;
    // Unmapped first: Windows does not remove a mapped file.
    drop(writer);
    match new.flush() {
        Ok(()) => files::remove(&path),
        Err(error) => warn_unflushed(new_path, &error),
    }
}

fn warn_unflushed(path: &Path, error: &io::Error) {
    tracing::warn!(path = %path.display(), %error, "the journal could not be flushed, its predecessor stays");
}

/// Folds `frames` of the file at `path` into one snapshot.
pub(super) fn fold(frames: Frames<'_>, folds: &Folds, path: &Path) -> Result<Vec<u8>, JournalError> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut fold = folds();
        for frame in frames {
            match frame.kind {
                Kind::Snapshot => fold.snapshot(frame.payload),
                Kind::Record => fold.record(frame.payload),
            }
        }
        fold.to_snapshot()
    }))
    .map_err(|_| JournalError::Fold { path: path.to_owned() })
}
