//! What a process was started with: its command line and its environment; and its process group.

use std::fs::{self, File};
use std::io::{self, Read as _};

use styxy_core::Pid;

/// A file of a process. Its length says nothing, so that asking for it would be in vain.
fn whole(pid: Pid, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    File::open(format!("/proc/{pid}/{name}"))?.take(u64::MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The command line, whose words end in NULs. None for a process that is gone, and for a kernel thread.
#[must_use]
pub fn command_line(pid: Pid) -> Option<String> {
    let line = whole(pid, "cmdline").ok()?;
    (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
}

/// Every process that is seen from here, in no order.
pub fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::new(entry.file_name().to_str()?.parse().ok()?))
}

/// The process group that `pid` is in; none of a kernel thread, whose number is 0, and of another namespace.
#[must_use]
pub fn group_of(pid: Pid) -> Option<Pid> {
    let group = styxy_os::Stat::of(pid.get()).ok()?.group;
    Pid::new(group.try_into().ok()?)
}

/// The values of these variables in the environment that the process was started with; none of another user's process.
#[must_use]
pub fn variables<const N: usize>(pid: Pid, names: [&str; N]) -> [Option<String>; N] {
    let environment = whole(pid, "environ").unwrap_or_default();
    names.map(|name| {
        let mut entries = environment.split(|byte| *byte == 0);
        let value = entries
            .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec))?;
        String::from_utf8(value).ok()
    })
}
