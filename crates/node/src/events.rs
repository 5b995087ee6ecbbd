//! The stream of events, read one at a time.

use std::sync::Arc;

use napi_derive::napi;
use tokio::sync::{Mutex, Notify};

use crate::answers::RawEvent;
use crate::error::{Result, failed};

/// An open stream of events. It ends when the daemon does, when `close` is called, or when it is collected.
#[napi]
pub struct Events {
    stream: Arc<Mutex<Option<styxy_client::Events>>>,
    closed: Arc<Notify>,
}

impl Events {
    pub(crate) fn new(stream: styxy_client::Events) -> Self {
        Self { stream: Arc::new(Mutex::new(Some(stream))), closed: Arc::new(Notify::new()) }
    }
}

#[napi]
impl Events {
    /// The next event; null when there will be no more. A second call waits for the first.
    #[napi]
    pub async fn next(&self) -> Result<Option<RawEvent>> {
        let (stream, closed) = (Arc::clone(&self.stream), Arc::clone(&self.closed));
        let mut stream = stream.lock().await;
        loop {
            let Some(open) = stream.as_mut() else { return Ok(None) };
            let next = tokio::select! {
                next = open.next() => next,
                () = closed.notified() => Ok(None),
            };
            match next {
                // A kind of event that only a newer daemon knows.
                Ok(Some(event)) if event.message.is_none() && event.name != "reset" => {}
                Ok(Some(event)) => return RawEvent::new(event.name, event.message).map(Some),
                Ok(None) => {
                    *stream = None;
                    return Ok(None);
                }
                Err(error) => {
                    *stream = None;
                    return Err(failed(&error));
                }
            }
        }
    }

    /// Ends the stream: a `next` that waits gives null, and so does every later one.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        // Kept for the next `next` if none waits now.
        self.closed.notify_one();
        if let Ok(mut stream) = self.stream.try_lock() {
            *stream = None;
        }
    }
}
