//! `styxy daemon logs`: the end of the daemon's log, and new lines as they are written.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::Duration;

use styxy_core::api::{Code, Refusal};

use crate::here::context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Show the daemon's log
///
/// `log_level` in config.json sets how much it contains.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon logs
  styxy daemon logs -n 200
  styxy daemon logs -f"))]
pub(crate) struct Args {
    /// How many lines to show, from the end
    #[arg(short = 'n', long, default_value_t = 50, allow_negative_numbers = true)]
    lines: usize,
    /// Keep running, and show lines as they are written
    #[arg(short, long)]
    follow: bool,
}

/// How often to look for new lines.
const GLANCE: Duration = Duration::from_millis(200);
const BLOCK: usize = 16 * 1024;
/// A line that is longer is shown in pieces; the daemon writes none.
const LONGEST: u64 = 1024 * 1024;

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let path = context::layout()?.log();
        let mut file = match File::open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.follow => None,
            Err(error) => return Err(unreadable(&path, &error).into()),
        };
        let shown = match &mut file {
            Some(file) => last_lines(file, self.lines).and_then(|()| copy(file)),
            None => Ok(()),
        };
        let shown = if self.follow { shown.and_then(|()| follow(&path, file)) } else { shown };
        match shown {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(Exit::Done),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Refusal {
    let refusal = match error.kind() {
        io::ErrorKind::NotFound => {
            Refusal::new(Code::InvalidRequest, format!("there is no log yet ({})", path.display()))
        }
        _ => Refusal::new(Code::InvalidRequest, format!("could not read {}: {error}", path.display())),
    };
    refusal.hint("styxy daemon start").detail("path", path.to_string_lossy())
}

/// Seeks `file` to the beginning of its last `lines` lines, reading it from the end.
fn last_lines(file: &mut (impl Read + Seek), lines: usize) -> io::Result<()> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut newlines = 0;
    let mut block = vec![0; BLOCK];
    let mut at_end = true;
    while end > 0 {
        let start = end.saturating_sub(BLOCK as u64);
        let length = usize::try_from(end - start).unwrap_or(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block[..length])?;
        // If the last line is complete, the newline at its end does not begin another line.
        if std::mem::take(&mut at_end) && block[length - 1] != b'\n' {
            newlines += 1;
        }
        for (index, _) in block[..length].iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            newlines += 1;
            if newlines > lines {
                file.seek(SeekFrom::Start(start + index as u64 + 1))?;
                return Ok(());
            }
        }
        end = start;
    }
    file.rewind()
}

/// Prints the rest of `file`, line by line: paths and names of others are in it.
fn copy(file: &mut File) -> io::Result<()> {
    let mut rest = BufReader::with_capacity(BLOCK, file);
    let mut line = Vec::new();
    while rest.by_ref().take(LONGEST).read_until(b'\n', &mut line)? > 0 {
        output::foreign_line(&line)?;
        line.clear();
    }
    Ok(())
}

/// Prints what is appended to the file at `path`, and continues with the next file when it is replaced.
fn follow(path: &Path, mut file: Option<File>) -> io::Result<()> {
    loop {
        thread::sleep(GLANCE);
        let replaced = match &file {
            Some(open) => path.metadata().is_ok_and(|there| is_another(open, &there)),
            None => true,
        };
        // What was written before the replacement has to be printed first.
        if let Some(open) = &mut file {
            copy(open)?;
        }
        if replaced {
            file = File::open(path).ok();
        }
    }
}

/// Whether the file that is `there` now is not the `open` one, or was truncated.
fn is_another(open: &File, there: &Metadata) -> bool {
    let Ok(ours) = open.metadata() else { return true };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            return true;
        }
    }
    #[cfg(not(unix))]
    if ours.created().ok() != there.created().ok() {
        return true;
    }
    let read = { open }.stream_position().unwrap_or(0);
    there.len() < read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, snapshot};
    use std::io::Cursor;

    #[test]
    fn a_log_that_cannot_be_shown_says_why() {
        let refused =
            |kind: io::ErrorKind| failed(unreadable(Path::new("/home/ada/daemon.log"), &kind.into()));
        snapshot!(
            "logs_refused",
            each([
                ("there is none", refused(io::ErrorKind::NotFound)),
                ("it is another user's", refused(io::ErrorKind::PermissionDenied)),
            ])
        );
    }

    fn tail(text: &str, lines: usize) -> String {
        let mut file = Cursor::new(text.as_bytes());
        last_lines(&mut file, lines).unwrap();
        let mut rest = String::new();
        file.read_to_string(&mut rest).unwrap();
        rest
    }

    #[test]
    fn the_last_lines_are_shown_whole() {
        assert_eq!(tail("one\ntwo\nthree\n", 2), "two\nthree\n");
        assert_eq!(tail("one\ntwo\nthree", 2), "two\nthree");
        assert_eq!(tail("one\ntwo\n", 5), "one\ntwo\n");
        assert_eq!(tail("one\ntwo\n", 0), "");
        assert_eq!(tail("", 5), "");
    }

    #[test]
    fn a_long_log_is_read_from_its_end() {
        let line = format!("{}\n", "x".repeat(1000));
        let log: String = line.repeat(200) + "last\n";
        assert_eq!(tail(&log, 51), line.repeat(50) + "last\n");
        assert_eq!(tail(&log, 1), "last\n");
        assert_eq!(tail(&log, 1000), log);
    }

    #[test]
    fn a_rotated_or_truncated_log_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.log");
        std::fs::write(&path, "first\n").unwrap();
        let mut open = File::open(&path).unwrap();
        open.seek(SeekFrom::End(0)).unwrap();
        assert!(!is_another(&open, &path.metadata().unwrap()));
        std::fs::write(&path, "").unwrap();
        assert!(is_another(&open, &path.metadata().unwrap()));
        std::fs::rename(&path, folder.path().join("daemon.log.1")).unwrap();
        std::fs::write(&path, "second and longer\n").unwrap();
        assert!(is_another(&open, &path.metadata().unwrap()));
    }
}
