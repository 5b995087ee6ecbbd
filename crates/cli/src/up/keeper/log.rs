//! A service's log: a file that the service itself writes to, so that nothing breaks when the keeper ends. It is a ring in place:
//! its head is given back to the disk, and offsets stay what they are (R133).

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

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
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a line of the keeper's own, such as where a start begins. A disk that is full has no room for it.
pub(super) fn say(mut log: &File, text: &str) {
    let _ = log.write_all(format!("{} {text}\n", crate::up::read::MARK).as_bytes());
}

/// Lets go of what is there, where the disk cannot give back a part of a file.
fn empty(log: &File) -> io::Result<()> {
    log.set_len(0)?;
    say(log, "what was here before is gone: the disk cannot keep only the end of a file");
    Ok(())
}

/// How many bytes of a file are on the disk.
#[cfg(unix)]
fn on_disk(log: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(log.metadata()?.blocks() * 512)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs::File;
    use std::io;
    use std::mem::MaybeUninit;
    use std::path::Path;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;
    use std::time::Duration;

    use rustix::fd::OwnedFd;
    use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
    use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
    use rustix::io::Errno;

    use super::{KEPT, MOST, empty, on_disk};

    /// How long a log is not looked at after a look: a server that writes a line per request wakes nobody more often.
    const PAUSE: Duration = Duration::from_millis(200);
    /// The same while one is written at full speed.
    const SHORT: Duration = Duration::from_millis(4);
    /// What a look finds new in a log that is written at full speed.
    const FAST: u64 = 128 << 10;

    /// Cuts logs while they are written. It sleeps until one is.
    pub(in crate::up::keeper) struct Rings {
        watched: OwnedFd,
        logs: Arc<Mutex<BTreeMap<i32, Ring>>>,
    }

    struct Ring {
        log: File,
        length: u64,
    }

    impl Rings {
        /// # Errors
        /// There is no room for a thread or a watch.
        pub(in crate::up::keeper) fn new() -> io::Result<Self> {
            let watched = init(CreateFlags::CLOEXEC)?;
            let logs = Arc::new(Mutex::new(BTreeMap::new()));
            let (events, rings) = (watched.try_clone()?, Arc::clone(&logs));
            thread::Builder::new().name("logs".to_owned()).spawn(move || turn(&events, &rings))?;
            Ok(Self { watched, logs })
        }

        /// From now on this log is cut.
        ///
        /// # Errors
        /// There is no room for a watch.
        pub(in crate::up::keeper) fn add(&self, path: &Path, log: File) -> io::Result<()> {
            let watch = add_watch(&self.watched, path, WatchFlags::MODIFY)?;
            let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            logs.entry(watch).or_insert(Ring { log, length: 0 });
            Ok(())
        }
    }

    impl Rings {
        /// Cuts all of them, for a keeper that ends and looks at them no more.
        pub(in crate::up::keeper) fn settle(&self) {
            for ring in self.logs.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
                // What cannot be cut stays long.
                let _ = ring.cut();
            }
        }
    }

    /// Looks at each log that was written to, for ever.
    fn turn(events: &OwnedFd, logs: &Mutex<BTreeMap<i32, Ring>>) {
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(events, &mut room);
        loop {
            let mut written = BTreeSet::new();
            loop {
                match reader.next() {
                    Ok(event) => drop(written.insert(event.wd())),
                    Err(Errno::INTR) => {}
                    Err(_) => return,
                }
                if reader.is_buffer_empty() {
                    break;
                }
            }
            let mut is_fast = false;
            {
                let mut logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
                for watch in written {
                    if let Some(ring) = logs.get_mut(&watch) {
                        is_fast |= ring.cut().unwrap_or_default();
                    }
                }
            }
            thread::sleep(if is_fast { SHORT } else { PAUSE });
        }
    }

    impl Ring {
        /// Gives the head back if there is too much; returns whether the log grows fast.
        fn cut(&mut self) -> io::Result<bool> {
            let length = self.log.metadata()?.len();
            let new = length.saturating_sub(std::mem::replace(&mut self.length, length));
            if on_disk(&self.log)? > MOST {
                let end = length.saturating_sub(KEPT) / 4096 * 4096;
                let head = seek(&self.log, SeekFrom::Data(0)).unwrap_or(0);
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                match fallocate(&self.log, hole, head, end.saturating_sub(head)) {
                    Ok(()) => {}
                    Err(Errno::OPNOTSUPP | Errno::NOSYS) => empty(&self.log)?,
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(new > FAST)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;
    use std::time::Duration;

    use super::{MOST, empty, on_disk};

    /// How often the logs are looked at: nothing says cheaply that one was written to.
    const PAUSE: Duration = Duration::from_mins(1);

    /// Empties logs that are too long.
    pub(in crate::up::keeper) struct Rings {
        logs: Arc<Mutex<Vec<File>>>,
    }

    impl Rings {
        /// # Errors
        /// There is no room for a thread.
        pub(in crate::up::keeper) fn new() -> io::Result<Self> {
            let logs: Arc<Mutex<Vec<File>>> = Arc::default();
            let rings = Arc::clone(&logs);
            thread::Builder::new().name("logs".to_owned()).spawn(move || {
                loop {
                    thread::sleep(PAUSE);
                    for log in rings.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                        if on_disk(log).is_ok_and(|size| size > MOST) {
                            let _ = empty(log);
                        }
                    }
                }
            })?;
            Ok(Self { logs })
        }

        /// Empties those that are too long, for a keeper that ends.
        pub(in crate::up::keeper) fn settle(&self) {
            for log in self.logs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                if on_disk(log).is_ok_and(|size| size > MOST) {
                    let _ = empty(log);
                }
            }
        }

        /// From now on this log is looked at.
        #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
        pub(in crate::up::keeper) fn add(&self, _: &Path, log: File) -> io::Result<()> {
            self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(log);
            Ok(())
        }
    }
}
