//! The end of a connection whose client may still be sending. A close with unread bytes resets the connection, and then the client
//! reads an error in the place of its answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Body;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

/// How long a client that has its answer may go on sending.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many bytes of it are read: more than the system keeps in both ends of a connection.
const MOST: usize = 16 * 1024 * 1024;
const STEP: usize = 16 * 1024;

/// Whether the client of a connection may still be sending when the connection ends.
#[derive(Debug, Default)]
pub struct Sending {
    has_body: AtomicBool,
}

impl Sending {
    /// Notes the last request so far. One without a body was read whole.
    pub fn asked(&self, request: &Request<impl Body>) {
        self.has_body.store(!request.body().is_end_stream(), Ordering::Relaxed);
    }

    /// Whether it may be, by how the connection ended: in the middle of a request that is not HTTP or too long, or after a body that was
    /// perhaps not read whole.
    #[must_use]
    pub fn may_go_on(&self, ended: &hyper::Result<()>) -> bool {
        match ended {
            Ok(()) => self.has_body.load(Ordering::Relaxed),
            Err(error) => error.is_parse(),
        }
    }
}

/// Reads what the client still sends, and forgets it, until the client closes too; for a bounded time, and up to a bounded number of
/// bytes. Its answer was sent already, and that no other one follows.
pub async fn linger(io: &mut (impl AsyncRead + Unpin)) {
    let read = async {
        let mut forgotten = vec![0; STEP];
        let mut left = MOST;
        while left > 0 {
            match io.read(&mut forgotten).await {
                Ok(0) | Err(_) => return,
                Ok(length) => left = left.saturating_sub(length),
            }
        }
    };
    // After that it is reset, as it would have been at once.
    let _ = timeout(PATIENCE, read).await;
}
