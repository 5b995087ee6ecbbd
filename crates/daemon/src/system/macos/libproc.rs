//! The few calls that neither rustix nor sysinfo has, each made safe.
#![expect(unsafe_code, reason = "libproc, sysctlbyname and one clock have no safe wrapper")]

use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::mem::{MaybeUninit, size_of};

use styxy_core::Pid;

/// What libproc says of a process.
pub(super) type BsdInfo = libc::proc_bsdinfo;
/// The part of it that libproc also gives for other users' processes.
pub(super) type ShortInfo = libc::proc_bsdshortinfo;
/// What libproc says of a process' memory and time.
pub(super) type TaskInfo = libc::proc_taskinfo;

/// Which process it is, of any user: `proc_uniqidentifierinfo`, which the libc crate does not have.
#[repr(C)]
pub(super) struct UniqueInfo {
    program: [u8; 16],
    /// Given when a process begins, kept when it becomes another program, and never given again until the next boot.
    pub(super) number: u64,
    parent: u64,
    version: i32,
    reserved: [u32; 5],
}

/// A plain struct that the kernel fills, and the number it is asked for by.
///
/// # Safety
/// Any bytes must be a valid value of the type, and `FLAVOR` must be the one that fills it.
pub(super) unsafe trait Flavor: Sized {
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
pub(super) fn info<T: Flavor>(pid: Pid) -> io::Result<T> {
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

/// A text of at most 127 bytes from sysctl.
pub(super) fn sysctl_text(name: &CStr) -> Option<String> {
    let mut bytes = [0_u8; 128];
    let mut length = bytes.len();
    // SAFETY: `name` ends with NUL, `bytes` is writable for `length` bytes, and nothing is to be set.
    let failed = unsafe {
        libc::sysctlbyname(
            name.as_ptr(),
            bytes.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    let text = CStr::from_bytes_until_nul(&bytes).ok()?;
    (failed == 0).then(|| text.to_string_lossy().into_owned())
}

/// Milliseconds since the boot, without the time asleep.
pub(super) fn awake_millis() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable; the clock exists since macOS 10.12.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_UPTIME_RAW, &raw mut time) };
    if failed == 0 { u64::try_from(time.tv_sec * 1000 + time.tv_nsec / 1_000_000).unwrap_or(0) } else { 0 }
}
