//! What the daemon leases to a command: the port that somebody wishes for now, else as the daemon chooses.

use styxy_client::leases::{self, Of};
use styxy_client::{Client, Error, PortRequest, Terms};
use styxy_core::Port;
use styxy_core::api::{AllocationsQuery, Code, Grant, Lease, Refusal, Rule};

use super::wishes::{Now, Rank, Source, Wishes};
use crate::here::sandbox;
use crate::say::facts;
use crate::say::output::one_line;

/// What the daemon has leased.
pub(super) struct Granted {
    /// In the order of the requests.
    pub(super) grants: Vec<Grant>,
    /// The first one's port that somebody wishes for now.
    pub(super) preferred: Option<Port>,
}

/// Why nothing was leased.
#[derive(Debug)]
pub(super) enum Unleased {
    /// The daemon has refused; others have these leases.
    Refused { refusal: Refusal, leased: Vec<Port> },
    /// No daemon has answered.
    Unanswered(Error),
    /// None could be asked.
    Unasked(Refusal),
}

impl Unleased {
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused { refusal, .. } | Self::Unasked(refusal) => refusal.clone(),
            Self::Unanswered(error) => error.refusal(),
        }
    }

    pub(super) fn wall(&self) -> Option<String> {
        match self {
            Self::Refused { refusal, .. } => sandbox::wall(&Error::Refused(refusal.clone())),
            Self::Unanswered(error) => sandbox::wall(error),
            Self::Unasked(_) => sandbox::known(),
        }
    }
}

/// What the daemon grants.
pub(super) async fn granted(client: &Client, wishes: &Wishes, terms: &Terms) -> Result<Granted, Unleased> {
    let preferred = wishes.now.map(|now| now.port);
    let tried = match wishes.now.filter(|now| now.rank == Rank::Now && wishes.exact().is_none()) {
        Some(now) => insisted(client, wishes, terms, now).await?,
        None => Tried::Taken(None),
    };
    let (requests, preferred, reason) = match tried {
        Tried::Granted(grants) => return Ok(Granted { grants, preferred }),
        Tried::Taken(reason) => (wishes.with_now(), preferred, reason),
        Tried::Ours => (wishes.requests.clone(), None, None),
    };
    let mut grants = allocated(client, wishes, &requests, terms).await?;
    // The daemon says of a lease that was there before that no other port was tried.
    if let (Some(first), Some(reason)) =
        (grants.first_mut().filter(|first| Some(first.port) != preferred), reason)
    {
        first.reason = Some(reason);
    }
    Ok(Granted { grants, preferred })
}

/// Whether the port that somebody wishes for now was granted.
enum Tried {
    Granted(Vec<Grant>),
    /// It is not available; why, if that is known.
    Taken(Option<String>),
    /// It is leased for this project, so that it was Styxy that set it, for another server.
    Ours,
}

/// Asks for the port itself, if it is free: with `reuse` alone a lease on another port would be given again.
async fn insisted(client: &Client, wishes: &Wishes, terms: &Terms, now: Now) -> Result<Tried, Unleased> {
    let Now { port, source, rank: _ } = now;
    let checked = client.check(port).await.map_err(Unleased::Unanswered)?;
    let of_project = |lease: &Lease| leases::whose(lease, terms) != Of::Project;
    if source == Source::Parent && checked.allocated_to.as_ref().is_some_and(of_project) {
        return Ok(Tried::Ours);
    }
    if !checked.available {
        let why = |reason| format!("port {port} is {reason}");
        return Ok(Tried::Taken(checked.allocated_to.as_ref().map(holder).or(checked.reason).map(why)));
    }
    let mut requests = wishes.with_now();
    if let Some(first) = requests.first_mut() {
        first.exact = Some(true);
    }
    match allocated(client, wishes, &requests, terms).await {
        Ok(grants) => Ok(Tried::Granted(grants)),
        // Somebody was faster.
        Err(Unleased::Refused { refusal, .. }) if refusal.code == Code::PortUnavailable => {
            Ok(Tried::Taken(Some(refusal.error)))
        }
        Err(unleased) => Err(unleased),
    }
}

/// `leased for dev/web in /w/shop`
fn holder(lease: &Lease) -> String {
    let project = lease.project_path.as_ref().map(|path| format!(" in {}", one_line(path.as_str())));
    let project = project.unwrap_or_default();
    format!("leased for {}{project}", facts::service(lease))
}

async fn allocated(
    client: &Client,
    wishes: &Wishes,
    requests: &[PortRequest],
    terms: &Terms,
) -> Result<Vec<Grant>, Unleased> {
    let granted = async |requests: &[PortRequest], terms: &Terms| {
        let request = terms.clone().request(requests.to_vec());
        client.allocate(&request).await.map(|answer| answer.grants().to_vec())
    };
    // A further port that is refused does not keep the command from its first one (R67).
    let grants = async |terms: &Terms| match granted(requests, terms).await {
        Err(Error::Refused(_)) if wishes.further > 0 => granted(wishes.needed(requests), terms).await,
        answer => answer,
    };
    let mut answer = grants(terms).await;
    if let Err(Error::Refused(refusal)) = &answer
        && refusal.broken_rule() == Some(Rule::Pid)
    {
        // The daemon does not see this process. The lease is then for whoever listens.
        answer = grants(&Terms { pid: None, ..terms.clone() }).await;
    }
    match answer {
        Ok(grants) => Ok(grants),
        Err(Error::Refused(refusal)) => {
            // A port that is found free instead must not be another one's.
            let all = client.allocations(&AllocationsQuery::default()).await;
            let leased = all.map(|all| all.allocations.iter().map(|lease| lease.port).collect());
            Err(Unleased::Refused { refusal, leased: leased.unwrap_or_default() })
        }
        Err(error) => Err(Unleased::Unanswered(error)),
    }
}
