//! What becomes of a connection that is upgraded: bytes in both directions, until one side has closed.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use styxy_core::LockId;
use tokio::io::copy_bidirectional_with_sizes;

use crate::load::{Permit, Seat};

/// Bytes that are under way in each direction.
const BUFFER: usize = 16 * 1024;

/// Joins both connections once both are free. The client's seat is taken until the end: two descriptors are.
pub(crate) fn join(client: OnUpgrade, server: OnUpgrade, held: (Permit<LockId>, Seat)) {
    tokio::spawn(async move {
        // How a tunnel ends is known to both of its ends.
        if let (Ok(client), Ok(server)) = (client.await, server.await) {
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            let _ = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await;
        }
        drop(held);
    });
}
