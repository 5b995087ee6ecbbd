//! Whether a daemon that is started here can outlive the Windows job that this process is in.

use super::finding::Finding;

/// The limits of a job that matter here, as Windows numbers them.
const ENDS_WITH_ITS_LAST_HANDLE: u32 = 0x2000;
const MAY_BE_LEFT: u32 = 0x0800 | 0x1000;

/// What is wrong with the job, if this process is in one.
#[cfg(windows)]
pub(super) fn around() -> Option<Finding> {
    finding(limits()?)
}

fn finding(limits: u32) -> Option<Finding> {
    let binds = limits & ENDS_WITH_ITS_LAST_HANDLE != 0 && limits & MAY_BE_LEFT == 0;
    binds.then(|| {
        Finding::warn(
            "job",
            "whoever started this shell ends all that runs in it, the daemon too if it is started here"
                .to_owned(),
            "styxy daemon start   # in a terminal of its own, or styxy daemon install",
        )
    })
}

/// The limits of the innermost job of this process; none if it is in no job.
#[cfg(windows)]
#[expect(unsafe_code, reason = "the system has no safe calls for jobs")]
fn limits() -> Option<u32> {
    use std::mem::{size_of, zeroed};
    use std::ptr::null_mut;

    use windows_sys::Win32::System::JobObjects::{
        JOBOBJECT_BASIC_LIMIT_INFORMATION, JobObjectBasicLimitInformation, QueryInformationJobObject,
    };

    let size = u32::try_from(size_of::<JOBOBJECT_BASIC_LIMIT_INFORMATION>()).ok()?;
    // SAFETY: numbers, for which zero is a value.
    let mut limits: JOBOBJECT_BASIC_LIMIT_INFORMATION = unsafe { zeroed() };
    // SAFETY: no handle means the job of this process, and the structure is of the kind and the size that the call names.
    let done = unsafe {
        QueryInformationJobObject(
            null_mut(),
            JobObjectBasicLimitInformation,
            (&raw mut limits).cast(),
            size,
            null_mut(),
        )
    };
    (done != 0).then_some(limits.LimitFlags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_ends_what_may_not_leave_it_is_named() {
        assert!(finding(0x2000).is_some_and(|found| found.hint.is_some()));
        for harmless in [0, 0x0800, 0x1000, 0x2800, 0x3000] {
            assert!(finding(harmless).is_none(), "{harmless:x}");
        }
    }
}
