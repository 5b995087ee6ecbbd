//! Who is at the other end of a connection: decided when it is accepted, before a byte is read.

use std::io;
use std::sync::Arc;

use styxy_core::api::{Code, Rule};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::filter;
use super::server::{self, Accept};
use crate::daemon::Daemon;
use crate::system::{LocalPeer, PeerLookup, TcpPeer, Verdict};

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// Through the Unix socket or the named pipe.
    Local(LocalPeer),
    /// Through TCP, on this port of ours.
    Loopback {
        /// Whose it is.
        verdict: Verdict,
        /// Our port.
        port: u16,
        /// The inode of the client's socket, where the system names it.
        socket: Option<u64>,
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

impl Loopback {
    pub(crate) fn new(listener: TcpListener, daemon: Arc<Daemon>) -> Self {
        let lookup = PeerLookup::open()
            .inspect_err(|error| tracing::warn!(%error, "the users of TCP clients cannot be looked up"));
        Self { listener, lookup: lookup.ok(), daemon, strangers: Arc::new(Semaphore::new(STRANGERS)) }
    }

    /// Refuses another user's connection, in a task of its own.
    fn turn_away(&self, stream: TcpStream) {
        self.daemon.requests.count();
        self.daemon.requests.refused(Code::Forbidden, Some(Rule::PeerUid));
        let Ok(permit) = Arc::clone(&self.strangers).try_acquire_owned() else { return };
        tokio::spawn(async move {
            server::turn_away(stream, &filter::not_yours()).await;
            drop(permit);
        });
    }
}

impl Accept for Loopback {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Peer)> {
        loop {
            let (stream, client) = self.listener.accept().await?;
            let Ok(server) = stream.local_addr() else { continue };
            let _ = stream.set_nodelay(true);
            let TcpPeer { verdict, socket } = match &mut self.lookup {
                Some(lookup) => lookup.tcp_client(client, server),
                None => TcpPeer { verdict: Verdict::NeedsToken, socket: None },
            };
            match verdict {
                Verdict::Own | Verdict::Root | Verdict::NeedsToken => {
                    return Ok((stream, Peer::Loopback { verdict, port: server.port(), socket }));
                }
                Verdict::Other(_) | Verdict::Unknown => self.turn_away(stream),
            }
        }
    }
}

#[cfg(unix)]
pub(crate) use unix::Local;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::net::UnixListener as Unregistered;

    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::mpsc;

    use super::{Accept, Peer};
    use crate::system;

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

    async fn accept_of(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
        match listener {
            Some(listener) => Ok(listener.accept().await?.0),
            None => std::future::pending().await,
        }
    }

    impl Accept for Local {
        type Io = UnixStream;

        async fn accept(&mut self) -> io::Result<(UnixStream, Peer)> {
            loop {
                let stream = tokio::select! {
                    stream = accept_of(Some(&self.listener)) => stream?,
                    stream = accept_of(self.former.as_ref()) => stream?,
                    listener = next(&mut self.replaced) => {
                        self.replace(listener);
                        continue;
                    }
                };
                let peer = Peer::Local(system::unix_peer(&stream));
                return Ok((stream, peer));
            }
        }
    }
}

#[cfg(windows)]
pub(crate) use windows::Local;

#[cfg(windows)]
mod windows {
    use std::io;

    use axum::serve::Listener as _;
    use tokio::net::windows::named_pipe::NamedPipeServer;

    use super::{Accept, Peer};
    use crate::system::{LocalPeer, Network, PeerProcess, PipeListener, Verdict};

    /// Accepts on the named pipe, which only this user can open.
    pub(crate) struct Local(PipeListener);

    impl Local {
        pub(crate) fn open(name: &str) -> io::Result<Self> {
            PipeListener::bind(name).map(Self)
        }
    }

    impl Accept for Local {
        type Io = NamedPipeServer;

        async fn accept(&mut self) -> io::Result<(NamedPipeServer, Peer)> {
            let (pipe, _) = self.0.accept().await;
            let (process, network) = (PeerProcess::Unnamed, Network::Ours);
            Ok((pipe, Peer::Local(LocalPeer { verdict: Verdict::Own, process, network })))
        }
    }
}
