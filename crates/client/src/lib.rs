//! The client: finds the user's daemon, or starts it, and speaks to it with one method per route. It also says where and
//! for whom a call runs ([`Caller`]) and makes the requests for ports ([`PortRequest`]).
//!
//! It speaks over the Unix socket (a named pipe on Windows) and never over TCP, so a stranger on the daemon's port
//! gets nothing from it. It runs on any Tokio runtime with its I/O and time drivers enabled, and blocks none.

pub mod agents;
mod ancestry;
mod caller;
mod client;
mod connection;
mod error;
mod events;
mod holder;
mod http;
pub mod leases;
mod lifecycle;
pub mod living;
mod older;
mod options;
mod ownership;
mod port_request;
pub mod process;
mod program;
mod project;
pub mod release;
mod sandbox;
#[cfg(test)]
#[path = "../../../tests/support/skip.rs"]
mod skip;
mod start;
mod tries;
mod worktree;

pub use caller::{Caller, CallerError};
pub use client::Client;
pub use error::{Error, few_files};
pub use events::{Event, Events};
pub use holder::{Holder, Mute};
pub use lifecycle::{Contact, Stopped};
pub use older::{OURS, Older};
pub use options::{Environment, Options, Start};
pub use port_request::{PortRequest, Terms};
pub use program::own_program;
pub use project::{ProjectError, ProjectFile};
pub use sandbox::Sandbox;
#[cfg(windows)]
pub use start::{ends_with_job, start_detached};
pub use styxy_core::session::Session;
pub use worktree::{Worktree, worktree_label, worktree_record};
