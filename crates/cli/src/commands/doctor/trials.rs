//! What the daemon's start needs of the folder and the system, tried and undone.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use styxy_core::layout::{self, Layout};

use super::finding::Finding;

/// As much as the smallest journal, in bytes.
const JOURNAL: usize = 128 * 1024;
/// The file that is written; it is gone afterwards.
const FILE: &str = "doctor.try";

/// Whether a file can be written and locked in the daemon's folder, and a socket made; none if there is no folder yet.
pub(super) fn folder(layout: &Layout) -> Option<Finding> {
    let root = layout.root();
    root.is_dir().then(|| judge(root, tried(layout)))
}

/// What could not be done.
#[derive(Debug)]
enum Lack {
    Write(io::Error),
    Lock(io::Error),
    /// The start's own words.
    Socket(String),
}

/// Why the socket would not be in the folder, if that is all.
fn tried(layout: &Layout) -> Result<Option<String>, Lack> {
    let path = layout.root().join(FILE);
    let file = Temporary::new(path.clone());
    let written = File::create(&path).and_then(|mut made| made.write_all(&vec![0; JOURNAL]).map(|()| made));
    let made = written.map_err(Lack::Write)?;
    match made.try_lock() {
        // Another doctor has it, so there are locks.
        Ok(()) | Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(Lack::Lock(error)),
    }
    drop(file);
    socket(layout).map_err(Lack::Socket)
}

/// Why the socket would not be in the folder, if it would not be.
#[cfg(unix)]
fn socket(layout: &Layout) -> Result<Option<String>, String> {
    styxy_daemon::inspect_socket(layout).map_err(|refusal| refusal.error)
}

/// A pipe is in no folder.
#[cfg(windows)]
fn socket(layout: &Layout) -> Result<Option<String>, String> {
    styxy_daemon::inspect_pipe(layout).map(|()| None).map_err(|refusal| refusal.error)
}

/// What the daemon listens on.
const SOCKET: &str = if cfg!(windows) { "pipe" } else { "socket" };

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

fn judge(folder: &Path, tried: Result<Option<String>, Lack>) -> Finding {
    let shown = folder.display();
    let elsewhere = layout::elsewhere("a/folder/on/a/local/disk");
    match tried {
        Ok(None) => Finding::ok(
            "files",
            format!("a file can be written and locked in the folder, and a {SOCKET} made"),
        ),
        Ok(Some(note)) => {
            Finding::ok("files", format!("a file can be written and locked in the folder; {note}"))
        }
        Err(Lack::Write(error)) => Finding::wrong(
            "files",
            format!("nothing can be written in {shown} ({error}): the daemon will refuse every lease"),
            if cfg!(windows) {
                format!("icacls \"{shown}\"   # and the room on the disk")
            } else {
                format!("df -h {shown}")
            },
        ),
        Err(Lack::Lock(error)) => Finding::wrong(
            "files",
            format!("files in {shown} cannot be locked ({error}): the daemon will not start"),
            elsewhere,
        ),
        Err(Lack::Socket(error)) => {
            Finding::wrong("files", format!("the daemon will not start: {error}"), elsewhere)
        }
    }
}

/// What the system says of processes: which ones run, and when one ends.
pub(super) fn processes(no_handles: Option<&io::Error>) -> Finding {
    let own = styxy_core::Pid::new(std::process::id()).ok_or_else(|| io::ErrorKind::NotFound.into());
    let own = own.and_then(styxy_daemon::system::identify);
    reported(own.err().as_ref(), no_handles)
}

fn reported(unidentified: Option<&io::Error>, no_handles: Option<&io::Error>) -> Finding {
    match (unidentified, no_handles) {
        (Some(error), _) => {
            let (place, hint) = if cfg!(target_os = "linux") {
                (" (/proc)", "mount /proc in this sandbox: mount -t proc proc /proc")
            } else {
                ("", "run styxy outside of the sandbox")
            };
            let message = format!(
                "the system does not say which processes run{place}: {error}: the daemon will not start"
            );
            Finding::wrong("processes", message, hint)
        }
        (None, None) => Finding::ok("processes", "the system reports the end of a process"),
        (None, Some(error)) => Finding::warn(
            "processes",
            format!(
                "this kernel has no handles on processes, or a sandbox refuses them (pidfd_open: {error}): their ends are \
                 looked for once a second, and styxy kill knows a process by its start time"
            ),
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
        assert_eq!(processes(None).verdict, super::super::finding::Verdict::Ok);
    }

    #[test]
    fn what_a_start_would_lack_is_said() {
        let error = || io::Error::other("the system said no");
        let root = Path::new("/home/ada/.styxy");
        let no_socket = "/home/ada/.styxy/styxy.sock cannot be listened on: the system said no".to_owned();
        let lacks = [Lack::Write(error()), Lack::Lock(error()), Lack::Socket(no_socket.clone())];
        let mut found: Vec<_> = lacks.map(|lack| judge(root, Err(lack))).into();
        let instead = format!("{no_socket}; the daemon's socket is in /run/user/7/styxy instead");
        found.extend([judge(root, Ok(None)), judge(root, Ok(Some(instead)))]);
        found.extend([reported(None, None), reported(None, Some(&error())), reported(Some(&error()), None)]);
        snapshot!("doctor_trials", shown(&found));
    }
}
