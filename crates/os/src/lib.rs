//! What the daemon, the client and the command all ask of the operating system: processes, users and the disk.
//!
//! One folder per system, with the same names in each; what only one system has is in its folder alone. Nothing here knows of
//! leases, or remembers an answer. Only the disk may keep its caller waiting.

pub mod disk;

use styxy_core::Pid;

#[cfg(target_os = "linux")]
#[path = "linux/mod.rs"]
mod native;
#[cfg(target_os = "macos")]
#[path = "macos/mod.rs"]
mod native;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod native;

#[cfg(target_os = "linux")]
pub use native::Stat;
#[cfg(target_os = "macos")]
pub use native::libproc;
#[cfg(windows)]
pub use native::{
    NamedJob, Object, ProcessHandle, file_number, interrupt, is_bound_to_job, is_this_in_job, own_sid,
    owned_text, owner_of, owner_of_open, resume, this_process, user_of, wide,
};
pub use native::{link, runs};

/// The pids of the ancestors of the process with this pid: [`styxy_core::ancestors`].
pub fn ancestors(pid: Pid) -> impl Iterator<Item = Pid> {
    styxy_core::ancestors(pid, |pid| Some((pid, link(pid).ok()?)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn own() -> Pid {
        Pid::new(std::process::id()).unwrap()
    }

    /// No process has this pid.
    fn never() -> Pid {
        Pid::new(2_147_483_000).unwrap()
    }

    #[test]
    fn this_process_runs_and_one_that_never_was_does_not() {
        assert!(runs(own()) && !runs(never()));
    }

    #[test]
    fn a_process_that_has_ended_does_not_run() {
        let mut child = Command::new(std::env::current_exe().unwrap()).arg("--list").spawn().unwrap();
        let pid = Pid::new(child.id()).unwrap();
        child.wait().unwrap();
        drop(child);
        assert!(!runs(pid));
    }

    #[test]
    fn the_parent_of_a_child_is_this_process() {
        let mut child = Command::new(std::env::current_exe().unwrap()).arg("--list").spawn().unwrap();
        let link = link(Pid::new(child.id()).unwrap()).unwrap();
        assert_eq!(link.parent, Some(own()));
        assert_eq!(ancestors(Pid::new(child.id()).unwrap()).next(), Some(own()));
        child.wait().unwrap();
        assert!(ancestors(never()).next().is_none());
    }
}
