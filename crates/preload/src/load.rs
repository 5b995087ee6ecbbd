//! What the library takes out of the environment when it is loaded: where the daemon's guard listens, whether the guard is off,
//! and this process' own ports. Later changes do not count, and nothing else is read.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};

/// The longest path of a Unix socket, with its NUL.
pub(crate) const PATH: usize = 108;
/// How many ports of its own a process may have told.
const PORTS: usize = 16;

/// A `struct sockaddr_un`.
#[repr(C)]
pub(crate) struct Address {
    pub(crate) family: u16,
    pub(crate) path: [u8; PATH],
}

struct Guard {
    address: UnsafeCell<Address>,
    /// How much of the address counts, 0 while there is no guard.
    length: AtomicUsize,
    ports: [AtomicU16; PORTS],
}

// SAFETY: the address is written once, before `length` is not 0, and only read after that.
unsafe impl Sync for Guard {}

static GUARD: Guard = Guard {
    address: UnsafeCell::new(Address { family: 1, path: [0; PATH] }),
    length: AtomicUsize::new(0),
    ports: [const { AtomicU16::new(0) }; PORTS],
};

static DONE: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    /// The C library's own.
    static environ: *const *const core::ffi::c_char;
}

/// Reads the environment, once: when the library is loaded, or at the first question where there was none then.
pub(crate) extern "C" fn load() {
    // SAFETY: the C library's list ends with a null pointer, and nobody changes it before `main`.
    let mut next = unsafe { environ };
    if next.is_null() || DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    let (mut is_off, mut length, mut ports) = (false, 0, 0);
    // SAFETY: as above; each entry is a text that ends with a NUL.
    while let Some(entry) = unsafe { next.read().as_ref() } {
        // SAFETY: as above.
        let entry = unsafe { CStr::from_ptr(entry) }.to_bytes();
        // SAFETY: the list goes on, since this was not its end.
        next = unsafe { next.add(1) };
        let Some(styxys) = entry.strip_prefix(b"STYXY") else { continue };
        match styxys {
            b"=off" | b"_GUARD=off" => is_off = true,
            _ => {
                if let Some(path) = styxys.strip_prefix(b"_GUARD_SOCKET=") {
                    length = keep(path);
                } else if let Some(port) = port(styxys)
                    && ports < PORTS
                {
                    GUARD.ports[ports].store(port, Ordering::Relaxed);
                    ports += 1;
                }
            }
        }
    }
    GUARD.length.store(if is_off { 0 } else { length }, Ordering::Release);
}

/// Keeps the path, if it is one of a socket; answers the length of its address.
fn keep(path: &[u8]) -> usize {
    if path.first() != Some(&b'/') || path.len() >= PATH {
        return 0;
    }
    // SAFETY: nobody reads the address while `length` is 0.
    let address = unsafe { &mut *GUARD.address.get() };
    for (to, from) in address.path.iter_mut().zip(path) {
        *to = *from;
    }
    size_of::<u16>() + path.len() + 1
}

/// The number of `_PORT=3000` or `_API_PORT=3000`.
fn port(variable: &[u8]) -> Option<u16> {
    let equals = variable.iter().position(|byte| *byte == b'=')?;
    let (name, digits) = variable.split_at_checked(equals)?;
    if !name.ends_with(b"_PORT") {
        return None;
    }
    let mut number = 0_u16;
    for byte in digits.get(1..)? {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(u16::from(digit))?;
    }
    Some(number)
}

/// Where the guard listens, and how long that address is; none if there is no guard, or if it is off.
pub(crate) fn guard() -> Option<(&'static Address, usize)> {
    if !DONE.load(Ordering::Acquire) {
        load();
    }
    let length = GUARD.length.load(Ordering::Acquire);
    // SAFETY: it is not written any more once `length` is not 0.
    (length != 0).then(|| (unsafe { &*GUARD.address.get() }, length))
}

/// Whether Styxy gave this port to this process.
pub(crate) fn is_own(port: u16) -> bool {
    GUARD.ports.iter().any(|own| own.load(Ordering::Relaxed) == port)
}
