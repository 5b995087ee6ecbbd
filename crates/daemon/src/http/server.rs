//! Accepting connections: as many as there is room for, and a true word to those for whom there is none.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use styxy_core::api::{Code, Refusal, Rule};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::connection::{self, Io};
use super::{Peer, filter};
use crate::daemon::Daemon;
use crate::door::{DoorThread, ToDoor};
use crate::system;

/// How many clients are turned away at once; the others are just closed.
const TURNED_AWAY: usize = 16;
/// How long a client that is turned away may take to send something before it is answered.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long accepting pauses after a failure that would come again at once.
const PAUSE: Duration = Duration::from_millis(50);

/// Something that connections come from.
pub(crate) trait Accept: Send + 'static {
    /// What a connection is read from and written to.
    type Io: Io;

    /// The next connection, and who is at its other end. May be dropped while it waits.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Peer)>> + Send;
}

/// Accepts connections and answers their requests, each in a task of its own, until the daemon stops; resolves when the
/// last has ended.
pub(crate) async fn serve<A: Accept>(
    mut listener: A,
    router: Router,
    daemon: Arc<Daemon>,
    door_thread: Arc<DoorThread>,
) {
    let turning_away = Arc::new(Semaphore::new(TURNED_AWAY));
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        // Ended tasks take memory until they are asked for.
        while tasks.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = daemon.stopping() => break,
        };
        match accepted {
            Ok((io, peer)) => match daemon.crowd.admit(daemon.seats(door_thread.door().connections())) {
                Some(seat) => {
                    let (router, daemon) = (router.clone(), Arc::clone(&daemon));
                    let to_door = ToDoor::of(&door_thread, peer, io.tcp());
                    tasks.spawn(connection::serve(io, peer, seat, router, daemon, to_door));
                }
                None => {
                    if let Ok(permit) = Arc::clone(&turning_away).try_acquire_owned() {
                        tokio::spawn(async move {
                            turn_away(io, &too_many()).await;
                            drop(permit);
                        });
                    }
                }
            },
            Err(error) if system::is_exhausted(&error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                let spare = daemon.descriptors.give_up_spare();
                if spare && let Ok(Ok((io, _))) = timeout(PAUSE, listener.accept()).await {
                    turn_away(io, &too_many()).await;
                }
                daemon.descriptors.keep_spare();
                sleep(PAUSE).await;
            }
            // The client has gone already; anything else would be noticed the next time.
            Err(_) => tokio::task::yield_now().await,
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Answers with `refusal`, whatever the client asks for, and closes.
pub(super) async fn turn_away(mut io: impl Io, refusal: &Refusal) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    // A close with unread bytes would reset the connection before the client reads the answer.
    let _ = timeout(PATIENCE, io.read(&mut [0; 4096])).await;
    let _ = timeout(PATIENCE, io.write_all(filter::whole_answer(refusal).as_bytes())).await;
}

fn too_many() -> Refusal {
    Refusal::new(Code::DaemonUnreachable, "the daemon has as many connections as it can serve; try again")
        .rule(Rule::Connections)
        .hint("styxy daemon status")
}
