//! The question and the answer on `guard.sock`: one record each, of a fixed layout, with a version byte.
//!
//! The library that asks has a copy of these numbers (`crates/preload/src/record.rs`), since it depends on nothing.

use crate::port::Port;
use crate::process::Pid;

/// The first byte of question and answer.
pub const VERSION: u8 = 1;
/// How long a question is, in bytes: 0 version, 1 kind, 2 port, 4 pid or group, 8 inode of the pidfd (0 if there is none),
/// 16 signal, 20 for whom ([`By`]), 21 zeros. Numbers are little-endian.
pub const QUESTION: usize = 24;
/// How long an answer may be, in bytes: 0 version, 1 verdict, 2 length of the words, 4 words.
pub const ANSWER: usize = 512;
/// Where the words of an answer begin.
const WORDS: usize = 4;

const PROCESS: u8 = 1;
const GROUP: u8 = 2;
const EVERYBODY: u8 = 3;
const PORT: u8 = 4;
const ITSELF: u8 = 0;
const PARENT: u8 = 1;
const PASSES: u8 = 0;
const REFUSED: u8 = 1;

/// What a program asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// May this signal be sent?
    Signal {
        /// To whom.
        to: Target,
        /// Its number.
        signal: i32,
        /// Who is about to send it.
        by: By,
    },
    /// May this TCP port be bound?
    Bind(Port),
}

/// Who is about to send a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The program that asks.
    Itself,
    /// The program that asks, or the shell that started it: what is below that shell is its own.
    Parent,
}

/// To whom a signal is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To one process.
    Process {
        /// Its pid, in the namespace of who asks.
        pid: Pid,
        /// The inode of the pidfd that who asks has opened; none without one. Where pidfds have inodes of their own, this is
        /// the process, in every namespace.
        inode: Option<u64>,
    },
    /// To all processes of this group.
    Group(Pid),
    /// To all processes.
    Everybody,
}

