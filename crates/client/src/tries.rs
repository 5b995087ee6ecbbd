//! One call, from its first try to its last: it is sent again until its own time is over.
//!
//! Whether a request may be sent again depends on how it failed and on what it does. How often it is sent does not: a
//! daemon may be killed, stopped and restarted several times while one call waits.

use std::time::{Duration, Instant};

use crate::client::Shared;
use crate::http::{Answer, Failure, Repeat, Request};
use crate::start::{Began, Met, PAUSE, meet};
use crate::{Error, Start};

/// How long all starts of one call may take together. They do not count as the call's own time.
const STARTS: Duration = Duration::from_secs(8);

/// The tries of one call.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    shared: &'a Shared,
    request: &'a Request,
    /// When the call's own time is over.
    until: Instant,
    /// How long it took to start daemons so far.
    starting: Duration,
    /// How many starts had ended before this try.
    starts: u64,
    /// The start that this call made, or that another one made for it.
    began: Option<Began>,
    /// Whether a daemon was there during this call. One that went is most often followed by another.
    was_there: bool,
    acted: Acted,
}

/// Whether the daemon may have done what the request asks for, without its answer having arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acted {
    No,
    Perhaps,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(shared: &'a Shared, request: &'a Request) -> Self {
        let until = Instant::now() + shared.connection.options.timeout;
        let (starting, starts) = (Duration::ZERO, 0);
        Self { shared, request, until, starting, starts, began: None, was_there: false, acted: Acted::No }
    }

    /// The answer, after as many tries as it takes.
    ///
    /// # Errors
    /// No answer came in the call's time, or another try would not help or not be safe.
    pub(crate) async fn answer(&mut self) -> Result<Answer, Error> {
        loop {
            let left = self.begin();
            match self.shared.connection.once(self.request, left).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => self.recover(failure).await?,
            }
        }
    }

    /// Begins a try, and says how much of the call's time is left for it.
    pub(crate) fn begin(&mut self) -> Duration {
        self.starts = self.shared.starter.count();
        self.left()
    }

    /// How the daemon was started, if this call needed a start.
    pub(crate) fn began(&self) -> Option<&Began> {
        self.began.as_ref()
    }

    /// Whether an earlier try than the last may have done what the request asks for.
    pub(crate) fn acted(&self) -> Acted {
        self.acted
    }

    /// Makes another try possible after `failure`: waits for a daemon, or starts one.
    ///
    /// # Errors
    /// The failure itself if another try would not help or not be safe, or why there is no daemon.
    pub(crate) async fn recover(&mut self, failure: Failure) -> Result<(), Error> {
        self.shared.connection.forget_line();
        match (failure, self.request.repeat()) {
            (Failure::Final(error), _) => Err(self.explained(error)),
            (Failure::Died(error), Repeat::Never) => Err(error),
            (Failure::Died(error), Repeat::Safe) => {
                self.acted = Acted::Perhaps;
                self.was_there = true;
                self.pause(error).await
            }
            (Failure::Unheard(error), _) => {
                self.was_there = true;
                self.pause(error).await
            }
            (Failure::NoDaemon(error), _) => self.find_daemon(error).await,
        }
    }

    /// None answers: starts one if that is wanted, else waits for one that starts or ends.
    async fn find_daemon(&mut self, error: Error) -> Result<(), Error> {
        let connection = &self.shared.connection;
        let options = &connection.options;
        if options.socket.is_none() && options.start == Start::Auto {
            return self.start(error).await;
        }
        // A socket that was named need not be the one of this home.
        if options.socket.is_none()
            && connection.is_held()
            && meet(connection, self.left()).await? == Met::Answers
        {
            return Ok(());
        }
        if self.was_there { self.pause(error).await } else { Err(error) }
    }

    async fn start(&mut self, error: Error) -> Result<(), Error> {
        if self.starting >= STARTS {
            return Err(error);
        }
        let since = Instant::now();
        let outcome = self.shared.starter.start(&self.shared.connection, self.starts).await;
        let took = since.elapsed();
        self.starting += took;
        self.until += took;
        match outcome {
            Ok(began) => {
                self.began = Some(began);
                Ok(())
            }
            // Somebody stops daemons, or replaces their program, right now.
            Err(error @ Error::StartKilled { .. }) => self.pause(error).await,
            Err(error) => Err(error),
        }
    }

    /// Waits a moment for another daemon; fails with `error` if the call's time is over.
    async fn pause(&self, error: Error) -> Result<(), Error> {
        if self.left() <= PAUSE {
            return Err(error);
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// `error`, or what the system knows about it: a daemon that is stopped is why no answer comes.
    fn explained(&self, error: Error) -> Error {
        let connection = &self.shared.connection;
        match connection.explained(error) {
            // The last try had less time.
            Error::Silent { route, .. } => Error::Silent { route, after: connection.options.timeout },
            error => error,
        }
    }
}
