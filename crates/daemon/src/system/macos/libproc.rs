//! The few calls that neither rustix nor sysinfo has, each made safe.
#![expect(unsafe_code, reason = "sysctlbyname and one clock have no safe wrapper")]

use std::ffi::{CStr, c_void};

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
