//! One daemon per folder: the process that holds the lock on `daemon.lock` is the daemon, and `daemon.json` names it.
//!
//! Only the lock counts. It ends with the process, however that ends; files that say otherwise are stale. A lock on a
//! file that is no longer in its place counts for nothing: another daemon can take the one that is. Since that daemon
//! would not know what the first one has in memory, the first one goes first: it has a name that does not go with any
//! file, and a daemon that starts and finds the name taken gives the other one a moment to take the lock again.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use styxy_core::Relation;
use styxy_core::handshake::DaemonFile;
use styxy_core::layout::Layout;

use super::error::{Cannot, PlaceError};
use crate::files::{self, FileId};
use crate::system::disk::canonical;
use crate::system::{self, Claim};

/// How long, in milliseconds, a lock is waited for that is most often held by a client that only tests it, for some microseconds.
const PATIENCE: [u64; 4] = [1, 1, 1, 0];
/// How long the holder's name is looked for.
const NAMED_WITHIN: Duration = Duration::from_millis(200);
/// How long a daemon that starts leaves the lock to one that lives and has lost it. After that, the other one is stuck.
const GIVES_WAY: Duration = Duration::from_secs(1);
/// How often it looks whether the other one has taken the lock, or has ended.
const LOOKS: Duration = Duration::from_millis(5);
/// How often the file is opened again that was removed between its opening and its locking.
const TRIES: usize = 8;

/// The proof that this process is the daemon of its folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    layout: Layout,
    lock: Lock,
    /// The name of the folder's daemon; none if that is still another process', which is stuck.
    claim: Option<Claim>,
}

/// The locked file. Never read or written: open, it is locked.
#[derive(Debug)]
struct Lock {
    _file: File,
    id: FileId,
}

/// How an attempt to take the lock ended.
enum Taking {
    Taken(Lock),
    /// Another process holds it.
    Held,
    /// It was removed before it was locked.
    Removed,
}

/// Whether the lock could be taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retaken {
    /// There was none.
    Made,
    /// Somebody had put one there, which nobody holds.
    Found,
    /// This process is not the daemon any more.
    No,
}

/// Makes this process the daemon; `None` if another one is. The folder must exist.
///
/// Gives up only after 3 ms, since a client that tests the lock holds it for a few microseconds. Takes a second longer if
/// another daemon of this folder lives, has lost the lock and does not take it again.
///
/// # Errors
/// The file cannot be made, is not ours, or its file system has no locks.
pub(crate) fn take(layout: &Layout) -> Result<Option<Held>, PlaceError> {
    take_pausing(layout, thread::sleep)
}

fn take_pausing(layout: &Layout, mut pause: impl FnMut(Duration)) -> Result<Option<Held>, PlaceError> {
    let name = canonical(layout.root()).map_err(Cannot::Inspect.at(layout.root()))?;
    let name = Layout::new(name).name();
    let mut patience = GIVES_WAY;
    loop {
        let claim = match Claim::to(&name) {
            // Another daemon of this folder lives. Nothing is made in the folder before it had its time: somebody may be
            // removing it.
            Ok(None) if !patience.is_zero() => {
                if is_held(layout) {
                    return Ok(None);
                }
                pause(LOOKS);
                patience = patience.saturating_sub(LOOKS);
                continue;
            }
            Ok(claim) => claim,
            // A sandbox without such names has nobody else to ask for one.
            Err(_) => None,
        };
        let lock = take_lock(layout, &mut pause)?;
        return Ok(lock.map(|lock| Held { layout: layout.clone(), lock, claim }));
    }
}

