//! What can go wrong with the journal.

use std::{io, path::PathBuf, sync::Arc};

use super::WhyLost;

/// Why the journal could not be opened, or could not take a record.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder is missing, is not a folder, or no file can be made in it.
    #[error("could not keep a journal in the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be opened or made: most often for lack of permission.
    #[error("could not open {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk did not give the bytes back.
    #[error("could not read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer version of the program wrote this file; it is left as it is.
    #[error("{path} has journal format {found}, and this version knows none above {known}")]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// The disk has no room for the file: most often it is full, or a quota is.
    #[error("could not reserve {bytes} bytes for {path}")]
    Reserve {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A damaged file, or one that does not belong there, could not be moved out of the way.
    #[error("could not move {from} aside to {to}")]
    MoveAside {
        /// Where it is.
        from: PathBuf,
        /// Where it should go.
        to: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The compaction thread could not be started.
    #[error("could not start the thread that compacts the journal")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// The generation is full and its successor is not there. Nothing was written; the next append tries
    /// again.
    #[error("the journal {path} is full at {capacity} bytes and could not be compacted")]
    Full {
        /// The file.
        path: PathBuf,
        /// Its length.
        capacity: usize,
        /// Why compaction failed; none if it took too long.
        source: Option<Arc<JournalError>>,
    },
    /// The file is not what it was, so nothing that was written to it counts. Nothing was written; everything else is
    /// refused in the same way until [`super::Journal::begin_again`] succeeds.
    #[error("the journal {path} is lost: {why}")]
    Lost {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        why: WhyLost,
        /// Why no new one could be begun, if that was tried.
        source: Option<Arc<JournalError>>,
    },
    /// The record is larger than the journal takes. Nothing was written.
    #[error("a record of {bytes} bytes is larger than the journal takes ({limit})")]
    TooLarge {
        /// Bytes in the record.
        bytes: usize,
        /// Bytes in the largest there may be.
        limit: usize,
    },
    /// The disk refused the bytes, in a journal that cannot be mapped. Nothing was written.
    #[error("could not write to {path} at byte {offset}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Where the bytes should have gone.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes could not be forced to the disk. They are safe from anything but the machine going down.
    #[error("could not flush {path} to the disk")]
    Flush {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
