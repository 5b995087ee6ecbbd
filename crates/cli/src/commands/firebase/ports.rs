//! The ports of one run: leased in one group, all or none; probed if the daemon does not answer.

use serde_json::{Map, Value};
use styxy_core::api::{AllocateRequest, MemberRequest};
use styxy_core::{Pid, Port, PortRange, RequestId, ServiceName, ServiceType};
use uuid::Uuid;

use super::emulators::Emulator;
use crate::here::fallback::Candidates;
use crate::here::place;
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
    let member = |emulator: &&Emulator| MemberRequest {
        service_type: ServiceType::new(emulator.service).ok(),
        service_name: ServiceName::new(&format!("firebase-{}", emulator.name)).ok(),
        preferred_port: Port::new(emulator.preferred(config)).ok(),
        ..MemberRequest::default()
    };
    Ok(AllocateRequest {
        services: Some(emulators.iter().map(member).collect()),
        pid: Pid::new(std::process::id()),
        project_path: place::current_project()?,
        instance_id: place::current_instance()?,
        request_id: RequestId::new(&Uuid::new_v4().to_string()).ok(),
        ..AllocateRequest::default()
    })
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
