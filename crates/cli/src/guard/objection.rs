//! Whether a literal command would end a server that the guard would spare, where the guard does not reach (R38).
//!
//! The facts are those of `who`, and the verdict is the guard's. A text that is none of the [`literal`] forms costs no request.
//! Without an answer in time there is no objection.

use styxy_client::leases::{self, Of};
use styxy_client::living::{self, Living, NamedProcess};
use styxy_client::{Caller, Client, Error, Terms};
use styxy_core::api::{
    AllocationsQuery, CheckAnswer, InstanceView, Lease, OwnerKind, ScanQuery, WhoAnswer, Whose,
};
use styxy_core::guard::{self, Ground, Role, Session, Spared};
use styxy_core::{InstanceId, Pid, PortRange};

use super::cover;
use super::literal::{self, Victim};
use super::patience::Patience;
use crate::here::off::off;
use crate::here::ownership::{self, Here};
use crate::say::facts;
use crate::say::voice::refusals::{self, Denied, Meant};

/// Why `text` must not run for `caller`; none if it may, if that is unknown, or if the guard judges what it does.
pub(super) fn objection(
    text: &str,
    caller: &Caller,
    instance: Option<&InstanceId>,
    patience: Patience,
) -> Option<String> {
    let victims = literal::read(text);
    // A folder that is not there (yet) is nobody's.
    if victims.is_empty() || off().is_some() || caller.place().is_none() {
        return None;
    }
    let here = Here::new(caller.clone(), instance.cloned());
    patience.ask(async |client| judge(client, &victims, &here).await)?
}

async fn judge(client: &Client, victims: &[Victim], here: &Here) -> Result<Option<String>, Error> {
    let sessions = client.instances().await?.instances;
    if cover::is_live(here.instance.as_ref(), &sessions) {
        return Ok(None);
    }
    let daemon = client.status().await?.pid;
    // Every listener, leased or not: people also start servers without a lease.
    let all = ScanQuery { start: Some(PortRange::ALL.first()), end: Some(PortRange::ALL.last()) };
    let found = client.scan(&all).await?.ports_in_use.into_iter();
    let found: Vec<CheckAnswer> = found.map(CheckAnswer::from).collect();
    for victim in victims {
        for answer in found.iter().filter(|answer| is_meant(victim, answer)) {
            let holder = ownership::judge(answer.clone(), here);
            if let Some(why) = spared(answer, &holder, here, &sessions, daemon) {
                let own = own(client, here).await?;
                let meant = match victim {
                    Victim::Process(pid) => Meant::Process(*pid),
                    Victim::Listener(_) => Meant::Port,
                    Victim::Named(name) => Meant::Name(&name.text),
                };
                let denied = Denied { why, meant, holder: &holder, own: &own, home: here.caller.home() };
                return Ok(Some(refusals::denied(&denied)));
            }
        }
    }
    Ok(None)
}

/// Whether the command would end a process that listens, or the one that owns the lease and with it the server.
fn is_meant(victim: &Victim, answer: &CheckAnswer) -> bool {
    let owner = answer.allocated_to.as_ref().map(|lease| &lease.owner);
    let owner = owner.filter(|owner| owner.kind == OwnerKind::Process);
    let mut usages = answer.listeners();
    match victim {
        Victim::Listener(port) => answer.port == *port && answer.system_usage.is_some(),
        Victim::Named(name) => {
            usages.any(|usage| name.means(usage.process.as_deref(), usage.command.as_deref()))
                || owner.is_some_and(|owner| name.means(owner.process.as_deref(), None))
        }
        Victim::Process(pid) => {
            usages.any(|usage| usage.pid == Some(*pid)) || owner.is_some_and(|owner| owner.pid == Some(*pid))
        }
    }
}

/// Why the guard would spare the server on this port.
fn spared(
    answer: &CheckAnswer,
    holder: &WhoAnswer,
    here: &Here,
    sessions: &[InstanceView],
    daemon: Pid,
) -> Option<Spared> {
    let lease = answer.allocated_to.as_ref().filter(|lease| lease.conflict.is_none());
    let usage = holder.system_usage.as_ref()?;
    let is_in_worktree =
        usage.project_path.is_some() || lease.is_some_and(|lease| lease.project_path.is_some());
    let ground = match holder.whose {
        Whose::Mine => Ground::Own,
        Whose::Sibling => Ground::Others,
        Whose::Foreign if usage.same_user != Some(false) && is_in_worktree && holder.worktree.is_some() => {
            Ground::Others
        }
        Whose::Foreign | Whose::Orphan | Whose::Nobody => Ground::Nobodys,
    };
    let role = if usage.pid == Some(daemon) { Role::Styxy } else { Role::Server };
    guard::signal(role, ground, session(answer, lease, here, sessions))
}

/// Whose session the lease belongs to. Nobody else's, if this session has no name.
fn session(answer: &CheckAnswer, lease: Option<&Lease>, here: &Here, sessions: &[InstanceView]) -> Session {
    let named = lease.and_then(|lease| Some((lease, lease.instance_id.as_ref()?)));
    let Some(((lease, theirs), ours)) = named.zip(here.instance.as_ref()) else { return Session::None };
    let known = || {
        let all = sessions.iter().map(|session| session.instance_id.clone());
        Living::of(all, answer).session(lease).is_some()
    };
    if theirs == ours {
        Session::Own
    // A session without hooks is not registered, but its name contains its pid.
    } else if living::named_process(theirs).is_some_and(NamedProcess::lives) || known() {
        Session::Others
    } else {
        Session::None
    }
}

/// `dev 8003`, for every lease of this worktree that does not belong to another session.
async fn own(client: &Client, here: &Here) -> Result<Vec<String>, Error> {
    let project = here.caller.place().and_then(|place| here.caller.project_named(place).ok());
    if project.is_none() {
        return Ok(Vec::new());
    }
    let query = AllocationsQuery { project_path: project.clone(), ..AllocationsQuery::default() };
    let leases = client.allocations(&query).await?.allocations;
    let project_id = project.as_ref().and_then(Caller::id_of);
    let terms = Terms { project, project_id, instance: here.instance.clone(), ..Terms::default() };
    let ours = |lease: &&Lease| matches!(leases::whose(lease, &terms), Of::Caller | Of::Person);
    Ok(leases.iter().filter(ours).map(|lease| format!("{} {}", facts::service(lease), lease.port)).collect())
}
