//! Whether a process runs, with which words it was started, and processes held by a handle.

#[cfg(windows)]
pub use crate::ownership::is_own_pipe;
#[cfg(target_os = "linux")]
pub use styxy_os::Stat;
pub use styxy_os::runs;
#[cfg(windows)]
pub use styxy_os::{NamedJob, ProcessHandle, file_number, interrupt, resume};

/// The words that the process with this pid was started with, or its title.
#[must_use]
pub fn words(pid: u32) -> Option<Vec<String>> {
    crate::ancestry::words(pid)
}
