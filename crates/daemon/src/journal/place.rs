//! Whether the file that is appended to is the one in the folder, and what to do if it is not.

use std::ffi::OsStr;
use std::path::Path;

use super::{Backend, Journal, JournalError};
use crate::files::FileId;
use crate::system::Entry;

/// A generation's file, as it was when it was begun.
#[derive(Debug)]
pub(super) struct Seen {
    generation: u64,
    id: FileId,
}

impl Journal {
    /// Whether what happened to the entry `name` of the folder says that the file appended to may be gone, replaced or
    /// cut. Makes no system call.
    ///
    /// A new entry of this name follows on the end of the old one, except for one that is moved over it. A file that is
    /// written to by calls changes with each of ours.
    pub(crate) fn is_touched_by(&self, name: &OsStr, entry: Entry) -> bool {
        let is_its = || self.path().file_name() == Some(name);
        match (entry, &self.store) {
            (Entry::Changed, Backend::Plain(_)) => false,
            (Entry::Changed, Backend::Mapped(_)) | (Entry::New | Entry::Gone, _) => is_its(),
        }
    }

    /// Whether the file appended to is the one in the folder, and whole. One look at a path.
    pub(crate) fn is_in_place(&mut self) -> bool {
        let path = self.path();
        let (Ok(id), Ok(metadata)) = (FileId::at(path), path.symlink_metadata()) else { return false };
        let (generation, least) = match &self.store {
            Backend::Mapped(mapped) => (mapped.current().number, mapped.current().writer.capacity()),
            Backend::Plain(plain) => (plain.number(), plain.used()),
        };
        if self.seen.as_ref().is_none_or(|seen| seen.generation != generation) {
            self.seen = Some(Seen { generation, id });
        }
        let is_same = self.seen.as_ref().is_some_and(|seen| seen.id == id);
        is_same && usize::try_from(metadata.len()).is_ok_and(|bytes| bytes >= least)
    }

    /// Continues in a new generation that begins with `snapshot`, the whole state. What was appended to so far does not
    /// count any more, and is not read.
    ///
    /// # Errors
    /// The new one cannot be made. The old one is appended to as before.
    pub(crate) fn rewrite(&mut self, snapshot: &[u8]) -> Result<(), JournalError> {
        let rewritten = match &mut self.store {
            Backend::Mapped(mapped) => mapped.rewrite(&self.folder, &self.options, snapshot),
            Backend::Plain(plain) => plain.rewrite(snapshot),
        };
        self.seen = None;
        self.is_in_place();
        rewritten
    }

    fn path(&self) -> &Path {
        match &self.store {
            Backend::Mapped(mapped) => &mapped.current().path,
            Backend::Plain(plain) => plain.path(),
        }
    }
}