/// Whether another process holds the lock that is in the folder now.
fn is_held(layout: &Layout) -> bool {
    let lock = files::open_ours(&layout.lock(), OpenOptions::new().write(true));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The lock on the file in the folder; none if another process has it.
fn take_lock(layout: &Layout, pause: &mut impl FnMut(Duration)) -> Result<Option<Lock>, PlaceError> {
    let path = layout.lock();
    for _ in 0..TRIES {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = files::open_ours(&path, &mut options).map_err(Cannot::Open.at(&path))?;
        match lock(&path, file, pause)? {
            Taking::Taken(lock) => return Ok(Some(lock)),
            Taking::Held => return Ok(None),
            Taking::Removed => {}
        }
    }
    Ok(None)
}

fn lock(path: &Path, file: File, pause: &mut impl FnMut(Duration)) -> Result<Taking, PlaceError> {
    for patience in PATIENCE {
        match file.try_lock() {
            Ok(()) => {
                let id = FileId::of(&file).map_err(Cannot::Inspect.at(path))?;
                let in_place = FileId::at(path).is_ok_and(|found| found == id);
                return Ok(if in_place { Taking::Taken(Lock { _file: file, id }) } else { Taking::Removed });
            }
            Err(TryLockError::WouldBlock) => pause(Duration::from_millis(patience)),
            Err(TryLockError::Error(error)) => return Err(Cannot::Lock.at(path)(error)),
        }
    }
    Ok(Taking::Held)
}

/// Checks that the process that holds the lock is this user's, as far as the system names it.
///
/// # Errors
/// It is another user's, who could never be asked for anything.
pub(crate) fn check_holder(layout: &Layout) -> Result<(), PlaceError> {
    let path = layout.lock();
    let lock = files::open_ours(&path, OpenOptions::new().read(true));
    let holder = lock.ok().and_then(|file| system::lock_holder(&file));
    let Some(pid) = holder else { return Ok(()) };
    let Ok(details) = system::describe(pid, Instant::now() + NAMED_WITHIN) else { return Ok(()) };
    if details.identified.user == Relation::Own {
        return Ok(());
    }
    let holder = format!("{} (pid {pid})", details.identified.process.name);
    let user = details.user_name.unwrap_or_else(|| "unknown".to_owned());
    Err(PlaceError::LockedByAnother { path, holder, user })
}

impl Held {
    /// The files of the daemon's folder.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the locked file is the one in the folder. One look at a path.
    pub(crate) fn is_in_place(&self) -> bool {
        FileId::at(&self.layout.lock()).is_ok_and(|found| found == self.lock.id)
    }

    /// Whether a daemon that starts waits for this one to take a lost lock again.
    pub(crate) const fn others_give_way(&self) -> bool {
        self.claim.is_some()
    }

    /// Takes the lock again after the file was removed or replaced.
    ///
    /// If there is no file, nobody can have been the daemon since. If there is one, somebody made it: perhaps a daemon
    /// that came and went. `was_served` says whether one left traces.
    ///
    /// # Errors
    /// As for [`take`].
    pub(crate) fn take_again(
        &mut self,
        was_served: impl FnOnce(&Layout) -> bool,
    ) -> Result<Retaken, PlaceError> {
        let path = self.layout.lock();
        let (file, retaken) = match files::create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let found = files::open_ours(&path, OpenOptions::new().write(true));
                (found.map_err(Cannot::Open.at(&path))?, Retaken::Found)
            }
            made => (made.map_err(Cannot::Make.at(&path))?, Retaken::Made),
        };
        match lock(&path, file, &mut thread::sleep)? {
            Taking::Taken(lock) if retaken == Retaken::Made || !was_served(&self.layout) => {
                self.lock = lock;
                Ok(retaken)
            }
            Taking::Taken(_) | Taking::Held | Taking::Removed => Ok(Retaken::No),
        }
    }

    /// Writes `daemon.json` whole or not at all, 0600.
    pub(crate) fn publish(&self, daemon: &DaemonFile) -> io::Result<()> {
        let path = self.layout.daemon_file();
        let new = path.with_extension("json.new");
        files::remove(&new)?;
        let mut file = files::create(&new)?;
        file.write_all(&content(daemon)?)?;
        // Whoever started this one wants a daemon again.
        files::remove(&self.layout.stopped())?;
        fs::rename(new, path)
    }

    /// Whether `daemon.json` is as [`Held::publish`] wrote it.
    pub(crate) fn is_published(&self, daemon: &DaemonFile) -> bool {
        is_published(&self.layout, daemon)
    }

    /// Removes `daemon.json` and the socket, as the last thing before the lock is released.
    ///
    /// Clients then see at once that no daemon runs. Left behind, both are stale and harmless.
    pub(crate) fn withdraw(&self, socket: &Path) -> io::Result<()> {
        files::remove(socket).and(files::remove(&self.layout.daemon_file()))
    }
}

