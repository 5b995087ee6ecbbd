//! Clocks, the boot, and what this process takes of memory and handles.
#![expect(unsafe_code, reason = "the system's calls have no safe wrapper")]

use std::io;
use std::mem::{size_of, zeroed};
use std::ptr::null_mut;
use std::time::{SystemTime, UNIX_EPOCH};

use styxy_core::{Timestamp, WallTime};
use styxy_os::this_process;
use windows_sys::Wdk::System::SystemInformation::{NtQuerySystemInformation, SystemTimeOfDayInformation};
use windows_sys::Win32::Networking::WinSock;
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW};
use windows_sys::Win32::System::Threading::GetProcessHandleCount;
use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;
use windows_sys::w;

use crate::system::{DescriptorLimit, Inherited};

/// The system's name for this boot. Only a start of the machine changes it.
///
/// The count of boots, else the time of this one.
#[must_use]
pub fn boot_id() -> String {
    match count_of_boots() {
        Some(count) => format!("boot-{count}"),
        None => format!("booted-{}", time_of_boot()),
    }
}

/// When the system booted, in units of 100 ns, as the kernel noted it: the same for every process. It is not computed from the
/// clock and the time since the boot, which would differ a little from one call to the next.
///
/// Microsoft does not document the fields. Where they are something else, the number still names the boot if it stays the same.
fn time_of_boot() -> i64 {
    // Time of the boot, time now, time zone (two fields); what setting the clock has added to the first one since; time asleep.
    let mut times = [0_i64; 6];
    let size = u32::try_from(size_of_val(&times)).unwrap_or_default();
    // SAFETY: `times` is writable for `size` bytes, aligned for eight-byte integers. The length is not asked for.
    unsafe {
        NtQuerySystemInformation(SystemTimeOfDayInformation, (&raw mut times).cast(), size, null_mut())
    };
    let [boot, _, _, _, moved, _] = times;
    boot.wrapping_sub(moved)
}

fn count_of_boots() -> Option<u32> {
    let (mut count, mut length) = (0_u32, u32::try_from(size_of::<u32>()).ok()?);
    // SAFETY: both names are constants that end with NUL, and `count` is writable for `length` bytes.
    let failed = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            w!("SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management\\PrefetchParameters"),
            w!("BootId"),
            RRF_RT_REG_DWORD,
            null_mut(),
            (&raw mut count).cast(),
            &raw mut length,
        )
    };
    (failed == 0).then_some(count)
}

/// The time. `awake` counts from the boot, is the same for all processes, and stands still in a sleep.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut awake = 0_u64;
    // SAFETY: `awake` is writable. The call does not fail on this system; if it did, the time would stay 0.
    unsafe { QueryUnbiasedInterruptTime(&raw mut awake) };
    Timestamp { wall: WallTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)), awake: awake / 10_000 }
}

/// Bytes of resident memory of this process; none if that is unknown.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let size = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).ok()?;
    // SAFETY: integers only, for which zero is a value.
    let mut counters: PROCESS_MEMORY_COUNTERS = unsafe { zeroed() };
    // SAFETY: `counters` is writable for `size` bytes.
    let done = unsafe { K32GetProcessMemoryInfo(this_process(), &raw mut counters, size) };
    (done != 0).then_some(counters.WorkingSetSize).and_then(|bytes| u64::try_from(bytes).ok())
}

/// No limit that a process would meet.
#[must_use]
pub fn descriptor_limit() -> DescriptorLimit {
    DescriptorLimit { soft: None, hard: None }
}

/// There is none to be raised.
///
/// # Errors
/// None on this system.
pub fn raise_descriptor_limit() -> io::Result<DescriptorLimit> {
    Ok(descriptor_limit())
}

/// How many handles this process has open; none if that is unknown.
#[must_use]
pub fn descriptors_in_use() -> Option<usize> {
    let mut count = 0;
    // SAFETY: `count` is writable.
    let done = unsafe { GetProcessHandleCount(this_process(), &raw mut count) };
    (done != 0).then_some(count).and_then(|count| usize::try_from(count).ok())
}

/// Gives freed memory back to the system, which Windows does by itself.
pub fn give_back_memory() {}

/// The same: the allocator decides.
pub fn keep_freed_memory() {}

/// The name of this machine: several may share a home.
#[must_use]
pub fn machine_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Whether the error says that this process, or the system, has no handle or no memory left for another connection.
#[must_use]
pub fn is_exhausted(error: &io::Error) -> bool {
    const EXHAUSTED: [i32; 2] = [WinSock::WSAEMFILE, WinSock::WSAENOBUFS];
    error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code))
}

/// There are no soft limits here.
///
/// # Errors
/// None on this system.
pub fn raise_limits() -> io::Result<()> {
    Ok(())
}

/// The job that this process ends with, if there is one.
#[must_use]
pub fn inherited() -> Inherited {
    Inherited { job: styxy_os::is_bound_to_job(), ..Inherited::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_one_time_that_lies_in_the_past() {
        let boot = time_of_boot();
        assert_eq!(time_of_boot(), boot);
        // Since 1601; the first of these systems is younger than 2000.
        let (of_2000, now) = (125_911_584_000_000_000, UNIX_EPOCH.elapsed().unwrap().as_nanos() / 100);
        assert!(boot > of_2000 && i128::from(boot) < i128::try_from(now).unwrap() + 116_444_736_000_000_000);
    }
}
