//! What the daemon says of leases, for all services that wait for theirs: one connection, as long as anybody waits.

use std::sync::Arc;

use styxy_client::{Client, Events};
use styxy_core::api::Lease;
use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::up::wire::LeaseKey;

/// How much may be said that somebody has not heard yet; of what is said beyond that he only learns that it was.
const BEHIND: usize = 256;

/// The connection, if there is one.
#[derive(Clone, Default)]
pub(super) struct Hearing(Arc<Mutex<Option<Sender<Arc<Lease>>>>>);

/// What is said from now on.
pub(super) struct Heard(Receiver<Arc<Lease>>);

impl Hearing {
    /// Whatever happens after this is heard. None if the daemon does not answer.
    pub(super) async fn listen(&self, client: &Client) -> Option<Heard> {
        let mut open = self.0.lock().await;
        if let Some(says) = &*open {
            return Some(Heard(says.subscribe()));
        }
        let events = client.events(None).await.ok()?;
        let (says, heard) = channel(BEHIND);
        *open = Some(says.clone());
        tokio::spawn(pass_on(events, says, self.clone()));
        Some(Heard(heard))
    }
}

/// Passes on what is said, until the daemon has gone or nobody waits any more.
async fn pass_on(mut events: Events, says: Sender<Arc<Lease>>, hearing: Hearing) {
    loop {
        tokio::select! {
            said = events.next() => {
                let Ok(Some(event)) = said else { break };
                if let Some(lease) = event.message.and_then(|message| message.lease) {
                    let _ = says.send(Arc::new(lease));
                }
            }
            // The daemon writes a comment every few seconds, and each would wake a keeper that waits for nothing.
            () = says.closed() => {
                let mut open = hearing.0.lock().await;
                // Somebody may have begun to wait since.
                if says.receiver_count() == 0 {
                    *open = None;
                    return;
                }
            }
        }
    }
    // Whoever waits hears that by the end of its channel.
    *hearing.0.lock().await = None;
}

impl Heard {
    /// Waits until something is said of a lease of this key. False once nothing can be said any more.
    pub(super) async fn of(&mut self, key: &LeaseKey) -> bool {
        loop {
            match self.0.recv().await {
                Ok(lease) => {
                    if lease.service_type == key.kind && lease.service_name == key.name {
                        return true;
                    }
                }
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}
