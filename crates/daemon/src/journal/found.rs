//! What was found in the folder when the journal was opened.

use std::{fmt, path::PathBuf};

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
    /// It ends before the bytes that were reserved for it, so what was written last may be missing.
    Cut {
        /// Its length, in bytes.
        at: usize,
        /// What was reserved.
        of: usize,
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
            Self::Cut { at, of } => write!(f, "it was cut to {at} of {of} bytes"),
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::TooLong => f.write_str("it is longer than any journal"),
            Self::NeverFinished => f.write_str("it ends before its first record"),
        }
    }
}
