//! `GET /events`: server-sent events, read as they come.

mod blocks;

use std::sync::Arc;

use reqwest::Response;
use styxy_core::api::{EventMessage, EventName};

use self::blocks::{Block, Parser};
use crate::Error;

/// The daemon's events, as they happen.
#[derive(Debug)]
pub struct Events {
    route: String,
    response: Response,
    parser: Parser,
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `granted`, `ended`, …; `reset` if events were missed because the journal no longer has them: read the lists again.
    pub name: String,
    /// What happened; none for `reset`, and for an event of a newer daemon that is unknown here.
    pub message: Option<EventMessage>,
}

impl Events {
    pub(crate) fn new(route: String, response: Response) -> Self {
        Self { route, response, parser: Parser::default() }
    }

    /// The next event, without a limit of time; none if the daemon ended the stream. May be dropped and called again.
    ///
    /// # Errors
    /// The connection broke, or an event with a known name cannot be read.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(block) = self.parser.ready.pop_front() {
                return self.event(block).map(Some);
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.parser.feed(&bytes),
                Ok(None) => return Ok(None),
                Err(source) => {
                    return Err(Error::BrokenOff { route: self.route.clone(), source: Arc::new(source) });
                }
            }
        }
    }

    fn event(&self, block: Block) -> Result<Event, Error> {
        let known = serde_json::from_value::<EventName>(block.name.as_str().into()).is_ok();
        let message = match serde_json::from_slice(block.data.as_bytes()) {
            Ok(message) => Some(message),
            Err(source) if known => {
                return Err(Error::Unintelligible { route: self.route.clone(), source: Arc::new(source) });
            }
            Err(_) => None,
        };
        Ok(Event { name: block.name, message })
    }
}
