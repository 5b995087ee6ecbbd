//! The mark that distinguishes our own probes from the sockets of others when they close.
//!
//! A close event carries the socket's `tcp_info`, which includes its limit for the sending rate. A probe sends nothing,
//! so an odd limit does no harm. Every Styxy on the machine uses the same one.

use std::mem::size_of_val;
use std::os::fd::AsRawFd as _;

use rustix::fd::OwnedFd;

/// Bytes per second: "Styx" in ASCII. It fits the option's 32-bit form, which every kernel takes.
pub(super) const MARK: u32 = 0x5374_7978;

/// Marks the socket. A failure is ignored, since it only causes one event too many. Takes 0.2 µs.
#[expect(unsafe_code, reason = "neither rustix nor socket2 has SO_MAX_PACING_RATE")]
pub(super) fn mark(socket: &OwnedFd) {
    let mark = MARK;
    let length = libc::socklen_t::try_from(size_of_val(&mark)).unwrap_or_default();
    // SAFETY: the descriptor is open while `socket` is borrowed, and the kernel reads `length` bytes of a number
    // that is so long.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MAX_PACING_RATE,
            (&raw const mark).cast(),
            length,
        );
    }
}
