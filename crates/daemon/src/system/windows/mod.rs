//! Windows: handles of processes, and the named pipe.

mod access;
mod detach;
mod exit;
mod file_id;
mod list;
mod machine;
mod pipe;
mod probe;
mod process;
mod sid;
mod sockets;
mod thread;

pub(crate) use access::{
    UserId, check_writable, close_to_others, create_folder, create_private, is_of_the_system, open_linked,
    open_ours, other_owner, others_who_write, own_home, own_user,
};
pub(crate) use detach::{detach, let_go_of_output};
pub use exit::ExitWatch;
pub(crate) use file_id::FileId;
pub use list::lets_others_in;
pub use machine::{
    boot_id, descriptor_limit, descriptors_in_use, give_back_memory, inherited, is_exhausted,
    keep_freed_memory, machine_name, now, raise_descriptor_limit, raise_limits, resident_bytes,
};
pub use pipe::{PipeListener, has_hung_up};
pub use probe::Prober;
pub use process::{identify, is_alive};
pub(super) use process::{link, user};
pub(super) use sockets::listening;
pub use thread::{give_way_on_this_thread, prefer_this_thread};
