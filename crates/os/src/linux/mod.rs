//! Linux: the files of `/proc`.

use std::fs;
use std::io;

use styxy_core::{Link, Pid};

/// The process' parent and its start. Takes some microseconds.
///
/// # Errors
/// `NotFound` if there is no such process.
pub fn link(pid: Pid) -> io::Result<Link> {
    let line = fs::read(format!("/proc/{pid}/stat"))?;
    let stat = Stat::parse(&line).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Link { parent: stat.parent, started: Some(stat.started) })
}

/// Whether there is a process with this pid, of any user.
#[must_use]
pub fn runs(pid: Pid) -> bool {
    std::path::Path::new(&format!("/proc/{pid}/stat")).exists()
}

/// The fields of `/proc/PID/stat` that Styxy needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// What the kernel calls it; at most 15 bytes.
    pub name: &'a [u8],
    /// Its parent; none for the first process and for orphans of another pid namespace.
    pub parent: Option<Pid>,
    /// When it started, in clock ticks since the boot.
    pub started: u64,
    state: u8,
}

impl<'a> Stat<'a> {
    /// None if the line is cut off.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let open = line.iter().position(|byte| *byte == b'(')?;
        // The name may contain blanks and parentheses: it ends at the last one.
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let name = line.get(open + 1..close)?;
        let mut fields = std::str::from_utf8(&line[close + 1..]).ok()?.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = Pid::new(fields.next()?.parse().ok()?);
        // Field 22 of the line; the two just read were 3 and 4.
        let started = fields.nth(22 - 5)?.parse().ok()?;
        Some(Self { name, parent, started, state })
    }

    /// Whether it waits to be reaped.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER_PARENT: &str =
        "1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 77777 1000000 100 18446744073709551615";

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let line = format!("42 (a) b (c) S 7 {AFTER_PARENT}");
        let stat = Stat::parse(line.as_bytes()).unwrap();
        assert_eq!(stat, Stat { name: b"a) b (c", parent: Pid::new(7), started: 77777, state: b'S' });
    }

    #[test]
    fn a_process_without_a_parent_has_none() {
        let line = format!("1 (init) S 0 {AFTER_PARENT}");
        assert_eq!(Stat::parse(line.as_bytes()).unwrap().parent, None);
    }

    #[test]
    fn a_line_that_is_cut_off_is_not_a_process() {
        for line in ["", "42", "42 (a", "42 (a)", "42 (a) S", "42 (a) S 7 1 1 0 -1"] {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line}");
        }
    }
}
