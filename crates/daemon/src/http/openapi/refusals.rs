//! How routes refuse: what each code means, and an example of it.

use axum::response::IntoResponse as _;
use styxy_core::api::{Code, Refusal, Rule};
use utoipa::ToSchema as _;
use utoipa::openapi::{Content, ContentBuilder, Ref, Response, ResponseBuilder};

use super::example;
use crate::http::Refused;

/// A refusal of whatever code.
pub(super) fn any_refusal() -> Content {
    Content::new(Some(Ref::from_schema_name(Refusal::name())))
}

/// The answer of one status, with an example for each of its codes.
pub(super) fn refused(codes: impl Iterator<Item = Code>) -> Response {
    let (mut says, mut examples) = (Vec::new(), Vec::new());
    for code in codes {
        says.push(format!("`{code}`: {}", meaning(code)));
        examples.push((code.as_str(), example(serde_json::to_value(refusal(code)).ok())));
    }
    let content = ContentBuilder::new().schema(any_refusal().schema).examples_from_iter(examples);
    ResponseBuilder::new().description(says.join("; ")).content("application/json", content.build()).build()
}

/// The status that the daemon gives a code.
pub(super) fn status(code: Code) -> u16 {
    Refused(Refusal::new(code, "")).into_response().status().as_u16()
}

/// What a code means.
const fn meaning(code: Code) -> &'static str {
    match code {
        Code::InvalidRequest => "something is missing, unknown or not of its form",
        Code::Forbidden => "not from here; `details.rule` says why",
        Code::UnknownLease => "no lease has this id, or it ended long ago",
        Code::UnknownInstance => "no such instance",
        Code::UnknownRoute => "no such route",
        Code::MethodNotAllowed => "the route exists with other methods",
        Code::PortUnavailable => "the exact port is taken",
        Code::NoFreePort => {
            "every port that could be given is taken, or a quota is used up: `details.rule` is `quota`"
        }
        Code::InstanceExists => "a live instance of this id belongs to another process",
        Code::LeaseEnded => "the lease has ended; `details.reason` says why",
        Code::InstanceExpired => "the instance expired",
        Code::BodyTooLarge => "more than 16 KiB",
        Code::UnsupportedMediaType => "multipart is not understood",
        Code::RequestIdReused => "the same `request_id` came with another body",
        Code::StorageUnavailable => "the journal cannot be written, so nothing was changed",
        Code::NotRunning => "no server answers there (said by the command only)",
        Code::DaemonUnreachable => {
            "no daemon answers, or it has as many connections or readers of events as it can serve"
        }
    }
}

/// An example of a refusal with this code.
pub(super) fn refusal(code: Code) -> Refusal {
    let say = |error: &str| Refusal::new(code, error);
    match code {
        Code::InvalidRequest => {
            say("preferred_port: 70000 is not a port; allowed: a whole number from 1 to 65535")
                .detail("field", "preferred_port")
                .detail("found", "70000")
                .detail("allowed", "a whole number from 1 to 65535")
        }
        Code::Forbidden => say("requests from web pages are refused").rule(Rule::Origin),
        Code::UnknownLease => {
            say("no lease has the id 4f5e1c0a-8a51-4c3e-9d53-0c1f6f9f1f10").hint("styxy list")
        }
        Code::UnknownInstance => say("no instance is called claude-1").hint("styxy instances"),
        Code::UnknownRoute => say("there is no route /ports"),
        Code::MethodNotAllowed => say("/status has no method POST"),
        Code::PortUnavailable => say("port 3000 is leased by claude-2")
            .hint("styxy check 3000")
            .detail("port", 3000)
            .detail("holder", "claude-2"),
        Code::NoFreePort => say("no free port for service type dev in 8000-8099")
            .hint("styxy scan 8000-8099")
            .detail("range", vec![8000, 8099])
            .detail("leased", 98)
            .detail("busy", 4),
        Code::InstanceExists => say("the instance claude-1 belongs to process 4242, which lives")
            .hint("styxy instances")
            .detail("pid", 4242),
        Code::LeaseEnded => {
            say("the lease of port 3001 has ended (released)").hint("styxy list").detail("reason", "released")
        }
        Code::InstanceExpired => {
            say("the instance claude-1 has expired").hint("register it again: POST /instance/register")
        }
        Code::BodyTooLarge => say("the body is longer than 16384 bytes"),
        Code::UnsupportedMediaType => say("multipart/form-data is not understood; send JSON"),
        Code::RequestIdReused => {
            say("request id b7f1 was used for another request").detail("request_id", "b7f1")
        }
        Code::StorageUnavailable => say("the journal cannot be written").hint("styxy doctor"),
        Code::NotRunning => say("nothing listens on port 3000"),
        Code::DaemonUnreachable => say("no daemon answers"),
    }
}
