//! `GET /view`, and the page that shows it in a browser: what of the API its own requests may reach (R121).

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use styxy_core::api::ViewAnswer;
use styxy_door::{Goes, Own, dispatch, wants_html};

use super::answer::{Answer, Result};
use super::{Peer, Shared, no_route};
use crate::view;
use crate::view::page::{ASSETS, File, PAGE, POLICY};

/// What the page asks for beside its own files.
const ASKED: [&str; 2] = ["/view", "/events"];

/// Whether a request that a browser says comes from a page of its own origin is the live view's (R121): it reads one of these
/// paths, and the origin is `localhost`, the only one at which the page is.
pub(super) fn admits(method: &Method, path: &str, own: Own) -> bool {
    let is_ours = ASKED.contains(&path) || ASSETS.iter().any(|(at, _)| *at == path);
    *method == Method::GET && is_ours && own == Own::Localhost
}

/// Whether everybody may have it: the page and its files are the same for all. The page brings the token by itself.
pub(super) fn is_public(method: &Method, path: &str) -> bool {
    *method == Method::GET && (path == "/" || ASSETS.iter().any(|(at, _)| *at == path))
}

pub(super) async fn view(State(daemon): Shared) -> Result<ViewAnswer> {
    Ok(Answer(view::look(&daemon).await))
}

/// The page, for whoever asks for HTML at `localhost`. Everybody else gets what every unknown route answers.
pub(super) async fn page(ConnectInfo(peer): ConnectInfo<Peer>, headers: HeaderMap, uri: Uri) -> Response {
    let Peer::Loopback { port, .. } = peer else { return none(&uri, "GET /openapi.json".to_owned()) };
    if !wants_html(&headers) {
        return none(&uri, "GET /openapi.json".to_owned());
    }
    // One origin, so that no other name of this machine has a page.
    match dispatch(port, &uri, &headers) {
        Goes::Api(Own::Localhost) => shown(&PAGE),
        Goes::Api(_) | Goes::Door(_) | Goes::Nowhere(_) => none(&uri, format!("http://localhost:{port}/")),
    }
}

pub(super) async fn asset(uri: Uri) -> Response {
    let file = ASSETS.iter().find(|(at, _)| *at == uri.path());
    file.map_or_else(|| none(&uri, "GET /openapi.json".to_owned()), |(_, file)| shown(file))
}

fn none(uri: &Uri, hint: String) -> Response {
    no_route(uri, hint).into_response()
}

fn shown(file: &'static File) -> Response {
    let headers = [
        (header::CONTENT_TYPE, file.media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), file.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_requests_reach_what_it_shows_and_nothing_else() {
        for path in ["/view", "/events", "/view/page.js", "/view/style.css", "/view/icon.svg"] {
            assert!(admits(&Method::GET, path, Own::Localhost), "{path}");
            for method in [Method::POST, Method::DELETE, Method::HEAD, Method::OPTIONS] {
                assert!(!admits(&method, path, Own::Localhost), "{method} {path}");
            }
            assert!(!admits(&Method::GET, path, Own::Address), "{path}");
        }
        for path in
            ["/", "/allocations", "/status", "/config", "/view/", "/view/x", "/views", "/events/", "//view"]
        {
            assert!(!admits(&Method::GET, path, Own::Localhost), "{path}");
        }
    }
}