/// Whether `daemon.json` names this daemon.
pub(super) fn is_published(layout: &Layout, daemon: &DaemonFile) -> bool {
    read(layout).is_ok_and(|read| content(daemon).is_ok_and(|ours| read == ours))
}

/// What `daemon.json` says, if it is a file of ours.
fn read(layout: &Layout) -> io::Result<Vec<u8>> {
    /// More than any has, in bytes.
    const LARGEST: u64 = 64 * 1024;
    let file = files::open_ours(&layout.daemon_file(), OpenOptions::new().read(true))?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The daemon that `daemon.json` names, if it is a file of ours.
pub(crate) fn published(layout: &Layout) -> Option<DaemonFile> {
    serde_json::from_slice(&read(layout).ok()?).ok()
}

fn content(daemon: &DaemonFile) -> io::Result<Vec<u8>> {
    let mut json = serde_json::to_vec_pretty(daemon)?;
    json.push(b'\n');
    Ok(json)
}

#[cfg(test)]
mod tests {
    use styxy_core::Pid;
    use styxy_core::api::{Code, Refusal};

    use super::*;
    use crate::skip::wine_lacks;

    fn daemon_file(version: &str) -> DaemonFile {
        let pid = Pid::new(std::process::id()).unwrap();
        let (version, socket) = (version.into(), "s".into());
        DaemonFile { pid, version, api_version: 1, tcp: Vec::new(), socket, machine: None, mode: None }
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
        drop(held);
        assert!(take(&layout).unwrap().is_some());
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_taken_again_by_the_first() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().into());
        let mut held = take(&layout).unwrap().unwrap();
        assert!(held.is_in_place());
        if wine_lacks("the removal of an open file's name, which Windows 10 has") {
            return;
        }
        fs::remove_file(layout.lock()).unwrap();
        assert!(!held.is_in_place());
        assert!(held.take_again(|_| true).unwrap() == Retaken::Made && held.is_in_place());
        assert!(take(&layout).unwrap().is_none());

        fs::remove_file(layout.lock()).unwrap();
        let other = take(&layout).unwrap().expect("the first one does not take it for a second");
        assert_eq!(held.take_again(|_| false).unwrap(), Retaken::No, "another one has it");
        drop(other);
        assert_eq!(held.take_again(|_| true).unwrap(), Retaken::No, "another one had it, and served");
        assert!(held.take_again(|_| false).unwrap() == Retaken::Found && held.is_in_place());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn whoever_lost_the_lock_goes_before_whoever_starts() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().into());
        let mut held = take(&layout).unwrap().unwrap();
        fs::remove_file(layout.lock()).unwrap();
        let (mut pauses, mut retaken) = (0, None);
        let started = take_pausing(&layout, |_| {
            pauses += 1;
            if pauses == 3 {
                retaken = Some(held.take_again(|_| false).unwrap());
            }
        });
        assert!(started.unwrap().is_none() && held.is_in_place());
        assert_eq!(retaken, Some(Retaken::Made), "whoever started has made nothing");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_in_the_locks_place_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().into());
        std::os::unix::fs::symlink(home.path().join("elsewhere"), layout.lock()).unwrap();
        let refusal = Refusal::from(take(&layout).unwrap_err());
        assert!(refusal.error.contains("symbolic link"), "{}", refusal.error);
        assert!(!home.path().join("elsewhere").exists());
    }

    #[test]
    fn a_lock_that_cannot_be_made_is_a_refusal() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().join("absent"));
        assert_eq!(Refusal::from(take(&layout).unwrap_err()).code, Code::StorageUnavailable);
    }
}
