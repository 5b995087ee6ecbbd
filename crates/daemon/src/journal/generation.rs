//! One generation in a mapped file: how it is made, and how large it is.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    JournalError, Options, WhyLost, files,
    frame::{self, Kind},
    header,
    map::Writer,
    os,
};

/// Files are this many bytes, or a multiple.
const PAGE: usize = 4096;
/// Room behind what must be in a generation, in bytes, where the disk has no more: for some hundred records.
const SPARE: usize = 64 * 1024;
/// The longest file that is read at all.
pub(super) const MAX_CAPACITY: usize = 1 << 30;

/// A generation that is appended to.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// Which file it is.
    pub(super) identity: Option<os::Identity>,
    pub(super) writer: Writer,
}

/// A file with blocks for all its bytes, mapped; or one whose file system cannot do that.
#[derive(Debug)]
pub(super) enum Backing {
    Mapped { writer: Writer, identity: Option<os::Identity> },
    Unmapped { file: File, source: io::Error },
}

impl Generation {
    /// What happened to its file, if it is not in its place any more or lacks a part. One file call.
    pub(super) fn why_lost(&self) -> Option<WhyLost> {
        let why = files::why_lost(&self.path, self.identity, self.writer.capacity());
        why.or_else(|| self.writer.is_lost().then_some(WhyLost::Unreadable))
    }

    /// Appends a frame; the caller has seen that there is room.
    pub(super) fn push(&mut self, kind: Kind, payload: &[u8]) {
        self.writer.push(frame::word(kind, payload), payload, frame::stored_len(payload.len()));
    }
}

/// How many bytes a generation should have: room for three times its snapshot, and at least for the `to_come` bytes that
/// are known already.
pub(super) fn capacity_for(options: &Options, snapshot: usize, to_come: usize) -> usize {
    let stored = frame::stored_len(snapshot);
    let wanted = options.capacity.max(4 * stored).max(header::LEN + stored + to_come);
    wanted.next_multiple_of(PAGE).min(MAX_CAPACITY)
}

/// How many bytes a generation must have: for its snapshot and what is to come, and a little more to go on with.
pub(super) fn least_for(options: &Options, snapshot: usize, to_come: usize) -> usize {
    let least = header::LEN + frame::stored_len(snapshot) + to_come + SPARE;
    least.next_multiple_of(PAGE).min(capacity_for(options, snapshot, to_come))
}

/// Reserves `capacity` bytes for `file` and maps them; it has whole frames up to `used`.
pub(super) fn back(
    file: File,
    path: &Path,
    capacity: usize,
    used: usize,
    options: &Options,
) -> Result<Backing, JournalError> {
    match (options.preallocate)(&file, capacity as u64) {
        Ok(()) => {
            match Writer::new(&file, capacity, used).and_then(|writer| Ok((writer, file.metadata()?))) {
                Ok((writer, metadata)) => Ok(Backing::Mapped { writer, identity: os::identity(&metadata) }),
                Err(source) => Ok(Backing::Unmapped { file, source }),
            }
        }
        Err(source) if os::is_unsupported(&source) => Ok(Backing::Unmapped { file, source }),
        Err(source) => Err(JournalError::Reserve { path: path.to_owned(), bytes: capacity, source }),
    }
}

/// Makes an empty file at `path`, in place of one that a crash or a failed compaction left there.
pub(super) fn make(path: &Path) -> Result<File, JournalError> {
    let made = match os::create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path).and_then(|()| os::create(path))
        }
        made => made,
    };
    made.map_err(|source| JournalError::Open { path: path.to_owned(), source })
}

/// Makes an empty file at `path` with blocks for `bytes`, where the file system can do that; if there is no room, nothing
/// is left of it.
pub(super) fn reserve(path: &Path, bytes: usize, options: &Options) -> Result<File, JournalError> {
    let file = make(path)?;
    match (options.preallocate)(&file, bytes as u64) {
        Err(source) if !os::is_unsupported(&source) => {
            files::remove(path);
            Err(JournalError::Reserve { path: path.to_owned(), bytes, source })
        }
        Ok(()) | Err(_) => Ok(file),
    }
}

/// Makes generation `number`, with `snapshot` in it if it can be mapped. It does not count until it is
/// sealed; if it cannot be made, nothing is left of it.
pub(super) fn create(
    path: &Path,
    number: u64,
    snapshot: &[u8],
    to_come: usize,
    options: &Options,
) -> Result<Backing, JournalError> {
    fill(make(path)?, path, number, snapshot, to_come, options)
}

/// Makes the empty `file` at `path` generation `number`, as [`create`] does. On a disk that is nearly full it takes what
/// it must have.
pub(super) fn fill(
    file: File,
    path: &Path,
    number: u64,
    snapshot: &[u8],
    to_come: usize,
    options: &Options,
) -> Result<Backing, JournalError> {
    let must_fit = header::LEN + frame::stored_len(snapshot.len()) + to_come;
    let filled = if must_fit > MAX_CAPACITY || snapshot.len() > frame::MAX_PAYLOAD {
        Err(JournalError::TooLarge { bytes: snapshot.len(), limit: MAX_CAPACITY / 4 })
    } else {
        let wanted = capacity_for(options, snapshot.len(), to_come);
        let least = least_for(options, snapshot.len(), to_come);
        match (options.preallocate)(&file, wanted as u64) {
            Err(error) if least < wanted && !os::is_unsupported(&error) => {
                // What it did get is given back first: it may be what is missing.
                let _: io::Result<()> = file.set_len(0);
                back(file, path, least, header::LEN, options)
            }
            Ok(()) | Err(_) => back(file, path, wanted, header::LEN, options),
        }
    };
    match filled {
        Ok(Backing::Mapped { mut writer, identity }) => {
            writer.put_header(&header::encode(number, writer.capacity()));
            writer.push(frame::word(Kind::Snapshot, snapshot), snapshot, frame::stored_len(snapshot.len()));
            Ok(Backing::Mapped { writer, identity })
        }
        Ok(unmapped @ Backing::Unmapped { .. }) => Ok(unmapped),
        Err(error) => {
            files::remove(path);
            Err(error)
        }
    }
}
