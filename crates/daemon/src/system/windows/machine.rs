//! Clocks, the boot, and what this process takes of memory and handles.
#![expect(unsafe_code, reason = "the system's calls have no safe wrapper")]

use std::io;
use std::mem::{size_of, zeroed};
use std::ptr::null_mut;
use std::time::{SystemTime, UNIX_EPOCH};

use styxy_core::{Timestamp, WallTime};
use windows_sys::Win32::Networking::WinSock;
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW};
use windows_sys::Win32::System::Threading::GetProcessHandleCount;
use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;
use windows_sys::w;

use super::handle::this_process;
use crate::system::{DescriptorLimit, Inherited};

/// The system's name for this boot. Only a start of the machine changes it.
///
/// The count of boots, else the hour of the boot: its second may differ from one computation to the next.
#[must_use]
pub fn boot_id() -> String {
    match count_of_boots() {
        Some(count) => format!("boot-{count}"),
        None => format!("booted-{}", sysinfo::System::boot_time().unwrap_or_default() / 3600),
    }
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
    // SAFETY: `awake` is writable. A failure, which there is none of on this system, leaves it 0.
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

/// How many handles this process has open; none if the system does not tell.
#[must_use]
pub fn descriptors_in_use() -> Option<usize> {
    let mut count = 0;
    // SAFETY: `count` is writable.
    let done = unsafe { GetProcessHandleCount(this_process(), &raw mut count) };
    (done != 0).then_some(count).and_then(|count| usize::try_from(count).ok())
}

/// Gives freed memory back to the system, which Windows does by itself.
pub fn give_back_memory() {}

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

/// Nothing that a person should know.
#[must_use]
pub fn inherited() -> Inherited {
    Inherited::default()
}
