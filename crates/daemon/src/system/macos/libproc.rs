//! The few calls that neither rustix nor sysinfo has, each made safe.
#![expect(unsafe_code, reason = "lists of libproc, sysctlbyname and one clock have no safe wrapper")]

use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::mem::{MaybeUninit, size_of};

use styxy_core::Pid;

use crate::system::descriptor_table::{Descriptor, SocketInfo};

/// `PROC_ALL_PIDS`.
const ALL: u32 = 1;
/// `PROC_PIDFDSOCKETINFO`.
const SOCKET: c_int = 3;

/// The numbers of as many processes as there is room for, of every user; 0 is the kernel's.
pub(super) fn pids(room: usize) -> io::Result<Vec<u32>> {
    let mut numbers: Vec<c_int> = vec![0; room];
    let size = c_int::try_from(size_of_val(&*numbers)).map_err(io::Error::other)?;
    // SAFETY: the buffer is writable and `size` bytes long.
    let bytes = answered(|| unsafe { libc::proc_listpids(ALL, 0, numbers.as_mut_ptr().cast(), size) })?;
    numbers.truncate(bytes / size_of::<c_int>());
    Ok(numbers.into_iter().filter_map(|number| u32::try_from(number).ok()).collect())
}

/// As much of what the process has open as there is room for.
pub(super) fn descriptors(pid: Pid, room: usize) -> io::Result<Vec<Descriptor>> {
    let number = c_int::try_from(pid.get()).map_err(io::Error::other)?;
    let mut found = vec![libc::proc_fdinfo { proc_fd: 0, proc_fdtype: 0 }; room];
    let size = c_int::try_from(size_of_val(&*found)).map_err(io::Error::other)?;
    let list = found.as_mut_ptr().cast();
    // SAFETY: the buffer is writable and `size` bytes long.
    let bytes = answered(|| unsafe { libc::proc_pidinfo(number, libc::PROC_PIDLISTFDS, 0, list, size) })?;
    found.truncate(bytes / size_of::<libc::proc_fdinfo>());
    let is_socket = |one: &libc::proc_fdinfo| i32::try_from(one.proc_fdtype) == Ok(libc::PROX_FDTYPE_SOCKET);
    let descriptor = |one| if is_socket(&one) { Descriptor::Socket(one.proc_fd) } else { Descriptor::Other };
    Ok(found.into_iter().map(descriptor).collect())
}

/// The socket that the process has open by this number.
pub(super) fn socket(pid: Pid, number: c_int) -> io::Result<SocketInfo> {
    let pid = c_int::try_from(pid.get()).map_err(io::Error::other)?;
    let mut info = MaybeUninit::<SocketInfo>::zeroed();
    let size = c_int::try_from(size_of::<SocketInfo>()).map_err(io::Error::other)?;
    // SAFETY: the buffer is writable and `size` bytes long.
    let bytes =
        answered(|| unsafe { libc::proc_pidfdinfo(pid, number, SOCKET, info.as_mut_ptr().cast(), size) })?;
    if bytes != size_of::<SocketInfo>() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // SAFETY: integers and arrays of them, all of them initialised.
    Ok(unsafe { info.assume_init() })
}

/// How many bytes a call of libproc has filled: it answers 0 for none, and for an error too.
fn answered(call: impl FnOnce() -> c_int) -> io::Result<usize> {
    // SAFETY: the place of this thread's last error, which is writable.
    unsafe { *libc::__error() = 0 };
    let bytes = call();
    match io::Error::last_os_error() {
        _ if bytes > 0 => usize::try_from(bytes).map_err(io::Error::other),
        error if error.raw_os_error() == Some(0) => Ok(0),
        error if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::EBADF)) => {
            Err(io::ErrorKind::NotFound.into())
        }
        error => Err(error),
    }
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
