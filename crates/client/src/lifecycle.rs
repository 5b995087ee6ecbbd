//! The daemon's life, seen from outside: whether it runs, starting it, stopping it.

use std::time::{Duration, Instant};

use reqwest::Method;
use styxy_core::Pid;
use styxy_core::api::StatusAnswer;

use crate::client::Shared;
use crate::http::{Daemons, Failure, Request};
use crate::start::{Began, PAUSE, is_held};
use crate::{Client, Error, Start};

/// How long a daemon may take to stop.
const STOP: Duration = Duration::from_secs(5);

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
        let Shared { connection, starter } = &*self.shared;
        let starts = starter.count();
        if let Some(status) = self.running().await? {
            return Ok(Contact::Running(status));
        }
        if connection.options.start == Start::Never {
            return Err(Error::NotRunning { place: connection.options.home.clone() });
        }
        let began = starter.start(connection, starts).await?;
        let status = connection.once(&Request::get("/status"), connection.options.timeout).await;
        let status = status.map_err(Error::from)?.read()?;
        Ok(match began {
            Began::Here { notes } => Contact::Started { status, notes },
            Began::Elsewhere => Contact::Running(status),
        })
    }

    /// The status of a daemon that runs; never starts one.
    pub async fn running(&self) -> Result<Option<StatusAnswer>, Error> {
        self.look(Daemons::Ours).await
    }

    async fn look(&self, daemons: Daemons) -> Result<Option<StatusAnswer>, Error> {
        let connection = &self.shared.connection;
        let request = Request::get("/status").answered_by(daemons);
        match connection.once(&request, connection.options.timeout).await {
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
    /// It still runs after that time, or does not answer.
    pub async fn stop(&self) -> Result<Stopped, Error> {
        let deadline = Instant::now() + STOP;
        let connection = &self.shared.connection;
        let lock = connection.layout.lock();
        let status = loop {
            if let Some(status) = self.look(Daemons::OursOrOlder).await? {
                break status;
            }
            if !is_held(&lock) {
                return Ok(Stopped::WasNot);
            }
            // A daemon that is about to answer, or about to end.
            if Instant::now() >= deadline {
                return Err(Error::Stuck { lock });
            }
            tokio::time::sleep(PAUSE).await;
        };
        let shutdown = Request::new(Method::POST, "/shutdown").answered_by(Daemons::OursOrOlder);
        match connection.once(&shutdown, STOP).await {
            Ok(answer) => drop(answer.granted()?),
            // It ended before the request or during it.
            Err(Failure::NoDaemon(_) | Failure::Unheard(_) | Failure::Died(_)) => {}
            Err(Failure::Final(error)) => return Err(error),
        }
        connection.forget_line();
        while is_held(&lock) && !self.is_succeeded(status.pid) {
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
