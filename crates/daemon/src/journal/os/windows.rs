//! What the journal asks of Windows.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::windows::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use memmap2::MmapRaw;

/// Which file it is. The standard library cannot say it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) enum Identity {}

/// Which file has this metadata.
pub(in crate::journal) fn identity(_of: &Metadata) -> Option<Identity> {
    None
}

/// Guards one map. Here nobody can shorten or remove a file that is mapped.
#[derive(Debug)]
pub(in crate::journal) struct Guard;

/// Guards `map`: no access to it ends the process.
#[expect(clippy::unnecessary_wraps, reason = "as on the other systems")]
pub(in crate::journal) fn guard(_map: &MmapRaw) -> io::Result<Guard> {
    Ok(Guard)
}

impl Guard {
    /// Whether an access to the map has failed since it was guarded.
    #[expect(clippy::unused_self, reason = "as on the other systems")]
    pub(in crate::journal) fn is_lost(&self) -> bool {
        false
    }
}

/// The name of the file system. Nothing here says it cheaply.
pub(in crate::journal) fn file_system(_: &Path) -> Option<String> {
    None
}

const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// Opens a journal that is there, for reading and writing; never through a symlink.
pub(in crate::journal) fn open(path: &Path) -> io::Result<File> {
    options().open(path)
}

/// Makes a journal that is not there yet; who may read it follows from its folder.
pub(in crate::journal) fn create(path: &Path) -> io::Result<File> {
    options().create_new(true).open(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    options
}

/// Checks that `folder` is a folder; whether files can be made in it is only known once one is made.
pub(in crate::journal) fn check_folder(folder: &Path) -> io::Result<()> {
    folder.read_dir().map(drop)
}

/// Gives `file` blocks for its first `bytes`; NTFS reserves them when the length is set.
pub(in crate::journal) fn preallocate(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

/// Whether `error` from [`preallocate`] means that this file system cannot do it, rather than that it is
/// full.
pub(in crate::journal) fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Brings pages into memory, ready to be written. Here the first store to a page does it.
pub(in crate::journal) fn populate(_map: &MmapRaw, _from: usize, _len: usize) {}

/// Reads up to `into.len()` bytes at `offset`.
pub(in crate::journal) fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(into, offset)
}

/// Writes all of `bytes` at `offset`.
pub(in crate::journal) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}
