//! Whether the guard is turned off.

use std::env;

/// The variable that turns the guard off, if one does.
pub(crate) fn off() -> Option<&'static str> {
    ["STYXY", "STYXY_GUARD"].into_iter().find(|name| env::var_os(name).is_some_and(|value| value == "off"))
}
