//! Files and folders that only their owner may see.

#[cfg(unix)]
#[path = "private_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "private_windows.rs"]
mod system;

pub(crate) use system::{check_writable, close_to_others, create_folder, openable_by_us, owner, us};
