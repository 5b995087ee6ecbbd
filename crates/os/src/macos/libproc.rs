//! What libproc says of a process, made safe.
#![expect(unsafe_code, reason = "libproc has no safe wrapper")]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{MaybeUninit, size_of};

use styxy_core::Pid;

/// What libproc says of a process.
pub type BsdInfo = libc::proc_bsdinfo;
/// The part of it that libproc gives for the processes of every user, the parent among it.
pub type ShortInfo = libc::proc_bsdshortinfo;
/// What libproc says of a process' memory and time.
pub type TaskInfo = libc::proc_taskinfo;

/// Which process it is, of any user: `proc_uniqidentifierinfo`, which the libc crate does not have.
#[repr(C)]
#[derive(Debug)]
pub struct UniqueInfo {
    program: [u8; 16],
    /// Given when a process begins, kept when it becomes another program, and never given again until the next boot.
    pub number: u64,
    parent: u64,
    version: i32,
    reserved: [u32; 5],
}

/// A plain struct that the kernel fills, and the number it is asked for by.
///
/// # Safety
/// Any bytes must be a valid value of the type, and `FLAVOR` must be the one that fills it.
pub unsafe trait Flavor: Sized {
    /// The number.
    const FLAVOR: c_int;
}

// SAFETY: integers and arrays of them; the kernel's header pairs them so.
unsafe impl Flavor for BsdInfo {
    const FLAVOR: c_int = libc::PROC_PIDTBSDINFO;
}
// SAFETY: as above.
unsafe impl Flavor for ShortInfo {
    const FLAVOR: c_int = libc::PROC_PIDT_SHORTBSDINFO;
}
// SAFETY: as above.
unsafe impl Flavor for TaskInfo {
    const FLAVOR: c_int = libc::PROC_PIDTASKINFO;
}

// SAFETY: as above; the kernel's header has these fields, 56 bytes.
unsafe impl Flavor for UniqueInfo {
    const FLAVOR: c_int = 17;
}
const _: () = assert!(size_of::<UniqueInfo>() == 56);

/// Asks libproc about a process, zombies included. Some microseconds.
///
/// # Errors
/// `NotFound` if there is none; `PermissionDenied` for another user's, unless it is for [`ShortInfo`] or [`UniqueInfo`].
pub fn info<T: Flavor>(pid: Pid) -> io::Result<T> {
    let mut info = MaybeUninit::<T>::zeroed();
    let size = c_int::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let number = c_int::try_from(pid.get()).map_err(io::Error::other)?;
    // An argument of 1 asks for zombies as well.
    // SAFETY: the buffer is writable and `size` bytes long.
    let filled =
        unsafe { libc::proc_pidinfo(number, T::FLAVOR, 1, info.as_mut_ptr().cast::<c_void>(), size) };
    if filled == size {
        // SAFETY: any bytes are a valid `T`, and all of them are initialised.
        return Ok(unsafe { info.assume_init() });
    }
    let error = io::Error::last_os_error();
    Err(if error.raw_os_error() == Some(libc::ESRCH) { io::ErrorKind::NotFound.into() } else { error })
}
