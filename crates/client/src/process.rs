//! Whether a process runs, with which words it was started, and processes held by a handle.

#[cfg(windows)]
pub use styxy_os::ProcessHandle;
#[cfg(target_os = "linux")]
pub use styxy_os::Stat;
pub use styxy_os::runs;

/// The words that the process with this pid was started with, or its title.
#[must_use]
pub fn words(pid: u32) -> Option<Vec<String>> {
    crate::ancestry::words(pid)
}
