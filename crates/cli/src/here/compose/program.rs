//! Compose itself: how it is started, and what it says in the time that it has.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use styxy_core::Pid;

use super::{ComposeError, FILE, PROJECT, named};
use crate::process::Handle;
use crate::say::output::one_line;

/// How compose is started here.
///
/// # Errors
/// It is not installed, or does not answer.
pub(super) fn find(folder: &Path, deadline: Instant) -> Result<&'static [&'static str], ComposeError> {
    const PROGRAMS: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    for program in PROGRAMS {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(["version", "--short"]).current_dir(folder);
        match said(command, deadline) {
            Ok(Some(said)) if said.status.success() => return Ok(program),
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => return Err(ComposeError::Late(program)),
        }
    }
    Err(ComposeError::NoProgram)
}

/// What compose says of `files`.
pub(super) fn run(
    program: &'static [&'static str],
    folder: &Path,
    files: &[PathBuf],
    words: &[&str],
    deadline: Instant,
) -> Result<Vec<u8>, ComposeError> {
    let refused = |said| ComposeError::Refused { program, files: named(files, folder), said };
    let files = files.iter().flat_map(|file| [OsString::from("-f"), file.clone().into_os_string()]);
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).args(files).args(words).current_dir(folder);
    // They may be another worktree's.
    command.env_remove(FILE).env_remove(PROJECT);
    match said(command, deadline) {
        Ok(Some(Said { status, stdout, .. })) if status.success() => Ok(stdout),
        Ok(Some(Said { status, stderr, .. })) => {
            let said = String::from_utf8_lossy(&stderr);
            let last = said
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())
                .map(|line| one_line(line.trim()).into_owned());
            Err(refused(last.unwrap_or_else(|| status.to_string())))
        }
        Ok(None) => Err(ComposeError::Late(program)),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// What a program has printed, and how it has ended.
struct Said {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Runs a program; none if it has not ended by the deadline, and is killed then.
fn said(mut command: Command, deadline: Instant) -> io::Result<Option<Said>> {
    // What it starts is killed with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdout, stderr) = (all(child.stdout.take()), all(child.stderr.take()));
    let left = || deadline.saturating_duration_since(Instant::now());
    if !ended(&child, left())? {
        kill(&mut child);
        return Ok(None);
    }
    let status = child.wait()?;
    // What it has left behind may still have its end.
    let read = |from: Receiver<Vec<u8>>| from.recv_timeout(left().max(Duration::from_millis(100)));
    let (Ok(stdout), Ok(stderr)) = (read(stdout), read(stderr)) else { return Ok(None) };
    Ok(Some(Said { status, stdout, stderr }))
}

fn all(from: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (say, said) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = from.map(|mut from| from.read_to_end(&mut bytes));
        // Half of an answer is none.
        if matches!(read, Some(Ok(_))) {
            let _ = say.send(bytes);
        }
    });
    said
}

fn ended(child: &Child, within: Duration) -> io::Result<bool> {
    match Pid::new(child.id()).map(Handle::open).transpose()?.flatten() {
        Some(handle) => handle.ended_within(within),
        None => Ok(true),
    }
}

fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_in_time_is_killed_with_what_it_has_started() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        let soon = Instant::now() + Duration::from_secs(20);
        let done = said(shell("echo out; echo err >&2; exit 3"), soon).unwrap().expect("it ends");
        assert_eq!(
            (done.status.code(), &done.stdout[..], &done.stderr[..]),
            (Some(3), &b"out\n"[..], &b"err\n"[..])
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", path.display());
        assert!(said(shell(&script), Instant::now() + Duration::from_millis(500)).unwrap().is_none());
        let pid: u32 = std::fs::read_to_string(path).unwrap().trim().parse().unwrap();
        let handle = Handle::open(Pid::new(pid).unwrap()).unwrap();
        assert!(handle.is_none_or(|handle| handle.ended_within(Duration::from_secs(20)).unwrap()));
    }
}
