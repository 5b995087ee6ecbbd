//! What the journal asks of the operating system, in the same words on every system.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::{
    Guard, Identity, check_folder, create, file_system, guard, identity, is_unsupported, open, populate,
    preallocate, read_at, write_at,
};
#[cfg(windows)]
pub(super) use windows::{
    Guard, Identity, check_folder, create, file_system, guard, identity, is_unsupported, open, populate,
    preallocate, read_at, write_at,
};
