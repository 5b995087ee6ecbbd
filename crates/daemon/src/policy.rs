//! Which ports are never offered to a client that did not ask for them, and which only if there is no other one.

use styxy_core::config::Config;
use styxy_core::{Policy, Port, PortRange, PortSet};

use crate::system;

/// Ports that browsers refuse to open, above 1023: the "bad port" list of the Fetch standard.
const BROWSERS_REFUSE: [u16; 19] = [
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679,
    6697, 10080,
];

/// Ports below this need a privilege.
const UNPRIVILEGED: u16 = 1024;

/// The policy of a daemon that listens on `own` ports, on this machine. The first of them is the front door.
///
/// The ports that the kernel gives to outgoing connections come last: such a connection may take a port between its grant
/// and its server's bind. They are no ban, since the range may be all ports there are; and a port that the administrator
/// has reserved is never given to a connection.
#[must_use]
pub fn policy(config: Config, own: impl IntoIterator<Item = Port>) -> Policy {
    let privileged = (1..UNPRIVILEGED).filter_map(|number| Port::new(number).ok());
    let refused = BROWSERS_REFUSE.into_iter().filter_map(|number| Port::new(number).ok());
    let mut last: PortSet = system::ephemeral_range().into_iter().flat_map(PortRange::ports).collect();
    for port in system::reserved_ranges().into_iter().flat_map(PortRange::ports) {
        last.remove(port);
    }
    let own: Vec<Port> = own.into_iter().collect();
    let door = own.first().copied();
    Policy { config, never: privileged.chain(refused).chain(own).collect(), last, door }
}
