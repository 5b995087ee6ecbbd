//! How soon a thread runs that is ready, and what share it has of a busy processor.
#![expect(unsafe_code, reason = "neither rustix nor most C libraries have these calls")]

use std::io;
use std::mem::{size_of, zeroed};

/// The shortest slice that the kernel gives, in nanoseconds.
const SLICE: u64 = 100_000;
/// How much nicer a thread is that gives way: it has a quarter of a processor beside one other thread.
const NICER: i32 = 5;
const NICEST: i32 = 19;
/// For the kernel, this thread has this number.
const THIS: libc::pid_t = 0;

/// Lets this thread run before others that are ready too, for a short while at a time. Its share of the processor stays the same.
///
/// Of several threads that may run, the kernel takes the one whose slice ends first; since Linux 6.12 a thread may wish for a
/// shorter slice, and earlier kernels do nothing. The threads that it starts have the usual one.
///
/// # Errors
/// The refusal of the kernel or of a sandbox.
pub fn prefer_this_thread() -> io::Result<()> {
    reschedule(0)
}

/// Leaves a busy processor to others after a short while at a time, and most of it: for a thread that has much to do. What it does
/// seldom is done as soon as before.
///
/// # Errors
/// The refusal of the kernel or of a sandbox.
pub fn give_way_on_this_thread() -> io::Result<()> {
    reschedule(NICER)
}

fn reschedule(nicer: i32) -> io::Result<()> {
    let mut attributes = attributes()?;
    // Somebody has decided otherwise for a thread that has another policy: real time, or only when nobody else runs.
    if attributes.sched_policy != libc::SCHED_OTHER.unsigned_abs() {
        return Ok(());
    }
    attributes.sched_runtime = SLICE;
    attributes.sched_nice = (attributes.sched_nice + nicer).min(NICEST);
    attributes.sched_flags |= u64::from(libc::SCHED_FLAG_RESET_ON_FORK.unsigned_abs());
    // SAFETY: the kernel reads the structure, which has the size that it says, and keeps nothing of it.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, THIS, &raw mut attributes, 0_u32) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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

    /// How a thread is scheduled before and after `change`, and how one that it starts then is.
    fn around(change: fn() -> io::Result<()>) -> [libc::sched_attr; 3] {
        let thread = thread::spawn(move || {
            let before = attributes().unwrap();
            change().unwrap();
            [before, attributes().unwrap(), thread::spawn(|| attributes().unwrap()).join().unwrap()]
        });
        thread.join().unwrap()
    }

    /// The slice that a thread has that wished for a short one.
    fn short(before: &libc::sched_attr) -> u64 {
        let is_usual = before.sched_policy == libc::SCHED_OTHER.unsigned_abs();
        // Kernels that know no slices say 0.
        if is_usual && before.sched_runtime > 0 { SLICE } else { before.sched_runtime }
    }

    #[test]
    fn a_preferred_thread_has_a_short_slice_and_those_that_it_starts_have_the_usual_one() {
        let [before, after, child] = around(prefer_this_thread);
        assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, before.sched_nice));
        assert_eq!((after.sched_runtime, child.sched_runtime), (short(&before), before.sched_runtime));
    }

    #[test]
    fn a_thread_that_gives_way_is_nicer_too() {
        let [before, after, _] = around(give_way_on_this_thread);
        let nicer = if before.sched_policy == libc::SCHED_OTHER.unsigned_abs() { NICER } else { 0 };
        assert_eq!(after.sched_nice, (before.sched_nice + nicer).min(NICEST));
        assert_eq!(after.sched_runtime, short(&before));
    }
}
