//! Waiting for a condition, never for a time.

use std::thread;
use std::time::{Duration, Instant};

/// No condition takes longer, on the slowest machine; a test that gets here has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// What `look` sees as soon as it sees something.
///
/// # Panics
/// It saw nothing by the deadline; `what` was waited for.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "never came true: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// As [`eventually`], for what is seen by its being so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}
