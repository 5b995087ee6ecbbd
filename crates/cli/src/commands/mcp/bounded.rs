//! How many requests of a client are worked on at once. The next one is read when one of them has its answer, so a client
//! that sends thousands waits like any other writer to a full pipe, and none of its requests is given up at the end of stdin.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ClientNotification, ErrorCode, ErrorData, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::Notify;

/// Requests at once.
const MOST: usize = 32;
/// How long answers may take after the end of stdin: longer than the daemon takes for any, and no process stays for ever.
const END: Duration = Duration::from_mins(1);

/// A transport that reads no further while there are [`MOST`] requests without an answer.
pub(super) struct Bounded<T> {
    inner: T,
    open: Arc<Open>,
}

/// The requests without an answer.
#[derive(Default)]
struct Open {
    ids: Mutex<HashSet<RequestId>>,
    closed: Notify,
}

impl<T> Bounded<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, open: Arc::default() }
    }
}

impl Open {
    fn begin(&self, id: RequestId) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn end(&self, id: &RequestId) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.closed.notify_one();
    }

    /// Waits until fewer than `count` have no answer. May be dropped while it waits.
    async fn fewer_than(&self, count: usize) {
        while self.ids.lock().unwrap_or_else(PoisonError::into_inner).len() >= count {
            // One that ended since leaves its permit.
            self.closed.notified().await;
        }
    }
}

/// The SDK answers methods that it knows and this server does not have with their bare name.
fn say_what_is_unknown(error: &mut ErrorData) {
    if error.code == ErrorCode::METHOD_NOT_FOUND && !error.message.contains(' ') {
        error.message = format!("unknown method {:?}", error.message).into();
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Bounded<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        mut message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        if let JsonRpcMessage::Error(error) = &mut message {
            say_what_is_unknown(&mut error.error);
        }
        let answered = match &message {
            JsonRpcMessage::Response(response) => Some(response.id.clone()),
            JsonRpcMessage::Error(error) => error.id.clone(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        let open = Arc::clone(&self.open);
        let sending = self.inner.send(message);
        async move {
            let sent = sending.await;
            if let Some(id) = answered {
                open.end(&id);
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.open.fewer_than(MOST).await;
        let Some(message) = self.inner.receive().await else {
            // What was asked before is answered. The service gives up what is left 5 s after it hears of the end.
            let _ = tokio::time::timeout(END, self.open.fewer_than(1)).await;
            return None;
        };
        match &message {
            JsonRpcMessage::Request(request) => self.open.begin(request.id.clone()),
            // A request that is cancelled gets no answer.
            JsonRpcMessage::Notification(said) => {
                if let ClientNotification::CancelledNotification(cancelled) = &said.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.open.end(id);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        Some(message)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.inner.close()
    }
}
