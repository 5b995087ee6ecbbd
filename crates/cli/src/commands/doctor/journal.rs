//! The journal on the disk, when no daemon has it open.

use std::error::Error;
use std::path::Path;

use styxy_daemon::journal::{self, JournalError};

use super::finding::Finding;

/// Whether the daemon could open the journal in `folder` now.
pub(super) fn on_disk(folder: &Path) -> Finding {
    match journal::inspect(folder) {
        Ok(()) => Finding::ok("journal", "the daemon can open it"),
        Err(error) => unusable(folder, &error),
    }
}

fn unusable(folder: &Path, error: &JournalError) -> Finding {
    let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
    let hint = match error {
        JournalError::NewerFormat { .. } => "npm install -g styxy@latest".to_owned(),
        JournalError::Open { path, .. } | JournalError::Read { path, .. } => {
            format!("ls -l {}   # you must be able to read and write it", path.display())
        }
        // A problem of the folder; the others come from writing, and nothing was written.
        JournalError::Folder { .. }
        | JournalError::Reserve { .. }
        | JournalError::MoveAside { .. }
        | JournalError::Thread { .. }
        | JournalError::Full { .. }
        | JournalError::Lost { .. }
        | JournalError::TooLarge { .. }
        | JournalError::Write { .. }
        | JournalError::Flush { .. } => format!("ls -la {}", folder.display()),
    };
    Finding::wrong("journal", format!("the daemon will not start: {error}{cause}"), hint)
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::snapshot;
    use std::io;

    #[test]
    fn a_journal_that_cannot_be_opened_says_what_to_do() {
        let path = || "/home/ada/.styxy/journal.0000000001".into();
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let found = [
            JournalError::Open { path: path(), source: denied() },
            JournalError::Read { path: path(), source: denied() },
        ];
        let found = found.map(|error| unusable(Path::new("/home/ada/.styxy"), &error));
        snapshot!("doctor_journal", shown(&found));
    }
}
