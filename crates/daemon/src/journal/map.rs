//! The mapped file, and all the unsafe code there is in the journal.
//!
//! One [`Writer`] appends behind what is published; any number of [`Reader`]s see what is published, and
//! those bytes never change again. The folder's lock guarantees that no other process writes. If somebody shortens
//! the file all the same, the map is lost: it goes on as memory of no file, and [`Writer::is_lost`] says so.
#![expect(unsafe_code, reason = "appends are plain stores into a mapped file")]

use std::{
    fs::File,
    io,
    ptr::NonNull,
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use memmap2::{MmapOptions, MmapRaw};

use super::{header, os};

#[derive(Debug)]
struct Map {
    // Before the map itself, so that nothing is guarded where nothing is mapped any more.
    guard: os::Guard,
    raw: MmapRaw,
    /// Bytes from the start, the header among them, that are whole frames and never change again.
    published: AtomicUsize,
    /// The file is not what it was, although every access to it succeeded.
    given_up: AtomicBool,
}

impl Map {
    fn is_lost(&self) -> bool {
        self.guard.is_lost() || self.given_up.load(Ordering::Acquire)
    }
}

/// The only writer of a mapped file.
#[derive(Debug)]
pub(super) struct Writer {
    map: Arc<Map>,
    at: usize,
}

/// Sees the published frames of a mapped file.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    map: Arc<Map>,
}

impl Writer {
    /// Maps `capacity` bytes of `file`, which has blocks for all of them and whole frames up to `used`, then
    /// zeros.
    pub(super) fn new(file: &File, capacity: usize, used: usize) -> io::Result<Self> {
        assert!(
            used >= header::LEN && used <= capacity && used.is_multiple_of(8),
            "frames follow the header"
        );
        let raw = MmapOptions::new().len(capacity).map_raw(file)?;
        let (guard, given_up) = (os::guard(&raw)?, AtomicBool::new(false));
        Ok(Self { map: Arc::new(Map { guard, raw, published: AtomicUsize::new(used), given_up }), at: used })
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn capacity(&self) -> usize {
        self.map.raw.len()
    }

    pub(super) fn reader(&self) -> Reader {
        Reader { map: Arc::clone(&self.map) }
    }

    /// Whether what was written may not be in the file: an access failed, or it was given up. It stays so.
    pub(super) fn is_lost(&self) -> bool {
        self.map.is_lost()
    }

    /// Nothing that is written to this map counts from here on: its file is not in its place.
    pub(super) fn give_up(&self) {
        self.map.given_up.store(true, Ordering::Release);
    }

    /// Writes the header of a new file, before any frame.
    pub(super) fn put_header(&mut self, header: &[u8; header::LEN]) {
        assert_eq!(self.at, header::LEN, "a header comes before all frames");
        // SAFETY: the map is at least `header::LEN` long, and no reader's slice reaches into the header.
        unsafe { self.map.raw.as_mut_ptr().copy_from_nonoverlapping(header.as_ptr(), header.len()) };
    }

    /// Makes the file count, with everything written so far.
    pub(super) fn seal(&mut self) {
        self.publish_word(header::COMPLETE_AT, header::COMPLETE);
    }

    /// Appends a frame of `stored` bytes: the payload first, then in one store the word that makes it count.
    ///
    /// # Panics
    /// If there is no room: the caller has to check.
    pub(super) fn push(&mut self, word: u64, payload: &[u8], stored: usize) {
        let end = self.at + stored;
        assert!(end <= self.capacity() && 8 + payload.len() <= stored && stored.is_multiple_of(8), "no room");
        // SAFETY: `at + 8 + payload.len() <= capacity` by the line above, and no reader's slice reaches
        // beyond `at`, which only this writer moves.
        unsafe {
            self.map
                .raw
                .as_mut_ptr()
                .add(self.at + 8)
                .copy_from_nonoverlapping(payload.as_ptr(), payload.len());
        }
        self.publish_word(self.at, word);
        self.advance(end);
    }

    /// Appends whole frames as they stand in another file.
    ///
    /// # Panics
    /// If there is no room: the caller has to check.
    pub(super) fn copy(&mut self, frames: &[u8]) {
        let end = self.at + frames.len();
        assert!(end <= self.capacity() && end.is_multiple_of(8), "no room");
        // SAFETY: `at + frames.len() <= capacity` by the line above, no reader's slice reaches beyond `at`,
        // and `frames` lies below `at` or in another map.
        unsafe {
            self.map.raw.as_mut_ptr().add(self.at).copy_from_nonoverlapping(frames.as_ptr(), frames.len());
        }
        self.advance(end);
    }

    fn advance(&mut self, end: usize) {
        self.at = end;
        self.map.published.store(end, Ordering::Release);
    }

    /// Stores `word` behind all that was written before: a process killed here leaves the word or no trace of
    /// it.
    #[expect(clippy::cast_ptr_alignment, reason = "maps begin on a page, and `at` is a multiple of eight")]
    fn publish_word(&mut self, at: usize, word: u64) {
        assert!(at + 8 <= self.capacity() && at.is_multiple_of(8), "a word lies inside the map");
        // SAFETY: inside the map by the line above; aligned since maps begin on a page; no reader's slice
        // covers it, as it is beyond `published` or in the header.
        let cell = unsafe { AtomicU64::from_ptr(self.map.raw.as_mut_ptr().add(at).cast::<u64>()) };
        cell.store(word.to_le(), Ordering::Release);
    }
}

impl Reader {
    /// The bytes between `from`, at least the header's length, and the end of what is published.
    pub(super) fn frames(&self, from: usize) -> &[u8] {
        let end = self.map.published.load(Ordering::Acquire);
        assert!((header::LEN..=end).contains(&from), "the header is not for reading");
        let Some(start) = NonNull::new(self.map.raw.as_mut_ptr()) else { return &[] };
        // SAFETY: `from..end` is inside the map, and bytes between the header and `published` are never
        // written again by this process while the map lives; the acquire load orders this read behind their being
        // written. If another process shortens the file they become zeros, as with any mapped file: the checksums
        // do not hold then, and whoever used the bytes asks `is_lost` afterwards.
        unsafe { slice::from_raw_parts(start.as_ptr().add(from), end - from) }
    }

    /// Whether the bytes read so far may not be those that were written: as [`Writer::is_lost`].
    pub(super) fn is_lost(&self) -> bool {
        self.map.is_lost()
    }

    /// As [`Writer::give_up`].
    pub(super) fn give_up(&self) {
        self.map.given_up.store(true, Ordering::Release);
    }

    /// Brings the pages of `from..from + len` into memory, ready to be written, where the system knows how.
    pub(super) fn populate(&self, from: usize, len: usize) {
        let from = from.min(self.map.raw.len());
        os::populate(&self.map.raw, from, len.min(self.map.raw.len() - from));
    }

    /// Forces what is published to the disk. Takes as long as the disk does.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.map.raw.flush_range(0, self.map.published.load(Ordering::Acquire))
    }
}
