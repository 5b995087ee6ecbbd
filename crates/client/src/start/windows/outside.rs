//! Who may be the daemon's parent in place of this process, which is in a job that may not be left.
//!
//! Windows puts a new process into the jobs of its parent, and lets any process that one may open for that be the parent
//! (`PROC_THREAD_ATTRIBUTE_PARENT_PROCESS`). Most often it is the one that made the job: a terminal, or an agent.

use styxy_core::Pid;
use styxy_os::{ProcessHandle, own_sid, user_of};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
use windows_sys::Win32::System::Threading::{
    PROCESS_CREATE_PROCESS, PROCESS_DUP_HANDLE, PROCESS_QUERY_INFORMATION,
};

/// What shows the desktop. It is in no job.
const DESKTOP: &str = "explorer.exe";

/// Processes of this user that are in no job: this one's ancestors, the nearest first, then the desktop.
pub(super) fn parents() -> impl Iterator<Item = ProcessHandle> {
    let ancestors = Pid::new(std::process::id()).into_iter().flat_map(styxy_os::ancestors);
    // Looked for only if no ancestor will do: it takes a look at all processes.
    let desktop = std::iter::once_with(desktop).flatten();
    let own = own_sid().ok();
    ancestors.chain(desktop).filter_map(move |pid| fit(pid, own.as_deref()?))
}

/// The process, if the daemon would be in no job and of this user as its child: it gets its parent's user too.
fn fit(pid: Pid, own: &str) -> Option<ProcessHandle> {
    let rights = PROCESS_CREATE_PROCESS | PROCESS_DUP_HANDLE | PROCESS_QUERY_INFORMATION;
    let process = ProcessHandle::open_for(pid, rights).ok()?;
    let is_outside = matches!(process.is_in_job(), Ok(false));
    let is_ours = user_of(&process).is_ok_and(|user| user == own);
    (is_outside && is_ours && !process.has_ended()).then_some(process)
}

fn desktop() -> Vec<Pid> {
    let Ok(mut system) = System::new() else { return Vec::new() };
    let wanted = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
    let named = system.processes().values().filter(|process| process.name().eq_ignore_ascii_case(DESKTOP));
    named.filter_map(|process| Pid::new(process.pid().as_u32())).collect()
}
