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
mod error;
mod files;
mod frame;
mod generation;
mod header;
mod map;
mod mapped;
mod os;
mod plain;
mod recover;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use error::JournalError;

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

/// What recovery saw and did.
#[derive(Debug, Default)]
pub struct Found {
    /// Where the state came from.
    pub origin: Origin,
    /// Records replayed, snapshots not counted.
    pub records: u64,
    /// A record that was being written when its writer was killed, and is gone. Nobody was told that it was kept.
    pub torn_tail: Option<TornTail>,
    /// Files that were moved out of the way: a person may want to look at them.
    pub moved_aside: Vec<MovedAside>,
}

/// Where the state came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// There was none.
    #[default]
    Fresh,
    /// From a whole journal, which is appended to.
    Resumed,
    /// From what could be read of a damaged one, written to a new generation.
    Rebuilt {
        /// The generation that was damaged.
        from: u64,
    },
}

/// A record that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub path: PathBuf,
    /// Where the record began.
    pub at: usize,
    /// Bytes of it that were there.
    pub bytes: usize,
}

/// A file that was moved out of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedAside {
    /// Where it was.
    pub from: PathBuf,
    /// Where it is.
    pub to: PathBuf,
    /// Why it was moved.
    pub why: WhyMoved,
}

/// Why a file was moved out of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyMoved {
    /// Its checksums do not hold from byte `at` on; 0 is the header.
    Damaged {
        /// The first byte that is not to be trusted.
        at: usize,
    },
    /// A symlink, a folder or something else that is not a regular file.
    NotAFile,
    /// Longer than any journal.
    TooLong,
    /// Cut off, or never finished, and no older generation has its state.
    NeverFinished,
}

impl fmt::Display for WhyMoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { at: 0 } => f.write_str("its header is damaged"),
            Self::Damaged { at } => write!(f, "it is damaged at byte {at}"),
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::TooLong => f.write_str("it is longer than any journal"),
            Self::NeverFinished => f.write_str("it ends before its first record"),
        }
    }
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
    /// Why the last compaction failed, if it did.
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
}

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
                Backend::Plain(Plain::start(folder, &options, file, source, folds))
            }
        };
        Ok(Opened { journal: Self { store, limit: options.capacity / 4 }, found })
    }

    /// Keeps `payload` even if this process is killed: a copy into the mapped file, no file system call.
    ///
    /// Takes well under a microsecond. Waits for compaction, for five seconds at most, only if more than half a
    /// generation is appended before that is done.
    ///
    /// # Errors
    /// [`JournalError::Full`] if the disk has no room for the next generation, [`JournalError::TooLarge`], or in
    /// plain mode [`JournalError::Write`]. Nothing was written then, and the journal stays usable.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if payload.len() > self.limit {
            return Err(JournalError::TooLarge { bytes: payload.len(), limit: self.limit });
        }
        match &mut self.store {
            Backend::Mapped(mapped) => mapped.append(payload),
            Backend::Plain(plain) => plain.append(payload),
        }
    }

    /// The journal's state; makes no system call that could wait.
    #[must_use]
    pub fn health(&self) -> Health {
        match &self.store {
            Backend::Mapped(mapped) => {
                let Generation { number, path, writer } = mapped.current();
                Health {
                    mode: Mode::Mapped,
                    path: path.clone(),
                    generation: *number,
                    used: writer.at(),
                    capacity: writer.capacity(),
                    compactions: mapped.compactions(),
                    compaction_error: mapped.worker().last_error(),
                }
            }
            Backend::Plain(plain) => Health {
                mode: Mode::Plain { why: plain.why().to_string() },
                path: plain.path().to_owned(),
                generation: plain.number(),
                used: plain.used(),
                capacity: self.limit * 4,
                compactions: plain.compactions(),
                compaction_error: plain.last_error(),
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
