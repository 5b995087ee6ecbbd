//! Reading the logs of services: their last lines, and new ones as they come. It needs no keeper.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anstream::adapter::strip_bytes;

/// What the keeper's own lines in a log begin with.
pub(crate) const MARK: &str = "---";
/// The beginning of the line with which a start begins.
pub(crate) const STARTED: &str = "--- started ";

/// How much of a log is read from its end at most, to find its last lines.
const MOST: u64 = 8 << 20;
/// No line is longer, as it is shown.
const LONGEST: usize = 64 << 10;

/// The end of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Whole lines, each with its end, but for one that is not complete yet.
    pub(crate) bytes: Vec<u8>,
    /// Where the next ones will be.
    pub(crate) end: u64,
}

/// From where on a log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// So many lines from the end.
    Last(usize),
    /// As many of them, but not those before the last start.
    LastOfStart(usize),
}

/// The end of the log at `path`; nothing if there is no log.
///
/// # Errors
/// It cannot be read.
pub(crate) fn tail(path: &Path, from: From) -> io::Result<Tail> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tail::default()),
        Err(error) => return Err(error),
    };
    let end = file.metadata()?.len();
    let start = head(&file).max(end.saturating_sub(MOST));
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(end - start.min(end)).read_to_end(&mut bytes)?;
    if start > 0 {
        // The rest of a line whose beginning is gone.
        let first = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes.drain(..first);
    }
    let lines = match from {
        From::Last(lines) => lines,
        From::LastOfStart(lines) => {
            bytes.drain(..last_start(&bytes));
            lines
        }
    };
    bytes.drain(..last_lines(&bytes, lines));
    Ok(Tail { bytes, end })
}

/// What was appended to the log behind `end`, which moves on.
///
/// # Errors
/// It cannot be read.
pub(crate) fn more(path: &Path, end: &mut u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length < *end {
        // It was emptied.
        *end = 0;
    }
    let start = head(&file).max(*end).max(length.saturating_sub(MOST));
    let mut bytes = Vec::new();
    if length > start {
        file.seek(SeekFrom::Start(start))?;
        file.take(length - start).read_to_end(&mut bytes)?;
    }
    *end = start + bytes.len() as u64;
    Ok(bytes)
}

/// Where the part of the file begins that is on the disk.
#[cfg(target_os = "linux")]
fn head(file: &File) -> u64 {
    rustix::fs::seek(file, rustix::fs::SeekFrom::Data(0)).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
const fn head(_: &File) -> u64 {
    0
}

/// Where the last start begins.
fn last_start(bytes: &[u8]) -> usize {
    let mark = STARTED.as_bytes();
    let starts = bytes.windows(mark.len()).enumerate().rev().filter(|(_, window)| *window == mark);
    let mut starts = starts.map(|(at, _)| at).filter(|at| *at == 0 || bytes[*at - 1] == b'\n');
    starts.next().unwrap_or(0)
}

/// Where the last `lines` lines begin.
fn last_lines(bytes: &[u8], lines: usize) -> usize {
    let without_end = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if lines == 0 {
        return bytes.len();
    }
    let ends = without_end.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).nth(lines - 1).unwrap_or(0)
}

/// A line as it is read by whoever is no terminal: without colours and other codes, and of what a program wrote over itself only the
/// last.
pub(crate) fn plain(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let stripped = strip_bytes(line).into_vec();
    let last = stripped.rsplit(|byte| *byte == b'\r').next().unwrap_or_default();
    let cut = &last[..last.len().min(LONGEST)];
    let text = String::from_utf8_lossy(cut);
    text.chars().filter(|letter| *letter == '\t' || !letter.is_control()).collect()
}

/// The last lines of the last start, plain.
///
/// # Errors
/// The log cannot be read.
pub(crate) fn last_words(path: &Path, lines: usize) -> io::Result<Vec<String>> {
    let tail = tail(path, From::LastOfStart(lines + 1))?;
    let all = tail.bytes.split_inclusive(|byte| *byte == b'\n').map(plain);
    let mut all: Vec<String> = all.filter(|line| !line.starts_with(STARTED)).collect();
    all.drain(..all.len().saturating_sub(lines));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(text: &str, from: From) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.log");
        std::fs::write(&path, text).unwrap();
        String::from_utf8(tail(&path, from).unwrap().bytes).unwrap()
    }

    #[test]
    fn the_last_lines_are_whole_and_those_of_the_last_start_are_apart() {
        assert_eq!(tail_of("a\nb\nc\n", From::Last(2)), "b\nc\n");
        assert_eq!(tail_of("a\nb\nc", From::Last(2)), "b\nc");
        assert_eq!(tail_of("a\n", From::Last(5)), "a\n");
        assert_eq!(tail_of("a\n", From::Last(0)), "");
        let two = "--- started 1\na\n--- started 2\nb\nc\n";
        assert_eq!(tail_of(two, From::LastOfStart(10)), "--- started 2\nb\nc\n");
        assert_eq!(tail_of(two, From::LastOfStart(1)), "c\n");
        assert_eq!(tail_of("no start\n", From::LastOfStart(9)), "no start\n");
        assert_eq!(tail(Path::new("/no/such/log"), From::Last(1)).unwrap(), Tail::default());
    }

    #[test]
    fn what_comes_later_is_read_from_where_the_last_look_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.log");
        std::fs::write(&path, "a\n").unwrap();
        let mut end = tail(&path, From::Last(9)).unwrap().end;
        assert_eq!(more(&path, &mut end).unwrap(), b"");
        std::fs::write(&path, "a\nb\n").unwrap();
        assert_eq!(more(&path, &mut end).unwrap(), b"b\n");
        std::fs::write(&path, "c\n").unwrap();
        assert_eq!((more(&path, &mut end).unwrap(), end), (b"c\n".to_vec(), 2));
    }

    #[test]
    fn a_plain_line_has_no_codes_and_of_what_was_overwritten_only_the_last() {
        assert_eq!(plain(b"\x1b[32mready\x1b[0m\r\n"), "ready");
        assert_eq!(plain(b"10%\r50%\rdone\n"), "done");
        assert_eq!(plain(b"\x1b]0;title\x07a\tb\x08\n"), "a\tb");
        assert_eq!(plain("x".repeat(100_000).as_bytes()).len(), LONGEST);
    }
}
