//! The answers to JavaScript: the wire's types with JavaScript's names, and null where the wire has null or nothing.
//!
//! Each conversion takes its message apart without `..`, so a new field of the wire is a compile error here.
//! The comments become `native.d.ts`, which users read.

mod daemon;
mod event;
mod instance;
mod lease;
mod ports;

pub use daemon::{Journal, Listen, Memory, Status, Watches};
pub use event::RawEvent;
pub use instance::{Beat, EndedInstance, Instance, Registration};
pub(crate) use lease::leases;
pub use lease::{Cleanup, Conflict, Grant, LeaseInfo, Listener, Owner, Released};
pub use ports::{Check, PortInUse, Scan, Suggestions, SystemUsage};

use styxy_core::printable::printable;

use crate::error::{Result, unintelligible};

/// A sentence for people, who read it on a terminal, in an error or in a plugin's line: the paths and names of others in it
/// are made printable. The fields that have them for programs stay exact.
pub(crate) fn sentence(text: impl AsRef<str>) -> String {
    printable(text.as_ref()).into_owned()
}

/// A count or a number of bytes; JavaScript's numbers hold it exactly.
fn number(count: impl TryInto<i64>) -> Result<i64> {
    count.try_into().map_err(|_| unintelligible("a number is too large"))
}
