//! Linux: pidfds, `sock_diag` (or the files of /proc) and /proc.

mod claim;
mod close_events;
mod code;
mod connected;
mod details;
mod exit;
mod family;
mod folder_watch;
mod holder;
mod listener_at;
mod listeners;
mod lock_holder;
mod machine;
mod marker;
mod namespaces;
mod netlink;
mod peer;
mod probe;
mod process;
mod socket_files;
mod socket_option;
mod surroundings;
mod texts;
mod thread;

use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, read, retry_on_intr};

pub use claim::Claim;
pub use close_events::{CLOSE_EVENTS, CloseEvents};
pub use code::let_go_of_code;
pub use connected::{socket_peer, unix_peer};
pub use details::{describe, folder_of, locate};
pub use exit::ExitWatch;
pub use family::find_in_families;
pub use folder_watch::{Bell, FolderWatch};
pub use holder::{find_all_holders, find_holder, find_holders, find_socket_holder, open_sockets};
pub use listener_at::ListenerLookup;
pub use listeners::SocketTable;
pub use lock_holder::lock_holder;
pub use machine::{boot_id, ephemeral_range, now, reserved_ranges, resident_bytes};
pub use namespaces::{find_in, meant};
pub use peer::PeerLookup;
pub use probe::Prober;
pub(super) use process::link;
pub use process::{identify, is_alive, no_handles};
pub(super) use surroundings::with_surroundings;
pub use texts::{command_line, group_of, processes, variables};
pub use thread::{give_way_on_this_thread, prefer_this_thread};

/// The first bytes of a file of /proc, as many as one read gives and `buffer` holds.
fn read_some<'b>(folder: impl AsFd, path: &str, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let file = openat(folder, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let length = retry_on_intr(|| read(&file, &mut *buffer))?;
    Ok(&buffer[..length])
}
