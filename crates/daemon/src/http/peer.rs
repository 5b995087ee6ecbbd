//! Who is at the other end of a connection: decided when it is accepted, before a byte is read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use styxy_core::api::Code;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::daemon::Daemon;
use crate::system::{PeerLookup, Verdict};

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// Through the Unix socket or the named pipe.
    Local(Verdict),
    /// Through TCP, on this port of ours.
    Loopback {
        /// Whose it is.
        verdict: Verdict,
        /// Our port.
        port: u16,
    },
}

/// Accepts TCP on loopback, and asks the system for the user of each connection. Those of other users are answered
/// here and closed: they never reach the server, whatever they send or do not send.
pub(crate) struct Loopback {
    listener: TcpListener,
    lookup: Option<PeerLookup>,
    daemon: Arc<Daemon>,
    /// Permits to answer other users; without one a connection is just closed.
    strangers: Arc<Semaphore>,
}

/// How many connections of other users are answered at once.
const STRANGERS: usize = 16;
/// How long another user's client may take to send something before it is answered.
const STRANGERS_PATIENCE: Duration = Duration::from_millis(500);

impl Loopback {
    pub(crate) fn new(listener: TcpListener, daemon: Arc<Daemon>) -> Self {
        let lookup = PeerLookup::open()
            .inspect_err(|error| tracing::warn!(%error, "the users of TCP clients cannot be looked up"));
        Self { listener, lookup: lookup.ok(), daemon, strangers: Arc::new(Semaphore::new(STRANGERS)) }
    }

    /// Refuses another user's connection, in a task of its own.
    fn turn_away(&self, stream: TcpStream) {
        self.daemon.requests.count();
        self.daemon.requests.refused(Code::Forbidden, "peer_uid");
        let Ok(permit) = Arc::clone(&self.strangers).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let _permit = permit;
            // A close with unread bytes would reset the connection before the client reads the answer.
            let _ = tokio::time::timeout(STRANGERS_PATIENCE, stream.readable()).await;
            let _ = stream.try_read(&mut [0; 4096]);
            let _ = stream.try_write(super::filter::not_yours().as_bytes());
        });
    }
}

impl Listener for Loopback {
    type Io = TcpStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (TcpStream, Peer) {
        loop {
            // Axum's own accept waits and tries again after an error such as too many open files.
            let (stream, client) = Listener::accept(&mut self.listener).await;
            let Ok(server) = stream.local_addr() else { continue };
            let _ = stream.set_nodelay(true);
            let verdict = match &mut self.lookup {
                Some(lookup) => lookup.tcp_client_uid(client, server),
                None => Verdict::NeedsToken,
            };
            match verdict {
                Verdict::Own | Verdict::Root | Verdict::NeedsToken => {
                    return (stream, Peer::Loopback { verdict, port: server.port() });
                }
                Verdict::Other(_) | Verdict::Unknown => self.turn_away(stream),
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Peer> {
        let port = self.listener.local_addr().map(|address: SocketAddr| address.port())?;
        Ok(Peer::Loopback { verdict: Verdict::Unknown, port })
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Self {
        *stream.remote_addr()
    }
}

#[cfg(unix)]
pub(crate) use unix::Local;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::net::UnixListener as Unregistered;

    use axum::extract::connect_info::Connected;
    use axum::serve::{IncomingStream, Listener};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::mpsc;

    use super::Peer;
    use crate::system::{self, Verdict};

    /// Accepts on the Unix socket, and asks the kernel for the user of each connection.
    pub(crate) struct Local {
        listener: UnixListener,
        /// The one before. Its name is gone, but clients may have connected before that, or by another name.
        former: Option<UnixListener>,
        replaced: Option<mpsc::UnboundedReceiver<Unregistered>>,
    }

    impl Local {
        /// Accepts on `listener`, and on each that `replaced` brings. Within a tokio runtime.
        pub(crate) fn new(
            listener: Unregistered,
            replaced: Option<mpsc::UnboundedReceiver<Unregistered>>,
        ) -> io::Result<Self> {
            Ok(Self { listener: UnixListener::from_std(listener)?, former: None, replaced })
        }

        fn replace(&mut self, listener: Unregistered) {
            match UnixListener::from_std(listener) {
                Ok(listener) => self.former = Some(std::mem::replace(&mut self.listener, listener)),
                Err(error) => tracing::error!(%error, "the new socket cannot be listened on"),
            }
        }
    }

    /// Resolves with the next listener, or never.
    async fn next(replaced: &mut Option<mpsc::UnboundedReceiver<Unregistered>>) -> Unregistered {
        if let Some(listeners) = replaced
            && let Some(listener) = listeners.recv().await
        {
            return listener;
        }
        std::future::pending().await
    }

    async fn accept_of(listener: &mut Option<UnixListener>) -> UnixStream {
        match listener {
            Some(listener) => Listener::accept(listener).await.0,
            None => std::future::pending().await,
        }
    }

    impl Listener for Local {
        type Io = UnixStream;
        type Addr = Peer;

        async fn accept(&mut self) -> (UnixStream, Peer) {
            loop {
                let stream = tokio::select! {
                    accepted = Listener::accept(&mut self.listener) => accepted.0,
                    stream = accept_of(&mut self.former) => stream,
                    listener = next(&mut self.replaced) => {
                        self.replace(listener);
                        continue;
                    }
                };
                let peer = Peer::Local(system::unix_peer(&stream));
                return (stream, peer);
            }
        }

        fn local_addr(&self) -> std::io::Result<Peer> {
            Ok(Peer::Local(Verdict::Unknown))
        }
    }

    impl Connected<IncomingStream<'_, Local>> for Peer {
        fn connect_info(stream: IncomingStream<'_, Local>) -> Self {
            *stream.remote_addr()
        }
    }
}

#[cfg(windows)]
pub(crate) use windows::Local;

#[cfg(windows)]
mod windows {
    use std::io;

    use axum::extract::connect_info::Connected;
    use axum::serve::{IncomingStream, Listener};
    use tokio::net::windows::named_pipe::NamedPipeServer;

    use super::Peer;
    use crate::system::{PipeListener, Verdict};

    /// Accepts on the named pipe, which only this user can open.
    pub(crate) struct Local(PipeListener);

    impl Local {
        pub(crate) fn open(name: &str) -> io::Result<Self> {
            PipeListener::bind(name).map(Self)
        }
    }

    impl Listener for Local {
        type Io = NamedPipeServer;
        type Addr = Peer;

        async fn accept(&mut self) -> (NamedPipeServer, Peer) {
            let (pipe, _) = self.0.accept().await;
            (pipe, Peer::Local(Verdict::Own))
        }

        fn local_addr(&self) -> io::Result<Peer> {
            Ok(Peer::Local(Verdict::Unknown))
        }
    }

    impl Connected<IncomingStream<'_, Local>> for Peer {
        fn connect_info(stream: IncomingStream<'_, Local>) -> Self {
            *stream.remote_addr()
        }
    }
}
