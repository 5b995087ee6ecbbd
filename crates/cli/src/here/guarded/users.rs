//! Who runs under the guard of a folder.

use std::fs;
use std::path::{Path, PathBuf};

use styxy_core::layout::Layout;
use styxy_core::order::set;
use styxy_core::printable::one_line;

use crate::process::table::Processes;

/// The programs under the guard whose files are in `layout`, without those that they have started: `bash (4242)`.
pub(crate) fn users(layout: &Layout) -> Vec<String> {
    let folders = super::installed(layout);
    let table = Processes::default().look().map(|look| look.table).unwrap_or_default();
    let own = std::process::id();
    let under = |pid: &u32| *pid != own && is_under(*pid, &folders);
    let all = set(table.keys().copied().filter(under));
    let is_first = |pid: &u32| !table[pid].parent.is_some_and(|parent| all.contains(&parent));
    let first = all.iter().filter(|pid| is_first(pid));
    first.map(|pid| format!("{} ({pid})", one_line(&table[pid].name))).collect()
}

/// Whether a process was started with the library of one of these folders.
fn is_under(pid: u32, folders: &[PathBuf]) -> bool {
    let environ = fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap_or_default();
    let mut variables = environ.split(|byte| *byte == 0);
    let Some(preload) = variables.find_map(|variable| variable.strip_prefix(b"LD_PRELOAD=")) else {
        return false;
    };
    let mut parts = preload.split(|byte| matches!(byte, b':' | b' '));
    parts.any(|part| {
        let part = String::from_utf8_lossy(part);
        folders.iter().any(|folder| Path::new(&*part).parent() == Some(folder))
    })
}
