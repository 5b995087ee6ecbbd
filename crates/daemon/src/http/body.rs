//! Reading requests: size, media type, JSON, and what to say when one of them is wrong.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use styxy_core::api::{Code, MAX_BODY, Refusal, explain};

use super::answer::Refused;

/// How many bytes of a body that is too large are read and thrown away, so that its sender can read the refusal.
const DRAINED: usize = 1024 * 1024;

/// How long a client may take to send its body.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request body, decoded.
pub(super) struct Json<T>(pub(super) T);

/// A request body, decoded; an empty one is `{}`.
pub(super) struct OptionalJson<T>(pub(super) T);

/// The query, decoded.
pub(super) struct Query<T>(pub(super) T);

/// The one parameter of the path, decoded from its percents.
pub(super) struct Segment(pub(super) String);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        decode(&read(request).await?).map(Self).map_err(Refused)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let body = read(request).await?;
        let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body.as_slice() };
        decode(body).map(Self).map_err(Refused)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let query =
            axum::extract::Query::<T>::try_from_uri(&parts.uri).map_err(|error| query_mistake(&error))?;
        Ok(Self(query.0))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match axum::extract::Path::<String>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            Err(error) => Err(Refused(explain("path", &error.body_text()))),
        }
    }
}

/// What is wrong with a query, by the field that the decoder was at.
fn query_mistake(error: &QueryRejection) -> Refusal {
    let mut cause: &dyn Error = error;
    loop {
        if let Some(at) = cause.downcast_ref::<serde_path_to_error::Error<serde::de::value::Error>>() {
            let path = at.path().to_string();
            return explain(if path == "." { "query" } else { &path }, &at.inner().to_string());
        }
        match cause.source() {
            Some(deeper) => cause = deeper,
            None => return explain("query", &cause.to_string()),
        }
    }
}

/// The whole body, if its size and media type are accepted.
async fn read(request: Request) -> Result<Vec<u8>, Refused> {
    let media =
        request.headers().get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    // curl -d sends x-www-form-urlencoded and Node's fetch text/plain, and both mean JSON.
    let multipart = media.get(..10).is_some_and(|media| media.eq_ignore_ascii_case("multipart/"));
    let media = media.to_owned();
    let collected = tokio::time::timeout(PATIENCE, collect(request.into_body())).await;
    let late = || explain("body", &format!("it is incomplete after {} s", PATIENCE.as_secs()));
    let (body, length) = collected.map_err(|_| Refused(late()))??;
    if multipart {
        let error = format!("{media} is not understood; allowed: application/json");
        return Err(Refused(Refusal::new(Code::UnsupportedMediaType, error).detail("found", media)));
    }
    if length > MAX_BODY {
        let error = format!("the body has {length} bytes or more; allowed: at most {MAX_BODY}");
        return Err(Refused(Refusal::new(Code::BodyTooLarge, error).detail("allowed", MAX_BODY)));
    }
    Ok(body)
}

/// At most [`MAX_BODY`] bytes of a body, and how many it had, as far as it was read.
async fn collect(mut body: Body) -> Result<(Vec<u8>, usize), Refused> {
    let (mut kept, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refused(explain("body", &format!("it broke off: {error}"))))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else if length > DRAINED {
            break;
        }
    }
    Ok((kept, length))
}

/// Decodes JSON and nothing after it.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(explain("body", "it is empty; allowed: a JSON object"));
    }
    // Serde would read an array as a struct, by position.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        let what = serde_json::from_slice::<serde_json::Value>(body).map_or("no JSON", |value| match value {
            serde_json::Value::Array(_) => "a JSON array",
            _ => "a JSON scalar",
        });
        return Err(explain("body", &format!("it is {what}; allowed: a JSON object")));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let decoded = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let syntax = !error.inner().is_data();
        explain(if syntax || path == "." { "body" } else { &path }, &error.inner().to_string())
    })?;
    json.end().map_err(|error| explain("body", &error.to_string()))?;
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use styxy_core::api::{AllocateRequest, AllocationsQuery};

    fn mistake(body: &str) -> Refusal {
        decode::<AllocateRequest>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_mistake_is_named_by_its_field_with_what_came_and_what_is_allowed() {
        for (value, found) in
            [("0", "0"), ("70000", "70000"), ("-1", "-1"), ("3.5", "3.5"), ("\"abc\"", "\"abc\"")]
        {
            let refusal = mistake(&format!(r#"{{"service_type": "dev", "preferred_port": {value}}}"#));
            assert_eq!(refusal.details["field"], "preferred_port");
            assert_eq!(
                refusal.error,
                format!("preferred_port: {found} is not a port; allowed: a whole number from 1 to 65535")
            );
        }
        let member = mistake(r#"{"services": [{"service": "dev"}, {"service": "a b"}]}"#);
        assert!(member.error.starts_with("services[1]"), "{}", member.error);
    }

    #[test]
    fn an_unknown_field_is_refused_by_name_with_the_nearest_known_one() {
        let refusal = mistake(r#"{"service_type": "dev", "prefered_port": 3000}"#);
        assert_eq!(refusal.details["field"], "prefered_port");
        assert_eq!(refusal.hint.as_deref(), Some("did you mean preferred_port?"));
    }

    #[test]
    fn a_body_that_is_not_a_json_object_is_refused_in_words() {
        for body in [
            "",
            "  ",
            "{",
            "{\"service_type\":",
            "[]",
            "3",
            "\"dev\"",
            "null",
            "{} {}",
            "dev",
            "{\"service_type\": \"dev\"}x",
        ] {
            let refusal = mistake(body);
            assert_eq!(
                (refusal.code, &refusal.details["field"]),
                (Code::InvalidRequest, &"body".into()),
                "{body}"
            );
        }
    }

    #[test]
    fn a_mistake_in_a_query_is_named_by_its_field() {
        let mistake = |query: &str| {
            let uri = format!("/allocations?{query}").parse().unwrap();
            query_mistake(&axum::extract::Query::<AllocationsQuery>::try_from_uri(&uri).unwrap_err())
        };
        let refusal = mistake("port=0");
        assert_eq!(refusal.details["field"], "port");
        assert_eq!(refusal.error, "port: \"0\" is not a port; allowed: a whole number from 1 to 65535");
        assert_eq!(mistake("service_type=a%3A%20b").details["field"], "service_type");
        let unknown = mistake("ports=3000");
        assert_eq!(
            (&unknown.details["field"], unknown.hint.unwrap()),
            (&"ports".into(), "did you mean port?".into())
        );
    }

    #[test]
    fn null_is_the_same_as_absent() {
        let request: AllocateRequest =
            decode(br#"{"service_type": "dev", "exact": null, "pid": null, "services": null}"#).unwrap();
        assert_eq!((request.exact, request.pid, request.services), (None, None, None));
    }
}
