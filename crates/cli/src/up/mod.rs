//! `styxy up`: the services of one worktree, started together, each on its own port.
//!
//! `sources` finds what is to run, and `stack` says it; `words` reads its commands, and `orders` leases the ports; `told` says which
//! variables a service gets, and `containers` what compose is asked for; the keeper starts it, watches it and ends it; `client` finds
//! the keeper, `by_hand` what runs without it, `beside` what runs in a service's folder under another name, and `read` reads the logs, which needs none; `heard` asks the daemon who still listens, `further` finds the other ports of a service, `taken` says who has the port of a service that did
//! not get it, `typed` which words there are for services, and `kept` what is kept in all worktrees; `system` is
//! what differs from system to system.

#[cfg(unix)]
pub(crate) mod ask;
#[cfg(unix)]
mod beside;
#[cfg(unix)]
pub(crate) mod by_hand;
#[cfg(unix)]
pub(crate) mod client;
#[cfg(unix)]
pub(crate) mod containers;
#[cfg(unix)]
pub(crate) mod follow;
#[cfg(unix)]
pub(crate) mod further;
#[cfg(unix)]
pub(crate) mod heard;
#[cfg(unix)]
pub(crate) mod keeper;
pub(crate) mod kept;
#[cfg(unix)]
pub(crate) mod lines;
#[cfg(unix)]
pub(crate) mod orders;
#[cfg(unix)]
pub(crate) mod place;
pub(crate) mod ports;
#[cfg(unix)]
pub(crate) mod read;
pub(crate) mod sources;
pub(crate) mod stack;
#[cfg(unix)]
mod system;
#[cfg(unix)]
pub(crate) mod taken;
#[cfg(unix)]
pub(crate) mod told;
pub(crate) mod typed;
#[cfg(unix)]
pub(crate) mod wire;
#[cfg(unix)]
pub(crate) mod words;
