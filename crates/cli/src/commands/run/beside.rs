//! What else the daemon knows of the project's servers: one that runs already, and those of the other services.

use std::process::id;

use styxy_client::leases::{self, Accepted};
use styxy_client::{Client, Error, PortRequest, Terms};
use styxy_core::api::{Grant, Lease};
use styxy_core::project::Home;

use super::grant::{self, Granted, Unleased};
use super::wishes::{Attention, Wishes};
use crate::here::variables::Served;

/// What the daemon knows beside the command's own ports.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The server that had the same key before, and listens.
    pub(super) running: Option<Lease>,
    /// The other services of the project's file.
    pub(super) siblings: Vec<Served>,
    /// Why these are unknown.
    pub(super) problem: Option<String>,
}

/// What the daemon leases, and what there is beside it. Nothing of that keeps the command from running: it has its ports.
pub(super) async fn granted(
    client: &Client,
    wishes: &Wishes,
    terms: &Terms,
) -> Result<(Granted, Beside), Unleased> {
    let granted = grant::granted(client, wishes, terms).await?;
    let is_beside = granted.grants.first().is_some_and(|first| first.running.is_some());
    let up = if is_beside { up(client, wishes, terms).await } else { None };
    let running = up.filter(|up| is_another_one(up, &granted.grants));
    let (siblings, problem) = match siblings(client, &wishes.siblings, terms).await {
        Ok(siblings) => (siblings, None),
        Err(error) => {
            let services: Vec<&str> = wishes.siblings.iter().map(PortRequest::label).collect();
            let why = error.refusal().error;
            (Vec::new(), Some(format!("{why}; the command gets no port of {}", services.join(", "))))
        }
    };
    Ok((granted, Beside { running, siblings, problem }))
}

/// The server of the first request that listens, if anybody wants to know.
async fn up(client: &Client, wishes: &Wishes, terms: &Terms) -> Option<Lease> {
    let request = wishes.requests.first().filter(|_| wishes.attention == Attention::Some)?;
    leases::up(client, request, terms).await.ok()?
}

/// Whether the command is another server than the one with the lease `up`. A lease of an outer `styxy run` is its own.
fn is_another_one(up: &Lease, grants: &[Grant]) -> bool {
    grants.first().is_some_and(|grant| {
        let is_new = grant.owner.pid.is_none_or(|pid| pid.get() == id()) && !grant.existing;
        is_new && grants.iter().all(|grant| grant.port != up.port)
    })
}

/// The ports of the other services, as `styxy env` prints them. A package leases none by its own name for another one's server.
async fn siblings(client: &Client, requests: &[PortRequest], terms: &Terms) -> Result<Vec<Served>, Error> {
    let named: Vec<PortRequest> = requests
        .iter()
        .filter(|request| {
            request.name.is_some() || request.default_name.is_none() || request.home != Home::Callers
        })
        .cloned()
        .collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let terms = Terms { pid: None, ..terms.clone() };
    let leased = leases::present_or_new(client, &named, &terms, Accepted::Visible).await?;
    let served = named.iter().zip(leased);
    Ok(served
        .map(|(request, leased)| Served::new(request, leased.port).called(leased.named_url.as_ref()))
        .collect())
}
