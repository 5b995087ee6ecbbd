//! Reading requests: size, media type, JSON, and what to say when one of them is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use http_body_util::BodyExt as _;
use serde::Serializer as _;
use serde::de::DeserializeOwned;
use styxy_core::api::{Code, MAX_BODY, Refusal, decode, read};

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
        decode(&receive(request).await?).map(Self).map_err(Refused)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let body = receive(request).await?;
        let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body.as_slice() };
        decode(body).map(Self).map_err(Refused)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        // As a JSON object of texts, so that one reader finds the mistakes of all requests; a key that is there twice stays.
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let mut json = serde_json::Serializer::new(Vec::new());
        let written = json.collect_map(pairs);
        let text = written.ok().and_then(|()| String::from_utf8(json.into_inner()).ok()).unwrap_or_default();
        read("query", &text).map(Self).map_err(Refused)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match axum::extract::Path::<String>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            Err(_) => Err(Refused(Refusal::invalid("path", "it cannot be decoded", "percent-encoded UTF-8"))),
        }
    }
}

/// The whole body, if it is one we take.
async fn receive(request: Request) -> Result<Vec<u8>, Refused> {
    let media =
        request.headers().get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    // curl -d sends x-www-form-urlencoded and Node's fetch text/plain, and both mean JSON.
    let multipart = media.get(..10).is_some_and(|media| media.eq_ignore_ascii_case("multipart/"));
    let media = media.to_owned();
    let collected = tokio::time::timeout(PATIENCE, collect(request.into_body())).await;
    let late = || {
        let problem = format!("it is incomplete after {} s", PATIENCE.as_secs());
        Refusal::invalid("body", &problem, "a body that is sent without a pause")
    };
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
        let frame = frame.map_err(|error| {
            Refused(Refusal::invalid(
                "body",
                &format!("it broke off: {error}"),
                "as many bytes as are announced",
            ))
        })?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use styxy_core::api::{AllocationsQuery, SuggestQuery};

    async fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, Refusal> {
        let request = Request::builder().uri(format!("/?{query}")).body(Body::empty()).unwrap();
        let mut parts = request.into_parts().0;
        Query::from_request_parts(&mut parts, &())
            .await
            .map(|Query(query)| query)
            .map_err(|refused| refused.0)
    }

    #[tokio::test]
    async fn a_query_is_decoded_from_its_percents() {
        let query: AllocationsQuery = read_query("project_path=%2Fw%2Fa+b%2F%C3%A9&port=3000").await.unwrap();
        assert_eq!(query.project_path.unwrap().as_str(), "/w/a b/é");
        assert_eq!(query.port.unwrap().get(), 3000);
        assert_eq!(read_query::<AllocationsQuery>("").await.unwrap(), AllocationsQuery::default());
        assert_eq!(read_query::<SuggestQuery>("count=100").await.unwrap().count, Some(100));
    }

    #[tokio::test]
    async fn a_mistake_in_a_query_is_named_by_its_field_whatever_it_says() {
        for (query, error) in [
            (
                "port=a+at+line+b",
                "port: \"a at line b\" is not a port; allowed: a whole number from 1 to 65535",
            ),
            ("port=%203000", "port: \" 3000\" is not a port; allowed: a whole number from 1 to 65535"),
            ("port=1&port=1", "port: it is there twice; allowed: once"),
            (
                "x%3A%20y=1",
                "unknown field \"x: y\"; allowed: service, service_type, instance_id, project_path, port",
            ),
        ] {
            assert_eq!(read_query::<AllocationsQuery>(query).await.unwrap_err().error, error);
        }
        let refusal = read_query::<SuggestQuery>("count=101").await.unwrap_err();
        assert_eq!(refusal.error, "count: \"101\" is not a count; allowed: a whole number from 1 to 100");
        assert_eq!(refusal.details["found"], "\"101\"");
    }
}
