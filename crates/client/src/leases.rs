//! The live leases of a caller's servers: whose one is, which one a server has, and a new one where there is none.

use styxy_core::api::{AllocationsQuery, Lease, OwnerKind, State};
use styxy_core::{InstanceId, Port, ServiceName};

use crate::living::{self, Living};
use crate::{Client, Error, PortRequest, Terms, agents};

/// Whose a lease is, by what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// Of this project, and of this agent session or of none if the caller is in none.
    Caller,
    /// Of this project and of no session, while the caller is in one: a person's.
    Person,
    /// Of this project, and of another session.
    Session(&'a InstanceId),
    /// Of another project; or of none, which two callers never have in common unless they are of one session.
    Project,
}

/// Whose `lease` is to a caller with these terms.
#[must_use]
pub fn whose<'a>(lease: &'a Lease, caller: &Terms) -> Of<'a> {
    match &lease.instance_id {
        _ if !is_of_project(lease, caller) => Of::Project,
        theirs if caller.project.is_none() && (theirs.is_none() || *theirs != caller.instance) => Of::Project,
        theirs if *theirs == caller.instance => Of::Caller,
        Some(theirs) => Of::Session(theirs),
        None => Of::Person,
    }
}

/// Whether `lease` is for the caller's project: for its very folder where both sides say which one that is, wherever it has
/// moved, and not for one that was at the same path before; else for its path.
fn is_of_project(lease: &Lease, caller: &Terms) -> bool {
    match (&lease.project_id, &caller.project_id) {
        (Some(theirs), Some(ours)) => theirs == ours,
        (None, _) | (_, None) => lease.project_path == caller.project,
    }
}

/// Whether the lease's own server listens.
#[must_use]
pub fn is_up(lease: &Lease) -> bool {
    lease.state == State::Active && lease.conflict.is_none()
}

/// Whether `lease` is that of a server of `request` in this project which runs or starts, whoever has started it.
#[must_use]
pub fn has_server(lease: &Lease, request: &PortRequest, caller: &Terms) -> bool {
    is_key(lease, request)
        && (is_up(lease) || lease.owner.kind == OwnerKind::Process)
        && whose(lease, caller) != Of::Project
}

fn is_key(lease: &Lease, request: &PortRequest) -> bool {
    lease.service_type == request.service && lease.service_name.as_ref() == request.full_name()
}

/// Whether `lease` is for the server of `request`, wherever that runs, and its port is not taken by another.
#[must_use]
pub fn is_for(lease: &Lease, request: &PortRequest) -> bool {
    is_key(lease, request) && lease.conflict.is_none()
}

/// Whether `lease` is handed over to the server of `request` although it has another name than the server's package: an
/// ancestor of this process owns it, or it is the session's, or the stack's, and nothing uses it (R60).
#[must_use]
pub fn is_handed_over(lease: &Lease, request: &PortRequest, caller: &Terms) -> bool {
    if request.name.is_some() || request.default_name.is_none() || lease.service_type != request.service {
        return false;
    }
    let is_own_session = lease.instance_id.is_some() && lease.instance_id == caller.instance;
    lease.conflict.is_none()
        && match lease.owner.kind {
            OwnerKind::Process => {
                lease.owner.pid.is_some_and(|owner| agents::ancestors().any(|pid| pid == owner.get()))
            }
            OwnerKind::Instance => {
                is_own_session && lease.service_name.is_none() && lease.state == State::Granted
            }
            // What waits for a service of the stack was told to every session there (R68).
            OwnerKind::Listener => {
                lease.stack == Some(true)
                    && caller.instance.is_some()
                    && lease.owner.pid.is_none()
                    && lease.service_name.is_none()
                    && lease.state == State::Granted
            }
        }
}

/// Whose leases will do, beside the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// Nobody else's.
    Own,
    /// A server that runs, started by a person or by a session that has ended: another one in the same checkout would be one
    /// too many.
    Running,
    /// To a session a person's, and to a person any session's.
    Visible,
    /// To a session a person's, and then another session's.
    Any,
}

/// What becomes of requests for which there is no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Ports are leased for them.
    AreLeased,
    /// The same, but only if the checkout has a lease already: else nobody works there, and there are no ports at all.
    AreLeasedBesideOthers,
}

/// A port that is leased for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The port.
    pub port: Port,
    /// Which of several servers of its kind has it.
    pub name: Option<ServiceName>,
    /// Its address by name at the front door, for browsers.
    pub named_url: Option<String>,
    /// Why it is not the preferred one.
    pub reason: Option<String>,
    /// Whose it is.
    pub holder: Holder,
}

/// Whose a port is that a caller was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The caller's.
    Caller,
    /// Somebody else's in the same checkout, whose server it may use.
    Other,
}

fn holder(lease: &Lease, terms: &Terms) -> Holder {
    if whose(lease, terms) == Of::Caller { Holder::Caller } else { Holder::Other }
}

/// A label ends with what it names (R63): servers of sessions that have ended are nobody's. Costs a request only if there are
/// servers of other sessions.
async fn without_ended_sessions(client: &Client, leases: &mut [Lease], terms: &Terms) -> Result<(), Error> {
    let is_anothers = |lease: &Lease| is_up(lease) && matches!(whose(lease, terms), Of::Session(_));
    if !leases.iter().any(is_anothers) {
        return Ok(());
    }
    let sessions: Vec<InstanceId> =
        client.instances().await?.instances.into_iter().map(|instance| instance.instance_id).collect();
    for lease in leases.iter_mut().filter(|lease| is_anothers(lease)) {
        let listener = lease.listener.iter().filter_map(|listener| listener.pid).map(styxy_core::Pid::get);
        let living = Living::known(sessions.iter().cloned(), listener.collect(), living::stands);
        if living.session(lease).is_none() {
            lease.instance_id = None;
        }
    }
    Ok(())
}

