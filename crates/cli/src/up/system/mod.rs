//! What the keeper, and whoever asks it, need of the operating system: the socket between them, the keeper's own process, the processes of
//! services, and the numbers of files. One folder per system, with the same names in each.

mod end;

#[cfg(unix)]
#[path = "unix/mod.rs"]
mod native;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod native;

pub(super) use end::End;
pub(super) use native::{
    Awaited, FromClient, FromKeeper, Listener, Started, Terminal, ToClient, ToKeeper, address, close,
    close_inherited, close_output, code_of, command, connect, empty, folder_for_this_user, for_this_user,
    hold, identity, identity_of, interrupted_and_ended_children, leave_starter, on_disk, spawn, start_keeper,
};
