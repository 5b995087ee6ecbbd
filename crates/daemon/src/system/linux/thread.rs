//! How soon a thread runs that is ready.
#![expect(unsafe_code, reason = "neither rustix nor most C libraries have these calls")]

use std::io;
use std::mem::{size_of, zeroed};

/// The shortest slice that the kernel gives, in nanoseconds.
const SLICE: u64 = 100_000;
/// For the kernel, this thread has this number.
const THIS: libc::pid_t = 0;

/// Lets this thread run soon after it was woken, and leave the processor to others soon. Its share of the processor stays the same, and the
/// threads that it starts are scheduled as usual.
///
/// Of several threads that may run, the kernel takes the one whose slice ends first, and lets it be until then. Since Linux 6.12 a
/// thread may wish for a shorter slice; earlier kernels do nothing.
///
/// # Errors
/// The refusal of the kernel or of a sandbox.
pub fn prefer_this_thread() -> io::Result<()> {
    let mut attributes = attributes()?;
    // Somebody has decided otherwise for a thread that has another policy: real time, or only when nobody else runs.
    if attributes.sched_policy != libc::SCHED_OTHER.unsigned_abs() {
        return Ok(());
    }
    attributes.sched_runtime = SLICE;
    attributes.sched_flags |= u64::from(libc::SCHED_FLAG_RESET_ON_FORK.unsigned_abs());
    // SAFETY: the kernel reads the structure, which has the size that it says, and keeps nothing of it.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, THIS, &raw mut attributes, 0_u32) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The same, for a thread that has much to do: whoever else is ready need not wait for it for long.
///
/// # Errors
/// As there.
pub fn give_way_on_this_thread() -> io::Result<()> {
    prefer_this_thread()
}

/// How this thread is scheduled.
fn attributes() -> io::Result<libc::sched_attr> {
    let size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or_default();
    // SAFETY: numbers, for which zero is a value.
    let mut attributes: libc::sched_attr = unsafe { zeroed() };
    // SAFETY: the kernel writes no more than `size` bytes, and the structure has as many.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, THIS, &raw mut attributes, size, 0_u32) };
    if done == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_preferred_thread_has_a_short_slice_and_those_that_it_starts_have_the_usual_one() {
        let thread = thread::spawn(|| {
            let before = attributes().unwrap();
            prefer_this_thread().unwrap();
            [before, attributes().unwrap(), thread::spawn(|| attributes().unwrap()).join().unwrap()]
        });
        let [before, after, child] = thread.join().unwrap();
        assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, before.sched_nice));
        let is_usual = before.sched_policy == libc::SCHED_OTHER.unsigned_abs();
        // Kernels that know no slices say 0.
        let expected = if is_usual && before.sched_runtime > 0 { SLICE } else { before.sched_runtime };
        assert_eq!((after.sched_runtime, child.sched_runtime), (expected, before.sched_runtime));
    }
}