/// A port for each request: of a live lease if there is one, else of one that is leased now, all missing ones at once.
///
/// # Errors
/// The daemon refuses, or cannot be asked.
pub async fn present_or_new(
    client: &Client,
    requests: &[PortRequest],
    terms: &Terms,
    accepted: Accepted,
) -> Result<Vec<Leased>, Error> {
    present_or(client, requests, terms, accepted, Missing::AreLeased).await
}

/// As [`present_or_new`], with the choice of what becomes of the missing ones.
///
/// # Errors
/// The daemon refuses, or cannot be asked.
pub async fn present_or(
    client: &Client,
    requests: &[PortRequest],
    terms: &Terms,
    accepted: Accepted,
    otherwise: Missing,
) -> Result<Vec<Leased>, Error> {
    let query = AllocationsQuery { project_path: terms.project.clone(), ..AllocationsQuery::default() };
    let mut leases = client.allocations(&query).await?.allocations;
    if otherwise == Missing::AreLeasedBesideOthers && leases.is_empty() {
        return Ok(Vec::new());
    }
    if accepted != Accepted::Own {
        without_ended_sessions(client, &mut leases, terms).await?;
    }
    let present = |request| {
        let lease = present(&leases, request, terms, accepted)?;
        let (name, holder) = (lease.service_name.clone(), holder(lease, terms));
        Some(Leased { port: lease.port, name, named_url: lease.named_url.clone(), reason: None, holder })
    };
    let mut found: Vec<Option<Leased>> = requests.iter().map(present).collect();
    let missing = requests.iter().zip(&found).filter(|(_, found)| found.is_none());
    let missing: Vec<PortRequest> = missing.map(|(request, _)| request.clone()).collect();
    if !missing.is_empty() {
        let request = Terms { reuse: Some(true), ..terms.clone() }.request(missing);
        let answer = client.allocate(&request).await?;
        let new = answer.grants().iter();
        let new = new.map(|grant| Leased {
            port: grant.port,
            name: grant.service_name.clone(),
            named_url: grant.named_url.clone(),
            reason: grant.reason.clone(),
            holder: Holder::Caller,
        });
        for (gap, new) in found.iter_mut().filter(|found| found.is_none()).zip(new) {
            *gap = Some(new);
        }
    }
    Ok(found.into_iter().flatten().collect())
}

/// The port that the server of `request` listens on, if one of this project runs.
///
/// # Errors
/// The daemon cannot be asked.
pub async fn running(client: &Client, request: &PortRequest, terms: &Terms) -> Result<Option<Port>, Error> {
    Ok(up(client, request, terms).await?.map(|lease| lease.port))
}

/// The lease of that server.
///
/// # Errors
/// As [`running`].
pub async fn up(client: &Client, request: &PortRequest, terms: &Terms) -> Result<Option<Lease>, Error> {
    let query = AllocationsQuery {
        service_type: Some(request.service.clone()),
        project_path: terms.project.clone(),
        ..AllocationsQuery::default()
    };
    let mut leases = client.allocations(&query).await?.allocations;
    leases.retain(is_up);
    Ok(present(&leases, request, terms, Accepted::Any).cloned())
}

/// The lease that the server of `request` most likely has: one that listens, then the oldest.
fn present<'a>(
    leases: &'a [Lease],
    request: &PortRequest,
    terms: &Terms,
    accepted: Accepted,
) -> Option<&'a Lease> {
    let rank = |lease: &Lease| match (whose(lease, terms), accepted) {
        // The stack's server is everybody's here; what waits is asked for, so that the daemon knows who was told it (R68).
        (Of::Caller | Of::Person | Of::Session(_), _)
            if request.stack && has_server(lease, request, terms) =>
        {
            Some(0)
        }
        (Of::Caller, _) if request.stack => None,
        (Of::Person | Of::Session(_), _) if request.stack && lease.stack == Some(true) => None,
        (Of::Caller, _) => Some(0),
        (Of::Person, Accepted::Visible | Accepted::Any) => Some(1),
        (Of::Person, Accepted::Running) if is_up(lease) => Some(1),
        // A person may mean any session's server; a session does not mean another's.
        (Of::Session(_), Accepted::Visible) if terms.instance.is_none() => Some(0),
        (Of::Session(_), Accepted::Any) => Some(2),
        (Of::Person | Of::Session(_) | Of::Project, _) => None,
    };
    let fitting = leases.iter().filter_map(|lease| {
        let is_other = !is_handed_over(lease, request, terms);
        (!is_other || is_for(lease, request)).then_some((is_other, lease))
    });
    let ranked = fitting.filter_map(|(is_other, lease)| Some((is_other, rank(lease)?, lease)));
    let order = |(is_other, rank, lease): &(bool, u8, &Lease)| {
        (*is_other, *rank, !is_up(lease), lease.allocated_at, lease.lock_id)
    };
    ranked.min_by_key(order).map(|(.., lease)| lease)
}

#[cfg(test)]
pub(crate) mod tests;
