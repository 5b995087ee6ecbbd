//! Where connections go from one thread to the other, and single requests from one kind of connection to the other.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body as ApiBody, Bytes};
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use styxy_door::{Api, Arrival, Body, Goes, dispatch};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tower_service::Service as _;

use super::Leases;
use crate::http::Peer;

/// The door's thread, to which connections are handed over.
pub(crate) type DoorThread = styxy_door::DoorThread<Leases, ToApi>;

/// The API, for a request that arrives on a connection of the door's: it is answered on the daemon's own thread.
#[derive(Debug)]
pub(crate) struct ToApi {
    router: Router,
    peer: Peer,
    daemon: Handle,
}

impl Api for ToApi {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (mut router, peer) = (self.router.clone(), self.peer);
        let answer = async move {
            let mut request = request.map(ApiBody::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            match router.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        };
        elsewhere(&self.daemon, answer).await.map_or_else(stopping, |response| response.map(Body::other))
    }
}

/// The door, for a request that arrives on a connection of the API's.
#[derive(Debug, Clone)]
pub(crate) struct ToDoor {
    door_thread: Arc<DoorThread>,
    from: IpAddr,
    port: u16,
}

impl ToDoor {
    /// None for a connection that the door has nothing to do with: one through the socket.
    pub(crate) fn of(door_thread: &Arc<DoorThread>, peer: Peer, stream: Option<&TcpStream>) -> Option<Self> {
        let Peer::Loopback { port, .. } = peer else { return None };
        let from = stream?.peer_addr().ok()?.ip();
        Some(Self { door_thread: Arc::clone(door_thread), from, port })
    }

    /// Hands the connection over to the door's thread.
    pub(crate) fn take(&self, stream: TcpStream, head: Bytes, peer: Peer, router: Router) {
        let api = ToApi { router, peer, daemon: Handle::current() };
        let arrival = Arrival { from: self.from, port: self.port, head, api };
        let taken = stream.into_std().map(|stream| self.door_thread.take(stream, arrival));
        if !matches!(taken, Ok(Ok(()))) {
            tracing::error!(?taken, "a connection could not be handed over to the door");
        }
    }

    /// The door's answer to a request, if it is for the door; else the request again.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<ApiBody>, Request<Incoming>> {
        let Goes::Door(host) = dispatch(self.port, request.uri(), request.headers()) else {
            return Err(request);
        };
        let (door, from) = (Arc::clone(self.door_thread.door()), self.from);
        let Ok(runtime) = self.door_thread.runtime() else { return Ok(stopping().map(ApiBody::new)) };
        let answered = elsewhere(&runtime, async move { door.serve_guest(host, request, from).await }).await;
        Ok(answered.unwrap_or_else(stopping).map(ApiBody::new))
    }
}

/// What `task` returns, which runs on the thread of `runtime`; none if that ends. A client that leaves drops this and ends the task:
/// what nobody waits for is not done.
async fn elsewhere<T: Send + 'static>(
    runtime: &Handle,
    task: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(task, runtime);
    tasks.join_next().await?.ok()
}

/// The other thread ends, or does not begin.
fn stopping() -> Response<Body> {
    let mut response = Response::new(Body::other(http_body_util::Empty::new()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
