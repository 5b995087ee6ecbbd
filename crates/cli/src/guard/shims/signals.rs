//! Signals by name and number, as these tools read them.

/// The names of Linux's signals, the first one of number 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

pub(super) const TERM: i32 = 15;
pub(super) const KILL: i32 = 9;

/// The number of `9`, `KILL`, `sigkill`; none for one that has no fixed number.
pub(super) fn number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<u8>() {
        return usize::from(number).le(&NAMES.len()).then_some(number.into());
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let at = NAMES.iter().position(|known| *known == name)?;
    i32::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_alike() {
        for (text, expected) in [
            ("9", Some(9)),
            ("KILL", Some(9)),
            ("sigterm", Some(15)),
            ("0", Some(0)),
            ("31", Some(31)),
            ("32", None),
            ("RTMIN+1", None),
            ("u", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        let linux = [(1, "HUP"), (15, "TERM"), (17, "CHLD"), (19, "STOP"), (31, "SYS")];
        for (expected, name) in linux {
            assert_eq!(number(name), Some(expected));
        }
    }
}
