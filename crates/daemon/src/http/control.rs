//! The daemon itself: status, configuration, cleanup, shutdown, metrics, the contract.

use axum::extract::{ConnectInfo, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use styxy_core::Command;
use styxy_core::api::{CleanupAnswer, CleanupRequest, Code, ConfigAnswer, Lease, Refusal, StatusAnswer};
use styxy_core::order::Order as _;

use super::answer::{Answer, Refused, Result};
use super::body::OptionalJson;
use super::filter::OTHER_NETWORK;
use super::{Peer, Shared};
use crate::metrics;
use crate::system::{LocalPeer, Network};

pub(super) async fn status(
    State(daemon): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
) -> Result<StatusAnswer> {
    let mut status = daemon.status();
    if let Peer::Local(LocalPeer { network: Network::Other, .. }) = peer {
        status
            .notes
            .push(format!("{OTHER_NETWORK}; with another STYXY_HOME this network has a daemon of its own"));
    }
    Ok(Answer(status))
}

pub(super) async fn config(State(daemon): Shared) -> Result<ConfigAnswer> {
    Ok(Answer(ConfigAnswer {
        path: daemon.about.layout.config().display().to_string(),
        config: daemon.about.config.clone(),
        from_file: daemon.about.from_file.clone(),
    }))
}

pub(super) async fn cleanup(
    State(daemon): Shared,
    OptionalJson(request): OptionalJson<CleanupRequest>,
) -> Result<CleanupAnswer> {
    let before: Vec<Lease> = {
        let engine = daemon.engine();
        let registry = engine.registry();
        registry.leases().map(|lease| registry.view(lease)).collect()
    };
    if request.force == Some(true) {
        // What is given back stays so while its server listens (R7), and that must be known.
        daemon.refresh().await;
        daemon.handle(&Command::EndAll)?;
    } else {
        daemon.recheck().await;
    }
    let mut released = before;
    {
        let engine = daemon.engine();
        released.retain(|lease| engine.registry().lease(lease.lock_id).is_none());
    }
    released.order_by_key(|lease| lease.port);
    let cleaned = released.len();
    let message = match (request.force, cleaned) {
        (Some(true), _) => format!("Ended {cleaned} leases"),
        (_, 0) => "No stale allocations found".to_owned(),
        (_, _) => format!("Cleaned up {cleaned} stale allocations"),
    };
    Ok(Answer(CleanupAnswer { success: true, cleaned, released, message }))
}

/// On the socket only: a client that merely reaches the TCP port cannot stop the daemon.
pub(super) async fn shutdown(
    State(daemon): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
) -> Result<StatusAnswer> {
    match peer {
        Peer::Local(_) => {
            daemon.stop();
            Ok(Answer(daemon.status()))
        }
        Peer::Loopback { .. } => Err(Refused(
            Refusal::new(Code::UnknownRoute, "there is no route /shutdown by TCP").hint("styxy daemon stop"),
        )),
    }
}

pub(super) async fn metrics(State(daemon): Shared) -> Response {
    let status = daemon.status();
    let text = metrics::render(&status, &daemon.engine().counters, &daemon.requests);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

pub(super) async fn openapi() -> Response {
    let document = include_str!("../../../../docs/openapi.json");
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}
