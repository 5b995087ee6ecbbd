//! One connection: HTTP/1.1, with bounds on how long it may take to ask and to read.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use styxy_door::{Begun, Likely, Sending, begin, linger};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tower_service::Service as _;

use super::Peer;
use super::crowd::{Seat, Stage};
use crate::daemon::Daemon;
use crate::door::ToDoor;
use crate::system;

/// How long a new connection may take to send the head of its first request. Between requests it may take any time, as
/// long as nobody else needs the seat.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// How long a client may read nothing while there is something for it. Readers of `/events` get a comment every 15 s.
const STALLED: Duration = Duration::from_secs(30);
/// Bytes of a request's head, after which it is refused with 431; and of what is read ahead of a connection.
const MAX_HEAD: usize = 16 * 1024;

/// What a connection is made of.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    /// Waits for something to happen.
    fn ready(&self) -> impl Future<Output = io::Result<Ready>> + Send;

    /// Whether the other end has closed it, whatever was read so far. Costs one system call.
    fn has_hung_up(&self) -> bool;

    /// The connection itself, if it is TCP: only such a one may be for the door.
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }

    /// As [`Io::tcp`], for good.
    fn into_tcp(self) -> Option<TcpStream> {
        None
    }
}

macro_rules! io {
    ($($stream:ty { $($more:tt)* })*) => {$(
        impl Io for $stream {
            fn ready(&self) -> impl Future<Output = io::Result<Ready>> + Send {
                <$stream>::ready(self, Interest::READABLE)
            }

            fn has_hung_up(&self) -> bool {
                system::has_hung_up(self)
            }

            $($more)*
        }
    )*};
}
io!(TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }

    fn into_tcp(self) -> Option<TcpStream> {
        Some(self)
    }
});
#[cfg(unix)]
io!(tokio::net::UnixStream {});
#[cfg(windows)]
io!(tokio::net::windows::named_pipe::NamedPipeServer {});

/// Answers the requests of one connection until it ends, its seat is somebody else's, or the daemon stops. One that is for the
/// door goes to the door's own thread: no lease waits for a stylesheet.
pub(super) async fn serve<I: Io>(
    mut io: I,
    peer: Peer,
    seat: Seat,
    router: Router,
    daemon: Arc<Daemon>,
    to_door: Option<ToDoor>,
) {
    let until = Instant::now() + FIRST_REQUEST;
    let mut head = Bytes::new();
    if let Some(to_door) = &to_door {
        let begun = tokio::select! {
            begun = begin(&mut io) => begun,
            () = sleep_until(until) => return,
            () = seat.left() => return,
            () = daemon.stopping() => return,
        };
        let Ok((read, likely)) = begun else { return };
        if likely == Likely::Door {
            if let Some(stream) = io.into_tcp() {
                to_door.take(stream, read, peer, router);
            }
            return;
        }
        head = read;
    }
    let io = Begun::new(head, io);
    let has_left = Arc::new(AtomicBool::new(false));
    let io = Watched { io, has_left: Arc::clone(&has_left), reads: Reads::First, stalled: None };
    let io = TokioIo::new(io);
    let sending = Sending::default();
    let service = service_fn(|request| {
        sending.asked(&request);
        let has_left = has_left.load(Ordering::Relaxed);
        answer(request, peer, seat.clone(), router.clone(), to_door.clone(), has_left)
    });
    let mut builder = http1::Builder::new();
    let connection = builder.max_buf_size(MAX_HEAD).serve_connection(io, service);
    // A tunnel through the door may begin on any connection.
    let mut connection = connection.with_upgrades();
    let mut first = pin!(sleep_until(until));
    let mut stopping = pin!(daemon.stopping());
    let (mut is_due, mut is_stopping) = (false, false);
    let ended = loop {
        tokio::select! {
            biased;
            // What is wrong with a connection is its client's business.
            ended = &mut connection => break ended,
            () = seat.left() => return,
            () = &mut first, if !is_due => {
                is_due = true;
                if seat.is_new() {
                    return;
                }
            }
            () = &mut stopping, if !is_stopping => {
                is_stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    // None for a tunnel: it has the connection now.
    let io = connection.into_parts().map(|parts| parts.io.into_inner());
    if let Some(mut io) = io
        && sending.may_go_on(&ended)
    {
        // Nobody else waits for a client that goes on sending.
        tokio::select! {
            () = linger(&mut io) => {}
            () = seat.left() => {}
            () = daemon.stopping() => {}
        }
    }
}

/// The client has gone: nothing is done for nobody.
#[derive(Debug, thiserror::Error)]
#[error("the client has closed the connection")]
struct Gone;

async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    seat: Seat,
    mut router: Router,
    to_door: Option<ToDoor>,
    has_left: bool,
) -> Result<Response<Outgoing>, Gone> {
    // A client that gave up asks again, or has ended. What it asked for must not happen behind its back, and a lease
    // that nobody knows of would stand for a while.
    if has_left && !request.method().is_safe() {
        return Err(Gone);
    }
    seat.set(if request.body().is_end_stream() { Stage::Asks } else { Stage::Sends });
    let request = match to_door {
        Some(to_door) => match to_door.answer(request).await {
            Ok(response) => return Ok(response.map(|body| Outgoing { body, seat })),
            Err(request) => request,
        },
        None => request,
    };
    let ours = seat.clone();
    let mut request = request.map(|body| Body::new(Arriving { body, seat: ours }));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    Ok(response.map(|body| Outgoing { body, seat }))
}

/// A body that is read from the connection.
struct Arriving {
    body: Incoming,
    seat: Seat,
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.seat.set(Stage::Asks);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is written to the connection.
struct Outgoing {
    body: Body,
    seat: Seat,
}

impl hyper::body::Body for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.seat.set(Stage::Idle);
    }
}

/// Which read of a connection comes next. The first is tried before the kernel has reported anything of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    First,
    Later,
}

/// A stream that notices that its other end has closed it, and that fails if its other end reads nothing for too long.
struct Watched<I> {
    io: Begun<I>,
    has_left: Arc<AtomicBool>,
    reads: Reads,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<I: Io> Watched<I> {
    /// What was read may be the last that its client sent before it closed.
    fn look(&mut self) {
        let has_left = match self.reads {
            Reads::First => self.io.io().has_hung_up(),
            Reads::Later => {
                let ready = pin!(self.io.io().ready()).poll(&mut Context::from_waker(Waker::noop()));
                matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
            }
        };
        self.reads = Reads::Later;
        if has_left {
            self.has_left.store(true, Ordering::Relaxed);
        }
    }

    fn bounded<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALLED)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: Io> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.look();
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: Io> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.bounded(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, parts);
        self.bounded(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.bounded(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
