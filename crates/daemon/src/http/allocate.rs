//! `POST /allocate`, `DELETE /allocate/{lockId}`, `GET /allocations`.

use std::io;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, State};
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, AllocationsAnswer, AllocationsQuery, Code, Lease, MemberRequest,
    Refusal, ReleaseAnswer, ReleaseQuery, Rule,
};
use styxy_core::order::Order as _;
use styxy_core::{
    Allocation, AllocationMode, AnswerForm, Ask, Command, Fact, Listening, LockId, Occupancy, Owner, Pid,
    Port, Process, ProcessKey, Relation, Reuse, Wish,
};
use uuid::Uuid;

use super::answer::{Answer, Refused, Result};
use super::body::{Json, Query, Segment};
use super::{Peer, Shared, pids};
use crate::daemon::Daemon;
use crate::system::{self, Life};
use crate::usage;

/// How many ancestors of the owner are compared with the owners of its project's leases.
const ANCESTORS: usize = 32;
/// How long a process that has ended may still have a lease that is given back.
const PASSES: Duration = Duration::from_secs(1);
/// How often that is looked at.
const GLANCE: Duration = Duration::from_millis(5);

pub(super) async fn allocate(
    State(daemon): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(mut request): Json<AllocateRequest>,
) -> Result<AllocateAnswer> {
    let hash = request.request_id.as_ref().map(|_| hash(&request));
    if let Some((id, hash)) = request.request_id.as_ref().zip(hash) {
        let past = daemon.engine().registry().past_answer(id, hash, system::now());
        if let Some(answer) = past.transpose()? {
            return Ok(Answer(answer));
        }
    }
    let reuse = request.reuse == Some(true) || members(&request).any(|member| member.reuse == Some(true));
    as_we_call_them(&mut request, peer).await?;
    let mut allocation = allocation(request, hash)?;
    if allocation.mode == AllocationMode::Grant {
        for ask in &allocation.asks {
            if let (Some(id), Some(at)) = (&ask.project_id, &ask.project) {
                daemon.found(id, at);
            }
        }
    }
    for ask in &mut allocation.asks {
        ask.gone = daemon.gone_rival(ask);
    }
    if reuse {
        // Whether a lease can be reused depends on who listens now.
        daemon.refresh().await;
    }
    let events = match daemon.handle(&Command::Allocate(allocation)) {
        Ok(events) => events,
        Err(error) => return Err(Refused(name_holder(&daemon, error.into()).await)),
    };
    let answer = events.into_iter().find_map(|event| match event.fact {
        Fact::Answered(answered) => Some(answered.answer),
        _ => None,
    });
    answer
        .map(Answer)
        .ok_or_else(|| Refused(Refusal::invalid("body", "nothing was asked for", "at least one service")))
}

/// Every `pid` becomes the number that the process has to the daemon.
async fn as_we_call_them(request: &mut AllocateRequest, peer: Peer) -> std::result::Result<(), Refusal> {
    if let Some(pid) = &mut request.pid {
        *pid = pids::meant(peer, *pid, "pid").await?;
    }
    for (at, member) in request.services.iter_mut().flatten().enumerate() {
        if let Some(pid) = &mut member.pid {
            *pid = pids::meant(peer, *pid, &format!("services[{at}].pid")).await?;
        }
    }
    Ok(())
}

/// The refusal with the process that has the port, where the core only knows that somebody has it.
async fn name_holder(daemon: &Daemon, refusal: Refusal) -> Refusal {
    let foreign = refusal.code == Code::PortUnavailable
        && refusal.details.get("holder").is_some_and(|who| who == "foreign");
    let port = refusal.details.get("port").and_then(serde_json::Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok()).and_then(|port| Port::new(port).ok());
    let Some(port) = port.filter(|_| foreign) else { return refusal };
    let Some(usage) = usage::of(daemon, port, None).await.into_iter().next() else { return refusal };
    let error = format!("port {port} is in use by {}, which has no lease for it", usage::name(&usage));
    let usage = serde_json::to_value(&usage).unwrap_or_default();
    Refusal { error, ..refusal }.detail("system_usage", usage)
}

