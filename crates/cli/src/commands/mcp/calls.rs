//! What each tool does.

use rmcp::model::JsonObject;
use serde::Serialize;
use serde_json::Value;
use styxy_client::leases::{self, Of};
use styxy_client::release::{self, Claim};
use styxy_client::{Client, Error, PortRequest, Terms};
use styxy_core::api::{
    AllocateAnswer, AllocationsAnswer, AllocationsQuery, CheckAnswer, Code, Grant, Lease, OwnerKind, Refusal,
    SystemUsage,
};
use styxy_core::{Pid, Port};

use super::arguments;
use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::ownership::{self, Here};
use crate::say::failure::Failure;
use crate::say::voice::answers;
use crate::up::{ports, typed, verdict};

/// The answer of a tool: the type of the wire for programs, the facts as text for readers.
pub(super) struct Answer {
    pub(super) wire: JsonObject,
    pub(super) text: String,
}

pub(super) async fn allocate(context: &Context, said: arguments::Allocate) -> Result<Answer, Failure> {
    let caller = arguments::caller_in(said.project.as_deref())?;
    let port = PortRequest { name: said.name, port: said.port, ..PortRequest::new(said.service) };
    let words = typed::words(caller.file()?.as_ref(), &caller, std::slice::from_ref(&port.service));
    if let Some(label) = words.silent(std::slice::from_ref(&port.service)).filter(|_| port.name.is_none()) {
        return Err(typed::no_port(label).hint("service_logs shows what it prints").into());
    }
    let mut port = words.request(port).request;
    port.stack = ports::marked(vec![port.clone()], &caller).iter().any(|port| port.stack);
    let us = Pid::new(std::process::id());
    let project = arguments::project(said.project.as_deref())?;
    let terms = Terms { project, pid: us, reuse: Some(true), ..Terms::default() }.or(&caller)?;
    let client = context.client()?;
    // What the worktree's stack has is not this server's, and does not end with it (R68).
    let terms = if port.stack { Terms { pid: None, ..terms } } else { terms };
    if let Some(lease) = running_of_stack(&client, &port, &terms).await? {
        return answer_of(lease, us);
    }
    if let Some(lease) = sessions(&client, &port, &terms).await? {
        return answer_of(lease, us);
    }
    match client.allocate(&terms.one(port)).await? {
        AllocateAnswer::One(grant) => answer(&grant, answers::granted(&grant, us)),
        AllocateAnswer::Group(group) => {
            Err(unexpected(&format!("a group of {} for one service", group.leases.len())).into())
        }
    }
}

/// The lease of the server of a service of the worktree's stack, if that runs or starts.
async fn running_of_stack(
    client: &Client,
    port: &PortRequest,
    terms: &Terms,
) -> Result<Option<Lease>, Failure> {
    if !port.stack {
        return Ok(None);
    }
    let query = AllocationsQuery { project_path: terms.project.clone(), ..AllocationsQuery::default() };
    let mut leases = client.allocations(&query).await?.allocations.into_iter();
    Ok(leases.find(|lease| leases::has_server(lease, port, terms)))
}

/// The lease that the session itself already has: the session knows it, and it lasts as long as the session. This server
/// does not take it over, since its own leases end with it.
async fn sessions(client: &Client, port: &PortRequest, terms: &Terms) -> Result<Option<Lease>, Failure> {
    if terms.instance.is_none() {
        return Ok(None);
    }
    let query = AllocationsQuery {
        service_type: Some(port.service.clone()),
        project_path: terms.project.clone(),
        instance_id: terms.instance.clone(),
        port: None,
    };
    let mut leases = client.allocations(&query).await?.allocations.into_iter();
    Ok(leases.find(|lease| {
        let is_ours = lease.owner.kind == OwnerKind::Instance && leases::whose(lease, terms) == Of::Caller;
        is_ours && leases::is_for(lease, port)
    }))
}

/// The daemon's answer for a reused lease.
fn answer_of(lease: Lease, us: Option<Pid>) -> Result<Answer, Failure> {
    let grant = Grant {
        success: true,
        port: lease.port,
        lock_id: Some(lease.lock_id),
        url: format!("http://localhost:{}", lease.port),
        host: lease.host,
        named_url: lease.named_url,
        message: format!("Port {} was already allocated for {} service", lease.port, lease.service_type),
        service_type: lease.service_type,
        service_name: lease.service_name,
        state: lease.state,
        owner: lease.owner,
        reused: true,
        existing: false,
        reason: None,
        displaced_from: None,
        running: None,
    };
    answer(&grant, answers::granted(&grant, us))
}

pub(super) async fn release(context: &Context, said: arguments::Release) -> Result<Answer, Failure> {
    let project = arguments::project(said.project.as_deref())?;
    let terms = Terms { project, ..Terms::default() }.or(&caller())?;
    let claim = Claim::OursAlone(terms);
    let client = context.client()?;
    let lease = match (said.port, said.lock_id) {
        (Some(port), None) => {
            let lease = release::on_port(&client, port, &claim).await.map_err(for_an_agent)?;
            may_release(&client, &lease).await?;
            lease.lock_id
        }
        (None, Some(lock_id)) => {
            let leases = client.allocations(&AllocationsQuery::default()).await?.allocations;
            // Ids are not secret here: list_ports shows all of them. The daemon refuses leases that have ended.
            if let Some(lease) = leases.into_iter().find(|lease| lease.lock_id == lock_id) {
                let lease = release::may_be(&client, lease, &claim).await.map_err(for_an_agent)?;
                may_release(&client, &lease).await?;
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
    answer(&released, answers::lines([released.message.clone()]))
}

/// # Errors
/// A service of `styxy up` that is not this session's listens there (R147).
async fn may_release(client: &Client, lease: &Lease) -> Result<(), Failure> {
    let judged = verdict::may_release(client, &caller(), lease).await;
    judged.map_err(|failure| for_an_agent(Error::Refused(failure.into_refusal())))
}

/// The refusal without the command that forces it: that decision is for a person.
fn for_an_agent(error: Error) -> Failure {
    match error {
        Error::Refused(refusal) if refusal.code == Code::Forbidden => {
            refusal.hint("allocate_port gives this worktree its own port").into()
        }
        Error::Refused(refusal) => refusal.hint("list_ports lists the live leases").into(),
        error => error.into(),
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
    let text = answers::listed(&leases, ours.as_ref());
    answer(&AllocationsAnswer { allocations: leases }, text)
}

pub(super) async fn check(context: &Context, said: arguments::Check) -> Result<Answer, Failure> {
    let checked = client_check(&context.client()?, said.port).await?;
    answer(&checked, answers::checked(&checked))
}

pub(super) async fn who(context: &Context, said: arguments::WhoOwns) -> Result<Answer, Failure> {
    let here = Here::of(arguments::caller_in(said.project.as_deref())?)?;
    let checked = client_check(&context.client()?, said.port).await?;
    let owner = ownership::with_manager(ownership::judge(checked, &here));
    let owner = crate::up::kept::with_service(owner, &here.caller);
    answer(&owner, answers::owner(&owner))
}

/// Who has the port, without command lines: they may contain another project's secrets.
async fn client_check(client: &Client, port: Port) -> Result<CheckAnswer, Failure> {
    let mut checked = client.check(port).await?;
    let silence = |usage: &mut SystemUsage| usage.command = None;
    checked.system_usage.iter_mut().for_each(silence);
    checked.others.iter_mut().for_each(silence);
    Ok(checked)
}

pub(super) fn answer(wire: &impl Serialize, text: String) -> Result<Answer, Failure> {
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
