//! Frames: one record each, checksummed, on 8-byte boundaries.
//!
//! A frame is one 64-bit word and the payload, padded with zeros. The word holds the length, the kind and the
//! checksum of both and of the payload. So one aligned store publishes a frame: either all of it is there or
//! none.

use std::ops::Range;

/// Bytes of the word in front of each payload.
const WORD: usize = 8;
const LENGTH_BITS: u32 = 28;

/// The longest payload a frame can name, in bytes.
pub(super) const MAX_PAYLOAD: usize = (1 << LENGTH_BITS) - 1;

/// What a payload is. The codes have the top bit set, so that text is never mistaken for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The whole state, at the head of each generation.
    Snapshot = 0xA,
    /// One record, as the caller appended it.
    Record = 0xD,
}

/// One whole frame, its checksum verified.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) payload: &'a [u8],
    end: usize,
}

/// What lies behind the last whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Zeros, or nothing.
    Clean,
    /// A frame that was being written: `bytes` are to be zeroed.
    Torn { bytes: Range<usize> },
    /// A frame that was whole once.
    Damaged { at: usize },
}

/// How a file ends, which tells a frame that was never whole from one that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// With what was written last: a write that was cut off leaves the beginning of a frame.
    WithTheLastWrite,
    /// With the bytes that were reserved for it: the word of a frame is stored when all the rest of it is there.
    AsReserved,
}

/// Bytes a payload of `length` takes in the file.
pub(super) const fn stored_len(length: usize) -> usize {
    (WORD + length).next_multiple_of(WORD)
}

/// The word that publishes `payload`, which has [`MAX_PAYLOAD`] bytes at most.
pub(super) fn word(kind: Kind, payload: &[u8]) -> u64 {
    debug_assert!(payload.len() <= MAX_PAYLOAD, "the caller checks the length");
    let low = (kind as u32) << LENGTH_BITS | u32::try_from(payload.len()).unwrap_or(u32::MAX);
    u64::from(checksum(low, payload)) << 32 | u64::from(low)
}

/// A whole frame as bytes, for files that are written rather than mapped.
pub(super) fn encode(kind: Kind, payload: &[u8], into: &mut Vec<u8>) {
    into.clear();
    into.extend_from_slice(&word(kind, payload).to_le_bytes());
    into.extend_from_slice(payload);
    into.resize(stored_len(payload.len()), 0);
}

fn checksum(low: u32, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&low.to_le_bytes()), payload)
}

/// Splits the word at `at` into checksum, kind code and payload length, if there are eight bytes.
fn split_word(bytes: &[u8], at: usize) -> Option<(u32, u32, usize)> {
    let word = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    let low = u32::try_from(word & u64::from(u32::MAX)).ok()?;
    let length = usize::try_from(low & ((1 << LENGTH_BITS) - 1)).ok()?;
    Some((u32::try_from(word >> 32).ok()?, low, length))
}

fn decode(bytes: &[u8], at: usize) -> Option<Frame<'_>> {
    let (sum, low, length) = split_word(bytes, at)?;
    let kind = match low >> LENGTH_BITS {
        code if code == Kind::Snapshot as u32 => Kind::Snapshot,
        code if code == Kind::Record as u32 => Kind::Record,
        _ => return None,
    };
    let payload = bytes.get(at + WORD..at + WORD + length)?;
    (checksum(low, payload) == sum).then_some(Frame { kind, payload, end: at + stored_len(length) })
}

/// Walks the whole frames in `bytes`, up to the first that is not whole.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    /// Starts at byte `at`, a multiple of eight.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where the next frame begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What follows the last whole frame, once the walk has ended; all bytes from `zero_from` on are zero.
    ///
    /// A torn frame is the last thing in a file, and it has no word, or the file ends before it does. Whatever else does
    /// not hold was whole once: no kill can leave that.
    pub(super) fn tail(&self, zero_from: usize, ends: Ends) -> Tail {
        let rest = self.bytes.get(self.at..zero_from).unwrap_or_default();
        let Some(last) = rest.iter().rposition(|byte| *byte != 0) else { return Tail::Clean };
        let end = self.at + last + 1;
        let was_whole = match (split_word(self.bytes, self.at), ends) {
            (None | Some((0, 0, _)), _) => false,
            (Some(_), Ends::AsReserved) => true,
            // Some files were reserved without a note of it: those have zeros behind the last frame.
            (Some((_, _, length)), Ends::WithTheLastWrite) => {
                self.at + WORD + length <= self.bytes.len() || self.bytes.len() - end >= WORD
            }
        };
        let frame_behind = (self.at + WORD..end).step_by(WORD).any(|at| decode(self.bytes, at).is_some());
        if was_whole || frame_behind {
            Tail::Damaged { at: self.at }
        } else {
            Tail::Torn { bytes: self.at..end }
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let frame = decode(self.bytes, self.at)?;
        self.at = frame.end;
        Some(frame)
    }
}
