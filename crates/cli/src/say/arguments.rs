//! Values that several commands take, as they are typed.

use styxy_core::{Invalid, Port};

/// Reads `3000` where something else may stand too: up to five digits mean a port, and nothing else does.
pub(crate) fn port(text: &str) -> Option<Result<Port, String>> {
    let is_port = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_port.then(|| text.parse().map_err(|error: Invalid| error.to_string()))
}
