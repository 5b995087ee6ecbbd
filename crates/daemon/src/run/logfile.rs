//! `logs/daemon.log`: bounded in size, readable to us alone, and never a reason to stop.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use styxy_core::printable::printable;

use crate::files;

/// How many bytes a file may have, and how many files there may be.
#[derive(Debug, Clone, Copy)]
struct Limits {
    bytes: u64,
    files: u32,
}

const LIMITS: Limits = Limits { bytes: 5 * 1024 * 1024, files: 5 };

/// Writes to `daemon.log`, and moves it aside as `daemon.log.1` (up to `.4`, the oldest) before it exceeds 5 MiB.
///
/// Each write should be whole lines. What cannot be written is dropped, and the next write opens the file again.
/// `tracing_subscriber` takes it in a `Mutex`.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    limits: Limits,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl LogFile {
    /// The log at `path`. Opened with the first write, its folder made then too.
    pub(super) fn new(path: PathBuf) -> Self {
        Self::with(path, LIMITS)
    }

    fn with(path: PathBuf, limits: Limits) -> Self {
        Self { path, limits, open: None }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        let full = |open: &Open| open.bytes > 0 && open.bytes + length > self.limits.bytes;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => open_file(&self.path)?,
        };
        if full(&open) {
            drop(open);
            self.rotate();
            open = open_file(&self.path)?;
        }
        open.file.write_all(bytes)?;
        open.bytes += length;
        self.open = Some(open);
        Ok(())
    }

    /// Moves every file one number up; the oldest is overwritten.
    fn rotate(&self) {
        let numbered = |number: u32| match number {
            0 => self.path.clone(),
            _ => PathBuf::from(format!("{}.{number}", self.path.display())),
        };
        for number in (1..self.limits.files).rev() {
            // If a file is missing or cannot be moved, the log only gets longer than it should.
            let _ = std::fs::rename(numbered(number - 1), numbered(number));
        }
    }
}

fn open_file(path: &Path) -> io::Result<Open> {
    let open = || files::open_ours(path, OpenOptions::new().create(true).append(true));
    let file = match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            files::create_folder(folder)?;
            open()?
        }
        (opened, _) => opened?,
    };
    let bytes = file.metadata()?.len();
    Ok(Open { file, bytes })
}

impl Write for LogFile {
    /// Always takes everything.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Paths and names of others are in it, and it is read on terminals and by agents.
        let lines = String::from_utf8_lossy(bytes);
        // There is no other place to report that the log cannot be written.
        let _ = self.append(printable(&lines).as_bytes());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn log(folder: &Path, limits: Limits) -> LogFile {
        LogFile::with(folder.join("logs/daemon.log"), limits)
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join("logs").join(name)).unwrap()
    }

    #[test]
    fn a_path_of_others_controls_no_terminal_that_shows_the_log() {
        let home = tempfile::tempdir().unwrap();
        log(home.path(), LIMITS).write_all("path=\u{1b}[2J\u{202e}\r x\n".as_bytes()).unwrap();
        assert_eq!(read(home.path(), "daemon.log"), "path=\\u{1b}[2J\\u{202e}\\r x\n");
    }

    #[test]
    fn the_newest_lines_are_kept_in_no_more_files_than_allowed() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), Limits { bytes: 8, files: 3 });
        for number in 0..10 {
            writeln!(log, "n {number}").unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(home.path().join("logs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["daemon.log", "daemon.log.1", "daemon.log.2"]);
        assert_eq!(read(home.path(), "daemon.log"), "n 8\nn 9\n");
        assert_eq!(read(home.path(), "daemon.log.2"), "n 4\nn 5\n");
    }

    #[test]
    fn a_restarted_daemon_appends_to_the_log_of_the_last_one() {
        let home = tempfile::tempdir().unwrap();
        let limits = Limits { bytes: 8, files: 3 };
        for number in 0..3 {
            writeln!(log(home.path(), limits), "n {number}").unwrap();
        }
        assert_eq!(read(home.path(), "daemon.log"), "n 2\n");
        assert_eq!(read(home.path(), "daemon.log.1"), "n 0\nn 1\n");
    }

    #[test]
    fn a_line_longer_than_a_file_is_kept_whole() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), Limits { bytes: 8, files: 2 });
        writeln!(log, "longer than eight").unwrap();
        writeln!(log, "next").unwrap();
        assert_eq!(read(home.path(), "daemon.log.1"), "longer than eight\n");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_not_an_error_and_is_tried_again() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), LIMITS);
        fs::write(home.path().join("logs"), "in the way").unwrap();
        writeln!(log, "dropped").unwrap();
        fs::remove_file(home.path().join("logs")).unwrap();
        writeln!(log, "kept").unwrap();
        assert_eq!(read(home.path(), "daemon.log"), "kept\n");
    }

    #[test]
    #[cfg(unix)]
    fn the_log_is_ours_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        writeln!(log(home.path(), LIMITS), "a line").unwrap();
        let mode = |name: &str| home.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("logs"), mode("logs/daemon.log")), (0o700, 0o600));
    }
}
