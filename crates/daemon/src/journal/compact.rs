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
    Folds, JournalError, Options, WhyLost, files,
    frame::{Frames, Kind},
    generation::{self, Backing, Generation},
    header,
    map::Reader,
    os,
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

impl Next {
    /// Removes it: it has not counted yet.
    pub(super) fn discard(self) {
        let Generation { path, identity, writer, .. } = self.generation;
        // Unmapped first: Windows does not remove a mapped file.
        drop(writer);
        files::retire(&path, identity);
    }
}

/// What the thread needs to know of the generation to be folded.
#[derive(Debug)]
pub(super) struct Predecessor {
    number: u64,
    path: PathBuf,
    identity: Option<os::Identity>,
    reader: Reader,
    capacity: usize,
    /// [`Desk::turn`] when the fold was asked for.
    turn: u64,
}

#[derive(Debug)]
enum Job {
    Fold(Predecessor),
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
    /// How often the appender began again with a generation that nobody folded; what was folded before counts no more.
    turn: u64,
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
        (desk.fold, desk.last_error) = (None, None);
        self.shared.ready.store(false, Ordering::Release);
        let outcome = std::mem::take(&mut desk.outcome);
        drop(desk);
        if let Outcome::Ready(next) = outcome {
            next.discard();
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
                Job::Fold(predecessor) => {
                    let made = self.fold(&predecessor);
                    let turn = predecessor.turn;
                    // Dropped before the appender drops its own: the last owner of the map unmaps it.
                    drop(predecessor);
                    self.report(turn, made);
                    // A fold holds the whole state, and once more while it becomes the snapshot.
                    system::give_back_memory();
                }
                Job::Warm { reader, from } => reader.populate(from, WARM),
                Job::Retire { old, new, new_path } => retire(old, &new, &new_path),
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
            desk = self.shared.work.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fold(&self, predecessor: &Predecessor) -> Result<Next, JournalError> {
        let Predecessor { number, path, identity, reader, capacity, .. } = predecessor;
        let frames = reader.frames(header::LEN);
        let folded = header::LEN + frames.len();
        let snapshot = fold(frames, &self.folds, path);
        // A file that was cut reads as zeros: whatever came of it then is worth nothing.
        let lost = files::why_lost(path, *identity, *capacity);
        let lost = lost.or_else(|| reader.is_lost().then_some(WhyLost::Unreadable));
        if let Some(why) = lost.or_else(|| matches!(snapshot, Ok(None)).then_some(WhyLost::Unreadable)) {
            reader.give_up();
            return Err(JournalError::Lost { path: path.clone(), why, source: None });
        }
        let snapshot = snapshot?.unwrap_or_default();
        // Whatever the current generation can still take must fit behind the snapshot.
        let to_come = capacity - folded;
        let (number, path) = (number + 1, files::path(&self.folder, number + 1));
        match generation::create(&path, number, &snapshot, to_come, &self.options)? {
            Backing::Mapped { writer, identity } => {
                writer.reader().populate(writer.at(), WARM);
                let generation = Generation { number, path, identity, writer };
                Ok(Next { generation, folded })
            }
            Backing::Unmapped { source, .. } => {
                files::remove(&path);
                Err(JournalError::Reserve { path, bytes: snapshot.len(), source })
            }
        }
    }

    fn report(&self, turn: u64, made: Result<Next, JournalError>) {
        let mut desk = self.shared.desk();
        if turn != desk.turn {
            drop(desk);
            return made.into_iter().for_each(Next::discard);
        }
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
    let Generation { path, identity, writer, .. } = old;
    // Unmapped first: Windows does not remove a mapped file.
    drop(writer);
    match new.flush() {
        Ok(()) => files::retire(&path, identity),
        Err(error) => warn_unflushed(new_path, &error),
    }
}

fn warn_unflushed(path: &Path, error: &io::Error) {
    tracing::warn!(path = %path.display(), %error, "the journal could not be flushed, its predecessor stays");
}

/// Folds `frames` of the file at `path` into one snapshot; none if they are not whole to the last.
pub(super) fn fold(frames: &[u8], folds: &Folds, path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    catch_unwind(AssertUnwindSafe(|| {
        let (mut fold, mut walk) = (folds(), Frames::new(frames, 0));
        for frame in walk.by_ref() {
            match frame.kind {
                Kind::Snapshot => fold.snapshot(frame.payload),
                Kind::Record => fold.record(frame.payload),
            }
        }
        (walk.at() == frames.len()).then(|| fold.to_snapshot())
    }))
    .map_err(|_| JournalError::Fold { path: path.to_owned() })
}
