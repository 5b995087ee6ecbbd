//! What macOS and Windows have in common: the table of sockets names the processes, and closes are not reported.

mod details;
mod listener_at;
mod listeners;
mod stubs;

pub use details::{describe, folder_of};
pub use listener_at::ListenerLookup;
pub use listeners::{SocketTable, find_all_holders, find_holder, find_holders};
pub use stubs::{
    Bell, CLOSE_EVENTS, Claim, CloseEvents, FolderWatch, PeerLookup, ephemeral_range, find_in,
    find_in_families, find_socket_holder, lock_holder, meant, no_handles, reserved_ranges,
};
