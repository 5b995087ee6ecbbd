//! The first 64 bytes of each generation. Magic, version and checksum stay where they are in all versions to
//! come. What a version does not know in between is under the checksum all the same.

/// Bytes of the header; frames begin behind it.
pub(super) const LEN: usize = 64;
/// The format written and read here.
pub(super) const VERSION: u32 = 1;
/// Where the word stands that makes a generation count. It is written last, and not under the checksum.
pub(super) const COMPLETE_AT: usize = 56;
/// What stands there.
pub(super) const COMPLETE: u64 = u64::from_le_bytes(*b"complete");

/// Where the number of bytes stands that were reserved for the file when it was made. 0 if none were, and in files of
/// version 0.1.0 of the program.
const RESERVED_AT: usize = 24;

const MAGIC: [u8; 8] = *b"styxyjnl";

/// What a header says of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// The state in this file is whole.
    Complete,
    /// The writer of this file was stopped before the file counted.
    Incomplete,
    /// All zeros: stopped even earlier, unless something follows.
    Blank,
    /// Written by a newer version of the program.
    Newer { version: u32 },
    /// Not a header; `sealed` when at least the word that makes it count is whole.
    Damaged { sealed: Sealed },
}

/// Whether a damaged header still shows that its generation was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    Yes,
    Unknown,
}

/// The header of `generation`, not yet complete, for a file with blocks for `reserved` bytes.
pub(super) fn encode(generation: u64, reserved: usize) -> [u8; LEN] {
    let mut header = [0; LEN];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&generation.to_le_bytes());
    header[RESERVED_AT..RESERVED_AT + 8].copy_from_slice(&(reserved as u64).to_le_bytes());
    let sum = checksum(&header);
    header[12..16].copy_from_slice(&sum.to_le_bytes());
    header
}

fn checksum(header: &[u8; LEN]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..12]), &header[16..COMPLETE_AT])
}

/// How many bytes the file had at least when it was made, if its header is whole and says so. It is never shorter unless
/// somebody cut it.
pub(super) fn reserved(bytes: &[u8]) -> Option<usize> {
    let header: &[u8; LEN] = bytes.first_chunk()?;
    let sum = u32::from_le_bytes(*header[12..].first_chunk()?);
    let reserved = u64::from_le_bytes(*header[RESERVED_AT..].first_chunk()?);
    let is_ours = header[..8] == MAGIC && sum == checksum(header) && reserved != 0;
    is_ours.then(|| usize::try_from(reserved).unwrap_or(usize::MAX))
}

/// Reads the header in front of `bytes`, of a file whose name says `generation`.
pub(super) fn read(bytes: &[u8], generation: u64) -> Header {
    let mut header = [0; LEN];
    let present = bytes.len().min(LEN);
    header[..present].copy_from_slice(&bytes[..present]);

    let number = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let long = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if header == [0; LEN] {
        return Header::Blank;
    }
    let readable = header[..8] == MAGIC && number(12) == checksum(&header);
    match (readable, number(8), long(COMPLETE_AT)) {
        (true, version, _) if version > VERSION => Header::Newer { version },
        (true, VERSION, COMPLETE) if long(16) == generation => Header::Complete,
        (true, VERSION, 0) if long(16) == generation => Header::Incomplete,
        (_, _, COMPLETE) => Header::Damaged { sealed: Sealed::Yes },
        (_, _, _) => Header::Damaged { sealed: Sealed::Unknown },
    }
}
