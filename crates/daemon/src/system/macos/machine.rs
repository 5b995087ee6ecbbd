//! Clocks, the boot, and how much memory this process uses.

use std::time::{SystemTime, UNIX_EPOCH};

use styxy_core::{Pid, Timestamp, WallTime};
use styxy_os::libproc::{TaskInfo, info};

use super::libproc;

/// The system's name for this boot. Only a start of the machine changes it.
#[must_use]
pub fn boot_id() -> String {
    let session = libproc::sysctl_text(c"kern.bootsessionuuid").filter(|name| !name.is_empty());
    session.unwrap_or_else(|| format!("booted-{}", sysinfo::System::boot_time().unwrap_or_default()))
}

/// The time. `awake` counts from the boot, is the same for all processes, and stands still in a sleep.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = WallTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    Timestamp { wall, awake: libproc::awake_millis() }
}

/// Bytes of resident memory of this process; none if that is unknown.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let info = info::<TaskInfo>(Pid::new(std::process::id())?).ok()?;
    Some(info.pti_resident_size)
}

/// There are no control groups and no namespaces here.
pub(in crate::system) fn with_surroundings(inherited: crate::system::Inherited) -> crate::system::Inherited {
    inherited
}
