//! Whether a sandbox, or another network, keeps the command from the daemon. Then what the environment says counts.

use std::io::ErrorKind;

use styxy_client::{Error, PortRequest, Sandbox};
use styxy_core::Port;
use styxy_core::api::Rule;

use crate::here::variables::exported;

/// What keeps the daemon out of reach, if it is a sandbox: a known one, a denied connection, or another network namespace.
pub(crate) fn wall(error: &Error) -> Option<String> {
    let known = Sandbox::around(|name| std::env::var_os(name));
    let is_wall = match error {
        Error::Refused(refusal) => refusal.broken_rule() == Some(Rule::Network),
        Error::Unreachable { source, .. } if source.kind() == ErrorKind::PermissionDenied => true,
        _ => known.is_some(),
    };
    let unknown = "a sandbox, or another network";
    is_wall.then(|| known.map_or_else(|| unknown.to_owned(), |sandbox| sandbox.to_string()))
}

/// The ports that Styxy has exported for all of these, outside.
pub(crate) fn told(requests: &[PortRequest]) -> Option<Vec<Port>> {
    requests.iter().map(|request| exported(&request.service)).collect()
}
