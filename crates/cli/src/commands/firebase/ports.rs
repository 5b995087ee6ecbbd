//! The ports of one run: leased in one group, all or none; probed if the daemon does not answer.

use serde_json::{Map, Value};
use styxy_client::{PortRequest, Terms};
use styxy_core::api::{AllocateRequest, Code, Refusal};
use styxy_core::{Invalid, Pid, Port, PortRange, ServiceName, ServiceType};

use super::emulators::Emulator;
use crate::here::caller::caller;
use crate::here::fallback::Candidates;
use crate::say::failure::Failure;

/// How far above the preferred port to look for a free one.
const NEARBY: u16 = 100;

/// The request for a port for each of `emulators`, for as long as this process lives.
///
/// # Errors
/// The worktree's path is not Unicode, or the environment has an invalid session name.
pub(super) fn request(
    emulators: &[&Emulator],
    config: &Map<String, Value>,
) -> Result<AllocateRequest, Failure> {
    let port = |emulator: &&Emulator| -> Result<PortRequest, Invalid> {
        Ok(PortRequest {
            name: Some(ServiceName::new(&format!("firebase-{}", emulator.name))?),
            // A number in a file that all checkouts have: the ports that this one had before come first.
            default_port: Port::new(emulator.preferred(config)).ok(),
            ..PortRequest::new(ServiceType::new(emulator.service)?)
        })
    };
    let ports: Result<Vec<PortRequest>, Invalid> = emulators.iter().map(port).collect();
    let ports = ports.map_err(|error| Refusal::new(Code::InvalidRequest, error.to_string()))?;
    let terms = Terms { pid: Pid::new(std::process::id()), ..Terms::default() };
    Ok(terms.or(&caller())?.group(ports))
}

/// Where to look without the daemon: as near as possible to the preferred ports.
pub(super) fn candidates(emulators: &[&Emulator], config: &Map<String, Value>) -> Option<Vec<Candidates>> {
    let candidates = |emulator: &&Emulator| {
        let preferred = Port::new(emulator.preferred(config)).ok()?;
        let last = Port::new(preferred.get().saturating_add(NEARBY)).ok()?;
        let service = ServiceType::new(emulator.service).ok()?;
        Some(Candidates { service, preferred: vec![preferred], near: PortRange::new(preferred, last) })
    };
    emulators.iter().map(candidates).collect()
}
