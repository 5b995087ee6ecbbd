//! The journal as it lies on the disk, when no daemon has it open.

use std::error::Error;
use std::path::Path;

use styxy_daemon::journal::{self, JournalError};

use super::finding::Finding;

/// Whether a daemon that is started now could open the journal in `folder`.
pub(super) fn on_disk(folder: &Path) -> Finding {
    match journal::inspect(folder) {
        Ok(()) => Finding::ok("journal", "nothing keeps a daemon from opening it"),
        Err(error) => unusable(folder, &error),
    }
}

fn unusable(folder: &Path, error: &JournalError) -> Finding {
    let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
    let hint = match error {
        JournalError::NewerFormat { .. } => "npm install -g styxy@latest".to_owned(),
        JournalError::Open { path, .. } | JournalError::Read { path, .. } => {
            format!("ls -l {}   # it must be yours, to read and to write", path.display())
        }
        // The folder's; the rest come of writing, and nothing was written.
        JournalError::Folder { .. }
        | JournalError::Reserve { .. }
        | JournalError::MoveAside { .. }
        | JournalError::Thread { .. }
        | JournalError::Full { .. }
        | JournalError::Lost { .. }
        | JournalError::TooLarge { .. }
        | JournalError::Write { .. }
        | JournalError::Flush { .. }
        | JournalError::Fold { .. } => format!("ls -la {}", folder.display()),
    };
    Finding::wrong("journal", format!("the daemon will not start: {error}{cause}"), hint)
}
