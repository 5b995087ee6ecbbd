//! The connection to a daemon that runs: where its socket is, and whose.

#[cfg(unix)]
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Response;
use styxy_core::handshake::DaemonFile;
use styxy_core::layout::Layout;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::{Answer, Failure, Line, Request, UNDER_WAY};
use crate::{Error, Holder, Options, ownership};

/// The connection to the daemon that the options describe. It starts none.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    /// The socket that was used last; empty at first and after a failure.
    line: Mutex<Option<Line>>,
    /// Requests that wait for one of the connections come in the order in which they were made.
    turns: Semaphore,
}

impl Connection {
    /// Connects to nothing yet.
    pub(crate) fn new(options: Options) -> Self {
        let layout = Layout::new(options.home.clone());
        Self { options, layout, line: Mutex::default(), turns: Semaphore::new(UNDER_WAY) }
    }

    /// Sends `request` to a running daemon. Starts none.
    pub(crate) async fn once(&self, request: &Request, timeout: Duration) -> Result<Answer, Failure> {
        let (_turn, left) = self.turn(request, timeout).await?;
        self.line()?.exchange(request, left).await
    }

    /// As [`Connection::once`], for an answer that is a stream. A stream that is open does not count among the connections.
    pub(crate) async fn open(&self, request: &Request, timeout: Duration) -> Result<Response, Failure> {
        let (_turn, left) = self.turn(request, timeout).await?;
        self.line()?.open(request, left).await
    }

    /// Waits for a connection to be free, within `timeout`. Says how much of that is left.
    async fn turn(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<(SemaphorePermit<'_>, Duration), Failure> {
        let until = Instant::now() + timeout;
        match tokio::time::timeout(timeout, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok((turn, until.saturating_duration_since(Instant::now()))),
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => {
                Err(Failure::Final(Error::Silent { route: request.route(), after: timeout }))
            }
        }
    }

    /// `error`, or why no answer came, if the system knows it.
    pub(crate) fn explained(&self, error: Error) -> Error {
        let holder = match error {
            Error::Silent { .. } if self.options.socket.is_none() => self.holder(),
            error => return error,
        };
        if holder.is_stopped() { self.stuck(holder) } else { error }
    }

    /// That the daemon holds the lock and does not answer.
    pub(crate) fn stuck(&self, holder: Holder) -> Error {
        Error::Stuck { lock: self.layout.lock(), holder }
    }

    /// The daemon's socket, after a check of its owner.
    fn line(&self) -> Result<Line, Failure> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = &*line {
            return Ok(line.clone());
        }
        let home = self.layout.root();
        let socket = if let Some(given) = &self.options.socket {
            given.clone()
        } else {
            ownership::check(home)?;
            self.socket().ok_or_else(|| Failure::NoDaemon(Error::NotRunning { place: home.to_owned() }))?
        };
        if let Some(folder) = socket.parent() {
            ownership::check(folder)?;
        }
        ownership::check(&socket)?;
        let place = self.options.socket.as_deref().unwrap_or(home);
        Ok(line.insert(Line::new(place, socket)?).clone())
    }

    /// Makes the next call find the socket and check its owner again.
    pub(crate) fn forget_line(&self) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    #[cfg(windows)]
    #[expect(clippy::unnecessary_wraps, reason = "as on the other systems")]
    fn socket(&self) -> Option<PathBuf> {
        let pipe = self.named().unwrap_or_else(|| self.layout.pipe().into());
        Some(pipe)
    }

    /// Where the socket is, if there is one.
    #[cfg(unix)]
    fn socket(&self) -> Option<PathBuf> {
        let uid = rustix::process::geteuid().as_raw();
        let variable = |name: &str| self.options.environment.get(OsStr::new(name)).cloned();
        let own = self.layout.socket(&styxy_core::layout::runtime_folder(variable, uid));
        // A socket outside of the folder is where the daemon's environment says. Our environment may differ.
        if own.starts_with(self.layout.root()) && own.exists() {
            return Some(own);
        }
        self.named().filter(|named| named.exists()).or_else(|| own.exists().then_some(own))
    }

    /// The socket that `daemon.json` names.
    fn named(&self) -> Option<PathBuf> {
        Some(self.daemon_file()?.socket.into())
    }

    /// What the daemon that started last says of itself in `daemon.json`, if it can be read.
    pub(crate) fn daemon_file(&self) -> Option<DaemonFile> {
        let json = std::fs::read(self.layout.daemon_file()).ok()?;
        serde_json::from_slice(&json).ok()
    }
}
