//! Which file this is, by the number that the file system gave it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Which file this is, whatever its name: no other one has this, as long as something has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId((u64, u64));

impl FileId {
    /// Of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        styxy_os::file_number(file).map(Self)
    }

    /// Of what is at `path` now.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Self::of(&File::open(path)?)
    }
}
