//! Linux and macOS: sockets and modes of files, sessions, signals, terminals.

mod children;
mod files;
mod keeper;
mod service;
mod socket;
mod terminal;

pub(in crate::up) use children::{Awaited, interrupted_and_ended_children};
pub(in crate::up) use files::{empty, folder_for_this_user, for_this_user, identity, identity_of, on_disk};
pub(in crate::up) use keeper::{close_inherited, close_output, leave_starter, start_keeper};
pub(in crate::up) use service::{Started, code_of, command, hold, spawn};
pub(in crate::up) use socket::{
    FromClient, FromKeeper, Listener, ToClient, ToKeeper, address, close, connect,
};
pub(in crate::up) use terminal::Terminal;
