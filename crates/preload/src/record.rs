//! The question and the answer on `guard.sock`, byte for byte: this crate's copy of `styxy_core::guard::record`, which depends
//! on more than a library in every program may. A test in the core holds both together.

/// The version byte, the first one of question and answer.
pub(crate) const VERSION: u8 = 1;
/// How long a question is, in bytes.
pub(crate) const QUESTION: usize = 24;
/// How long an answer may be, in bytes.
pub(crate) const ANSWER: usize = 512;
/// Where the words of an answer begin; their length is in the two bytes before.
pub(crate) const WORDS: usize = 4;
/// The second byte of an answer that refuses.
pub(crate) const REFUSED: u8 = 1;

/// The second byte of a question: may this process be signalled?
pub(crate) const PROCESS: u8 = 1;
/// May every process of this group be signalled?
pub(crate) const GROUP: u8 = 2;
/// May all processes be signalled?
pub(crate) const EVERYBODY: u8 = 3;
/// May this port be bound?
pub(crate) const PORT: u8 = 4;

/// What is asked: 0 version, 1 kind, 2 port, 4 pid or group, 8 inode of the pidfd (0 if there is none), 16 signal, 20 zeros.
pub(crate) const fn question(kind: u8, port: u16, target: i32, inode: u64, signal: i32) -> [u8; QUESTION] {
    let (p, t, i, s) = (port.to_le_bytes(), target.to_le_bytes(), inode.to_le_bytes(), signal.to_le_bytes());
    [
        VERSION, kind, p[0], p[1], t[0], t[1], t[2], t[3], i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7],
        s[0], s[1], s[2], s[3], 0, 0, 0, 0,
    ]
}
