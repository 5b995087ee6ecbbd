//! Linux: a parent for the orphans of a command, so that none of them gets away.
#![expect(unsafe_code, reason = "rustix does not say which child has ended")]

use std::io;
use std::mem::MaybeUninit;

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};

/// From now on a process below this one becomes its child when its own parent ends, however often it was forked and
/// whichever session it leads. Whoever calls this must [`reap`] until it ends.
///
/// # Errors
/// A sandbox refuses it.
pub(crate) fn adopt() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Lets go of children that have ended, but not of `child`, for which somebody else waits.
pub(crate) fn reap(child: u32) {
    while let Some(pid) = ended().filter(|pid| pid.as_raw_nonzero().get().cast_unsigned() != child) {
        if waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).is_err() {
            return;
        }
    }
}

/// A child that has ended, and stays until it is waited for.
fn ended() -> Option<Pid> {
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the structure is ours, as large as the kernel expects, and zeros are a valid value of it; the call keeps no
    // pointer. If no child has ended it stays zero, and so does the pid in it.
    let pid = unsafe {
        if libc::waitid(libc::P_ALL, 0, found.as_mut_ptr(), how) != 0 {
            return None;
        }
        found.assume_init().si_pid()
    };
    Pid::from_raw(pid)
}
