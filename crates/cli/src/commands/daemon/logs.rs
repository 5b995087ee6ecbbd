//! `styxy daemon logs`: what the daemon has to say, now and as it says it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
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
/// `log_level` in config.json says how much there is in it.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon logs
  styxy daemon logs -n 200
  styxy daemon logs -f"))]
pub(crate) struct Args {
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 50, allow_negative_numbers = true)]
    lines: usize,
    /// Go on, and show lines as they are written
    #[arg(short, long)]
    follow: bool,
}

/// How long new lines may wait to be shown.
const GLANCE: Duration = Duration::from_millis(200);
const BLOCK: usize = 16 * 1024;

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
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

/// Sets `file` to where its last `lines` lines begin, reading it from its end.
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
        // A file whose last line is whole ends with a newline that begins no line.
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

/// Shows the rest of `file`.
fn copy(file: &mut File) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(()),
            length => output::stream(&block[..length])?,
        }
    }
}

/// Shows what is appended to the file at `path`, and goes on with the next one when that is put in its place.
fn follow(path: &Path, mut file: Option<File>) -> io::Result<()> {
    loop {
        thread::sleep(GLANCE);
        let replaced = match &file {
            Some(open) => path.metadata().is_ok_and(|there| is_another(open, &there)),
            None => true,
        };
        // What was written before the replacement is still to be shown.
        if let Some(open) = &mut file {
            copy(open)?;
        }
        if replaced {
            file = File::open(path).ok();
        }
    }
}

/// Whether the file that is `there` now is not the `open` one, or was cut shorter.
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
    fn a_rotated_or_shortened_log_is_another_one() {
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
