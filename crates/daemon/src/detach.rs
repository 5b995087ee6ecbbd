//! Leaving whoever started the daemon: nothing of theirs is kept, so nothing of theirs waits for it.

#[cfg(unix)]
#[path = "detach_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "detach_windows.rs"]
mod system;

pub(crate) use system::{leave, let_go_of_output};
