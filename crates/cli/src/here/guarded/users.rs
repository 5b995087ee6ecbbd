//! Who runs under the guard of a folder.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use styxy_core::layout::Layout;
use styxy_core::printable::one_line;

/// The programs under the guard whose files are in `layout`, without those that they have started: `bash (4242)`.
pub(crate) fn users(layout: &Layout) -> Vec<String> {
    let folders = super::installed(layout);
    let own = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let under = |pid: &u32| *pid != own && is_under(*pid, &folders);
    let all: HashMap<u32, Option<(String, u32)>> =
        pids.filter(under).map(|pid| (pid, name_and_parent(pid))).collect();
    let is_first = |parent: u32| !all.contains_key(&parent);
    let mut first: Vec<(u32, String)> = all
        .iter()
        .filter_map(|(pid, found)| found.as_ref().map(|(name, parent)| (*pid, name, *parent)))
        .filter(|(_, _, parent)| is_first(*parent))
        .map(|(pid, name, _)| (pid, format!("{} ({pid})", one_line(name))))
        .collect();
    first.sort_unstable();
    first.into_iter().map(|(_, shown)| shown).collect()
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

/// The name of a process that has not ended, and its parent.
fn name_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (before, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then(|| Some((before.split_once('(')?.1.to_owned(), parent)))?
}
