//! `GET /view`, and the page that shows it in a browser: what of the API its own requests may reach (R121).

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use styxy_core::api::ViewAnswer;
use styxy_door::{Goes, Own, dispatch};

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
    if !asks_for_html(&headers) {
        return none(&uri, "GET /openapi.json".to_owned());
    }
    // One origin, so that no other name of this machine has a page.
    match dispatch(port, &uri, &headers) {
        Goes::Api(Own::Localhost) => shown(&PAGE),
        _ => none(&uri, format!("http://localhost:{port}/")),
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

/// Whether HTML is named by what the client accepts: a browser names it, and nothing else does.
fn asks_for_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        let is_refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
        };
        is_html && !parts.any(is_refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_asked_for_only_by_name() {
        let accepting = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::ACCEPT, HeaderValue::from_static(value));
            }
            asks_for_html(&headers)
        };
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for yes in [&[chromium][..], &["application/json", "TEXT/HTML; q=0.5"], &["*/*, text/html;q=1"]] {
            assert!(accepting(yes), "{yes:?}");
        }
        for no in [&[][..], &["*/*"], &["text/*"], &["application/json"], &["text/html;q=0"], &["text/htmlx"]]
        {
            assert!(!accepting(no), "{no:?}");
        }
    }

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
