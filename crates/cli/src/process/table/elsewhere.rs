//! macOS and Windows: sysinfo asks the system (`proc_listpids` and `KERN_PROCARGS2`, `NtQuerySystemInformation`).

use std::io;
use std::path::PathBuf;

use sysinfo::{ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

use super::{Entry, Look, Table, User, mark, stack};

/// How the processes are looked at; nothing is kept between two looks.
#[derive(Debug, Default)]
pub(crate) struct Processes {}

impl Processes {
    /// Takes a look.
    ///
    /// # Errors
    /// The system does not answer.
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "the same signature as on Linux"
    )]
    pub(crate) fn look(&mut self) -> io::Result<Look> {
        let mut system = System::new().map_err(io::Error::other)?;
        let wanted = ProcessRefreshKind::nothing().without_tasks().with_user(UpdateKind::Always);
        // Windows shows an environment only to those who read another process' memory.
        let wanted = if cfg!(windows) { wanted } else { wanted.with_environ(UpdateKind::Always) };
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
        let own = system.process(sysinfo::Pid::from_u32(std::process::id()));
        let own = own.and_then(sysinfo::Process::user_id).cloned();
        let is_there = |process: &&sysinfo::Process| process.status() != ProcessStatus::Zombie;
        let entries = system.processes().values().filter(is_there).map(|process| {
            let user =
                if own.is_some() && process.user_id() == own.as_ref() { User::Own } else { User::Another };
            let entry = entry(process, user, parent(&system, process));
            (entry.pid, entry)
        });
        let table: Table = entries.collect();
        Ok(Look { is_whole: !table.is_empty(), table })
    }
}

fn entry(process: &sysinfo::Process, user: User, parent: Option<u32>) -> Entry {
    let pid = process.pid().as_u32();
    let variables = || process.environ().iter().map(|line| line.as_encoded_bytes());
    let (group, session) = standing(pid);
    Entry {
        pid,
        parent,
        group,
        session,
        leads_session: session == Some(pid),
        started: process.start_time(),
        name: process.name().to_string_lossy().into_owned(),
        user,
        is_stopped: process.status() == ProcessStatus::Stop,
        mark: mark(variables()),
        stack: stack(variables()),
    }
}

/// Windows keeps the number of a parent that has ended, and another process may have it by now.
fn parent(system: &System, process: &sysinfo::Process) -> Option<u32> {
    let parent = system.process(process.parent()?)?;
    // In seconds, so the two may be equal.
    (parent.start_time() <= process.start_time()).then(|| parent.pid().as_u32())
}

#[cfg(unix)]
fn standing(pid: u32) -> (Option<u32>, Option<u32>) {
    let number = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let raw = |found: rustix::process::Pid| found.as_raw_nonzero().get().cast_unsigned();
    let group = number.and_then(|pid| rustix::process::getpgid(Some(pid)).ok()).map(raw);
    let session = number.and_then(|pid| rustix::process::getsid(Some(pid)).ok()).map(raw);
    (group, session)
}

#[cfg(windows)]
const fn standing(_: u32) -> (Option<u32>, Option<u32>) {
    (None, None)
}

/// A start as [`crate::process::started`] says it, in the unit of [`Entry::started`]: seconds since 1970.
pub(crate) const fn in_unit(started: u64) -> u64 {
    if cfg!(windows) {
        // From units of 100 ns since 1601.
        (started / 10_000_000).saturating_sub(11_644_473_600)
    } else {
        started / 1_000_000
    }
}

/// The folder that a process works in, as far as the system says.
pub(crate) fn folder(pid: u32) -> Option<PathBuf> {
    let pid = sysinfo::Pid::from_u32(pid);
    let system = look_at(pid, ProcessRefreshKind::nothing().with_cwd(UpdateKind::Always))?;
    Some(system.process(pid)?.cwd()?.to_owned())
}

/// Whether the process with this pid is the one that was seen, and runs.
pub(crate) fn is_still(entry: &Entry) -> bool {
    let pid = sysinfo::Pid::from_u32(entry.pid);
    let seen = look_at(pid, ProcessRefreshKind::nothing());
    seen.and_then(|system| Some(system.process(pid)?.start_time() == entry.started)).unwrap_or_default()
        && styxy_core::Pid::new(entry.pid).is_some_and(styxy_client::process::runs)
}

fn look_at(pid: sysinfo::Pid, wanted: ProcessRefreshKind) -> Option<System> {
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted.without_tasks());
    Some(system)
}
