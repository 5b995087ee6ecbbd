//! What else the daemon knows of the project's servers: one that runs already, and those of the other services.

use std::process::id;

use styxy_client::leases::{self, Accepted};
use styxy_client::{Client, Error, PortRequest, Terms};
use styxy_core::api::{Grant, Lease};

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

/// What there is beside `grants`. The command has its ports, so that nothing here keeps it from running.
pub(super) async fn beside(client: &Client, wishes: &Wishes, terms: &Terms, grants: &[Grant]) -> Beside {
    let running = running(client, wishes, terms, grants).await;
    let (siblings, problem) = match siblings(client, &wishes.siblings, terms).await {
        Ok(siblings) => (siblings, None),
        Err(error) => {
            let services: Vec<&str> =
                wishes.siblings.iter().map(|request| request.service.as_str()).collect();
            let problem =
                format!("{}; the command gets no port of {}", error.refusal().error, services.join(", "));
            (Vec::new(), Some(problem))
        }
    };
    Beside { running, siblings, problem }
}

/// The server that the command is another one of. A lease of an outer `styxy run` is the command's own.
async fn running(client: &Client, wishes: &Wishes, terms: &Terms, grants: &[Grant]) -> Option<Lease> {
    let is_new = |grant: &&Grant| grant.owner.pid.is_none_or(|pid| pid.get() == id()) && !grant.existing;
    let (request, grant) = (wishes.requests.first()?, grants.first().filter(is_new)?);
    if wishes.attention == Attention::None {
        return None;
    }
    let up = leases::up(client, request, terms).await.ok()??;
    (up.port != grant.port).then_some(up)
}

/// The ports of the other services, as `styxy env` prints them. A package leases none by its own name for another one's server.
async fn siblings(client: &Client, requests: &[PortRequest], terms: &Terms) -> Result<Vec<Served>, Error> {
    let named: Vec<PortRequest> = requests
        .iter()
        .filter(|request| request.name.is_some() || request.default_name.is_none())
        .cloned()
        .collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let terms = Terms { pid: None, ..terms.clone() };
    let leased = leases::present_or_new(client, &named, &terms, Accepted::Visible).await?;
    Ok(named.iter().zip(leased).map(|(request, leased)| Served::new(request, leased.port)).collect())
}
