//! The stream of events, read one at a time.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tokio::sync::{Mutex, Notify};

use crate::answers::RawEvent;
use crate::error::{Result, failed};

/// An open stream of events. It ends when the daemon does, when `close` is called, or when it is collected.
#[napi]
pub struct Events {
    // Shared with the futures, which may outlive the object: see the module `client`.
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
    #[napi(catch_unwind, ts_return_type = "Promise<RawEvent | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> Result<PromiseRaw<'env, Option<RawEvent>>> {
        env.spawn_future(next(Arc::clone(&self.stream), Arc::clone(&self.closed)))
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

impl Drop for Events {
    fn drop(&mut self) {
        // A `next` may still wait, and nobody receives its result any more.
        self.closed.notify_one();
    }
}

async fn next(
    stream: Arc<Mutex<Option<styxy_client::Events>>>,
    closed: Arc<Notify>,
) -> Result<Option<RawEvent>> {
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
