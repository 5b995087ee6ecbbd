//! Windows: handles of processes, and users as SIDs.

mod job;
mod process;
mod sid;

pub use job::{is_bound_to_job, is_this_in_job};
pub use process::{ProcessHandle, link, runs, this_process};
pub use sid::{Object, own_sid, owned_text, owner_of, owner_of_open, user_of, wide};
