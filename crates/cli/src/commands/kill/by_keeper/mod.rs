//! The server of a service that `styxy up` has started: its keeper ends it, so that it has ended and not failed (R138).

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;
