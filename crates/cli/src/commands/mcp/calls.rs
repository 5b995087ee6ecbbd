//! What each tool does.

use std::path::PathBuf;

use rmcp::model::JsonObject;
use serde::Serialize;
use serde_json::Value;
use styxy_client::Client;
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, AllocationsAnswer, AllocationsQuery, CheckAnswer, Code, Grant, Lease,
    OwnerKind, Refusal, SystemUsage,
};
use styxy_core::{Pid, Port, RequestId};
use uuid::Uuid;

use super::{arguments, summaries};
use crate::here::context::Context;
use crate::here::ownership::{self, Here};
use crate::here::place;
use crate::here::release_target::{Claim, Ours, on_port};
use crate::here::wishes;
use crate::say::failure::Failure;

/// The answer of a tool: the type of the wire for programs, the facts as text for readers.
pub(super) struct Answer {
    pub(super) wire: JsonObject,
    pub(super) text: String,
}

pub(super) async fn allocate(context: &Context, said: arguments::Allocate) -> Result<Answer, Failure> {
    let file = arguments::project_file(said.project.as_deref())?;
    let mut wishes = wishes::wishes(vec![said.service], said.name.as_ref(), file.as_ref())?;
    for wish in &mut wishes {
        wish.port = said.port.or(wish.port);
    }
    let us = Pid::new(std::process::id());
    let mut request = AllocateRequest {
        reuse: Some(true),
        pid: us,
        project_path: arguments::project(said.project.as_deref())?,
        instance_id: place::current_instance()?,
        // With an id the request may be sent twice and is granted once.
        request_id: RequestId::new(&Uuid::new_v4().to_string()).ok(),
        ..AllocateRequest::default()
    };
    wishes::fill(&mut request, &wishes);
    let client = context.client()?;
    if let Some(lease) = sessions(&client, &request).await? {
        return answer_of(lease, us);
    }
    match client.allocate(&request).await? {
        AllocateAnswer::One(grant) => answer(&grant, summaries::granted(&grant, us)),
        AllocateAnswer::Group(group) => {
            Err(unexpected(&format!("a group of {} for one service", group.leases.len())).into())
        }
    }
}

/// The lease that the session itself already has: the session knows it, and it lasts as long as the session. This server
/// does not take it over, since its own leases end with it.
async fn sessions(client: &Client, request: &AllocateRequest) -> Result<Option<Lease>, Failure> {
    if request.instance_id.is_none() {
        return Ok(None);
    }
    let query = AllocationsQuery {
        service_type: request.service_type.clone(),
        project_path: request.project_path.clone(),
        instance_id: request.instance_id.clone(),
        port: None,
    };
    let leases = client.allocations(&query).await?.allocations;
    Ok(leases.into_iter().find(|lease| {
        lease.owner.kind == OwnerKind::Instance
            && lease.conflict.is_none()
            && (&lease.service_name, &lease.project_path) == (&request.service_name, &request.project_path)
    }))
}

/// The daemon's answer for a reused lease.
fn answer_of(lease: Lease, us: Option<Pid>) -> Result<Answer, Failure> {
    let grant = Grant {
        success: true,
        port: lease.port,
        lock_id: Some(lease.lock_id),
        url: format!("http://localhost:{}", lease.port),
        message: format!("Port {} was already allocated for {} service", lease.port, lease.service_type),
        service_type: lease.service_type,
        service_name: lease.service_name,
        state: lease.state,
        owner: lease.owner,
        reused: true,
        existing: false,
        reason: None,
        displaced_from: None,
    };
    answer(&grant, summaries::granted(&grant, us))
}

pub(super) async fn release(context: &Context, said: arguments::Release) -> Result<Answer, Failure> {
    let claim = Claim::OursAlone(Ours {
        project: arguments::project(said.project.as_deref())?,
        instance: place::current_instance()?,
    });
    let client = context.client()?;
    let lease = match (said.port, said.lock_id) {
        (Some(port), None) => {
            let query = AllocationsQuery { port: Some(port), ..AllocationsQuery::default() };
            let leases = client.allocations(&query).await?.allocations;
            on_port(port, leases.first(), &claim).map_err(for_an_agent)?.lock_id
        }
        (None, Some(lock_id)) => {
            let leases = client.allocations(&AllocationsQuery::default()).await?.allocations;
            // Ids are not secret here: list_ports shows all of them. The daemon refuses leases that have ended.
            if let Some(lease) = leases.iter().find(|lease| lease.lock_id == lock_id) {
                on_port(lease.port, Some(lease), &claim).map_err(for_an_agent)?;
            }
            lock_id
        }
        (None, None) | (Some(_), Some(_)) => {
            let error = "give either port or lock_id to say what to release";
            return Err(Refusal::new(Code::InvalidRequest, error)
                .hint("list_ports shows both")
                .detail("field", "port")
                .into());
        }
    };
    let released = client.release(lease).await?;
    answer(&released, summaries::lines([released.message.clone()]))
}

/// The refusal without the command that forces it: that decision is for a person.
fn for_an_agent(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::Forbidden => refusal.hint("allocate_port gives this worktree its own port"),
        _ => refusal.hint("list_ports lists the live leases"),
    }
}

pub(super) async fn list(context: &Context, said: arguments::List) -> Result<Answer, Failure> {
    let ours = arguments::project(None)?;
    let given = said.project.as_deref();
    let query = AllocationsQuery {
        service_type: said.service,
        project_path: if given.is_some() { arguments::project(given)? } else { None },
        port: said.port,
        instance_id: None,
    };
    let mut leases = context.client()?.allocations(&query).await?.allocations;
    leases.retain(|lease| said.name.is_none() || lease.service_name == said.name);
    let text = summaries::listed(&leases, ours.as_ref());
    answer(&AllocationsAnswer { allocations: leases }, text)
}

pub(super) async fn check(context: &Context, said: arguments::Check) -> Result<Answer, Failure> {
    let checked = client_check(&context.client()?, said.port).await?;
    answer(&checked, summaries::checked(&checked))
}

pub(super) async fn who(context: &Context, said: arguments::WhoOwns) -> Result<Answer, Failure> {
    arguments::is_folder(said.project.as_deref())?;
    let here = match said.project.as_deref() {
        None => Here::look()?,
        Some(given) => Here::at(
            arguments::project(Some(given))?.map(|root| PathBuf::from(root.as_str())),
            place::current_instance()?,
            place::user_home(),
        ),
    };
    let checked = client_check(&context.client()?, said.port).await?;
    let owner = ownership::judge(checked, &here);
    answer(&owner, summaries::owner(&owner))
}

/// Who has the port, without command lines: they may contain another project's secrets.
async fn client_check(client: &Client, port: Port) -> Result<CheckAnswer, Failure> {
    let mut checked = client.check(port).await?;
    let silence = |usage: &mut SystemUsage| usage.command = None;
    checked.system_usage.iter_mut().for_each(silence);
    checked.others.iter_mut().for_each(silence);
    Ok(checked)
}

fn answer(wire: &impl Serialize, text: String) -> Result<Answer, Failure> {
    match serde_json::to_value(wire) {
        Ok(Value::Object(wire)) => Ok(Answer { wire, text }),
        Ok(other) => Err(unexpected(&other.to_string()).into()),
        Err(error) => Err(unexpected(&error.to_string()).into()),
    }
}

fn unexpected(what: &str) -> Refusal {
    Refusal::new(Code::DaemonUnreachable, format!("the daemon's answer is not understood: {what}"))
        .hint("styxy daemon restart")
}
