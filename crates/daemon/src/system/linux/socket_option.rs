//! Options of a socket that rustix does not have.

use std::io;
use std::mem::{MaybeUninit, size_of};

use rustix::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};

/// The network namespace that a socket was made in, by a number that is not used again within a boot (Linux 5.14). A
/// socket that a Unix listener has accepted is in that of its client.
///
/// # Errors
/// `ENOPROTOOPT` on older kernels.
pub(super) fn network_cookie(socket: impl AsFd) -> io::Result<u64> {
    number(socket, libc::SO_NETNS_COOKIE)
}

/// A pidfd of the process that connected this Unix socket (Linux 6.5).
///
/// # Errors
/// `ENOPROTOOPT` on older kernels; another error if that process is gone.
pub(super) fn peer_pidfd(socket: impl AsFd) -> io::Result<OwnedFd> {
    let descriptor: i32 = number(socket, libc::SO_PEERPIDFD)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has its number.
    #[expect(unsafe_code, reason = "the kernel answers with the number of a new descriptor")]
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// The process (0 if it is in no namespace below ours) and the user that connected this Unix socket.
///
/// # Errors
/// It is not a connected Unix socket.
pub(super) fn peer_credentials(socket: impl AsFd) -> io::Result<libc::ucred> {
    number(socket, libc::SO_PEERCRED)
}

/// Types that the kernel may fill with any bytes.
trait Plain: Copy {}
impl Plain for u64 {}
impl Plain for i32 {}
impl Plain for libc::ucred {}

fn number<T: Plain>(socket: impl AsFd, option: i32) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let size = libc::socklen_t::try_from(size_of::<T>()).unwrap_or_default();
    let mut length = size;
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open while `socket` is borrowed, and the kernel writes at most `length` bytes, the size
    // of `value`.
    #[expect(unsafe_code, reason = "rustix does not have these options")]
    let asked = unsafe {
        libc::getsockopt(descriptor, libc::SOL_SOCKET, option, value.as_mut_ptr().cast(), &raw mut length)
    };
    match asked {
        0 if length == size => {
            // SAFETY: the kernel wrote all of it, and any bytes are numbers.
            #[expect(unsafe_code, reason = "filled by the kernel")]
            Ok(unsafe { value.assume_init() })
        }
        0 => Err(io::ErrorKind::InvalidData.into()),
        _ => Err(io::Error::last_os_error()),
    }
}
