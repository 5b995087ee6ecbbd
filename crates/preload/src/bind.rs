//! `bind`: a TCP port that is leased to somebody else is in use (R92).

use core::sync::atomic::{AtomicBool, Ordering};

use crate::ask::{self, Answer};
use crate::load;
use crate::sys::{self, EADDRINUSE, call};

/// An answer took too long once: this process asks about no other port.
static MUTE: AtomicBool = AtomicBool::new(false);

/// What `bind` does.
///
/// # Safety
/// As `bind`: `address` is null or has `length` bytes.
pub(crate) unsafe fn bind(socket: i32, address: *const u8, length: u32) -> isize {
    // SAFETY: as for this function.
    if let Some(port) = unsafe { port(address, length) }
        && !load::is_own(port)
        && ask::is_on()
        && !MUTE.load(Ordering::Relaxed)
        && is_stream(socket)
    {
        match ask::port(port) {
            Answer::Refused => return -EADDRINUSE,
            Answer::Late => MUTE.store(true, Ordering::Relaxed),
            Answer::Pass => {}
        }
    }
    let arguments = [(socket as isize).cast_unsigned(), address as usize, length as usize, 0, 0, 0];
    // SAFETY: as for this function.
    unsafe { call(sys::BIND, arguments) }
}

/// The port of an Internet address; none if it is 0.
unsafe fn port(address: *const u8, length: u32) -> Option<u16> {
    const INTERNET: [u16; 2] = [2, 10];
    if address.is_null() || length < 4 {
        return None;
    }
    // SAFETY: the address has at least four bytes, the family and the port of those two families.
    let [a, b, c, d] = unsafe { address.cast::<[u8; 4]>().read() };
    let port = u16::from_be_bytes([c, d]);
    (INTERNET.contains(&u16::from_ne_bytes([a, b])) && port != 0).then_some(port)
}

fn is_stream(socket: i32) -> bool {
    const STREAM: u32 = 1;
    let (mut kind, mut length) = (0_u32, 4_u32);
    let (number, kind_at) = ((socket as isize).cast_unsigned(), core::ptr::from_mut(&mut kind) as usize);
    // `SOL_SOCKET` and `SO_TYPE`.
    let arguments = [number, 1, 3, kind_at, core::ptr::from_mut(&mut length) as usize, 0];
    // SAFETY: the kernel writes four bytes, and their number.
    let answer = unsafe { call(sys::GETSOCKOPT, arguments) };
    answer == 0 && kind == STREAM
}
