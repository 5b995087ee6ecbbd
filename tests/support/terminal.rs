//! A person at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::home::Home;
use super::process::Running;
use super::wait::{DEADLINE, eventually};

/// A terminal: our side of it, and the other one as often as it is needed.
pub(crate) fn open() -> (File, impl Fn() -> Stdio) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs =
        move || Stdio::from(rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
    (File::from(ours), theirs)
}

/// Runs `command` on a terminal on which `typed` has been typed: its exit code, and all that was shown.
///
/// # Panics
/// It does not end by the deadline.
#[track_caller]
pub(crate) fn on_terminal(command: &mut Command, typed: &str) -> (i32, String) {
    let (mut ours, theirs) = open();
    let mut running = Running::spawn(command.stdin(theirs()).stdout(theirs()).stderr(theirs()));
    // The command keeps its copies of the terminal, and the end of the output would never come.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
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

/// Makes a session whose terminal is the standard input, and becomes the command. macOS has no program that does.
const IN_A_SESSION: &str = "import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])";

/// A shell with job control on a terminal of its own, as a person has it.
#[derive(Debug)]
pub(crate) struct Terminal {
    ours: File,
    shown: Receiver<Vec<u8>>,
    /// The beginning of a letter whose end is not there yet.
    bytes: Vec<u8>,
    /// What was shown and not yet looked for.
    rest: String,
    _shell: Running,
}

impl Terminal {
    /// `bash` in the environment and project of `home`; it finds `styxy` as `$STYXY`.
    #[track_caller]
    pub(crate) fn shell(home: &Home) -> Self {
        Self::of(home, &["bash", "--norc", "--noprofile", "-i"], &home.top().join("user"))
    }

    /// Another shell, which finds its own files in `user`; `styxy` is in its PATH too.
    #[track_caller]
    pub(crate) fn of(home: &Home, words: &[&str], user: &Path) -> Self {
        let (ours, theirs) = open();
        // A session of its own whose terminal this is: without one there are no foreground and background.
        let mut command = home.command("python3");
        command.args(["-c", IN_A_SESSION]).args(words);
        let styxy = Path::new(crate::support::program());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", styxy.parent().unwrap().display())).env("HOME", user);
        command.env("STYXY", styxy).env("PS1", "$ ").env("TERM", "xterm");
        let shell = Running::spawn(command.stdin(theirs()).stdout(theirs()).stderr(theirs()));
        let mut reader = ours.try_clone().unwrap();
        let (send, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let _ = send.send(bytes[..count].to_vec());
            }
        });
        Self { ours, shown, bytes: Vec::new(), rest: String::new(), _shell: shell }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `text` is shown, after what was waited for before. Says what was shown up to there.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.rest.find(text) {
                self.rest.drain(at..at + text.len());
                return self.rest.drain(..at).collect();
            }
            let Ok(bytes) = self.shown.recv_timeout(DEADLINE) else {
                panic!("{text:?} was not shown, but {:?}", self.rest);
            };
            self.bytes.extend(bytes);
            let whole = match std::str::from_utf8(&self.bytes) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Ok(_) | Err(_) => self.bytes.len(),
            };
            self.rest.push_str(&String::from_utf8_lossy(&self.bytes[..whole]));
            self.bytes.drain(..whole);
        }
    }

    pub(crate) fn resizes(&mut self, rows: u16, columns: u16) {
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.ours, size).unwrap();
    }
}
