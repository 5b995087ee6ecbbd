//! A person at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::process::Running;
use super::wait::eventually;

/// Runs `command` on a terminal on which `typed` has been typed: its exit code, and all that was shown.
///
/// # Panics
/// It does not end by the deadline.
#[track_caller]
pub(crate) fn on_terminal(command: &mut Command, typed: &str) -> (i32, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs =
        || Stdio::from(rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
    let mut running = Running::spawn(command.stdin(theirs()).stdout(theirs()).stderr(theirs()));
    // The command keeps its copies of the terminal, and the end of the output would never come.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut ours = File::from(ours);
    ours.write_all(typed.as_bytes()).unwrap();
    let shown = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // When nobody has the terminal open any more, reading fails on Linux.
        let _ = ours.read_to_end(&mut bytes);
        String::from_utf8(bytes).unwrap()
    });
    let status = eventually("the command on the terminal ends", || running.child().try_wait().unwrap());
    (status.code().expect("an exit code"), shown.join().unwrap())
}