/// The question in `record`; none if it has another version or is not one.
#[must_use]
pub fn read(record: &[u8]) -> Option<Question> {
    let record: &[u8; QUESTION] = record.try_into().ok()?;
    let [VERSION, kind, port_low, port_high, ..] = *record else { return None };
    let word = |at: usize| Some(i32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
    let pid = || Pid::new(u32::try_from(word(4)?).ok()?);
    let to = match kind {
        PROCESS => {
            let inode = u64::from_le_bytes(record.get(8..16)?.try_into().ok()?);
            Target::Process { pid: pid()?, inode: Some(inode).filter(|inode| *inode != 0) }
        }
        GROUP => Target::Group(pid()?),
        EVERYBODY => Target::Everybody,
        PORT => return Port::new(u16::from_le_bytes([port_low, port_high])).ok().map(Question::Bind),
        _ => return None,
    };
    let by = if record[20] == PARENT { By::Parent } else { By::Itself };
    Some(Question::Signal { to, signal: word(16)?, by })
}

/// The record that asks whether a signal may be sent.
#[must_use]
pub fn signal(to: Target, signal: i32, by: By) -> [u8; QUESTION] {
    let (kind, pid, inode) = match to {
        Target::Process { pid, inode } => (PROCESS, pid.get(), inode.unwrap_or_default()),
        Target::Group(group) => (GROUP, group.get(), 0),
        Target::Everybody => (EVERYBODY, 0, 0),
    };
    let mut record = [0; QUESTION];
    record[..2].copy_from_slice(&[VERSION, kind]);
    record[4..8].copy_from_slice(&pid.to_le_bytes());
    record[8..16].copy_from_slice(&inode.to_le_bytes());
    record[16..20].copy_from_slice(&signal.to_le_bytes());
    record[20] = match by {
        By::Itself => ITSELF,
        By::Parent => PARENT,
    };
    record
}

/// The words of an answer that refuses, without the end of their line; none if it lets pass, or is not an answer.
#[must_use]
pub fn refusal(answer: &[u8]) -> Option<String> {
    let [VERSION, REFUSED, low, high, words @ ..] = answer else { return None };
    let words = words.get(..usize::from(u16::from_le_bytes([*low, *high])))?;
    Some(String::from_utf8_lossy(words).trim_end().to_owned())
}

/// The answer that lets pass.
#[must_use]
pub fn passes() -> Vec<u8> {
    vec![VERSION, PASSES, 0, 0]
}

/// The answer that refuses, with what the program says on stderr; a text that is too long ends in `…`.
#[must_use]
pub fn refused(words: &str) -> Vec<u8> {
    const MOST: usize = ANSWER - WORDS - "…\n".len();
    let mut words = words.to_owned();
    if words.len() > MOST {
        words.truncate(words.floor_char_boundary(MOST));
        words.push('…');
    }
    words.push('\n');
    let length = u16::try_from(words.len()).unwrap_or_default().to_le_bytes();
    [&[VERSION, REFUSED, length[0], length[1]], words.as_bytes()].concat()
}

#[cfg(test)]
#[path = "../../../preload/src/record.rs"]
mod library;

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: u32) -> Pid {
        Pid::new(number).unwrap()
    }

    #[test]
    fn the_library_asks_as_the_core_reads() {
        use super::library as of;
        let all = [VERSION, REFUSED, PROCESS, GROUP, EVERYBODY, PORT];
        assert_eq!(all, [of::VERSION, of::REFUSED, of::PROCESS, of::GROUP, of::EVERYBODY, of::PORT]);
        assert_eq!([QUESTION, ANSWER, WORDS], [of::QUESTION, of::ANSWER, of::WORDS]);
        let signal = |to| Some(Question::Signal { to, signal: 15, by: By::Itself });
        let process = |inode| signal(Target::Process { pid: pid(4242), inode });
        let inode = 0x1122_3344_5566_7788;
        for (asked, expected) in [
            (of::question(of::PROCESS, 0, 4242, inode, 15), process(Some(inode))),
            (of::question(of::PROCESS, 0, 4242, 0, 15), process(None)),
            (of::question(of::GROUP, 0, 77, 0, 15), signal(Target::Group(pid(77)))),
            (of::question(of::EVERYBODY, 0, 0, 0, 15), signal(Target::Everybody)),
            (of::question(of::PORT, 3000, 0, 0, 0), Some(Question::Bind(Port::new(3000).unwrap()))),
            (of::question(of::PROCESS, 0, -1, 0, 15), None),
            (of::question(of::PORT, 0, 0, 0, 0), None),
            (of::question(9, 1, 1, 1, 1), None),
        ] {
            assert_eq!(read(&asked), expected, "{asked:?}");
        }
    }

    #[test]
    fn what_a_shim_asks_is_what_is_read() {
        for to in [
            Target::Process { pid: pid(4242), inode: Some(7) },
            Target::Process { pid: pid(1), inode: None },
            Target::Group(pid(77)),
            Target::Everybody,
        ] {
            for by in [By::Itself, By::Parent] {
                assert_eq!(read(&signal(to, 9, by)), Some(Question::Signal { to, signal: 9, by }));
            }
        }
        assert_eq!(refusal(&refused("no: node (1)")).as_deref(), Some("no: node (1)"));
        assert_eq!((refusal(&passes()), refusal(&[]), refusal(&refused("no")[..5])), (None, None, None));
    }

    #[test]
    fn a_record_of_another_version_or_length_is_no_question() {
        let asked = super::library::question(super::library::EVERYBODY, 0, 0, 0, 9);
        assert!(read(&asked).is_some());
        let mut newer = asked;
        newer[0] = VERSION + 1;
        assert_eq!(read(&newer), None);
        assert_eq!(read(&asked[..QUESTION - 1]), None);
        assert_eq!(read(&[&asked[..], &[0]].concat()), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn an_answer_fits_whatever_it_says() {
        for words in ["short".to_owned(), "é".repeat(400), "x".repeat(ANSWER - WORDS)] {
            let answer = refused(&words);
            assert!(answer.len() <= ANSWER);
            let length = usize::from(u16::from_le_bytes([answer[2], answer[3]]));
            assert_eq!(answer.len(), WORDS + length);
            assert!(std::str::from_utf8(&answer[WORDS..]).unwrap().ends_with('\n'));
        }
        assert_eq!(passes()[..2], [VERSION, PASSES]);
    }
}
