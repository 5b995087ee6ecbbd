//! The journal: framed, checksummed records in a mapped file, append-only. It does not know what they mean.
//!
//! A record that was appended survives a `kill -9` at any instant, and appending makes no file system call. A
//! torn last record is cut when the journal is opened; a damaged file is moved aside, never overwritten, and
//! what was whole in it is kept. A thread of its own compacts: it folds the records of one *generation* (one
//! file) into a snapshot, the head of the next. If the machine itself goes down, the only promise is that some
//! earlier state comes back.
//!
//! Only one process may have a journal open: the caller holds the folder's lock.

mod compact;
mod desk;
mod error;
mod files;
mod folding;
mod found;
mod frame;
mod generation;
mod header;
mod lost;
mod map;
mod mapped;
mod os;
mod plain;
mod recover;
#[cfg(test)]
mod tests;
mod touched;

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

pub use error::JournalError;
pub use found::{Found, MovedAside, Origin, TornTail, WhyMoved};
pub use lost::{Renewed, WhyLost};

use generation::Generation;
use mapped::Mapped;
use plain::Plain;
use recover::Store;

/// Folds records into state, and writes the state down as one snapshot.
pub trait Fold: Send + 'static {
    /// Takes in one record, as it was appended.
    fn record(&mut self, payload: &[u8]);
    /// Takes in a snapshot, which comes before all records.
    fn snapshot(&mut self, payload: &[u8]);
    /// The state so far, also if nothing was folded.
    fn to_snapshot(&self) -> Vec<u8>;
}

/// Makes a fresh fold for each compaction; called on the compaction thread.
pub type Folds = Box<dyn Fn() -> Box<dyn Fold> + Send>;

/// How a journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    capacity: usize,
    /// A field, so that a test can fill the disk.
    preallocate: fn(&File, u64) -> io::Result<()>,
}

impl Options {
    /// Bytes in the shortest generation there may be.
    pub const MIN_CAPACITY: usize = 4096;

    /// Generations of `capacity` bytes, or more if a snapshot needs them. A record may have a quarter of that.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            capacity: capacity.clamp(Self::MIN_CAPACITY, generation::MAX_CAPACITY / 4),
            preallocate: os::preallocate,
        }
    }
}

impl Default for Options {
    /// Generations of 4 MiB.
    fn default() -> Self {
        Self::with_capacity(4 << 20)
    }
}

/// A journal, and what was in its folder.
#[derive(Debug)]
pub struct Opened {
    /// Ready to append.
    pub journal: Journal,
    /// What recovery saw and did.
    pub found: Found,
}

/// Checks whether the journal in `folder` could be opened; changes nothing and needs no lock.
///
/// Damage does not prevent it, nor does a missing folder. Reads the files as a whole: some milliseconds.
///
/// # Errors
/// [`JournalError::Folder`], [`JournalError::Open`], [`JournalError::Read`] or [`JournalError::NewerFormat`], as
/// [`Journal::open`] would have it.
pub fn inspect(folder: &Path) -> Result<(), JournalError> {
    recover::inspect(folder)
}

/// The journal's state.
#[derive(Clone, Debug)]
pub struct Health {
    /// How records reach the file.
    pub mode: Mode,
    /// The file appended to.
    pub path: PathBuf,
    /// Its number; each compaction adds one.
    pub generation: u64,
    /// Bytes in use.
    pub used: usize,
    /// Bytes reserved; in plain mode the size from which the file is compacted.
    pub capacity: usize,
    /// Compactions since the journal was opened.
    pub compactions: u64,
    /// Why the last compaction failed, or why a lost file could not be replaced, if it did.
    pub compaction_error: Option<Arc<JournalError>>,
}

/// How records reach the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By a copy in memory.
    Mapped,
    /// By one write for each record, since the file cannot be preallocated or mapped.
    Plain {
        /// What the system said.
        why: String,
    },
}

/// An open journal. All records are kept when it is dropped; [`Journal::close`] also waits for the disk.
#[derive(Debug)]
pub struct Journal {
    store: Backend,
    limit: usize,
    folder: PathBuf,
    options: Options,
    /// When a lost file could not be replaced last, and why.
    failed: Option<(Instant, Arc<JournalError>)>,
}

/// A lost file is not replaced more often than this while it fails: writing down the whole state takes a while.
const AGAIN: Duration = Duration::from_secs(1);

enum Backend {
    Mapped(Mapped),
    Plain(Plain),
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped(mapped) => mapped.fmt(f),
            Self::Plain(plain) => f.debug_tuple("Plain").field(&plain.path()).finish_non_exhaustive(),
        }
    }
}

impl Journal {
    /// Opens the newest complete generation in `folder`, which is there and locked, and folds every whole
    /// record into `replay`, which is fresh.
    ///
    /// # Errors
    /// A folder or file that cannot be used, no room on the disk, or a file of a newer format; never mere
    /// damage.
    pub fn open(
        folder: &Path,
        options: Options,
        replay: &mut dyn Fold,
        folds: Folds,
    ) -> Result<Opened, JournalError> {
        let (store, found) = recover::recover(folder, &options, replay)?;
        let store = match store {
            Store::Mapped(current) => Backend::Mapped(Mapped::start(folder, &options, current, folds)?),
            Store::Plain { file, source } => {
                Backend::Plain(Plain::start(folder, &options, file, &source, folds))
            }
        };
        let (limit, folder) = (options.capacity / 4, folder.to_owned());
        Ok(Opened { journal: Self { store, limit, folder, options, failed: None }, found })
    }

