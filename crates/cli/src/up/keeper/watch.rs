//! What the keeper waits for beside its clients: children, processes of earlier keepers, the worktree, the agent session, signals.
//! Each is a thread or a task that sleeps until it happens.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use styxy_core::Pid;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::happen::{End, Happening};
use crate::process::Handle;
use crate::up::system::{self, identity};
use crate::up::wire::Session;

/// How long a wait lasts before it is begun again.
const LONG: Duration = Duration::from_hours(24);
/// How long nobody may connect to a keeper that has nothing to keep.
const ALONE: Duration = Duration::from_secs(30);
/// How often the worktree is looked at where nothing says that it is gone.
#[cfg(not(target_os = "linux"))]
const GLANCE: Duration = Duration::from_mins(1);

/// Says when a child ends, and when somebody wants the keeper to end.
///
/// # Errors
/// There is no room for a handler.
pub(super) fn signals(happen: &UnboundedSender<Happening>) -> io::Result<()> {
    let (terminate, happen) = (happen.clone(), happen.clone());
    system::interrupted_and_ended_children(
        move || drop(terminate.send(Happening::Terminate)),
        move |pid, end| drop(happen.send(Happening::Child { pid, end })),
    )
}

/// Says when whoever has started the keeper has had time to connect: without that it would wait for ever for somebody who was killed.
/// Once somebody has connected, the handle stops it, so that it wakes nobody.
pub(super) fn alone(happen: &UnboundedSender<Happening>) -> AbortHandle {
    let happen = happen.clone();
    let waits = async move {
        tokio::time::sleep(ALONE).await;
        let _ = happen.send(Happening::Alone);
    };
    tokio::spawn(waits).abort_handle()
}

/// Says when a process ends that is not this one's child.
///
/// # Errors
/// There is no such process, or no room for a thread.
pub(super) fn process(
    pid: u32,
    happen: &UnboundedSender<Happening>,
    ended: impl FnOnce(Option<End>) -> Happening + Send + 'static,
) -> io::Result<()> {
    let handle = Pid::new(pid).map(Handle::open).transpose()?.flatten();
    let handle = handle.ok_or(io::ErrorKind::NotFound)?;
    let happen = happen.clone();
    let wait = move || {
        while handle.ended_within(LONG).is_ok_and(|ended| !ended) {}
        let _ = happen.send(ended(system::code_of(&handle)));
    };
    thread::Builder::new().name("process".to_owned()).spawn(wait).map(drop)
}

/// Says when an agent session has ended, and when it has been over for as long as `grace`.
pub(super) fn session(session: &Session, grace: Duration, happen: &UnboundedSender<Happening>) {
    let Some(pid) = session.pid else { return };
    let (then, say) = (session.started, happen.clone());
    let over = move || {
        let handle = Pid::new(pid).and_then(|pid| Handle::open(pid).ok().flatten());
        let now = Pid::new(pid).and_then(crate::process::started);
        // Another process may have the pid by now.
        if let Some(handle) = handle.filter(|_| then.is_none() || now == then) {
            while handle.ended_within(LONG).is_ok_and(|ended| !ended) {}
        }
        let _ = say.send(Happening::SessionEnded { pid });
        thread::sleep(grace);
        let _ = say.send(Happening::SessionOver { pid });
    };
    // Without a thread the services stay until somebody ends them.
    let _ = thread::Builder::new().name("session".to_owned()).spawn(over);
}

/// Says when the worktree is gone or somewhere else.
pub(super) fn root(root: &Path, folder: Option<(u64, u64)>, happen: &UnboundedSender<Happening>) {
    let (root, happen) = (root.to_owned(), happen.clone());
    let watch = move || {
        // Where a server writes while git removes its folder, some of that stays, and git has forgotten the worktree all the same.
        let record = styxy_client::worktree_record(&root).filter(|record| record.exists());
        let Some(mut change) = changes(&root, record.as_deref()) else { return };
        loop {
            match identity(&root) {
                Some(_) if record.as_ref().is_some_and(|record| !record.exists()) => {
                    break said(&happen, folder, "git has removed it");
                }
                Some(now) if Some(now) == folder => change(),
                Some(_) => break said(&happen, folder, "another folder is at its path now"),
                None => break said(&happen, folder, "its folder was removed or moved"),
            }
        }
    };
    let _ = thread::Builder::new().name("worktree".to_owned()).spawn(watch);
}

fn said(happen: &UnboundedSender<Happening>, folder: Option<(u64, u64)>, why: &str) {
    let _ = happen.send(Happening::Root { folder, why: why.to_owned() });
}

/// Waits each time until the folder may have changed its place, or git its record of it. What is above says so: the folder itself
/// does not, while a server works in it.
#[cfg(target_os = "linux")]
fn changes(root: &Path, record: Option<&Path>) -> Option<impl FnMut() + use<>> {
    use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt as _;
    let names =
        [root, record.unwrap_or(root)].map(|path| path.file_name().unwrap_or_default().as_bytes().to_vec());
    let events = init(CreateFlags::CLOEXEC).ok()?;
    let goes = WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::ONLYDIR;
    add_watch(&events, root.parent()?, goes | WatchFlags::MOVE_SELF).ok()?;
    let _ = record.and_then(Path::parent).map(|records| add_watch(&events, records, goes));
    let _ = add_watch(&events, root, WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF);
    // It moves with any of these too, and they say nothing of what happens in them.
    for above in root.ancestors().skip(2) {
        let _ = add_watch(&events, above, WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR);
    }
    Some(move || {
        let mut bytes = [MaybeUninit::uninit(); 1024];
        let mut reader = Reader::new(&events, &mut bytes);
        // An event without a name is about the folder itself.
        while let Ok(event) = reader.next() {
            if event.file_name().is_none_or(|changed| names.iter().any(|name| changed.to_bytes() == name)) {
                return;
            }
        }
    })
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
fn changes(_: &Path, _: Option<&Path>) -> Option<impl FnMut() + use<>> {
    Some(|| thread::sleep(GLANCE))
}
