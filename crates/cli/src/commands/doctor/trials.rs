//! What the daemon's start needs of the folder and the system, tried and undone.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use styxy_core::layout::Layout;

use super::finding::Finding;

/// As much as the smallest journal, in bytes.
const JOURNAL: usize = 128 * 1024;
/// The file that is written, and the socket; both are gone afterwards.
const FILE: &str = "doctor.try";
#[cfg(unix)]
const SOCKET: &str = "doctor.sock";

/// Whether a file can be written and locked in the daemon's folder, and a socket made; none if there is no folder yet.
pub(super) fn folder(layout: &Layout) -> Option<Finding> {
    let root = layout.root();
    root.is_dir().then(|| judge(root, tried(root)))
}

/// What could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Write,
    Lock,
    Socket,
}

fn tried(folder: &Path) -> Result<(), (Need, io::Error)> {
    let path = folder.join(FILE);
    let file = Temporary::new(path.clone());
    let written = File::create(&path).and_then(|mut made| made.write_all(&vec![0; JOURNAL]).map(|()| made));
    let made = written.map_err(|error| (Need::Write, error))?;
    match made.try_lock() {
        // Another doctor has it, so there are locks.
        Ok(()) | Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err((Need::Lock, error)),
    }
    drop(file);
    socket(folder).map_err(|error| (Need::Socket, error))
}

#[cfg(unix)]
fn socket(folder: &Path) -> io::Result<()> {
    let socket = Temporary::new(folder.join(SOCKET));
    match std::os::unix::net::UnixListener::bind(&socket.path) {
        // The path is too long, as that of the real one may be: it is elsewhere then.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        bound => bound.map(drop),
    }
}

#[cfg(not(unix))]
fn socket(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A file that goes when this does.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Whatever a killed doctor left there goes first.
    fn new(path: PathBuf) -> Self {
        let _ = fs::remove_file(&path);
        Self { path }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn judge(folder: &Path, tried: Result<(), (Need, io::Error)>) -> Finding {
    let shown = folder.display();
    let elsewhere = "export STYXY_HOME=/a/folder/on/a/local/disk";
    match tried {
        Ok(()) => Finding::ok("files", "a file can be written and locked in the folder, and a socket made"),
        Err((Need::Write, error)) => Finding::wrong(
            "files",
            format!("nothing can be written in {shown} ({error}): the daemon will refuse every lease"),
            format!("df -h {shown}"),
        ),
        Err((Need::Lock, error)) => Finding::wrong(
            "files",
            format!("files in {shown} cannot be locked ({error}): the daemon will not start"),
            elsewhere,
        ),
        Err((Need::Socket, error)) => Finding::wrong(
            "files",
            format!("no socket can be made in {shown} ({error}): the daemon will not start"),
            elsewhere,
        ),
    }
}

/// Whether the system reports the end of a process.
#[cfg(target_os = "linux")]
pub(super) fn handles() -> Finding {
    use rustix::process::{PidfdFlags, getpid, pidfd_open};
    handled(pidfd_open(getpid(), PidfdFlags::empty()).map(drop).map_err(io::Error::from))
}

#[cfg(target_os = "linux")]
fn handled(opened: io::Result<()>) -> Finding {
    match opened {
        Ok(()) => Finding::ok("processes", "the system reports the end of a process"),
        Err(error) => Finding::warn(
            "processes",
            format!("there are no handles on processes ({error}): their ends are looked for once a second"),
            "allow pidfd_open in the sandbox, or use Linux 5.3 or newer",
        ),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::snapshot;

    #[test]
    fn a_trial_leaves_nothing_behind() {
        let top = tempfile::tempdir().unwrap();
        let layout = Layout::new(top.path().to_owned());
        assert_eq!(folder(&layout).unwrap().verdict, super::super::finding::Verdict::Ok);
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
        assert_eq!(folder(&Layout::new(top.path().join("missing"))), None);
        assert_eq!(handles().verdict, super::super::finding::Verdict::Ok);
    }

    #[test]
    fn what_a_start_would_lack_is_said() {
        let error = || io::Error::other("the system said no");
        let root = Path::new("/home/ada/.styxy");
        let needs = [Need::Write, Need::Lock, Need::Socket];
        let mut found: Vec<_> = needs.map(|need| judge(root, Err((need, error())))).into();
        found.push(judge(root, Ok(())));
        found.extend([handled(Ok(())), handled(Err(error()))]);
        snapshot!("doctor_trials", shown(&found));
    }
}
