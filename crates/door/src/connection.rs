//! One client's connection: HTTP/1.1, each request of which may be for another name, or for the API.

use std::convert::Infallible;
use std::net::{IpAddr, TcpStream as Unregistered};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer;
use crate::begun::Begun;
use crate::body::Body;
use crate::directory::Directory;
use crate::dispatch::{Goes, dispatch};
use crate::door::Door;
use crate::linger::{Sending, linger};
use crate::load::Seat;
use crate::refused;
use crate::upstream::MAX_HEADERS;

/// How long a client may take to send a request's head, and how long a connection without a request is kept.
const HEAD: Duration = Duration::from_secs(30);
/// Bytes of a request's head, after which it is refused with 431; and of what is read ahead while a request waits.
const MAX_BUFFER: usize = 64 * 1024;
/// How long a client that is turned away may take to read why.
const PATIENCE: Duration = Duration::from_millis(500);

/// Answers what arrives at the door and is not for it: the API, with the refusals that it makes.
pub trait Api: Send + Sync + 'static {
    /// The answer to `request`.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

/// Who arrives.
#[derive(Debug)]
pub struct Arrival<A> {
    /// The client's address.
    pub from: IpAddr,
    /// The port it came to.
    pub port: u16,
    /// What was read of the connection already.
    pub head: Bytes,
    /// What answers whatever is not for the door.
    pub api: A,
}

pub(crate) async fn serve<D: Directory, A: Api>(
    stream: Unregistered,
    arrival: Arrival<A>,
    door: Arc<Door<D>>,
) {
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let Arrival { from, port, head, api } = arrival;
    let Some(client) = door.admit(from) else {
        turn_away(stream).await;
        return;
    };
    let (api, sending) = (&api, Sending::default());
    let service = service_fn(|request: Request<Incoming>| {
        sending.asked(&request);
        let (door, client) = (Arc::clone(&door), client.clone());
        async move {
            let response = match dispatch(port, request.uri(), request.headers()) {
                Goes::Door(host) => door.serve(host, request, client).await,
                Goes::Api(_) | Goes::Nowhere(_) => api.answer(request).await,
            };
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_BUFFER)
        .max_headers(MAX_HEADERS)
        .auto_date_header(false);
    let mut connection =
        builder.serve_connection(TokioIo::new(Begun::new(head, stream)), service).with_upgrades();
    // What is wrong with a connection is its client's business.
    let ended = (&mut connection).await;
    // None for a tunnel: it has the connection now.
    let stream = connection.into_parts().map(|parts| parts.io.into_inner());
    if let Some(mut stream) = stream
        && sending.may_go_on(&ended)
    {
        linger(&mut stream).await;
    }
}

/// A client on a connection that has a seat.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    pub(crate) seat: Seat,
}

async fn turn_away(mut stream: TcpStream) {
    // A close with unread bytes would reset the connection before the client reads the answer.
    let _ = timeout(PATIENCE, stream.read(&mut [0; 4096])).await;
    let text = answer::whole(StatusCode::SERVICE_UNAVAILABLE, refused::TOO_MANY);
    let _ = timeout(PATIENCE, stream.write_all(text.as_bytes())).await;
}
