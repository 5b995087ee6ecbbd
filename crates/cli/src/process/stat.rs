//! Linux: one process's line in /proc.

use std::io;

/// What counts of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    /// What the kernel calls the program, cut to 15 bytes.
    pub(crate) name: String,
    pub(super) state: u8,
    pub(crate) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    /// The number of its terminal, 0 if it has none.
    pub(crate) tty: i32,
    pub(super) flags: u32,
    /// When it started, in clock ticks: with the pid this identifies it.
    pub(super) started: u64,
}

/// `PF_KTHREAD`: the kernel's own, which has no program.
const OF_KERNEL: u32 = 0x0020_0000;

impl Stat {
    /// # Errors
    /// There is no such process, or no /proc.
    pub(super) fn read(pid: u32) -> io::Result<Self> {
        let line = std::fs::read(format!("/proc/{pid}/stat"))?;
        parse(&line).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// None if there is no such process.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::read(pid).ok()
    }

    /// It has ended, be it that nobody reaps it.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }

    /// A signal has stopped it. A debugger's stop (`t`) is the debugger's affair.
    pub(super) const fn is_stopped(&self) -> bool {
        self.state == b'T'
    }

    pub(super) const fn is_of_kernel(&self) -> bool {
        self.flags & OF_KERNEL != 0
    }
}

fn parse(line: &[u8]) -> Option<Stat> {
    // The name may contain spaces and parentheses: it ends at the last one.
    let (begin, end) =
        (line.iter().position(|byte| *byte == b'(')?, line.iter().rposition(|byte| *byte == b')')?);
    let fields: Vec<&str> = std::str::from_utf8(&line[end + 1..]).ok()?.split_ascii_whitespace().collect();
    // The state is field 3 of the line.
    let field = |number: usize| fields.get(number - 3).copied();
    let number = |at| field(at)?.parse().ok();
    Some(Stat {
        name: String::from_utf8_lossy(line.get(begin + 1..end)?).into_owned(),
        state: *field(3)?.as_bytes().first()?,
        parent: number(4)?,
        group: number(5)?,
        session: number(6)?,
        tty: field(7)?.parse().ok()?,
        flags: number(9)?,
        started: field(22)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_is_read_as_a_whole() {
        let rest = "S 12 13 14 34816 77 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
        let stat = parse(format!("42 (a) (b c)) {rest}\n").as_bytes()).unwrap();
        assert_eq!((stat.name.as_str(), stat.state), ("a) (b c)", b'S'));
        assert_eq!((stat.parent, stat.group, stat.session), (12, 13, 14));
        assert_eq!((stat.tty, stat.started), (34816, 98765));
        assert!(!stat.is_of_kernel() && !stat.has_ended() && !stat.is_stopped());
        for short in ["", "42 (x", "42 (x) S 1", "42 )x( S"] {
            assert_eq!(parse(short.as_bytes()), None, "{short}");
        }
    }

    #[test]
    fn this_process_has_a_line_and_one_that_never_was_has_none() {
        let own = Stat::of(std::process::id()).unwrap();
        assert!(!own.has_ended() && own.parent > 0 && own.started > 0);
        assert_eq!(Stat::of(2_147_483_000), None);
    }
}
