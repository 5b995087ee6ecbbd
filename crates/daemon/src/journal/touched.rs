//! What of a folder's life concerns the journal.

use std::ffi::OsStr;

use super::{Backend, Journal};
use crate::system::Entry;

impl Journal {
    /// Whether what happened to the entry `name` of the folder says that the file appended to may be gone, replaced or
    /// cut, so that [`Journal::check_place`] should follow. Makes no system call.
    ///
    /// A file that is written to by calls changes with each of ours.
    pub(crate) fn is_touched_by(&self, name: &OsStr, entry: Entry) -> bool {
        let is_its = || self.path().file_name() == Some(name);
        match (entry, &self.store) {
            (Entry::Changed, Backend::Plain(_)) => false,
            (Entry::Changed, Backend::Mapped(_)) | (Entry::New | Entry::Gone, _) => is_its(),
        }
    }
}