pub(super) async fn release(
    State(daemon): Shared,
    Segment(id): Segment,
    Query(query): Query<ReleaseQuery>,
) -> Result<ReleaseAnswer> {
    let lock_id = LockId::parse(&id).map_err(|invalid| invalid.in_field("lock_id"))?;
    let port = daemon.engine().registry().lease(lock_id).map(|lease| lease.port);
    if query.waiting == Some(true) {
        return give_back(&daemon, lock_id, port).await;
    }
    if port.is_some_and(|port| may_be_out_of_date(&daemon, port)) {
        // Whether its server gets it again depends on whether one listens now (R7).
        daemon.refresh().await;
    }
    daemon.handle(&Command::Release(lock_id))?;
    let port = port.ok_or_else(|| Refused(styxy_core::Refusal::UnknownLease(lock_id).into()))?;
    Ok(Answer(ReleaseAnswer { success: true, port, message: format!("Port {port} released") }))
}

/// Ends a lease if nobody has it; `live` is its port if it lives.
async fn give_back(daemon: &Daemon, lock_id: LockId, live: Option<Port>) -> Result<ReleaseAnswer> {
    if let Some(port) = live
        && !waits_for_nobody(daemon, lock_id).await
    {
        let message = format!("Port {port} is not released: somebody has it");
        return Ok(Answer(ReleaseAnswer { success: false, port, message }));
    }
    daemon.handle(&Command::GiveBack(lock_id))?;
    let port = live.or_else(|| Some(daemon.engine().registry().ended(lock_id)?.0.port));
    let port = port.ok_or_else(|| Refused(styxy_core::Refusal::UnknownLease(lock_id).into()))?;
    Ok(Answer(ReleaseAnswer { success: true, port, message: format!("Port {port} released") }))
}

/// Whether a lease waits for a server that nobody has started. A process that has just ended may still have it: that passes.
///
/// Nothing changes between a true answer and what its caller does without waiting.
async fn waits_for_nobody(daemon: &Daemon, lock_id: LockId) -> bool {
    let until = Instant::now() + PASSES;
    loop {
        let holder = {
            let engine = daemon.engine();
            let Some(lease) = engine.registry().lease(lock_id) else { return true };
            match &lease.owner {
                Owner::Awaited { .. } => break,
                Owner::Instance(_) => return false,
                Owner::Process(_) | Owner::Listener { .. } => {
                    lease.owner.process().map(|process| process.key)
                }
            }
        };
        let has_ended = holder.is_none_or(|key| !system::is_alive(&key));
        if !has_ended || Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(GLANCE).await;
    }
    // Somebody may listen who is not known yet.
    daemon.refresh().await;
    let engine = daemon.engine();
    let lease = engine.registry().lease(lock_id);
    lease.is_none_or(|lease| {
        matches!(lease.owner, Owner::Awaited { .. }) && lease.listening == Listening::Nothing
    })
}

/// Whether somebody may listen on a leased port, or have closed it, whom the registry has not heard yet.
fn may_be_out_of_date(daemon: &Daemon, port: Port) -> bool {
    let engine = daemon.engine();
    let is_silent =
        engine.registry().lease_on(port).is_none_or(|lease| lease.listening == Listening::Nothing);
    !is_silent || engine.occupancy(port) != Occupancy::Free
}

