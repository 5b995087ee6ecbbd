//! A service's log: a file that the service itself writes to, so that nothing breaks when the keeper ends. It is a ring in place:
//! its head is given back to the disk, and offsets stay what they are (R133).

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use crate::up::system;

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::Rings;
#[cfg(target_os = "linux")]
pub(super) use linux::Rings;

/// How much of a log is on the disk at most, about.
const MOST: u64 = 7 << 20;
/// How much of it stays when it is cut.
#[cfg(target_os = "linux")]
const KEPT: u64 = 5 << 20;

/// Opens the log at `path`, so that what is written goes to its end.
///
/// # Errors
/// The disk is full, or the folder is gone.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).append(true).read(true);
    system::for_this_user(&mut options).open(path)
}

/// Whether the file is still the one at its path, and was neither deleted nor moved.
pub(super) fn is_there(log: &File, path: &Path) -> bool {
    system::identity_of(log).is_some_and(|open| system::identity(path) == Some(open))
}

/// Writes a line of the keeper's own, such as where a start begins. A disk that is full has no room for it.
pub(super) fn say(mut log: &File, text: &str) {
    let _ = log.write_all(format!("{} {text}\n", crate::up::read::MARK).as_bytes());
}

/// Lets go of what is there, where the disk cannot give back a part of a file.
fn empty(log: &File, path: &Path) -> io::Result<()> {
    system::empty(log, path)?;
    say(log, "what was here before is gone: the disk cannot keep only the end of a file");
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io;
    use std::io::Write as _;
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;
    use std::time::Duration;

    use rustix::fd::OwnedFd;
    use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
    use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
    use rustix::io::Errno;

    use super::{KEPT, MOST, empty, is_there, open};
    use crate::up::system::{identity_of, on_disk};

    /// How soon the logs are looked at again while one grows. What a service writes in that time is on the disk beside [`MOST`].
    const SLICE: Duration = Duration::from_millis(2);

    /// Cuts logs while they are written. It sleeps while none is.
    pub(in crate::up::keeper) struct Rings {
        watched: OwnedFd,
        logs: Arc<Mutex<Vec<Ring>>>,
    }

    struct Ring {
        log: File,
        path: PathBuf,
        length: u64,
        /// The file that is at its path instead, once it was deleted or moved: the service goes on writing to what nobody looks for.
        copy: Option<Copied>,
    }

    struct Copied {
        to: File,
        /// Up to where it was copied.
        end: u64,
        /// How long the log was when it was moved, and how much of it was on the disk then: that is somebody's to keep.
        moved: (u64, u64),
    }

    impl Rings {
        /// # Errors
        /// There is no room for a thread or a watch.
        pub(in crate::up::keeper) fn new() -> io::Result<Self> {
            let watched = init(CreateFlags::CLOEXEC)?;
            let logs = Arc::new(Mutex::new(Vec::new()));
            let (events, rings) = (watched.try_clone()?, Arc::clone(&logs));
            thread::Builder::new().name("logs".to_owned()).spawn(move || turn(&events, &rings))?;
            Ok(Self { watched, logs })
        }

        /// From now on this log is cut.
        ///
        /// # Errors
        /// There is no room for a watch.
        pub(in crate::up::keeper) fn add(&self, log: File, path: &Path) -> io::Result<()> {
            let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            if logs.iter().all(|ring| !ring.is(&log)) {
                watch(&self.watched, &log)?;
                logs.push(Ring::new(log, path.to_owned()));
            }
            Ok(())
        }

        /// Cuts all of them, for a keeper that ends and looks at them no more.
        pub(in crate::up::keeper) fn settle(&self) {
            let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            reunite(&mut logs);
            for ring in logs.iter_mut() {
                // What cannot be cut stays long.
                let _ = ring.cut();
            }
        }
    }

    /// The next write to this log is an event, or that it is deleted or moved, and none behind it: a watch makes each write slower.
    fn watch(events: &OwnedFd, log: &File) -> io::Result<()> {
        let path = format!("/proc/self/fd/{}", log.as_raw_fd());
        let flags = WatchFlags::MODIFY | WatchFlags::ATTRIB | WatchFlags::MOVE_SELF | WatchFlags::ONESHOT;
        add_watch(events, path, flags).map(drop).map_err(io::Error::from)
    }

    /// Cuts the logs while one is written, and sleeps until the next write.
    fn turn(events: &OwnedFd, logs: &Mutex<Vec<Ring>>) {
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(events, &mut room);
        loop {
            match reader.next() {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return,
            }
            while reader.is_buffer_empty() && !rests(events, logs) {
                thread::sleep(SLICE);
            }
        }
    }

    /// Cuts what is too long; returns whether none has grown since the last look, and all are watched.
    fn rests(events: &OwnedFd, logs: &Mutex<Vec<Ring>>) -> bool {
        let mut logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
        reunite(&mut logs);
        let mut grows = |ring: &mut Ring| ring.cut().unwrap_or_default();
        // Every one is looked at.
        if logs.iter_mut().map(&mut grows).fold(false, |one, other| one | other) {
            return false;
        }
        let new: Vec<Ring> = logs.iter().filter_map(Ring::next).collect();
        for ring in new {
            if logs.iter().all(|known| !known.is(&ring.log)) {
                logs.push(ring);
            }
        }
        for ring in logs.iter() {
            // Without a watch it is looked at when another one is written.
            let _ = watch(events, &ring.log);
        }
        // What was written before the watch was there.
        !logs.iter_mut().any(grows)
    }

    /// A log that was moved, and is at its path again, needs no copy there, and is not to become a copy of its copy.
    fn reunite(logs: &mut Vec<Ring>) {
        let is_back = |ring: &&mut Ring| ring.copy.is_some() && is_there(&ring.log, &ring.path);
        let copies: Vec<Copied> =
            logs.iter_mut().filter(is_back).filter_map(|ring| ring.copy.take()).collect();
        // One that a later start has written to as well has more than the copy.
        let is_whole = |copy: &Copied| copy.to.metadata().is_ok_and(|found| found.len() == copy.end);
        logs.retain(|ring| !copies.iter().any(|copy| ring.is(&copy.to) && is_whole(copy)));
    }

    impl Ring {
        const fn new(log: File, path: PathBuf) -> Self {
            Self { log, path, length: 0, copy: None }
        }

        /// Whether it is of this file.
        fn is(&self, log: &File) -> bool {
            identity_of(&self.log) == identity_of(log)
        }

        /// The ring of the file that has taken its place.
        fn next(&self) -> Option<Self> {
            Some(Self::new(self.copy.as_ref()?.to.try_clone().ok()?, self.path.clone()))
        }

        /// What was written to a deleted or moved log goes on to a new one at its path, at the same offsets if nothing else is there.
        fn save(&mut self, length: u64) -> io::Result<()> {
            if self.copy.is_none() {
                let to = open(&self.path)?;
                let end = seek(&self.log, SeekFrom::Data(0)).unwrap_or(length);
                if to.metadata()?.len() == 0 {
                    to.set_len(end)?;
                }
                self.copy = Some(Copied { to, end, moved: (length, on_disk(&self.log)?) });
            }
            let Some(Copied { to, end, moved: _ }) = &mut self.copy else { return Ok(()) };
            let mut room = vec![0; 64 << 10];
            while *end < length {
                let count = self.log.read_at(&mut room, *end)?;
                if count == 0 {
                    break;
                }
                to.write_all(&room[..count])?;
                *end += count as u64;
            }
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            if self.log.metadata()?.nlink() == 0 && *end >= 4096 {
                // Where a disk cannot do that, it has both.
                let _ = fallocate(&self.log, hole, 0, *end / 4096 * 4096);
            }
            Ok(())
        }

        /// Gives the head back if there is too much; returns whether the log has grown.
        fn cut(&mut self) -> io::Result<bool> {
            let length = self.log.metadata()?.len();
            if !is_there(&self.log, &self.path) {
                self.save(length)?;
            }
            let new = length.saturating_sub(std::mem::replace(&mut self.length, length));
            // What is written to one that was moved is copied.
            let is_linked = self.log.metadata()?.nlink() > 0;
            let (first, before) = self.copy.as_ref().filter(|_| is_linked).map_or((0, 0), |copy| copy.moved);
            if on_disk(&self.log)?.saturating_sub(before) > MOST {
                let first = first.next_multiple_of(4096);
                let end = length.saturating_sub(KEPT) / 4096 * 4096;
                let head = seek(&self.log, SeekFrom::Data(first)).unwrap_or(first);
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                match fallocate(&self.log, hole, head, end.saturating_sub(head)) {
                    Ok(()) => {}
                    Err(Errno::OPNOTSUPP | Errno::NOSYS) if first > 0 => {}
                    Err(Errno::OPNOTSUPP | Errno::NOSYS) => empty(&self.log, &self.path)?,
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(new > 0)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::fs::File;
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;
    use std::time::Duration;

    use super::{MOST, empty};
    use crate::up::system::on_disk;

    /// How often the logs are looked at: nothing says cheaply that one was written to.
    const PAUSE: Duration = Duration::from_mins(1);

    /// Empties logs that are too long.
    pub(in crate::up::keeper) struct Rings {
        logs: Arc<Mutex<Vec<(File, PathBuf)>>>,
    }

    impl Rings {
        /// # Errors
        /// There is no room for a thread.
        pub(in crate::up::keeper) fn new() -> io::Result<Self> {
            let logs: Arc<Mutex<Vec<(File, PathBuf)>>> = Arc::default();
            let rings = Arc::clone(&logs);
            thread::Builder::new().name("logs".to_owned()).spawn(move || {
                loop {
                    thread::sleep(PAUSE);
                    for (log, path) in rings.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                        if on_disk(log).is_ok_and(|size| size > MOST) {
                            let _ = empty(log, path);
                        }
                    }
                }
            })?;
            Ok(Self { logs })
        }

        /// Empties those that are too long, for a keeper that ends.
        pub(in crate::up::keeper) fn settle(&self) {
            for (log, path) in self.logs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                if on_disk(log).is_ok_and(|size| size > MOST) {
                    let _ = empty(log, path);
                }
            }
        }

        /// From now on this log is looked at.
        #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
        pub(in crate::up::keeper) fn add(&self, log: File, path: &Path) -> io::Result<()> {
            self.logs.lock().unwrap_or_else(PoisonError::into_inner).push((log, path.to_owned()));
            Ok(())
        }
    }
}
