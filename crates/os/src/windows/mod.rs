//! Windows: handles of processes, jobs, files by their numbers, and users as SIDs.

mod file;
mod group;
mod job;
mod process;
mod sid;

pub use file::file_number;
pub use group::{NamedJob, interrupt, resume};
pub use job::{is_bound_to_job, is_this_in_job};
pub use process::{ProcessHandle, link, runs, this_process};
pub use sid::{Object, own_sid, owned_text, owner_of, owner_of_open, user_of, wide};
