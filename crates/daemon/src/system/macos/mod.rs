//! macOS: kqueue and libproc.

mod exit;
mod libproc;
mod machine;
mod peer;
mod probe;
mod process;
mod sockets;
mod thread;

pub use exit::ExitWatch;
pub(super) use machine::with_surroundings;
pub use machine::{boot_id, now, resident_bytes};
pub use peer::unix_peer;
pub use probe::Prober;
pub use process::{identify, is_alive};
pub(super) use process::{link, user};
pub(super) use sockets::listening;
pub use thread::{give_way_on_this_thread, prefer_this_thread};
