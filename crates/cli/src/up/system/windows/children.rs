//! Children that have ended. A thread waits for each: nothing else says it.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use styxy_client::process::ProcessHandle;
use styxy_core::Pid;

use crate::up::system::End;

type Ended = Box<dyn Fn(u32, End) + Send>;

/// Who learns of the end of a child.
static ENDED: OnceLock<Mutex<Ended>> = OnceLock::new();

/// Says from now on which child has ended, and how. Nobody can ask this process to end: it has no console.
///
/// # Errors
/// None on this system.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(in crate::up) fn interrupted_and_ended_children(
    _: impl Fn() + Send + 'static,
    ended: impl Fn(u32, End) + Send + 'static,
) -> io::Result<()> {
    // There is one keeper in a process.
    let _ = ENDED.set(Mutex::new(Box::new(ended)));
    Ok(())
}

/// Waits for the end of a child on a thread of its own. As long as it does, no other process has the child's pid.
pub(super) fn wait_for(mut child: Child) -> io::Result<()> {
    let wait = move || {
        let (pid, end) = (child.id(), child.wait().map_or(End::Code(1), of));
        if let Some(ended) = ENDED.get() {
            ended.lock().unwrap_or_else(PoisonError::into_inner)(pid, end);
        }
    };
    thread::Builder::new().name("child".to_owned()).spawn(wait).map(drop)
}

fn of(status: ExitStatus) -> End {
    End::Code(status.code().unwrap_or(1))
}

/// A child that a thread waits for.
pub(in crate::up) struct Awaited {
    child: Mutex<Child>,
    handle: ProcessHandle,
}

impl Awaited {
    /// # Errors
    /// There is no such program, or no room for a process.
    pub(in crate::up) fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        let handle = ProcessHandle::open(Pid::new(child.id()).ok_or(io::ErrorKind::NotFound)?)?;
        Ok(Self { child: Mutex::new(child), handle })
    }

    /// How it has ended; none if it still runs after so long.
    pub(in crate::up) fn ended_within(&self, time: Duration) -> Option<End> {
        let has_ended = self.handle.ended_within(time).unwrap_or(false);
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if has_ended { child.wait().ok().map(of) } else { None }
    }

    /// Kills it.
    pub(in crate::up) fn kill(&self) {
        // If it has ended by now, that is what was wanted.
        let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }
}