pub(super) async fn allocations(
    State(daemon): Shared,
    Query(query): Query<AllocationsQuery>,
) -> Result<AllocationsAnswer> {
    daemon.follow().await;
    daemon.name_owners().await;
    daemon.refresh().await;
    let engine = daemon.engine();
    let registry = engine.registry();
    let wanted = |lease: &&styxy_core::Lease| {
        query.service_type.as_ref().is_none_or(|service| lease.key.service == *service)
            && query.instance_id.as_ref().is_none_or(|id| lease.instance_id.as_ref() == Some(id))
            && query.project_path.as_ref().is_none_or(|path| lease.key.project.as_ref() == Some(path))
            && query.port.is_none_or(|port| lease.port == port)
    };
    let mut allocations: Vec<Lease> =
        registry.leases().filter(wanted).map(|lease| registry.view(lease)).collect();
    allocations.order_by_key(|lease| lease.port);
    Ok(Answer(AllocationsAnswer { allocations }))
}

fn members(request: &AllocateRequest) -> impl Iterator<Item = &MemberRequest> {
    request.services.iter().flatten()
}

/// Checks what the types alone cannot, and looks up the owners.
fn allocation(request: AllocateRequest, hash: Option<u64>) -> std::result::Result<Allocation, Refused> {
    let AllocateRequest {
        service_type,
        service_name,
        default_name,
        preferred_port,
        default_port,
        exact,
        reuse,
        instance_id,
        stack,
        project_path,
        project_id,
        label,
        door,
        pid,
        request_id,
        dry_run,
        block,
        services,
    } = request;
    let common = MemberRequest {
        reuse,
        instance_id,
        project_path,
        project_id,
        label,
        pid,
        ..MemberRequest::default()
    };
    let (asks, form) = match services {
        None => {
            let one = MemberRequest {
                service_type,
                service_name,
                default_name,
                preferred_port,
                default_port,
                exact,
                stack,
                door,
                ..MemberRequest::default()
            };
            let mut one = ask(one, &common, "")?;
            one.behind = (1..block.unwrap_or(1)).map(|_| LockId::new(Uuid::new_v4())).collect();
            let form = if block.is_some() { AnswerForm::Group } else { AnswerForm::One };
            (vec![one], form)
        }
        Some(members) => {
            let given = [
                ("service_type", service_type.is_some()),
                ("service_name", service_name.is_some()),
                ("preferred_port", preferred_port.is_some()),
                ("default_port", default_port.is_some()),
                ("exact", exact == Some(true)),
                ("block", block.is_some()),
                ("door", door.is_some()),
                ("stack", stack.is_some()),
            ];
            if let Some((field, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                let problem = format!("{field} beside services");
                let allowed = if field == "block" { "one of the two" } else { "in a member of services" };
                return Err(Refusal::invalid(field, &problem, allowed).into());
            }
            if members.is_empty() || members.len() > AllocateRequest::MAX_MEMBERS {
                let found = format!("{} members", members.len());
                let allowed = format!("1 to {}", AllocateRequest::MAX_MEMBERS);
                return Err(Refusal::invalid("services", &found, &allowed).into());
            }
            let asks = members.into_iter().enumerate();
            let asks = asks.map(|(index, member)| ask(member, &common, &format!("services[{index}].")));
            let asks = asks.collect::<std::result::Result<Vec<_>, _>>()?;
            no_port_twice(&asks)?;
            (asks, AnswerForm::Group)
        }
    };
    let mode = if dry_run == Some(true) { AllocationMode::DryRun } else { AllocationMode::Grant };
    Ok(Allocation { asks, form, request: request_id.zip(hash), mode })
}

/// Two members of a group cannot both have one exact port, whatever else is true.
fn no_port_twice(asks: &[Ask]) -> std::result::Result<(), Refusal> {
    let exact = |ask: &Ask| match ask.wish {
        Wish::Exact(port) => Some(port),
        Wish::Any | Wish::Default(_) | Wish::Preferred(_) => None,
    };
    for (index, port) in
        asks.iter().enumerate().filter_map(|(index, ask)| exact(ask).map(|port| (index, port)))
    {
        if let Some(first) = asks[..index].iter().position(|ask| exact(ask) == Some(port)) {
            let problem = format!("{port}, which services[{first}] wants exactly too");
            let field = format!("services[{index}].preferred_port");
            return Err(Refusal::invalid(&field, &problem, "a port for each member"));
        }
    }
    Ok(())
}

fn ask(member: MemberRequest, common: &MemberRequest, at: &str) -> std::result::Result<Ask, Refusal> {
    let missing =
        |field: &str, allowed: &str| Refusal::invalid(&format!("{at}{field}"), "it is missing", allowed);
    let service = member.service_type.ok_or_else(|| {
        missing("service_type", "a service type such as dev, api or storybook")
            .hint("styxy config show lists the known ones")
    })?;
    let wish = match (member.preferred_port, member.default_port, member.exact == Some(true)) {
        (None, _, true) => return Err(missing("preferred_port", "a port, since exact is true")),
        (Some(_), Some(default), _) => {
            let problem = format!("{default} beside preferred_port");
            return Err(Refusal::invalid(&format!("{at}default_port"), &problem, "one of the two"));
        }
        (None, None, false) => Wish::Any,
        (None, Some(port), false) => Wish::Default(port),
        (Some(port), None, true) => Wish::Exact(port),
        (Some(port), None, false) => Wish::Preferred(port),
    };
    if let (Some(_), Some(default)) = (&member.service_name, &member.default_name) {
        let problem = format!("{default} beside service_name");
        return Err(Refusal::invalid(&format!("{at}default_name"), &problem, "one of the two"));
    }
    let reuse = member.reuse.or(common.reuse) == Some(true);
    // The request's id and label are of the request's path.
    let own_path = member.project_path.is_some();
    let project_id = member.project_id.or_else(|| common.project_id.clone().filter(|_| !own_path));
    let label = member.label.or_else(|| common.label.clone().filter(|_| !own_path));
    let process = member.pid.or(common.pid).map(|pid| owner(pid, &format!("{at}pid"))).transpose()?;
    let ancestors = match &process {
        Some(process) if reuse => ancestors_of(process),
        Some(_) | None => Vec::new(),
    };
    let project = member.project_path.or_else(|| common.project_path.clone());
    Ok(Ask {
        fresh_id: LockId::new(Uuid::new_v4()),
        behind: Vec::new(),
        service,
        name: member.service_name,
        default_name: member.default_name,
        stack: reuse && project.is_some() && member.stack == Some(true),
        project,
        project_id,
        label,
        gone: None,
        door: member.door.unwrap_or_default(),
        instance_id: member.instance_id.or_else(|| common.instance_id.clone()),
        process,
        ancestors,
        wish,
        reuse: if reuse { Reuse::IfLive } else { Reuse::Never },
    })
}

fn ancestors_of(process: &Process) -> Vec<ProcessKey> {
    system::ancestors(process.key.pid, ANCESTORS)
}

/// The process that is to own something: alive, and of the daemon's user.
pub(super) fn owner(pid: Pid, field: &str) -> std::result::Result<Process, Refusal> {
    let dead = || {
        let problem = format!("process {pid} does not run");
        Refusal::invalid(field, &problem, "the pid of a live process")
    };
    let identified = system::identify(pid).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => dead(),
        // It may well run: the daemon lacks descriptors, or rights.
        _ => {
            let error = format!("process {pid} cannot be inspected: {error}");
            Refusal::new(Code::StorageUnavailable, error).detail("field", field).hint("styxy doctor")
        }
    })?;
    if identified.life == Life::Zombie {
        return Err(dead());
    }
    match identified.user {
        Relation::Own => Ok(identified.process),
        Relation::Root | Relation::Other => {
            let error = format!("process {pid} is another user's, so its end is not ours to act on");
            Err(Refusal::new(Code::Forbidden, error).rule(Rule::Pid).detail("field", field))
        }
    }
}

/// Distinguishes bodies under one request id: FNV-1a over the request's canonical JSON without the id itself.
fn hash(request: &AllocateRequest) -> u64 {
    let body = AllocateRequest { request_id: None, ..request.clone() };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    body.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
