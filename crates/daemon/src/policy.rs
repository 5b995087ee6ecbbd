//! Which ports are never offered to a client that did not ask for them.

use styxy_core::config::Config;
use styxy_core::{Policy, Port, PortRange};

use crate::system;

/// Ports that browsers refuse to open, above 1023: the "bad port" list of the Fetch standard.
const BROWSERS_REFUSE: [u16; 19] = [
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679,
    6697, 10080,
];

/// Ports below this need a privilege.
const UNPRIVILEGED: u16 = 1024;

/// The policy of a daemon that listens on `own` ports, on this machine.
#[must_use]
pub fn policy(config: Config, own: impl IntoIterator<Item = Port>) -> Policy {
    let privileged = (1..UNPRIVILEGED).filter_map(|number| Port::new(number).ok());
    let ephemeral = system::ephemeral_range().into_iter().flat_map(PortRange::ports);
    let refused = BROWSERS_REFUSE.into_iter().filter_map(|number| Port::new(number).ok());
    Policy { config, never: privileged.chain(ephemeral).chain(refused).chain(own).collect() }
}
