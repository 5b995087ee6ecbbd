//! Whether a sandbox, or another network, keeps the command from the daemon. Then what the environment says counts.

use std::io::ErrorKind;

use styxy_client::{Error, PortRequest, Sandbox};
use styxy_core::Port;
use styxy_core::api::Rule;
use styxy_core::order::set;

use crate::here::variables::exported;

/// What keeps the daemon out of reach, if it is a sandbox: a known one, a denied connection, or another network namespace.
pub(crate) fn wall(error: &Error) -> Option<String> {
    let known = known();
    let is_wall = match error {
        Error::Refused(refusal) => refusal.broken_rule() == Some(Rule::Network),
        Error::Unreachable { source, .. } if source.kind() == ErrorKind::PermissionDenied => true,
        _ => known.is_some(),
    };
    let unknown = "a sandbox, or another network";
    is_wall.then(|| known.unwrap_or_else(|| unknown.to_owned()))
}

/// The sandbox around the command, if its agent says that there is one.
pub(crate) fn known() -> Option<String> {
    Sandbox::around(|name| std::env::var_os(name)).map(|sandbox| sandbox.to_string())
}

/// The ports that Styxy has exported for all of these, outside. The variables name no names: a port that was exported for a
/// type is not told to a named server of it, nor to a second one.
pub(crate) fn told(requests: &[PortRequest]) -> Option<Vec<Port>> {
    let services = set(requests.iter().map(PortRequest::label));
    if services.len() < requests.len() || requests.iter().any(|request| request.name.is_some()) {
        return None;
    }
    requests.iter().map(|request| exported(request.label())).collect()
}
