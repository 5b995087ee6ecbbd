//! What happens to the entries of some folders, by inotify: no polling, and no file call to learn of it.

use std::ffi::{CStr, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::system::disk::canonical;
use crate::system::unix::register;
use crate::system::{Entry, Happened};

/// What is reported of a folder's entries, and of the folder itself.
const ENTRIES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY);
/// What is reported of the folder itself.
const ITSELF: WatchFlags = WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF).union(WatchFlags::ONLYDIR);

/// Watches some folders. One descriptor.
#[derive(Debug)]
pub struct FolderWatch {
    inotify: Arc<AsyncFd<OwnedFd>>,
    watched: Vec<i32>,
}

/// Tells that there is something to [`FolderWatch::drain`].
#[derive(Debug, Clone)]
pub struct Bell(Arc<AsyncFd<OwnedFd>>);

impl FolderWatch {
    /// Watches nothing yet; within a tokio runtime.
    ///
    /// # Errors
    /// Most often the user has no inotify instance left: other programs may have them all.
    pub fn open() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { inotify: Arc::new(register(inotify)?), watched: Vec::new() })
    }

    /// Watches the entries of `folders` from now on, and nothing else. That a folder, or one above it, is moved or
    /// removed is reported too, except for those above that this user may not read.
    ///
    /// # Errors
    /// A folder is not there, or the user has no watch left. Then nothing is watched.
    pub fn watch(&mut self, folders: &[&Path]) -> io::Result<()> {
        for number in self.watched.drain(..) {
            // The watch of a folder that was removed has ended by itself.
            let _ = inotify::remove_watch(&*self.inotify, number);
        }
        for folder in folders {
            // Through links: the entries are where the path leads.
            let folder = canonical(folder)?;
            // The folders above come first: one of them may be another folder's own, and each has one mask.
            let above = folder.ancestors().skip(1).filter(|above| above.parent().is_some());
            let above = above.filter_map(|above| {
                inotify::add_watch(&*self.inotify, above, ITSELF | WatchFlags::MASK_ADD).ok()
            });
            self.watched.extend(above);
            self.watched.push(inotify::add_watch(
                &*self.inotify,
                &folder,
                ENTRIES | ITSELF | WatchFlags::MASK_ADD,
            )?);
        }
        Ok(())
    }

    /// Shows everything that happened since the last call to `each`. One system call if nothing did, and never a file
    /// call.
    pub fn drain(&self, mut each: impl FnMut(Happened<'_>)) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&*self.inotify, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => each(happened(event.events(), event.file_name())),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Blocks until nothing has happened for `quiet`, for about `longest` at most, and forgets what did.
    pub fn await_quiet(&self, quiet: Duration, longest: Duration) {
        let begun = Instant::now();
        let wait = Timespec { tv_sec: 0, tv_nsec: quiet.subsec_nanos().into() };
        while begun.elapsed() < longest {
            self.drain(|_| {});
            let mut asked = [PollFd::new(&*self.inotify, PollFlags::IN)];
            if !poll(&mut asked, Some(&wait)).is_ok_and(|events| events > 0) {
                return;
            }
        }
    }

    /// What resolves when there is something to drain.
    #[must_use]
    pub fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.inotify))
    }
}

impl Bell {
    /// Resolves when something happened, and `drain` has been called after that.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub async fn rung(&self, drain: impl FnOnce()) -> io::Result<()> {
        let mut ready = self.0.readable().await?;
        // What happens from here on rings again: the bell is cleared before, not after, everything is read.
        ready.clear_ready();
        drain();
        Ok(())
    }
}

fn happened(events: ReadFlags, name: Option<&CStr>) -> Happened<'_> {
    let entry = if events.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
        Entry::Gone
    } else if events.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        Entry::New
    } else {
        Entry::Changed
    };
    match name {
        Some(name) => Happened::To { name: OsStr::from_bytes(name.to_bytes()), entry },
        // The folder itself, one above it, or a queue that was too long: anything may have happened.
        None => Happened::Anything,
    }
}
