//! `/instance/…`: agent sessions.

use axum::extract::{ConnectInfo, State};
use styxy_core::api::{
    BeatAnswer, BeatRequest, EndInstanceAnswer, InstancesAnswer, RegisterAnswer, RegisterRequest,
};
use styxy_core::{Command, EndReason, Fact, InstanceId, Registration};

use super::answer::{Answer, Refused, Result};
use super::body::{Json, Segment};
use super::{Peer, Shared, pids};
use crate::daemon::Daemon;
use crate::system;

pub(super) async fn register(
    State(daemon): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<RegisterRequest>,
) -> Result<RegisterAnswer> {
    let RegisterRequest { instance_id, working_directory, pid, expires_in: own, metadata } = request;
    let process = match pid {
        Some(pid) => Some(super::allocate::owner(pids::meant(peer, pid, "pid").await?, "pid")?),
        None => None,
    };
    // The process registered before may have ended this very moment.
    let old = {
        let engine = daemon.engine();
        let known = engine.registry().instance(&instance_id);
        known.and_then(|known| known.process.as_ref()).map(|process| process.key)
    };
    if let Some(old) = old.filter(|old| !system::is_alive(old)) {
        daemon.exited(&[old]).await;
    }
    let id = instance_id.clone();
    daemon.handle(&Command::Register(Registration {
        id: instance_id,
        working_directory,
        process,
        expires_in: own,
        metadata,
    }))?;
    let expires_in = expires_in(&daemon, &id);
    let heartbeat_interval = expires_in.map(|seconds| seconds / 3.0);
    Ok(Answer(RegisterAnswer { success: true, instance_id: id, heartbeat_interval, expires_in }))
}

pub(super) async fn heartbeat(state: Shared, Json(request): Json<BeatRequest>) -> Result<BeatAnswer> {
    renew(state, request.instance_id)
}

pub(super) async fn heartbeat_of(state: Shared, Segment(id): Segment) -> Result<BeatAnswer> {
    renew(state, parse(&id)?)
}

fn renew(State(daemon): Shared, id: InstanceId) -> Result<BeatAnswer> {
    let events = daemon.handle(&Command::Beat(id.clone()))?;
    let at = events.first().map_or_else(system::now, |event| event.at);
    let expires_in = expires_in(&daemon, &id);
    Ok(Answer(BeatAnswer { success: true, instance_id: id, last_heartbeat: at.wall, expires_in }))
}

pub(super) async fn end(State(daemon): Shared, Segment(id): Segment) -> Result<EndInstanceAnswer> {
    let id = parse(&id)?;
    daemon.refresh().await;
    let events = daemon.handle(&Command::EndInstance { id: id.clone() })?;
    let engine = daemon.engine();
    let released = events.iter().filter_map(|event| match event.fact {
        Fact::Ended { lock_id, reason: EndReason::InstanceEnded } => engine.registry().ended(lock_id),
        _ => None,
    });
    let released = released.map(|(lease, _)| lease).collect();
    Ok(Answer(EndInstanceAnswer { success: true, instance_id: id, released }))
}

pub(super) async fn list(State(daemon): Shared) -> Result<InstancesAnswer> {
    daemon.name_owners().await;
    daemon.refresh().await;
    let engine = daemon.engine();
    let registry = engine.registry();
    let instances = registry.instances().map(|instance| registry.instance_view(instance)).collect();
    Ok(Answer(InstancesAnswer { instances }))
}

/// In seconds; none for an instance that depends on a process.
fn expires_in(daemon: &Daemon, id: &InstanceId) -> Option<f64> {
    let ttl = daemon.engine().registry().instance(id)?.ttl(&daemon.about.config)?;
    Some(ttl.as_f64())
}

fn parse(id: &str) -> std::result::Result<InstanceId, Refused> {
    InstanceId::new(id).map_err(|invalid| Refused(invalid.in_field("instance_id")))
}
