//! Answers: JSON, always, with the headers that every answer has.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use styxy_core::api::{Code, Refusal, Rule};

use crate::engine::EngineError;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A successful answer.
pub(super) struct Answer<T>(pub(super) T);

/// A refusal as an answer.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Refusal);

/// What a handler returns.
pub(super) type Result<T> = std::result::Result<Answer<T>, Refused>;

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => json(StatusCode::OK, body),
            Err(error) => Refused(Refusal::new(Code::StorageUnavailable, error.to_string())).into_response(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = json(status(self.0.code), body);
        response.extensions_mut().insert(Counted { code: self.0.code, rule: self.0.broken_rule() });
        response
    }
}

impl Serialize for Refused {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<styxy_core::Refusal> for Refused {
    fn from(refusal: styxy_core::Refusal) -> Self {
        Self(refusal.into())
    }
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Self(error.into())
    }
}

/// What the counters need of a refusal; the response carries it to the filter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) code: Code,
    pub(super) rule: Option<Rule>,
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// The HTTP status of each code.
pub(super) const fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidRequest => StatusCode::BAD_REQUEST,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::UnknownLease | Code::UnknownInstance | Code::UnknownRoute => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::PortUnavailable | Code::NoFreePort | Code::InstanceExists => StatusCode::CONFLICT,
        Code::LeaseEnded | Code::InstanceExpired => StatusCode::GONE,
        Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::RequestIdReused => StatusCode::UNPROCESSABLE_ENTITY,
        Code::StorageUnavailable | Code::NotRunning | Code::DaemonUnreachable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
