//! Inspecting ports: `GET /check/{port}`, `GET /suggest/{serviceType}`, `GET /scan`.

use std::collections::BTreeMap;

use axum::extract::State;
use styxy_core::api::{
    CheckAnswer, PortInUse, Refusal, ScanAnswer, ScanQuery, SuggestAnswer, SuggestQuery, SystemUsage,
};
use styxy_core::order::{map, set};
use styxy_core::{Invalid, Listener, Occupancy, Port, PortRange, ServiceType};

use super::Shared;
use super::answer::{Answer, Refused, Result};
use super::body::{Query, Segment};
use crate::system::{self, ListeningSocket};
use crate::usage;

/// How many ports are suggested by default.
const SUGGESTED: u8 = 5;
/// How many listeners beside the first the reason names: a server that forked may have dozens.
const MOST_NAMED: usize = 3;
/// The first port that is scanned by default.
const FIRST_SCANNED: u16 = 1024;

pub(super) async fn check(State(daemon): Shared, Segment(port): Segment) -> Result<CheckAnswer> {
    let port: Port = port.parse().map_err(|invalid: Invalid| invalid.in_field("port"))?;
    daemon.name_owners().await;
    daemon.refresh().await;
    let first = {
        let engine = daemon.engine();
        let server = engine.registry().lease_on(port).and_then(|lease| lease.listening.server());
        server.and_then(Listener::key).map(|key| key.pid)
    };
    let mut usages = usage::of(&daemon, port, first).await.into_iter();
    let system_usage = usages.next();
    let others: Vec<SystemUsage> = usages.collect();
    let beside = others.iter().take(MOST_NAMED);
    let mut beside: Vec<String> = beside
        .map(|usage| format!("{} listens on {} too", usage::name(usage), usage.addresses.join(", ")))
        .collect();
    if let Some(more) = others.len().checked_sub(MOST_NAMED + 1) {
        beside.push(format!("and {} more", more + 1));
    }
    let engine = daemon.engine();
    let registry = engine.registry();
    let allocated_to = registry.lease_on(port).map(|lease| registry.view(lease));
    let reason = match (&allocated_to, &system_usage, engine.occupancy(port)) {
        (Some(lease), _, _) => Some(format!("leased for {} service", lease.service_type)),
        (None, Some(usage), _) => Some(format!("in use by {}", usage::name(usage))),
        (None, None, Occupancy::Busy) => {
            Some("bound by a program that does not listen yet, or that cannot be seen".into())
        }
        (None, None, Occupancy::Denied) => Some("not this user's to bind".into()),
        (None, None, Occupancy::Reserved) => Some(Occupancy::RESERVED.into()),
        (None, None, Occupancy::Free) => None,
    };
    let reason = reason.map(|reason| std::iter::once(reason).chain(beside).collect::<Vec<_>>().join("; "));
    Ok(Answer(CheckAnswer { port, available: reason.is_none(), allocated_to, system_usage, others, reason }))
}

pub(super) async fn suggest(
    State(daemon): Shared,
    Segment(service): Segment,
    Query(query): Query<SuggestQuery>,
) -> Result<SuggestAnswer> {
    let service = ServiceType::new(&service).map_err(|invalid| invalid.in_field("service_type"))?;
    let count = usize::from(query.count.unwrap_or(SUGGESTED));
    let engine = daemon.engine();
    let suggestions =
        engine.registry().suggest(&service, count, system::now(), |port| engine.occupancy(port))?;
    let (port, count) = (suggestions.first().copied(), suggestions.len());
    Ok(Answer(SuggestAnswer { service_type: service, port, suggestions, count }))
}

pub(super) async fn scan(State(daemon): Shared, Query(query): Query<ScanQuery>) -> Result<ScanAnswer> {
    let start = query.start.or_else(|| Port::new(FIRST_SCANNED).ok()).unwrap_or(PortRange::ALL.first());
    let end = query.end.unwrap_or(PortRange::ALL.last());
    let range = PortRange::new(start, end).ok_or_else(|| {
        let problem = format!("the range {start}-{end} is reversed");
        Refused(Refusal::invalid("start", &problem, "start <= end"))
    })?;
    daemon.name_owners().await;
    daemon.refresh().await;
    let mut sockets: BTreeMap<Port, Vec<ListeningSocket>> = daemon.sockets().unwrap_or_default();
    sockets.retain(|port, _| range.contains(*port));
    let mut usage = usage::of_all(&daemon, sockets).await.usages;
    let mut leases = {
        let engine = daemon.engine();
        let registry = engine.registry();
        let inside = registry.leases().filter(|lease| range.contains(lease.port));
        map(inside.map(|lease| (lease.port, registry.view(lease))))
    };
    let ports = set(usage.keys().chain(leases.keys()).copied());
    let in_use = ports.into_iter().map(|port| {
        let mut usages = usage.remove(&port).unwrap_or_default().into_iter();
        let (allocated_to, system_usage) = (leases.remove(&port), usages.next());
        PortInUse { port, allocated_to, system_usage, others: usages.collect() }
    });
    Ok(Answer(ScanAnswer { scan_range: range.to_string(), ports_in_use: in_use.collect() }))
}
