//! Everything the daemon asks of the operating system: ports, listeners, processes, peers, clocks.
//! One module per system, all with the same names; nothing here knows of leases, and no answer is remembered.

mod ancestors;
// Compiled for tests on every system: Linux has no need for it.
#[cfg(any(target_os = "macos", test))]
mod descriptor_table;
mod patience;
mod place;
mod types;

#[cfg(unix)]
mod unix;

#[cfg(not(target_os = "linux"))]
mod elsewhere;
// Compiled for tests on every system: Linux has no need for them.
#[cfg(any(not(target_os = "linux"), test))]
mod folder;
#[cfg(any(not(target_os = "linux"), test))]
mod four;
#[cfg(any(not(target_os = "linux"), test))]
mod lingering;

#[cfg(target_os = "linux")]
#[path = "linux/mod.rs"]
mod native;
#[cfg(target_os = "macos")]
#[path = "macos/mod.rs"]
mod native;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod native;

#[cfg(test)]
mod tests;

pub use ancestors::ancestors;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{
    Bell, CLOSE_EVENTS, Claim, CloseEvents, FolderWatch, ListenerLookup, PeerLookup, SocketTable, describe,
    ephemeral_range, find_all_holders, find_holder, find_holders, find_in, find_in_families,
    find_socket_holder, folder_of, lock_holder, meant, no_handles, reserved_ranges,
};
#[cfg(unix)]
pub use native::unix_peer;
#[cfg(target_os = "linux")]
pub use native::{
    Bell, CLOSE_EVENTS, Claim, CloseEvents, FolderWatch, ListenerLookup, PeerLookup, SocketTable, describe,
    ephemeral_range, find_all_holders, find_holder, find_holders, find_in, find_in_families,
    find_socket_holder, folder_of, lock_holder, meant, no_handles, reserved_ranges,
};
pub use native::{
    ExitWatch, Prober, boot_id, give_way_on_this_thread, identify, is_alive, now, prefer_this_thread,
    resident_bytes,
};
#[cfg(windows)]
pub(crate) use native::{
    FileId, UserId, check_writable, close_to_others, create_folder, create_private, detach, is_of_the_system,
    let_go_of_output, open_linked, open_ours, other_owner, others_who_write, own_home, own_user,
};
#[cfg(windows)]
pub use native::{PipeListener, has_hung_up, lets_others_in};
#[cfg(target_os = "linux")]
pub use native::{
    command_line, group_of, let_go_of_code, locate, open_sockets, processes, socket_peer, variables,
};
#[cfg(windows)]
pub use native::{
    descriptor_limit, descriptors_in_use, give_back_memory, inherited, is_exhausted, keep_freed_memory,
    machine_name, raise_descriptor_limit, raise_limits,
};
pub(crate) use patience::within;
pub use place::Place;
pub(crate) use styxy_os::disk::{self, Disk};
pub use types::{
    Closed, DescriptorLimit, Details, Entry, FamilySocket, Happened, Identified, Inherited, Life,
    ListeningSocket, LocalPeer, Meant, Network, PeerProcess, PidNamespace, TcpPeer, Verdict,
};
#[cfg(unix)]
pub(crate) use unix::{
    FileId, UserId, check_writable, close_to_others, create_folder, create_private, detach, is_of_the_system,
    let_go_of_output, mode_for_others_to_write, open_linked, open_ours, other_owner, own_home, own_uid,
    own_user, user_name,
};
#[cfg(unix)]
pub use unix::{
    descriptor_limit, descriptors_in_use, give_back_memory, has_hung_up, inherited, is_exhausted,
    keep_freed_memory, machine_name, raise_descriptor_limit, raise_limits,
};
