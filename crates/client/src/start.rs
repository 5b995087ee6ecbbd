//! Starting the daemon: one start at a time. The daemon's handshake says how the start went.

#[cfg_attr(windows, path = "start/windows.rs")]
#[cfg_attr(not(windows), path = "start/unix.rs")]
mod child;

#[cfg(windows)]
pub use child::{ends_with_job, start_detached};

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use styxy_core::handshake::Handshake;
use tokio::sync::{Mutex, oneshot};

use crate::connection::Connection;
use crate::http::{Failure, Request};
use crate::{Environment, Error, Options};

/// How long a daemon may take to say how its start went.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long another daemon may take to start or to stop.
const TAKEOVER: Duration = Duration::from_secs(3);
/// How often that other daemon is asked.
pub(crate) const PAUSE: Duration = Duration::from_millis(15);
/// No handshake is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// How a daemon came to run.
#[derive(Debug, Clone)]
pub(crate) enum Began {
    /// Another client was faster.
    Elsewhere,
    /// This start started it.
    Here { notes: Vec<String> },
}

/// Makes clones of a client start one daemon, not many.
#[derive(Debug, Default)]
pub(crate) struct Starter {
    /// How many starts have ended.
    count: AtomicU64,
    last: Mutex<Option<Result<Began, Error>>>,
}

impl Starter {
    /// How many starts have ended. It is read before the attempt whose failure leads to a start.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }
    /// Starts the daemon, unless a start has ended since `seen` was read: then the outcome is that one's.
    pub(crate) async fn start(&self, connection: &Connection, seen: u64) -> Result<Began, Error> {
        let mut last = self.last.lock().await;
        if let Some(outcome) = last.as_ref().filter(|_| self.count() != seen) {
            return outcome.clone();
        }
        let outcome = begin(connection).await;
        *last = Some(outcome.clone());
        self.count.fetch_add(1, Ordering::Release);
        outcome
    }
}

async fn begin(connection: &Connection) -> Result<Began, Error> {
    let deadline = Instant::now() + TAKEOVER;
    loop {
        // A daemon that has the lock is starting (and will answer) or stopping (and will release the lock).
        // Another user's process is neither: the daemon refuses to start, and says whose it is.
        if connection.is_held()
            && !connection.holder().is_foreign()
            && meet(connection, TAKEOVER).await? == Met::Answers
        {
            return Ok(Began::Elsewhere);
        }
        if let Some(sandbox) = connection.options.sandbox {
            return Err(Error::Sandboxed { sandbox });
        }
        match spawn(&connection.options, connection.layout.root()).await? {
            Handshake::Ready { notes, .. } => return Ok(Began::Here { notes }),
            Handshake::Refused { refusal } => return Err(Error::StartRefused(refusal)),
            // Another one was faster, or lives and has lost its lock.
            Handshake::Lost if Instant::now() >= deadline => {
                return Err(connection.stuck(connection.holder()));
            }
            Handshake::Lost => {}
        }
    }
}

/// How waiting for another daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// It answers.
    Answers,
    /// It has ended: nobody has the lock.
    Free,
}

/// Waits at most `patience` for a daemon that holds the lock and did not answer.
///
/// # Errors
/// It does not answer in time, or it is known that it will not.
pub(crate) async fn meet(connection: &Connection, patience: Duration) -> Result<Met, Error> {
    let begun = Instant::now();
    loop {
        let left = patience.saturating_sub(begun.elapsed()).max(PAUSE);
        match connection.once(&Request::get("/status"), left).await {
            Ok(_) => return Ok(Met::Answers),
            Err(Failure::Final(error)) => return Err(connection.explained(error)),
            Err(Failure::NoDaemon(_) | Failure::Unheard(_) | Failure::Died(_)) => connection.forget_line(),
        }
        let holder = connection.holder();
        if !connection.is_held() {
            return Ok(Met::Free);
        }
        if begun.elapsed() >= patience.min(holder.patience()) {
            return Err(connection.stuck(holder));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Runs the daemon's program and waits for its handshake.
async fn spawn(options: &Options, home: &Path) -> Result<Handshake, Error> {
    // A name without a folder is looked up in PATH. A relative path must not depend on the daemon's working folder.
    let daemon = match options.daemon.components().count() {
        0 | 1 => options.daemon.clone(),
        _ => std::path::absolute(&options.daemon).unwrap_or_else(|_| options.daemon.clone()),
    };
    let not_started = |source| Error::NotStarted { daemon: daemon.clone(), source: Arc::new(source) };
    let mut environment = options.environment.clone();
    set_home(&mut environment, home);
    let program = daemon.clone();

    let (sender, receiver) = oneshot::channel();
    // A thread of its own, because it outlives the call to reap the child. It needs a small stack only.
    let thread = thread::Builder::new().name("styxy-start".into()).stack_size(128 * 1024);
    thread.spawn(move || run(&program, &environment, sender)).map_err(not_started)?;
    match tokio::time::timeout(HANDSHAKE, receiver).await {
        Ok(Ok(Ok(Said { line, killed_by: Some(signal) }))) if line.is_empty() => {
            Err(Error::StartKilled { signal })
        }
        Ok(Ok(Ok(Said { line, .. }))) => {
            Handshake::from_line(&line).map_err(|_| Error::StartFailed { said: line.trim_end().to_owned() })
        }
        Ok(Ok(Err(error))) => Err(not_started(error)),
        Ok(Err(_)) => Err(Error::StartFailed { said: String::new() }),
        Err(_) => Err(Error::StartSilent { after: HANDSHAKE }),
    }
}

/// What the child's start came to.
struct Said {
    /// Its first line; empty if it ended without one.
    line: String,
    /// The signal that ended it, if it ended without a word and somebody ended it.
    killed_by: Option<i32>,
}

/// Makes `home` the folder of the daemon that gets this environment.
fn set_home(environment: &mut Environment, home: &Path) {
    const NAME: &str = "STYXY_HOME";
    // Windows does not distinguish the letters' case in names, and the first of two variables would count.
    if cfg!(windows) {
        environment.retain(|name, _| !name.eq_ignore_ascii_case(NAME));
    }
    environment.insert(NAME.into(), home.into());
}

/// Starts the child, passes on its first line, and waits for its end if the system wants that.
fn run(program: &Path, environment: &Environment, sender: oneshot::Sender<io::Result<Said>>) {
    let (says, child) = match child::start(program, environment) {
        Ok(started) => started,
        Err(error) => {
            // The caller may have stopped waiting.
            let _ = sender.send(Err(error));
            return;
        }
    };
    let mut line = Vec::new();
    let _ = BufReader::new(says.take(LONGEST)).read_until(b'\n', &mut line);
    let line = String::from_utf8_lossy(&line).into_owned();
    // Without a line it has ended, or is about to.
    let (killed_by, child) = if line.is_empty() { (child.ended_by(), None) } else { (None, Some(child)) };
    let _ = sender.send(Ok(Said { line, killed_by }));
    if let Some(child) = child {
        child.reap();
    }
}
