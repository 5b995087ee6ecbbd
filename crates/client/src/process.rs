//! Whether a process runs, and processes held by a handle.

#[cfg(windows)]
pub use styxy_os::ProcessHandle;
pub use styxy_os::runs;
