//! Leaving the process that started this one: descriptors, session, working folder, umask.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use rustix::fs::Mode;

/// Closes every inherited descriptor but the standard three, and moves to a session of its own, to `/` and to umask 077.
///
/// Call it before anything is opened, since it closes every descriptor of 3 or more.
pub(crate) fn detach() -> io::Result<()> {
    for descriptor in inherited()? {
        close(descriptor);
    }
    // Refused only to the leader of a process group, which a client's child never is. A daemon that a person starts
    // stays in its session.
    let _ = rustix::process::setsid();
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    std::env::set_current_dir("/")
}

/// Redirects standard output and standard error to `/dev/null`, so that their readers see the end; where there is no such file, to
/// a pipe that nobody reads.
pub(crate) fn let_go_of_output() -> io::Result<()> {
    let null = File::options().write(true).open("/dev/null").map(OwnedFd::from);
    let null = null.or_else(|_| io::pipe().map(|(_, unread)| unread.into()))?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(rustix::stdio::dup2_stderr(&null)?)
}

/// The open descriptors of 3 or more.
fn inherited() -> io::Result<Vec<RawFd>> {
    let list = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let mut descriptors: Vec<RawFd> = Vec::new();
    for entry in std::fs::read_dir(list)? {
        descriptors.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    // The list includes the descriptor that read it, which is closed by now.
    descriptors.retain(|descriptor| *descriptor > 2 && is_open(*descriptor));
    Ok(descriptors)
}

#[expect(unsafe_code, reason = "a descriptor that no owner of ours has can only be asked about by number")]
fn is_open(descriptor: RawFd) -> bool {
    // SAFETY: the borrow ends with this line, and the question changes nothing, whatever the number stands for.
    rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(descriptor) }).is_ok()
}

#[expect(unsafe_code, reason = "a descriptor that no owner of ours has can only be closed by number")]
fn close(descriptor: RawFd) {
    // SAFETY: open, and inherited: called before this process opens anything, so no `OwnedFd` holds this number.
    unsafe { rustix::io::close(descriptor) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    /// What [`a_detached_process_keeps_nothing_of_its_starter`] runs in a process of its own.
    #[test]
    #[ignore = "run by another test in a process of its own, with descriptor 9 open"]
    fn detached() {
        assert!(inherited().unwrap().contains(&9), "the test gave it descriptor 9");
        detach().unwrap();
        let own = inherited().unwrap();
        assert!(!own.contains(&9), "{own:?}");
        assert_eq!(rustix::process::getsid(None).unwrap(), rustix::process::getpid());
        assert_eq!(std::env::current_dir().unwrap().to_str(), Some("/"));
        assert_eq!(rustix::process::umask(Mode::empty()), Mode::RWXG | Mode::RWXO);
        std::io::stdout().write_all(b"\nready\n").unwrap();
        let_go_of_output().unwrap();
        std::io::stdout().write_all(b"\nlost\n").unwrap();
        std::io::stderr().write_all(b"lost\n").unwrap();
    }

    #[test]
    fn a_detached_process_keeps_nothing_of_its_starter() {
        let (_, module) = module_path!().split_once("::").unwrap();
        let shell = "exec \"$0\" \"$@\" 9</dev/null";
        let child = Command::new("/bin/sh")
            .args(["-c", shell, std::env::current_exe().unwrap().to_str().unwrap()])
            .args(["--exact", &format!("{module}::detached"), "--ignored", "--nocapture", "--test-threads=1"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
        assert!(said.contains("ready") && !said.contains("lost"), "{said}");
        assert!(!String::from_utf8_lossy(&child.stderr).contains("lost"));
    }
}
