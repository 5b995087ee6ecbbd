//! Linux: the files of `/proc`.

use std::fs::File;
use std::io::{self, Read as _};

use styxy_core::{Link, Pid};

/// The process' parent and its start. Takes some microseconds.
///
/// # Errors
/// `NotFound` if there is no such process.
pub fn link(pid: Pid) -> io::Result<Link> {
    let stat = Stat::of(pid.get())?;
    Ok(Link { parent: stat.parent, started: Some(stat.started) })
}

/// Whether there is a process with this pid, of any user.
#[must_use]
pub fn runs(pid: Pid) -> bool {
    std::path::Path::new(&format!("/proc/{pid}/stat")).exists()
}

/// `PF_KTHREAD`: the kernel's own, which has no program.
const OF_KERNEL: u32 = 0x0020_0000;

/// The fields of `/proc/PID/stat` that Styxy needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Stat {
    /// What the kernel calls it; at most 15 bytes.
    pub name: String,
    /// One letter: `T` if a signal has stopped it, `t` if a debugger has, `Z` or `X` if it has ended.
    pub state: u8,
    /// Its parent; none for the first process and for orphans of another pid namespace.
    pub parent: Option<Pid>,
    /// Its process group; negative for one that ends.
    pub group: i32,
    /// Its session; negative for one that ends.
    pub session: i32,
    /// The number of its terminal, 0 if it has none.
    pub terminal: i32,
    flags: u32,
    /// From -20 to 19; the higher it is, the less of the processor it gets.
    pub nice: i32,
    /// When it started, in clock ticks since the boot: with the pid this identifies it.
    pub started: u64,
}

impl Stat {
    /// That of the process with this pid.
    ///
    /// # Errors
    /// There is no such process, or no `/proc`.
    pub fn of(pid: u32) -> io::Result<Self> {
        // The kernel writes the whole line at once.
        let mut line = [0; 1024];
        let length = File::open(format!("/proc/{pid}/stat"))?.read(&mut line)?;
        Self::parse(&line[..length]).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// None if the line is cut off.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let open = line.iter().position(|byte| *byte == b'(')?;
        // The name may contain blanks and parentheses: it ends at the last one.
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let name = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
        let mut fields = std::str::from_utf8(&line[close + 1..]).ok()?.split_ascii_whitespace();
        Some(Self {
            name,
            // Field 3 of the line; `nth` skips what lies between two that are read.
            state: *fields.next()?.as_bytes().first()?,
            parent: Pid::new(fields.next()?.parse().ok()?),
            group: fields.next()?.parse().ok()?,
            session: fields.next()?.parse().ok()?,
            terminal: fields.next()?.parse().ok()?,
            flags: fields.nth(9 - 8)?.parse().ok()?,
            nice: fields.nth(19 - 10)?.parse().ok()?,
            started: fields.nth(22 - 20)?.parse().ok()?,
        })
    }

    /// Whether it waits to be reaped.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }

    /// Whether it is a thread of the kernel's.
    #[must_use]
    pub const fn is_of_kernel(&self) -> bool {
        self.flags & OF_KERNEL != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER_PARENT: &str =
        "11 12 34816 -1 4194560 1 0 0 0 0 0 0 0 25 5 1 0 77777 1000000 100 18446744073709551615";

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let line = format!("42 (a) b (c) S 7 {AFTER_PARENT}");
        let stat = Stat::parse(line.as_bytes()).unwrap();
        let expected = Stat {
            name: "a) b (c".to_owned(),
            state: b'S',
            parent: Pid::new(7),
            group: 11,
            session: 12,
            terminal: 34816,
            flags: 4_194_560,
            nice: 5,
            started: 77777,
        };
        assert_eq!(stat, expected);
        assert!(!stat.is_of_kernel() && !stat.has_ended());
    }

    #[test]
    fn a_process_without_a_parent_has_none() {
        let line = format!("1 (init) S 0 {AFTER_PARENT}");
        assert_eq!(Stat::parse(line.as_bytes()).unwrap().parent, None);
    }

    #[test]
    fn a_process_that_is_being_removed_is_read_too() {
        let stat = Stat::parse(b"42 (a) X 0 -1 -1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 77777 0").unwrap();
        assert!(stat.has_ended() && stat.group == -1);
    }

    #[test]
    fn a_line_that_is_cut_off_is_not_a_process() {
        for line in ["", "42", "42 (a", "42 (a)", "42 (a) S", "42 (a) S 7 1 1 0 -1", "42 )x( S"] {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn this_process_has_a_line_and_one_that_never_was_has_none() {
        let own = Stat::of(std::process::id()).unwrap();
        assert!(!own.has_ended() && own.parent.is_some() && own.started > 0);
        assert!(Stat::of(2_147_483_000).is_err());
    }
}
