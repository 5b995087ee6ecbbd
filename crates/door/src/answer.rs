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

/// Whether HTML is named by what the client accepts: browsers name it when a person goes somewhere, and nothing else does.
#[must_use]
pub fn wants_html(asked: &HeaderMap) -> bool {
    names(asked, "text/html")
}

fn wants_json(asked: &HeaderMap) -> bool {
    names(asked, "application/json")
}

/// Whether `kind` is named by what the client accepts, with a weight above zero.
fn names(asked: &HeaderMap, kind: &str) -> bool {
    let accepted = asked.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(kind));
        let is_refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
        };
        is_named && !parts.any(is_refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_named_with_a_weight_above_zero() {
        let accepting = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            (wants_html(&headers), wants_json(&headers))
        };
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (values, html, json) in [
            (&[chromium][..], true, false),
            (&["application/json", "TEXT/HTML; q=0.5"], true, true),
            (&["*/*, text/html;q=1"], true, false),
            (&[], false, false),
            (&["*/*"], false, false),
            (&["text/*"], false, false),
            (&["application/json"], false, true),
            (&["text/html;q=0, application/json; q=0.1"], false, true),
            (&["text/html;q=0.0", "application/json;Q=0"], false, false),
            (&["text/htmlx"], false, false),
        ] {
            assert_eq!(accepting(values), (html, json), "{values:?}");
        }
    }
}
