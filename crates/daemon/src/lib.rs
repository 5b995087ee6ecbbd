//! The Styxy daemon: HTTP, journal, probes, process and socket watching around `styxy-core`.
//!
//! [`run`] is `styxy daemon run`. [`serve`] is the same without the process around it: it is given bound listeners
//! and a future that says when to stop, so that it can run inside a test.

mod background;
mod containers;
mod daemon;
mod descriptors;
mod door;
mod engine;
mod feed;
mod files;
#[cfg(target_os = "linux")]
mod guard;
mod http;
pub mod journal;
mod metrics;
#[cfg(test)]
mod old_journals;
mod place;
mod policy;
mod refusals;
mod replay;
mod run;
mod serve;
#[cfg(test)]
#[path = "../../../tests/support/skip.rs"]
mod skip;
pub mod system;
mod token;
mod usage;
mod view;
mod watches;

#[cfg(feature = "fuzz")]
pub use http::admits;
#[cfg(feature = "schema")]
pub use http::openapi;
#[cfg(windows)]
pub use place::inspect_pipe;
#[cfg(unix)]
pub use place::inspect_socket;
pub use place::{Place, inspect_home};
pub use policy::policy;
pub use run::{Mode, RunOptions, run};
pub use serve::{Ended, Parts, ServeError, serve};
pub use token::Token;
pub use usage::listener_on;