    /// Keeps `payload` even if this process is killed: a copy into the mapped file, no file system call.
    ///
    /// Takes well under a microsecond. Waits for compaction, for two seconds at most, only if more than half a
    /// generation is appended before that is done, and never if the last attempt failed.
    ///
    /// # Errors
    /// [`JournalError::Full`] if the disk has no room for the next generation, at once: it is tried again in the
    /// background. [`JournalError::TooLarge`], or in
    /// plain mode [`JournalError::Write`]. Nothing was written then, and the journal stays usable.
    /// [`JournalError::Lost`] until [`Journal::begin_again`].
    pub fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if payload.len() > self.limit {
            return Err(JournalError::TooLarge { bytes: payload.len(), limit: self.limit });
        }
        match &mut self.store {
            Backend::Mapped(mapped) => mapped.append(payload),
            Backend::Plain(plain) => plain.append(payload),
        }
    }

    /// Checks that the file that is appended to is still in its place, as long as it was. One file call: not for the
    /// request path. A file that is not is lost, and stays so.
    ///
    /// # Errors
    /// [`JournalError::Lost`]: [`Journal::begin_again`] has to follow.
    pub fn check_place(&mut self) -> Result<(), JournalError> {
        let why = match &mut self.store {
            Backend::Mapped(mapped) => mapped.check_place(),
            Backend::Plain(plain) => plain.check_place(),
        };
        why.map_or(Ok(()), |why| Err(JournalError::Lost { path: self.path().to_owned(), why, source: None }))
    }

    /// Continues in a new generation with nothing but `state`, which is everything that was ever appended, folded. What
    /// is in the place of the old file is moved aside. A file that is not lost is given up in the same way.
    ///
    /// If it fails it is not tried again for a second, and `state` is not asked for.
    ///
    /// # Errors
    /// [`JournalError::Lost`] with the reason. The journal stays lost.
    pub fn begin_again(&mut self, state: impl FnOnce() -> Vec<u8>) -> Result<Renewed, JournalError> {
        let from = self.path().to_owned();
        let why = match &self.store {
            Backend::Mapped(mapped) => mapped.current().why_lost(),
            Backend::Plain(plain) => plain.lost(),
        };
        let why = why.unwrap_or(WhyLost::Doubtful);
        if let Some((at, error)) = &self.failed
            && at.elapsed() < AGAIN
        {
            return Err(JournalError::Lost { path: from, why, source: Some(Arc::clone(error)) });
        }
        let begun = match &mut self.store {
            Backend::Mapped(mapped) => mapped.begin_again(&self.folder, &self.options, &state()),
            Backend::Plain(plain) => plain.begin_again(&state()),
        };
        if let Err(error) = begun {
            let error = Arc::new(error);
            self.failed = Some((Instant::now(), Arc::clone(&error)));
            return Err(JournalError::Lost { path: from, why, source: Some(error) });
        }
        self.failed = None;
        let aside = match why {
            WhyLost::Gone => None,
            WhyLost::Replaced | WhyLost::Cut { .. } | WhyLost::Unreadable | WhyLost::Doubtful => {
                files::move_aside(&from)
                    .inspect_err(|error| tracing::warn!(error = error as &dyn std::error::Error, "it stays"))
                    .ok()
            }
        };
        Ok(Renewed { from, why, to: self.path().to_owned(), aside })
    }

    fn path(&self) -> &Path {
        match &self.store {
            Backend::Mapped(mapped) => &mapped.current().path,
            Backend::Plain(plain) => plain.path(),
        }
    }

    /// The journal's state; makes no system call that could wait.
    #[must_use]
    pub fn health(&self) -> Health {
        let failed = self.failed.as_ref().map(|(_, error)| Arc::clone(error));
        match &self.store {
            Backend::Mapped(mapped) => {
                let Generation { number, path, writer, .. } = mapped.current();
                Health {
                    mode: Mode::Mapped,
                    path: path.clone(),
                    generation: *number,
                    used: writer.at(),
                    capacity: writer.capacity(),
                    compactions: mapped.compactions(),
                    compaction_error: failed.or_else(|| mapped.worker().last_error()),
                }
            }
            Backend::Plain(plain) => Health {
                mode: Mode::Plain { why: plain.why().to_owned() },
                path: plain.path().to_owned(),
                generation: plain.number(),
                used: plain.used(),
                capacity: self.limit * 4,
                compactions: plain.compactions(),
                compaction_error: failed.or_else(|| plain.last_error()),
            },
        }
    }

    /// Forces every record to the disk. Takes as long as the disk does: not for the request path.
    pub fn flush(&self) -> Result<(), JournalError> {
        match &self.store {
            Backend::Mapped(mapped) => {
                let Generation { path, writer, .. } = mapped.current();
                writer.reader().flush().map_err(|source| JournalError::Flush { path: path.clone(), source })
            }
            Backend::Plain(plain) => plain.flush(),
        }
    }

    /// Forces every record to the disk and ends the compaction thread.
    pub fn close(self) -> Result<(), JournalError> {
        self.flush()
    }
}
