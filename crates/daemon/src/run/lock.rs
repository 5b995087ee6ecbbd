//! One daemon per folder: the process that holds the lock on `daemon.lock` is the daemon, and `daemon.json` names it.
//!
//! Only the lock counts. It ends with the process, however that ends; files that say otherwise are stale.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use styxy_core::handshake::DaemonFile;
use styxy_core::layout::Layout;

use super::error::{Cannot, StartError};
use crate::files;

/// The proof that this process is the daemon of its folder, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    layout: Layout,
    /// Never read or written: open, it is locked.
    _lock: File,
}

/// Makes this process the daemon; `None` if another one is. The folder must exist.
///
/// Gives up only after 3 ms, since a client that tests the lock holds it for a few microseconds.
///
/// # Errors
/// The file cannot be made, or its file system has no locks.
pub(super) fn take(layout: &Layout) -> Result<Option<Held>, StartError> {
    take_pausing(layout, thread::sleep)
}

fn take_pausing(layout: &Layout, mut pause: impl FnMut(Duration)) -> Result<Option<Held>, StartError> {
    let path = layout.lock();
    let lock = files::openable_by_us(OpenOptions::new().create(true).truncate(false).write(true))
        .open(&path)
        .map_err(Cannot::Open.at(&path))?;
    for patience in [1, 1, 1, 0].map(Duration::from_millis) {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(Held { layout: layout.clone(), _lock: lock })),
            Err(TryLockError::WouldBlock) => pause(patience),
            Err(TryLockError::Error(error)) => return Err(Cannot::Lock.at(&path)(error)),
        }
    }
    Ok(None)
}

impl Held {
    /// The files of the daemon's folder.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Writes `daemon.json` whole or not at all, 0600.
    pub(super) fn publish(&self, daemon: &DaemonFile) -> io::Result<()> {
        let path = self.layout.daemon_file();
        let new = path.with_extension("json.new");
        files::remove(&new)?;
        let mut file = files::create(&new)?;
        file.write_all(serde_json::to_string_pretty(daemon)?.as_bytes())?;
        file.write_all(b"\n")?;
        fs::rename(new, path)
    }

    /// Removes `daemon.json` and the socket, as the last thing before the lock is released.
    ///
    /// Clients then see at once that no daemon runs. Left behind, both are stale and harmless.
    pub(super) fn withdraw(self, socket: &Path) -> io::Result<()> {
        files::remove(socket).and(files::remove(&self.layout.daemon_file()))
    }
}

#[cfg(test)]
mod tests {
    use styxy_core::Pid;
    use styxy_core::api::{Code, Refusal};

    use super::*;

    fn daemon_file(version: &str) -> DaemonFile {
        let pid = Pid::new(std::process::id()).unwrap();
        DaemonFile { pid, version: version.into(), api_version: 1, tcp: Vec::new(), socket: "s".into() }
    }

    #[test]
    fn there_is_one_daemon_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().into());
        let held = take(&layout).unwrap().expect("nobody has it");
        assert!(take(&layout).unwrap().is_none());
        drop(held);
        assert!(take(&layout).unwrap().is_some());
    }

    #[test]
    fn of_many_that_start_at_once_one_wins() {
        let home = tempfile::tempdir().unwrap();
        let layout = &Layout::new(home.path().into());
        let start = &std::sync::Barrier::new(8);
        let held: Vec<Held> = thread::scope(|scope| {
            let starting = || {
                start.wait();
                take(layout).unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(starting)).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(held.len(), 1);
    }

    #[test]
    fn a_client_that_tests_the_lock_does_not_keep_a_daemon_from_starting() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().into());
        drop(take(&layout).unwrap());
        let look = File::open(layout.lock()).unwrap();
        look.try_lock_shared().unwrap();
        let mut look = Some(look);
        assert!(take_pausing(&layout, |_| drop(look.take())).unwrap().is_some());
    }

    #[test]
    fn the_daemons_file_is_replaced_whole_and_removed_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().into());
        let held = take(&layout).unwrap().unwrap();
        // A daemon that was killed while it wrote leaves this.
        fs::write(home.path().join("daemon.json.new"), "{").unwrap();
        for version in ["1.0.0", "1.0.1"] {
            held.publish(&daemon_file(version)).unwrap();
            let read: DaemonFile = serde_json::from_slice(&fs::read(layout.daemon_file()).unwrap()).unwrap();
            assert_eq!(read, daemon_file(version));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(layout.daemon_file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        held.withdraw(&home.path().join("styxy.sock")).unwrap();
        assert!(!layout.daemon_file().exists() && !home.path().join("daemon.json.new").exists());
        assert!(take(&layout).unwrap().is_some());
    }

    #[test]
    fn a_lock_that_cannot_be_made_is_a_refusal() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().join("absent"));
        assert_eq!(Refusal::from(take(&layout).unwrap_err()).code, Code::StorageUnavailable);
    }
}
