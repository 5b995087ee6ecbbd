//! The door's own answers: a page for people, JSON for programs that ask for it, one line of text for the others.

use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    LOCATION, REFERRER_POLICY, REFRESH, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Response, StatusCode};
use styxy_core::api::Refusal;

use crate::body::Body;
use crate::pages::{self, Page};

/// Says that an answer is the door's own; a server's never has it.
pub(crate) const DOOR: HeaderName = HeaderName::from_static("styxy-door");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What the door says itself.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// For programs, and in one line for those that asked for nothing in particular.
    pub(crate) refusal: Refusal,
    /// For people.
    pub(crate) page: Page,
    pub(crate) then: Then,
}

/// What the client may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing.
    Nothing,
    /// Ask again in a second, on another connection.
    AskAgain,
    /// The browser asks again by itself, in a second.
    Refresh,
}

impl Answer {
    pub(crate) fn into_response(self, asked: &HeaderMap) -> Response<Body> {
        let (kind, body) = if wants_html(asked) {
            ("text/html; charset=utf-8", self.page.html())
        } else if wants_json(asked) {
            ("application/json", serde_json::to_string(&self.refusal).unwrap_or_default())
        } else {
            let hint = self.refusal.hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            ("text/plain; charset=utf-8", format!("{}\n{hint}", self.refusal.error))
        };
        let mut response = Response::new(Body::whole(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        match self.then {
            Then::Nothing => {}
            Then::AskAgain => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                // Whoever asks for too much does not keep a connection that somebody else may need.
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Then::Refresh => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                headers.insert(REFRESH, HeaderValue::from_static("1"));
            }
        }
        own(headers);
        response
    }
}

/// Sends a browser to another name.
pub(crate) fn redirect(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::whole(""));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    match HeaderValue::from_str(to) {
        Ok(to) => drop(response.headers_mut().insert(LOCATION, to)),
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    own(response.headers_mut());
    response
}

/// What every answer of the door's own has.
fn own(headers: &mut HeaderMap) {
    if let Ok(policy) = HeaderValue::from_str(&pages::policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (RESOURCE_POLICY, "same-origin"),
        (DOOR, "page"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A whole HTTP answer, for connections that are not served.
pub(crate) fn whole(status: StatusCode, error: &str) -> String {
    let length = error.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n{DOOR}: page\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n{error}\n"
    )
}

/// Whether a page is wanted: browsers say so when a person goes somewhere.
pub(crate) fn wants_html(asked: &HeaderMap) -> bool {
    accepts(asked, "text/html")
}

fn wants_json(asked: &HeaderMap) -> bool {
    accepts(asked, "application/json")
}

fn accepts(asked: &HeaderMap, kind: &str) -> bool {
    asked.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok()).any(|accept| {
        accept
            .split(',')
            .any(|one| one.split(';').next().is_some_and(|one| one.trim().eq_ignore_ascii_case(kind)))
    })
}
