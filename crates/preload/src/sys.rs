//! The kernel's calls, without the C library: each answers a value, or a negative error number.

use core::arch::asm;

#[cfg(target_arch = "x86_64")]
mod numbers {
    pub(crate) const READ: usize = 0;
    pub(crate) const WRITE: usize = 1;
    pub(crate) const CLOSE: usize = 3;
    pub(crate) const FSTAT: usize = 5;
    pub(crate) const GETPID: usize = 39;
    pub(crate) const SOCKET: usize = 41;
    pub(crate) const CONNECT: usize = 42;
    pub(crate) const SENDTO: usize = 44;
    pub(crate) const RECVFROM: usize = 45;
    pub(crate) const BIND: usize = 49;
    pub(crate) const SETSOCKOPT: usize = 54;
    pub(crate) const GETSOCKOPT: usize = 55;
    pub(crate) const KILL: usize = 62;
    pub(crate) const GETUID: usize = 102;
    pub(crate) const GETPGID: usize = 121;
    pub(crate) const RT_SIGQUEUEINFO: usize = 129;
    pub(crate) const CLOCK_GETTIME: usize = 228;
    pub(crate) const TGKILL: usize = 234;
    pub(crate) const WAITID: usize = 247;
    pub(crate) const OPENAT: usize = 257;
    pub(crate) const READLINKAT: usize = 267;
    pub(crate) const RT_TGSIGQUEUEINFO: usize = 297;
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    pub(crate) const OPENAT: usize = 56;
    pub(crate) const CLOSE: usize = 57;
    pub(crate) const READ: usize = 63;
    pub(crate) const WRITE: usize = 64;
    pub(crate) const READLINKAT: usize = 78;
    pub(crate) const FSTAT: usize = 80;
    pub(crate) const WAITID: usize = 95;
    pub(crate) const CLOCK_GETTIME: usize = 113;
    pub(crate) const KILL: usize = 129;
    pub(crate) const TGKILL: usize = 131;
    pub(crate) const RT_SIGQUEUEINFO: usize = 138;
    pub(crate) const GETPGID: usize = 155;
    pub(crate) const GETPID: usize = 172;
    pub(crate) const GETUID: usize = 174;
    pub(crate) const SOCKET: usize = 198;
    pub(crate) const BIND: usize = 200;
    pub(crate) const CONNECT: usize = 203;
    pub(crate) const SENDTO: usize = 206;
    pub(crate) const RECVFROM: usize = 207;
    pub(crate) const SETSOCKOPT: usize = 208;
    pub(crate) const GETSOCKOPT: usize = 209;
    pub(crate) const RT_TGSIGQUEUEINFO: usize = 240;
}

pub(crate) use numbers::*;
pub(crate) const PIDFD_SEND_SIGNAL: usize = 424;
pub(crate) const PIDFD_OPEN: usize = 434;

pub(crate) const EPERM: isize = 1;
pub(crate) const EINTR: isize = 4;
pub(crate) const EAGAIN: isize = 11;
pub(crate) const ENOSYS: isize = 38;
pub(crate) const EADDRINUSE: isize = 98;

/// Calls the kernel.
///
/// # Safety
/// As the call itself: its pointers are valid for what it does with them.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the kernel keeps all registers but these; the caller answers for the pointers.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer, in("rdi") arguments[0], in("rsi") arguments[1],
            in("rdx") arguments[2], in("r10") arguments[3], in("r8") arguments[4], in("r9") arguments[5],
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer
}

/// Calls the kernel.
///
/// # Safety
/// As the call itself: its pointers are valid for what it does with them.
#[cfg(target_arch = "aarch64")]
#[inline]
pub(crate) unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the kernel keeps all registers but the answer's; the caller answers for the pointers.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") arguments[0] => answer, in("x1") arguments[1],
            in("x2") arguments[2], in("x3") arguments[3], in("x4") arguments[4], in("x5") arguments[5],
            options(nostack));
    }
    answer
}

/// Calls the kernel with numbers alone.
pub(crate) fn plain<const N: usize>(number: usize, arguments: [isize; N]) -> isize {
    let mut all = [0; 6];
    for (to, from) in all.iter_mut().zip(arguments) {
        *to = from.cast_unsigned();
    }
    // SAFETY: no pointer is passed.
    unsafe { call(number, all) }
}

/// A descriptor of this library's own, closed when it goes.
pub(crate) struct Descriptor(pub(crate) isize);

impl Descriptor {
    /// What a call answered, if that is a descriptor.
    pub(crate) const fn new(answer: isize) -> Result<Self, isize> {
        if answer < 0 { Err(answer) } else { Ok(Self(answer)) }
    }

    /// Whether `process` runs, held so that its pid means nobody else; needs Linux 5.3.
    pub(crate) fn of_process(process: i32) -> Result<Self, isize> {
        Self::new(plain(PIDFD_OPEN, [process as isize, 0]))
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        plain(CLOSE, [self.0]);
    }
}

/// The inode of what a descriptor is open on, 0 if it is unknown.
pub(crate) fn inode(descriptor: isize) -> u64 {
    // `struct stat` is 144 bytes on x86-64 and 128 on arm64, and begins with the device and the inode on both.
    let mut found = [0_u64; 18];
    let arguments = [descriptor.cast_unsigned(), found.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the buffer is as large as the larger of the two.
    let answer = unsafe { call(FSTAT, arguments) };
    if answer == 0 { found[1] } else { 0 }
}

/// Milliseconds of a clock that never goes back.
pub(crate) fn now() -> isize {
    const MONOTONIC: usize = 1;
    let mut time = [0_isize; 2];
    // SAFETY: the buffer is a `struct timespec`.
    unsafe { call(CLOCK_GETTIME, [MONOTONIC, time.as_mut_ptr() as usize, 0, 0, 0, 0]) };
    time[0] * 1000 + time[1] / 1_000_000
}

/// Says `words` on stderr, as far as one call does.
pub(crate) fn say(words: &[u8]) {
    // SAFETY: the kernel reads `words` alone.
    unsafe { call(WRITE, [2, words.as_ptr() as usize, words.len(), 0, 0, 0]) };
}
