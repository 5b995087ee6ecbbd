//! The daemon's life, seen from outside: whether it runs, starting it, stopping it.

use std::pin::pin;
use std::time::{Duration, Instant};

use reqwest::Method;
use styxy_core::Pid;
use styxy_core::api::StatusAnswer;

use crate::http::{Daemons, Failure, Request};
use crate::start::{Began, Met, PAUSE, meet};
use crate::tries::Tries;
use crate::{Client, Error, Holder};

/// How long a daemon may take to stop.
const STOP: Duration = Duration::from_secs(5);
/// How long a daemon may take to say how it is.
const LOOK: Duration = Duration::from_secs(3);
/// After this time without an answer it is asked whether the daemon is stopped.
const PROMPT: Duration = Duration::from_millis(250);

/// A daemon that answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Contact {
    /// It ran before.
    Running(StatusAnswer),
    /// This call started it.
    Started {
        /// How it is.
        status: StatusAnswer,
        /// What a person should know about the start.
        notes: Vec<String>,
    },
}

impl Contact {
    /// How the daemon is.
    #[must_use]
    pub fn status(&self) -> &StatusAnswer {
        match self {
            Self::Running(status) | Self::Started { status, .. } => status,
        }
    }
}

/// How a stop went.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one per stop")]
pub enum Stopped {
    /// It ran, and has ended; this is how it was right before.
    WasRunning(StatusAnswer),
    /// There was nothing to stop.
    WasNot,
}

impl Client {
    /// The daemon's status; it is started first if none runs and the options say so.
    pub async fn connect(&self) -> Result<Contact, Error> {
        let request = Request::get("/status");
        let mut tries = Tries::new(&self.shared, &request);
        let status = tries.answer().await?.read()?;
        Ok(match tries.began() {
            Some(Began::Here { notes }) => Contact::Started { status, notes: notes.clone() },
            Some(Began::Elsewhere) | None => Contact::Running(status),
        })
    }

    /// The status of a daemon that runs; none if nobody holds the lock. Never starts one.
    ///
    /// # Errors
    /// A daemon runs and does not answer: [`Error::Stuck`] says which, within 3 s, or at once if it is known that it will
    /// not answer.
    pub async fn running(&self) -> Result<Option<StatusAnswer>, Error> {
        self.find(Daemons::Ours).await
    }

    /// Who holds the daemon's lock, for a caller that got no answer; none if nobody does.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        let connection = &self.shared.connection;
        connection.is_held().then(|| connection.holder())
    }

    async fn find(&self, daemons: Daemons) -> Result<Option<StatusAnswer>, Error> {
        let connection = &self.shared.connection;
        loop {
            if let Some(status) = self.look(daemons).await? {
                return Ok(Some(status));
            }
            // It may be about to answer, or about to end.
            if connection.options.socket.is_some()
                || !connection.is_held()
                || meet(connection, STOP).await? == Met::Free
            {
                return Ok(None);
            }
        }
    }

    pub(crate) async fn look(&self, daemons: Daemons) -> Result<Option<StatusAnswer>, Error> {
        let connection = &self.shared.connection;
        let request = Request::get("/status").answered_by(daemons);
        let mut asking = pin!(connection.once(&request, connection.options.timeout.min(LOOK)));
        let answer = match tokio::time::timeout(PROMPT, &mut asking).await {
            Ok(answer) => answer,
            Err(_) if connection.options.socket.is_none() && connection.holder().is_stopped() => {
                return Err(connection.stuck(connection.holder()));
            }
            Err(_) => asking.await,
        };
        match answer {
            Ok(answer) => answer.read().map(Some),
            Err(Failure::NoDaemon(_) | Failure::Unheard(_) | Failure::Died(_)) => {
                connection.forget_line();
                Ok(None)
            }
            Err(Failure::Final(error)) => Err(error),
        }
    }

    /// Stops the daemon and waits, 5 s at most, until it has released its lock. Its leases stay in its journal.
    ///
    /// A daemon with an older major version of the API is stopped too, because a restart fixes that. A daemon with a newer
    /// one is not.
    ///
    /// # Errors
    /// It still runs after that time, or does not answer. [`Client::holder`] then says who it is.
    pub async fn stop(&self) -> Result<Stopped, Error> {
        let deadline = Instant::now() + STOP;
        let connection = &self.shared.connection;
        let status = loop {
            match self.find(Daemons::OursOrOlder).await? {
                Some(status) => break status,
                // Its folder was removed a moment ago: it makes it again, or ends.
                None if connection.outlives_its_folder() && Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                None => return Ok(Stopped::WasNot),
            }
        };
        let shutdown = Request::new(Method::POST, "/shutdown").answered_by(Daemons::OursOrOlder);
        match connection.once(&shutdown, STOP).await {
            Ok(answer) => drop(answer.granted()?),
            // It ended before the request or during it.
            Err(Failure::NoDaemon(_) | Failure::Unheard(_) | Failure::Died(_)) => {}
            Err(Failure::Final(error)) => return Err(error),
        }
        connection.forget_line();
        while connection.is_held() && !self.is_succeeded(status.pid) {
            if Instant::now() >= deadline {
                return Err(Error::StillRunning { pid: status.pid.get(), after: STOP });
            }
            tokio::time::sleep(PAUSE / 3).await;
        }
        Ok(Stopped::WasRunning(status))
    }

    /// Whether a daemon other than `pid` holds the lock by now: one may be started the instant the lock is free.
    fn is_succeeded(&self, pid: Pid) -> bool {
        self.shared.connection.daemon_file().is_some_and(|daemon| daemon.pid != pid)
    }
}
