//! What JavaScript is answered: the wire's types with JavaScript's names, null where the wire says null or nothing.
//!
//! Each conversion takes its message apart without `..`, so a new field of the wire is a compile error here.
//! The comments are what `native.d.ts` tells users.

mod daemon;
mod event;
mod instance;
mod lease;
mod ports;

pub use daemon::{Journal, Listen, Memory, Status, Watches};
pub use event::RawEvent;
pub use instance::{Beat, EndedInstance, Instance, Registration};
pub(crate) use lease::leases;
pub use lease::{Cleanup, Conflict, Grant, LeaseInfo, Owner, Released};
pub use ports::{Check, PortInUse, Scan, Suggestions, SystemUsage};

use crate::error::{Result, unintelligible};

/// `lock_id` → `lockId`
pub(crate) fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// A count or a number of bytes; JavaScript's numbers hold it exactly.
fn number(count: impl TryInto<i64>) -> Result<i64> {
    count.try_into().map_err(|_| unintelligible("a number is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_wire_become_names_of_javascript() {
        for (snake, expected) in
            [("lock_id", "lockId"), ("last_seen_listening", "lastSeenListening"), ("port", "port")]
        {
            assert_eq!(camel(snake), expected);
        }
    }
}
