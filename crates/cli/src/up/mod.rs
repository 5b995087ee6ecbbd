//! `styxy up`: the services of one worktree, started together, each on its own port.
//!
//! `sources` finds what is to run, and `stack` says it; `words` reads its commands, `leasing` leases the ports, `wished` says what wishes do to them, and `orders` says it all to the keeper; `told` says which
//! variables a service gets, and `containers` what compose is asked for; the keeper starts it, watches it and ends it; `client` finds
//! the keeper, `by_hand` what runs without it, `beside` what runs in a service's folder under another name, and `read` reads the logs, which needs none; `heard` asks the daemon who still listens, `further` finds the other ports of a service, `taken` says who has the port of a service that did
//! not get it, `typed` which words there are for services, and `kept` what is kept in all worktrees; `system` is
//! what differs from system to system.

pub(crate) mod ask;
mod beside;
pub(crate) mod by_hand;
pub(crate) mod client;
pub(crate) mod containers;
pub(crate) mod follow;
pub(crate) mod further;
pub(crate) mod heard;
pub(crate) mod keeper;
pub(crate) mod kept;
mod leasing;
pub(crate) mod lines;
pub(crate) mod orders;
pub(crate) mod place;
pub(crate) mod ports;
pub(crate) mod read;
mod released;
pub(crate) mod sources;
pub(crate) mod stack;
mod state;
mod system;
pub(crate) mod taken;
pub(crate) mod told;
pub(crate) mod typed;
pub(crate) mod verdict;
pub(crate) mod wire;
pub(crate) mod wished;
pub(crate) mod words;
