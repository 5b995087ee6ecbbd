//! The keeper's own process: how it is started, and how it leaves whoever has started it.
#![expect(unsafe_code, reason = "what was inherited is closed")]

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::io::fcntl_getfd;

/// A keeper that was started.
pub(in crate::up) struct Begun(Child);

/// Starts `program` with these words as the keeper, and `log` as its output for errors.
///
/// # Errors
/// There is no such program, or no room for a process.
pub(in crate::up) fn start_keeper(
    program: &Path,
    words: &[&str],
    root: &Path,
    log: File,
) -> io::Result<Begun> {
    let mut command = Command::new(program);
    command.args(words).arg(root);
    // The guard of the shell that starts it would ask about each signal that ends a service.
    command.env("STYXY_GUARD", "off").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    command.spawn().map(Begun)
}

impl Begun {
    /// The first line that it says; empty if it has ended without one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::up) fn first_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if let Some(says) = self.0.stdout.take() {
            BufReader::new(says).read_line(&mut line)?;
        }
        Ok(line)
    }

    /// Waits for the end of one that does not become the keeper.
    pub(in crate::up) fn wait(mut self) {
        let _ = self.0.wait();
    }
}

/// Closes what this process has inherited beside its standard streams: a lock or a pipe of a shell would stay open as long as the
/// services run. To be called before anything is opened.
pub(in crate::up) fn close_inherited() {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let open: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // SAFETY: it is only asked whether the number is open. The folder that was read had one too, and is closed by now.
        let is_open = fcntl_getfd(unsafe { BorrowedFd::borrow_raw(descriptor) }).is_ok();
        if is_open {
            // SAFETY: nothing in this process has opened it.
            unsafe { rustix::io::close(descriptor) };
        }
    }
}

/// Leaves the terminal and the folder of whoever has started this process for `folder`, and becomes the parent of orphans.
pub(in crate::up) fn leave_starter(folder: &Path) {
    // A process that leads its group already has a session of its own then.
    let _ = rustix::process::setsid();
    // So that the worktree can be removed, and a disk unmounted.
    let _ = std::env::set_current_dir(folder);
    #[cfg(target_os = "linux")]
    if let Err(error) = crate::process::orphans::adopt() {
        crate::say::output::warning(&format!(
            "what services leave behind is found by their marks only: {error}"
        ));
    }
}

/// Whoever waits for this process' output has read all of it.
pub(in crate::up) fn close_output() {
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(null);
    }
}
