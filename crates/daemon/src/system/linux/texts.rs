//! What a process was started with: its command line and its environment; and its process group.

use std::fs;

use rustix::process::{Pid as Number, getpgid};
use styxy_core::Pid;

/// The command line, whose words end in NULs. None for a process that is gone, and for a kernel thread.
#[must_use]
pub fn command_line(pid: Pid) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
}

/// The process group that `pid` is in.
#[must_use]
pub fn group_of(pid: Pid) -> Option<Pid> {
    let group = getpgid(Number::from_raw(i32::try_from(pid.get()).ok()?)).ok()?;
    Pid::new(u32::try_from(group.as_raw_nonzero().get()).ok()?)
}

/// The values of these variables in the environment that the process was started with; none of another user's process.
#[must_use]
pub fn variables<const N: usize>(pid: Pid, names: [&str; N]) -> [Option<String>; N] {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    names.map(|name| {
        let mut entries = environment.split(|byte| *byte == 0);
        let value = entries
            .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec))?;
        String::from_utf8(value).ok()
    })
}
