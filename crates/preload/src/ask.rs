//! One question to the daemon: connect, send, receive, close.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::record::{ANSWER, QUESTION, REFUSED, VERSION, WORDS};
use crate::sys::{self, Descriptor, EAGAIN, EINTR, call, plain};
use crate::{load, record};

/// How long an answer about a signal is waited for, in milliseconds.
pub(crate) const SIGNAL_PATIENCE: isize = 2000;
/// How long one about a port is.
pub(crate) const PORT_PATIENCE: isize = 100;
/// How many targets are remembered of which a line was said.
const TOLD: usize = 16;

/// What came of a question.
#[derive(PartialEq, Eq)]
pub(crate) enum Answer {
    /// Go on: the daemon says so, or nobody answers.
    Pass,
    /// Do not; why was said.
    Refused,
    /// Nobody answered in time.
    Late,
}

/// After one question without an answer this process asks no more: neither about signals nor about ports.
static MUTE: AtomicBool = AtomicBool::new(false);

/// Whether there is a guard to ask.
pub(crate) fn is_on() -> bool {
    load::guard().is_some() && !MUTE.load(Ordering::Relaxed)
}

/// Asks whether a signal may be sent. Says what the daemon says, and that it said nothing.
pub(crate) fn signal(kind: u8, target: i32, inode: u64, signal: i32) -> Answer {
    let question = record::question(kind, 0, target, inode, signal);
    let answer = ask(&question, SIGNAL_PATIENCE);
    if answer == Answer::Late && !MUTE.swap(true, Ordering::Relaxed) {
        sys::say(b"styxy: the daemon did not answer within 2 s, so the signal was sent; try: styxy status\n");
    }
    answer
}

/// Asks whether a port may be bound.
pub(crate) fn port(port: u16) -> Answer {
    ask(&record::question(record::PORT, port, 0, 0, 0), PORT_PATIENCE)
}

fn ask(question: &[u8; QUESTION], patience: isize) -> Answer {
    let mut answer = [0_u8; ANSWER];
    let length = match exchange(question, &mut answer, patience) {
        Ok(length) => length,
        Err(error) if error == -EAGAIN => return Answer::Late,
        Err(_) => return Answer::Pass,
    };
    if length < WORDS || answer[0] != VERSION || answer[1] != REFUSED {
        return Answer::Pass;
    }
    let words = usize::from(u16::from_le_bytes([answer[2], answer[3]]));
    if let Some(words) = answer[..length].get(WORDS..WORDS + words)
        && is_news(question)
    {
        sys::say(words);
    }
    Answer::Refused
}

/// Sends the question and receives the answer; -EAGAIN if that takes too long.
fn exchange(question: &[u8; QUESTION], answer: &mut [u8; ANSWER], patience: isize) -> Result<usize, isize> {
    const UNIX_SEQPACKET_CLOEXEC: [isize; 3] = [1, 5 | 0o2_000_000, 0];
    const NOSIGNAL: usize = 0x4000;
    let (address, address_length) = load::guard().ok_or(0_isize)?;
    let deadline = sys::now() + patience;
    let socket = Descriptor::new(plain(sys::SOCKET, UNIX_SEQPACKET_CLOEXEC))?;
    let number = socket.0.cast_unsigned();
    let repeat = |option: isize, arguments: [usize; 6], operation: usize| {
        loop {
            let left = deadline - sys::now();
            if left <= 0 {
                return Err(-EAGAIN);
            }
            limit(&socket, option, left);
            // SAFETY: the address, the question and the answer outlive the call, and their lengths are given.
            match unsafe { call(operation, arguments) } {
                error if error == -EINTR => {}
                error if error < 0 => return Err(error),
                length => return Ok(length.cast_unsigned()),
            }
        }
    };
    let (sending, receiving) = (21, 20);
    let address = core::ptr::from_ref(address) as usize;
    repeat(sending, [number, address, address_length, 0, 0, 0], sys::CONNECT)?;
    let question = question.as_ptr() as usize;
    repeat(sending, [number, question, QUESTION, NOSIGNAL, 0, 0], sys::SENDTO)?;
    repeat(receiving, [number, answer.as_mut_ptr() as usize, ANSWER, 0, 0, 0], sys::RECVFROM)
}

/// Sets how long the next call may wait: `SO_RCVTIMEO` (20) or `SO_SNDTIMEO` (21), in milliseconds.
fn limit(socket: &Descriptor, option: isize, milliseconds: isize) {
    let time = [milliseconds / 1000, milliseconds % 1000 * 1000];
    let (number, option) = (socket.0.cast_unsigned(), option.cast_unsigned());
    // SAFETY: the kernel reads a `struct timeval`, which this is.
    unsafe { call(sys::SETSOCKOPT, [number, 1, option, time.as_ptr() as usize, size_of_val(&time), 0]) };
}

/// Whether no line was said about this target yet: programs try several signals and several addresses.
fn is_news(question: &[u8; QUESTION]) -> bool {
    static TARGETS: [AtomicU64; TOLD] = [const { AtomicU64::new(0) }; TOLD];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Kind, port and target.
    let of = |at: usize| question.get(at).copied().unwrap_or_default();
    let target = u64::from_le_bytes([of(1), of(2), of(3), of(4), of(5), of(6), of(7), 1]);
    if TARGETS.iter().any(|told| told.load(Ordering::Relaxed) == target) {
        return false;
    }
    TARGETS[NEXT.fetch_add(1, Ordering::Relaxed) % TOLD].store(target, Ordering::Relaxed);
    true
}
