//! The fallback where a file cannot be preallocated or mapped: the same frames, written one by one.
//!
//! The append that finds compaction due does it, and files grow as needed. This is slower, and as safe.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Folds, JournalError, Options, WhyLost, files, folding,
    frame::{self, Kind},
    generation::{self, MAX_CAPACITY},
    header, os,
};

/// One generation that is written to.
#[derive(Debug)]
pub(super) struct PlainFile {
    file: File,
    path: PathBuf,
    identity: Option<os::Identity>,
    number: u64,
    at: usize,
    end: End,
}

/// What may lie behind the last frame.
#[derive(Clone, Copy, Debug)]
enum End {
    Clean,
    /// A part of a frame that could not be written whole; it is cut before anything else is written.
    Ragged,
}

impl PlainFile {
    /// Continues in a file that has whole frames up to `used`.
    pub(super) fn resume(file: File, path: PathBuf, number: u64, used: usize) -> Self {
        Self::new(file, path, number, used)
    }

    fn new(file: File, path: PathBuf, number: u64, at: usize) -> Self {
        let identity = file.metadata().ok().and_then(|metadata| os::identity(&metadata));
        Self { file, path, identity, number, at, end: End::Clean }
    }

    /// Writes `snapshot` as generation `number` into an empty file, and makes it count; if that fails,
    /// removes it.
    pub(super) fn begin(
        file: File,
        path: PathBuf,
        number: u64,
        snapshot: &[u8],
    ) -> Result<Self, JournalError> {
        let mut begun = Self::new(file, path, number, header::LEN);
        let written = begun.write_whole(snapshot);
        if written.is_err() {
            files::remove(&begun.path);
        }
        written.map(|()| begun)
    }

    fn write_whole(&mut self, snapshot: &[u8]) -> Result<(), JournalError> {
        if snapshot.len() > MAX_CAPACITY / 4 || snapshot.len() > frame::MAX_PAYLOAD {
            return Err(JournalError::TooLarge { bytes: snapshot.len(), limit: MAX_CAPACITY / 4 });
        }
        self.write(&header::encode(self.number, 0), 0)?;
        let mut buffer = Vec::new();
        frame::encode(Kind::Snapshot, snapshot, &mut buffer);
        self.write(&buffer, self.at)?;
        self.at += buffer.len();
        self.write(&header::COMPLETE.to_le_bytes(), header::COMPLETE_AT)
    }

    fn append(&mut self, frame: &[u8]) -> Result<(), JournalError> {
        if matches!(self.end, End::Ragged) {
            self.cut().map_err(|source| self.refused(self.at, source))?;
        }
        if let Err(error) = self.write(frame, self.at) {
            self.end = End::Ragged;
            // If this fails too, the next append tries again.
            let _: io::Result<()> = self.cut();
            return Err(error);
        }
        self.at += frame.len();
        Ok(())
    }

    /// What happened to the file, if it is not in its place any more or lacks a part. One file call.
    fn why_lost(&self) -> Option<WhyLost> {
        files::why_lost(&self.path, self.identity, self.at)
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.at as u64)?;
        self.end = End::Clean;
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: usize) -> Result<(), JournalError> {
        os::write_at(&self.file, bytes, at as u64).map_err(|source| self.refused(at, source))
    }

    fn refused(&self, at: usize, source: io::Error) -> JournalError {
        JournalError::Write { path: self.path.clone(), offset: at as u64, source }
    }
}

fn lost(file: &PlainFile, why: WhyLost) -> JournalError {
    JournalError::Lost { path: file.path.clone(), why, source: None }
}

fn unmappable(path: &Path, why: &io::Error) -> String {
    let kind = os::file_system(path).map_or_else(String::new, |kind| format!(" ({kind})"));
    format!("the file system{kind} of {} cannot reserve or map it: {why}", path.display())
}

/// A journal in files that are written to.
pub(super) struct Plain {
    folder: PathBuf,
    options: Options,
    folds: Folds,
    current: PlainFile,
    /// Why its file is not mapped.
    why: String,
    buffer: Vec<u8>,
    fold_at: usize,
    compactions: u64,
    last_error: Option<Arc<JournalError>>,
    /// What happened to the file; nothing that is written to it counts from then on.
    lost: Option<WhyLost>,
}

impl Plain {
    pub(super) fn start(
        folder: &Path,
        options: &Options,
        current: PlainFile,
        why: &io::Error,
        folds: Folds,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            options: *options,
            folds,
            fold_at: (options.capacity / 2).max(2 * current.at),
            why: unmappable(&current.path, why),
            current,
            buffer: Vec::new(),
            compactions: 0,
            last_error: None,
            lost: None,
        }
    }

    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if let Some(why) = self.lost {
            return Err(lost(&self.current, why));
        }
        frame::encode(Kind::Record, payload, &mut self.buffer);
        if self.current.at + self.buffer.len() > MAX_CAPACITY {
            self.compact()?;
        }
        self.current.append(&self.buffer)?;
        if self.current.at > self.fold_at {
            // The record is kept whether or not this succeeds.
            let compacted = self.compact();
            self.last_error = compacted.err().map(Arc::new);
            self.fold_at = (self.options.capacity / 2).max(2 * self.current.at).min(MAX_CAPACITY / 2);
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<(), JournalError> {
        let Self { folder, folds, current, .. } = self;
        let contents = files::contents(&current.file, current.at)
            .map_err(|source| JournalError::Read { path: current.path.clone(), source })?;
        let frames = contents.bytes().get(header::LEN..).unwrap_or_default();
        let Some(snapshot) = folding::fold(frames, folds) else {
            return Err(lost(current, WhyLost::Unreadable));
        };
        let path = files::path(folder, current.number + 1);
        let next = PlainFile::begin(generation::make(&path)?, path, current.number + 1, &snapshot)?;
        let old = std::mem::replace(current, next);
        self.compactions += 1;
        drop(old.file);
        if let Err(error) = files::retire(&old.path, old.identity) {
            files::warn_unremoved(&old.path, &error);
        }
        Ok(())
    }

    /// Continues in a new generation that has nothing but `state`, whatever became of the present one.
    pub(super) fn begin_again(&mut self, state: &[u8]) -> Result<(), JournalError> {
        let newest = files::list(&self.folder)?.first().map_or(0, |newest| newest.generation);
        let number = newest.max(self.current.number) + 1;
        let path = files::path(&self.folder, number);
        self.current = PlainFile::begin(generation::make(&path)?, path, number, state)?;
        self.lost = None;
        self.fold_at = (self.options.capacity / 2).max(2 * self.current.at);
        Ok(())
    }

    /// What happened to the file, if anything did. It is remembered: nothing is appended from then on.
    pub(super) fn check_place(&mut self) -> Option<WhyLost> {
        self.lost = self.lost.or_else(|| self.current.why_lost());
        self.lost
    }

    pub(super) fn flush(&self) -> Result<(), JournalError> {
        self.current
            .file
            .sync_data()
            .map_err(|source| JournalError::Flush { path: self.current.path.clone(), source })
    }

    pub(super) fn why(&self) -> &str {
        &self.why
    }

    pub(super) fn path(&self) -> &Path {
        &self.current.path
    }

    pub(super) fn number(&self) -> u64 {
        self.current.number
    }

    pub(super) fn used(&self) -> usize {
        self.current.at
    }

    pub(super) fn compactions(&self) -> u64 {
        self.compactions
    }

    pub(super) fn lost(&self) -> Option<WhyLost> {
        self.lost
    }

    pub(super) fn last_error(&self) -> Option<Arc<JournalError>> {
        self.last_error.clone()
    }
}
