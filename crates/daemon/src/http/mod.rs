//! The REST API: checks who the client is, decodes, asks the daemon, encodes. No decision about leases is made here.

mod allocate;
mod answer;
mod body;
mod connection;
mod control;
mod crowd;
mod events;
mod filter;
mod instances;
#[cfg(feature = "schema")]
pub mod openapi;
mod peer;
mod pids;
mod ports;
mod refusals;
mod server;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use styxy_core::api::{Code, Refusal};

use crate::daemon::Daemon;

pub(crate) use answer::Refused;

pub(crate) use crowd::Crowd;
#[cfg(feature = "fuzz")]
pub use filter::admits;
pub(crate) use peer::{Local, Loopback, Peer};
pub(crate) use server::serve;

type Shared = axum::extract::State<Arc<Daemon>>;

/// Every route, behind the filter.
pub(crate) fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/allocate", post(allocate::allocate))
        .route("/allocate/{lock_id}", delete(allocate::release))
        .route("/allocations", get(allocate::allocations))
        .route("/check/{port}", get(ports::check))
        .route("/suggest/{service_type}", get(ports::suggest))
        .route("/scan", get(ports::scan))
        .route("/instance/register", post(instances::register))
        .route("/instance/heartbeat", post(instances::heartbeat))
        .route("/instance/{id}/heartbeat", put(instances::heartbeat_of))
        .route("/instance/{id}", delete(instances::end))
        .route("/instance/list", get(instances::list))
        .route("/refusals", get(refusals::list))
        .route("/refusals/report", post(refusals::report))
        .route("/status", get(control::status))
        .route("/config", get(control::config))
        .route("/cleanup", post(control::cleanup))
        .route("/shutdown", post(control::shutdown))
        .route("/metrics", get(control::metrics))
        .route("/openapi.json", get(control::openapi))
        .route("/events", get(events::events))
        .route("/view", get(view::view))
        // For whoever does not ask for the page, these are no routes.
        .route("/view/{file}", get(view::asset).fallback(unknown_route))
        .route("/", get(view::page).fallback(unknown_route))
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&daemon), filter::filter))
        .with_state(daemon)
}

async fn unknown_route(uri: axum::http::Uri) -> Refused {
    no_route(&uri, "GET /openapi.json".to_owned())
}

/// The refusal of a route that is not there.
fn no_route(uri: &axum::http::Uri, hint: String) -> Refused {
    Refused(Refusal::new(Code::UnknownRoute, format!("there is no route {}", uri.path())).hint(hint))
}

async fn method_not_allowed(method: axum::http::Method, uri: axum::http::Uri) -> Refused {
    let error = format!("{method} is not a method of {}", uri.path());
    Refused(Refusal::new(Code::MethodNotAllowed, error).hint("GET /openapi.json"))
}
