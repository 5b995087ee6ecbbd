//! Connections to servers: made only to the lease's own, and checked on both sides of the connect.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::Authority;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use styxy_core::{LockId, Port};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::body::Lent;
use crate::directory::{Behind, Directory, Stranger};

/// How long a connect may take. The server listens on this machine.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a connect begins again because another socket took the place of the one that was looked at.
const TRIES: usize = 3;
/// How long an idle connection is kept: Node closes its own after 5 s.
const IDLE: Duration = Duration::from_secs(4);
/// How many idle connections to one server are kept.
const MOST_IDLE: usize = 32;
/// How much of a server's head is read at most, and how much of an answer is read ahead.
const MAX_HEAD: usize = 64 * 1024;
/// How many lines a head has at most, of a request and of an answer: as many as Node reads.
pub(crate) const MAX_HEADERS: usize = 2000;

/// A client that keeps connections by lease: none outlives its lease's last request.
pub(crate) type Pool<D> = Client<Connector<D>, Lent>;

pub(crate) fn pool<D: Directory>(directory: &Arc<D>) -> Pool<D> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MOST_IDLE)
        .http1_max_buf_size(MAX_HEAD)
        .http1_max_headers(MAX_HEADERS)
        .retry_canceled_requests(true)
        .set_host(false)
        .build(Connector(Arc::clone(directory)))
}

/// Why there is no connection. Nothing was sent to anybody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreached {
    #[error("nothing listens on the port")]
    Nobody,
    #[error("the lease has ended")]
    Ended,
    #[error("another program listens on the port")]
    Stranger(Stranger),
    #[error("the server does not accept the connection")]
    Refused(#[source] io::Error),
    #[error("the server took too long to accept the connection")]
    Slow,
}

/// Why there is no connection, if that is why `error` came.
pub(crate) fn unreached(error: &ClientError) -> Option<&Unreached> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// What HTTP had against an answer, if anything.
pub(crate) fn protocol(error: &ClientError) -> Option<&hyper::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes(error: &ClientError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = Some(error as &(dyn Error + 'static));
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// Whom a URI asks for: `LEASE:PORT`.
pub(crate) fn authority(lease: LockId, port: Port, connection: Which) -> Option<Authority> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let text = match connection {
        Which::Any => format!("{lease}:{port}"),
        // To the pool it is another server, of which it has no connection.
        Which::New => format!("{lease}.{}:{port}", NEXT.fetch_add(1, Ordering::Relaxed)),
    };
    Authority::try_from(text).ok()
}

/// Which connection to a server is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// An idle one, or else a new one.
    Any,
    /// A new one: the server was killed, perhaps, and of its connections only some have noticed so far.
    New,
}

/// Connects to the server of the lease that is the host of a URI: `http://LEASE:PORT`.
pub(crate) struct Connector<D>(Arc<D>);

impl<D> Clone for Connector<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Directory> Service<Uri> for Connector<D> {
    type Response = Upstream;
    type Error = Unreached;
    type Future = Pin<Box<dyn Future<Output = Result<Upstream, Unreached>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unreached>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let directory = Arc::clone(&self.0);
        Box::pin(async move {
            let lease = uri.host().and_then(|host| host.split('.').next());
            let lease = lease.and_then(|lease| LockId::parse(lease).ok());
            let port = uri.port_u16().and_then(|port| Port::new(port).ok());
            let (Some(lease), Some(port)) = (lease, port) else { return Err(Unreached::Ended) };
            connect(&*directory, lease, port).await
        })
    }
}

async fn connect(directory: &impl Directory, lease: LockId, port: Port) -> Result<Upstream, Unreached> {
    for _ in 0..TRIES {
        let (address, socket) = match directory.behind(lease, port).await {
            Behind::Server { address, socket } => (address, socket),
            Behind::Nobody => return Err(Unreached::Nobody),
            Behind::Ended => return Err(Unreached::Ended),
            Behind::Stranger(stranger) => return Err(Unreached::Stranger(stranger)),
        };
        let stream = match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Unreached::Refused(error)),
            Err(_) => return Err(Unreached::Slow),
        };
        if directory.is_still(address, socket) && !is_own(&stream, address) {
            let _ = stream.set_nodelay(true);
            return Ok(Upstream(TokioIo::new(stream)));
        }
    }
    Err(Unreached::Nobody)
}

/// Whether the connection is to itself: without a listener, the kernel may pick the very port that is connected to.
fn is_own(stream: &TcpStream, address: SocketAddr) -> bool {
    stream.local_addr().is_ok_and(|own| own == address)
}

/// A connection to a server.
///
/// A server that refuses an upload answers and closes before it has read all of it. So what it reads no more counts as written, and
/// whoever reads the connection learns what it said, or that it said nothing.
#[derive(Debug)]
pub(crate) struct Upstream(TokioIo<TcpStream>);

/// What was written of `length` bytes: all of them, if the server has closed.
fn despite_close(written: Poll<io::Result<usize>>, length: usize) -> Poll<io::Result<usize>> {
    match written {
        Poll::Ready(Err(error)) if is_closed(&error) => Poll::Ready(Ok(length)),
        written => written,
    }
}

/// Whether the other end reads no more. It may have said something before.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    [BrokenPipe, ConnectionAborted, ConnectionReset].contains(&error.kind())
}

impl Connection for Upstream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Upstream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Upstream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write(context, bytes);
        despite_close(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write_vectored(context, parts);
        despite_close(written, parts.iter().map(|part| part.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
