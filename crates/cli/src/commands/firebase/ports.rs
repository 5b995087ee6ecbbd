//! The ports of one run: leased in one group, all or none; probed here if no daemon answers.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use serde_json::{Map, Value};
use styxy_client::{PortRequest, Terms};
use styxy_core::api::{AllocateRequest, Code, Refusal};
use styxy_core::{InvalidName, Pid, Port, ServiceName, ServiceType};

use super::emulators::Emulator;
use crate::here::caller::caller;
use crate::say::failure::Failure;

/// How far above the preferred port a free one is looked for.
const NEARBY: u16 = 100;

/// Asks for a port for each of `emulators`, for as long as this process lives.
///
/// # Errors
/// The worktree's path is not Unicode, or the environment names a session that cannot be.
pub(super) fn request(
    emulators: &[&Emulator],
    config: &Map<String, Value>,
) -> Result<AllocateRequest, Failure> {
    let port = |emulator: &&Emulator| -> Result<PortRequest, InvalidName> {
        Ok(PortRequest {
            name: Some(ServiceName::new(&format!("firebase-{}", emulator.name))?),
            port: Port::new(emulator.preferred(config)).ok(),
            ..PortRequest::new(ServiceType::new(emulator.service)?)
        })
    };
    let ports: Result<Vec<PortRequest>, InvalidName> = emulators.iter().map(port).collect();
    let ports = ports.map_err(|error| Refusal::new(Code::InvalidRequest, error.to_string()))?;
    let terms = Terms { pid: Pid::new(std::process::id()), ..Terms::default() };
    Ok(terms.or(&caller())?.group(ports))
}

/// Free ports as near as can be to the `preferred` ones; none if there is nothing left.
///
/// Nothing keeps them until they are used: another program may take one.
pub(super) fn probed(preferred: &[u16]) -> Option<Vec<u16>> {
    // Held until all are chosen, so that no two are the same.
    let mut held: Vec<Held> = Vec::new();
    for first in preferred {
        let near = (*first..=first.saturating_add(NEARBY)).find_map(Held::new);
        held.push(near.or_else(|| Held::new(0))?);
    }
    Some(held.iter().map(|held| held.port).collect())
}

/// A port, on every loopback address that this machine has.
struct Held {
    port: u16,
    _sockets: (TcpListener, Option<TcpListener>),
}

impl Held {
    fn new(port: u16) -> Option<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        let port = v4.local_addr().ok()?.port();
        let v6 = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(v6) => Some(v6),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => return None,
            // There is no IPv6 here.
            Err(_) => None,
        };
        Some(Self { port, _sockets: (v4, v6) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probed_ports_are_near_the_preferred_ones_free_and_all_different() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let found = probed(&[port, port, port]).unwrap();
        assert!(!found.contains(&port));
        let mut different = found.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 3, "{found:?}");
    }
}
