//! Children that have ended. All of them are let go of here, in one place: services, what ends containers, and orphans of theirs.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use tokio::signal::unix::{SignalKind, signal};

use crate::up::system::End;

/// The children that a thread waits for, by pid. Whoever starts one holds it until the pid is in it.
static AWAITED: Mutex<BTreeMap<u32, Sender<End>>> = Mutex::new(BTreeMap::new());

fn awaited() -> MutexGuard<'static, BTreeMap<u32, Sender<End>>> {
    AWAITED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child that leads its process group, and that a thread waits for.
pub(in crate::up) struct Awaited {
    pid: u32,
    end: Receiver<End>,
}

impl Awaited {
    /// Starts a child in a group of its own.
    ///
    /// # Errors
    /// There is no such program, or no room for a process.
    pub(in crate::up) fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut awaited = awaited();
        let pid = command.process_group(0).spawn()?.id();
        let (tell, end) = channel();
        awaited.insert(pid, tell);
        Ok(Self { pid, end })
    }

    /// How it has ended; none if it still runs after so long.
    pub(in crate::up) fn ended_within(&self, time: Duration) -> Option<End> {
        self.end.recv_timeout(time).ok()
    }

    /// Kills it and its group. Nobody reaps it until that is done.
    pub(in crate::up) fn kill(&self) {
        let awaited = awaited();
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| awaited.contains_key(&self.pid)) {
            // If it has ended by now, that is what was wanted.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Says from now on which child has ended, and how; and when somebody wants this process to end.
///
/// # Errors
/// There is no room for a handler.
pub(in crate::up) fn interrupted_and_ended_children(
    interrupted: impl Fn() + Send + 'static,
    ended: impl Fn(u32, End) + Send + 'static,
) -> io::Result<()> {
    let mut children = signal(SignalKind::child())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // A terminal that is closed is the affair of whoever is attached.
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = children.recv() => reap(&ended),
                _ = terminate.recv() => interrupted(),
                _ = interrupt.recv() => interrupted(),
                _ = hangup.recv() => {}
            }
        }
    });
    Ok(())
}

/// Lets go of all children that have ended.
fn reap(ended: &impl Fn(u32, End)) {
    let mut awaited = awaited();
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        let pid = pid.as_raw_nonzero().get().cast_unsigned();
        let Some(end) = end(status) else { continue };
        if let Some(waits) = awaited.remove(&pid) {
            // Whoever waited may have given up.
            let _ = waits.send(end);
        } else {
            ended(pid, end);
        }
    }
}

fn end(status: WaitStatus) -> Option<End> {
    let code = status.exit_status().map(End::Code);
    code.or_else(|| status.terminating_signal().map(End::Signal))
}
