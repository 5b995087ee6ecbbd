//! The process that stays when this one becomes the command. It is nobody's child, so that nobody has to wait for it, and it
//! keeps nothing of what this process has inherited but stderr and the process group: Ctrl-C and a closed terminal end it.
#![expect(unsafe_code, reason = "fork, and what is closed after it, are calls of libc")]

use std::fs;
use std::os::raw::c_int;

/// Who is who after [`split`].
pub(super) enum Side {
    /// This process, as before.
    Command,
    /// The new one.
    Reporter,
}

/// Splits a process off, which is not a child of this one.
///
/// Takes about half a millisecond. It does nothing if the process has a second thread, or if the system refuses.
pub(super) fn split() -> Side {
    if fs::read_dir("/proc/self/task").map_or(0, Iterator::count) != 1 {
        return Side::Command;
    }
    // SAFETY: there is no other thread, whose locks would stay locked in the child.
    match unsafe { libc::fork() } {
        0 => {}
        -1 => return Side::Command,
        child => {
            // It ends at once. No other child is waited for.
            // SAFETY: a null pointer for the status is allowed.
            while unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) } == -1 && interrupted() {}
            return Side::Command;
        }
    }
    // SAFETY: as above.
    match unsafe { libc::fork() } {
        0 => {
            let_go();
            Side::Reporter
        }
        _ => end(),
    }
}

/// Ends this process without a word, and without what the end of a whole program does.
pub(super) fn end() -> ! {
    // SAFETY: it does not return.
    unsafe { libc::_exit(0) }
}

fn interrupted() -> bool {
    std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
}

/// Lets go of the folder, and of every descriptor that was inherited but stderr: a pipe whose reader waits for its end, a lock.
fn let_go() {
    let _ = std::env::set_current_dir("/");
    let null = fs::File::options().read(true).write(true).open("/dev/null");
    let numbers = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<c_int> = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // SAFETY: Rust's own descriptors are closed on exec, and those stay. Nobody else here uses the others.
    unsafe {
        for number in numbers.into_iter().filter(|number| *number > libc::STDERR_FILENO) {
            if libc::fcntl(number, libc::F_GETFD) == 0 {
                libc::close(number);
            }
        }
        for standard in [libc::STDIN_FILENO, libc::STDOUT_FILENO] {
            match &null {
                Ok(null) => libc::dup2(std::os::fd::AsRawFd::as_raw_fd(null), standard),
                Err(_) => libc::close(standard),
            };
        }
        // In the background it may write to the terminal all the same; else the whole group would be stopped.
        libc::signal(libc::SIGTTOU, libc::SIG_IGN);
    }
}
