//! The names of the journal's files, and reading, removing and moving them. No request does any of this.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use styxy_core::order::Order as _;

use super::{JournalError, WhyLost, os};

const CHUNK: usize = 64 * 1024;

/// A file that is, or stands in the place of, one generation.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) generation: u64,
    pub(super) path: PathBuf,
}

/// A file's bytes, the last of which may be zeros that take no memory.
#[derive(Debug)]
pub(super) struct Contents {
    bytes: Vec<u8>,
    /// All bytes from here on are zero.
    zero_from: usize,
}

impl Contents {
    /// The bytes that matter: no frame needs more, and what follows is zero.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where only zeros are left; there may be some before.
    pub(super) fn zero_from(&self) -> usize {
        self.zero_from
    }

    pub(super) fn is_zero(&self) -> bool {
        self.bytes[..self.zero_from].iter().all(|byte| *byte == 0)
    }
}

pub(super) fn path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("journal.{generation:010}"))
}

/// Everything in `folder` that has the name of a generation, the newest first.
pub(super) fn list(folder: &Path) -> Result<Vec<Candidate>, JournalError> {
    let failed = |source| JournalError::Folder { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("journal."));
        let Some(generation) =
            digits.filter(|digits| digits.len() < 18).and_then(|digits| digits.parse().ok())
        else {
            continue;
        };
        if digits.is_some_and(|digits| digits == format!("{generation:010}")) {
            found.push(Candidate { generation, path: folder.join(name) });
        }
    }
    found.order_by_key(|candidate| std::cmp::Reverse(candidate.generation));
    Ok(found)
}

/// Reads the first `length` bytes of `file`, through a small buffer so that zeros are never brought into
/// memory.
pub(super) fn contents(file: &File, length: usize) -> io::Result<Contents> {
    let mut bytes = vec![0; length];
    let mut buffer = vec![0; CHUNK.min(length)];
    let (mut at, mut zero_from) = (0, 0);
    while at < length {
        let wanted = buffer.len().min(length - at);
        let read = match os::read_at(file, &mut buffer[..wanted], at as u64) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer[..read].iter().any(|byte| *byte != 0) {
            bytes[at..at + read].copy_from_slice(&buffer[..read]);
            zero_from = at + read;
        }
        at += read;
    }
    Ok(Contents { bytes, zero_from })
}

/// Moves what is at `path` to the first free `<path>.damaged-<n>` and says where that is.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let mut number = 1;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{number}"));
        let to = PathBuf::from(name);
        if fs::symlink_metadata(&to).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return match fs::rename(path, &to) {
                Ok(()) => Ok(to),
                Err(source) => Err(JournalError::MoveAside { from: path.to_owned(), to, source }),
            };
        }
        number += 1;
    }
}

/// Why the generation at `path`, which is the file of this identity, does not have its `length` bytes there any more;
/// none if it has, or if the system does not say.
pub(super) fn why_lost(path: &Path, identity: Option<os::Identity>, length: usize) -> Option<WhyLost> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(WhyLost::Gone),
        Ok(there) if !there.is_file() || os::identity(&there) != identity => Some(WhyLost::Replaced),
        Ok(there) if there.len() < length as u64 => Some(WhyLost::Cut { to: there.len() }),
        Ok(_) | Err(_) => None,
    }
}

/// Removes a generation that no longer counts, unless the file in its place is another one.
///
/// # Errors
/// It is still there.
pub(super) fn retire(path: &Path, identity: Option<os::Identity>) -> io::Result<()> {
    if why_lost(path, identity, 0).is_some() { Ok(()) } else { fs::remove_file(path) }
}

/// Removes a file that no longer counts. If that fails, the file only takes space.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        warn_unremoved(path, &error);
    }
}

pub(super) fn warn_unremoved(path: &Path, error: &io::Error) {
    tracing::warn!(path = %path.display(), %error, "an old journal file could not be removed");
}
