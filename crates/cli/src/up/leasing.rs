//! The leases of a stack's services: every port is leased before anything starts (R136), and a service that runs gets another one only
//! if somebody wishes for that since it was started (R149).

use std::collections::BTreeMap;

use styxy_client::leases::{self, Of, is_up};
use styxy_client::{Client, Error, PortRequest, Terms};
use styxy_core::Port;
use styxy_core::api::{AllocationsQuery, CheckAnswer, Code, Grant, Lease, OwnerKind, Rule};

use crate::say::facts;
use crate::say::output::{self, one_line};
use crate::up::beside;
use crate::up::place::Place;
use crate::up::ports::GROUP;
use crate::up::released::{GoesOn, released};
use crate::up::stack::{Definition, Stack};
use crate::up::wire::LeaseKey;
use crate::up::wished::Wished;

/// Whether ports are leased, or it is only asked which ones that would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leasing {
    Done,
    Foretold,
}

/// The leases of a stack's services, those that are told to them too.
#[derive(Debug, Default)]
pub(super) struct Leased {
    /// In the order of the stack; none for a service without a port.
    pub(super) keys: Vec<Option<LeaseKey>>,
    /// Which of these are for a server that somebody starts now.
    pub(super) new: Vec<usize>,
}

/// The lease of each service that `wants` a port: the one of its server if that runs or starts, else one for whoever is started next.
///
/// # Errors
/// The daemon refuses, or cannot be asked.
pub(super) async fn leased(
    client: &Client,
    (stack, place): (&Stack, &Place),
    terms: &Terms,
    wants: impl Fn(&Definition) -> bool,
    leasing: Leasing,
) -> Result<Leased, Error> {
    let query = AllocationsQuery { project_path: terms.project.clone(), ..AllocationsQuery::default() };
    let live = client.allocations(&query).await?.allocations;
    let asks = Asks { client, stack, terms, leasing };
    let before = Before { place, wishes: None };
    let keys = asks.of_running((stack, &live), &wants, before).await?;
    let mut leased = Leased { keys, new: Vec::new() };
    let is_missing = |at: &usize| leased.keys[*at].is_none() && stack.all().nth(*at).is_some_and(&wants);
    leased.new = (0..leased.keys.len()).filter(is_missing).collect();
    let mut missing: Vec<(usize, &Definition)> = Vec::new();
    for (at, service) in stack.all().enumerate().filter(|(at, _)| leased.new.contains(at)) {
        match asks.in_the_way(service, &live).await? {
            Some(key) => leased.keys[at] = Some(key),
            None => missing.push((at, service)),
        }
    }
    for part in missing.chunks(GROUP) {
        let grants = asks.granted(part).await.map_err(|error| crowded(error, stack, &live))?;
        for ((at, service), grant) in part.iter().zip(grants) {
            if *at < stack.services.len() {
                asks.missed(service, &grant).await;
            }
            leased.keys[*at] = Some(key(&grant));
        }
    }
    beside::say(stack, &live, &leased.new);
    Ok(leased)
}

/// What the services wished for when they were started that run: read once, and only if a port is not the one that is wished for.
struct Before<'a> {
    place: &'a Place,
    wishes: Option<BTreeMap<String, Option<Wished>>>,
}

impl Before<'_> {
    /// The port for which a service that runs is to leave this one; none for one that no keeper has started.
    fn instead_of(&mut self, port: Port, service: &Definition) -> Option<Port> {
        let wishes = self.wishes.get_or_insert_with(|| crate::up::keeper::wishes(self.place));
        let before = wishes.get(&service.label)?;
        service.wished().instead_of(port, *before)
    }
}

/// Who asks the daemon for ports, and what for.
struct Asks<'a> {
    client: &'a Client,
    stack: &'a Stack,
    terms: &'a Terms,
    leasing: Leasing,
}

impl Asks<'_> {
    /// The leases of the services whose servers run or start.
    async fn of_running(
        &self,
        (stack, live): (&Stack, &[Lease]),
        wants: impl Fn(&Definition) -> bool,
        mut before: Before<'_>,
    ) -> Result<Vec<Option<LeaseKey>>, Error> {
        let mut keys = Vec::new();
        for (at, service) in stack.all().enumerate() {
            let its = live.iter().filter(|_| wants(service));
            let request = self.stack.request(service);
            let Some(lease) = its.into_iter().find(|lease| leases::has_server(lease, &request, self.terms))
            else {
                keys.push(None);
                continue;
            };
            // One that is only told to the others stays where it is.
            let is_meant = at < stack.services.len() && service.wish().is_some_and(|wish| wish != lease.port);
            let wish = if is_meant { before.instead_of(lease.port, service) } else { None };
            let moved = match wish {
                Some(wish) => self.moved(service, wish, lease).await?,
                None => None,
            };
            keys.push(Some(moved.unwrap_or_else(|| key_of(service, lease))));
        }
        Ok(keys)
    }

    /// The lease on the port that is wished for now by a service that runs with `lease`; none if that is not to be had, which is said.
    async fn moved(
        &self,
        service: &Definition,
        wish: Port,
        lease: &Lease,
    ) -> Result<Option<LeaseKey>, Error> {
        let request = PortRequest { port: Some(wish), exact: Some(true), ..self.stack.request(service) };
        match self.allocated(vec![request]).await {
            // Once the old one is given back, the new one has its name.
            Ok(grants) => {
                Ok(grants.first().map(|grant| LeaseKey { named_url: lease.named_url.clone(), ..key(grant) }))
            }
            Err(Error::Refused(refusal)) if refusal.code == Code::PortUnavailable => {
                let (label, port, why) = (&service.label, lease.port, one_line(&refusal.error));
                output::note(&format!("{label}: stays on port {port}, since {why}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Releases the lease that only keeps another port for the service than the one that is wished for, if that one is free. Foretold, it
    /// is the lease that the service would have then.
    async fn in_the_way(&self, service: &Definition, live: &[Lease]) -> Result<Option<LeaseKey>, Error> {
        let Some(wish) = service.wish() else { return Ok(None) };
        let Some(old) = live.iter().find(|lease| self.only_keeps(lease, service) && lease.port != wish)
        else {
            return Ok(None);
        };
        if !self.client.check(wish).await?.available {
            return Ok(None);
        }
        if self.leasing == Leasing::Done {
            // One that a server has taken since stays.
            released(self.client, old.lock_id, GoesOn::Elsewhere).await;
            return Ok(None);
        }
        Ok(Some(LeaseKey { port: wish, lock_id: None, ..key_of(service, old) }))
    }

    async fn granted(&self, part: &[(usize, &Definition)]) -> Result<Vec<Grant>, Error> {
        self.allocated(part.iter().map(|(_, service)| self.stack.request(service)).collect()).await
    }

    async fn allocated(&self, requests: Vec<PortRequest>) -> Result<Vec<Grant>, Error> {
        let mut request = Terms { reuse: Some(true), pid: None, ..self.terms.clone() }.request(requests);
        request.dry_run = (self.leasing == Leasing::Foretold).then_some(true);
        Ok(self.client.allocate(&request).await?.grants().to_vec())
    }

    /// Says why a service has another port than the one that is wished for, and who has that one.
    async fn missed(&self, service: &Definition, grant: &Grant) {
        let Some(wish) = service.wish().filter(|wish| *wish != grant.port) else { return };
        // Without an answer it is not known who that is.
        let found = self.client.check(wish).await.ok();
        // Of a lease that was there the daemon only says that no other port was tried.
        let seen = found.as_ref().filter(|_| grant.reused);
        let held = seen.and_then(|found| found.allocated_to.as_ref()).map(leased_for);
        let held = held.or_else(|| seen.and_then(|found| found.reason.clone()));
        let held = held.map(|held| format!("port {wish} is {held}"));
        let Some(why) = held.or_else(|| grant.reason.clone()) else { return };
        let who = found.iter().flat_map(CheckAnswer::listeners).find_map(facts::server);
        let who = who.map(|who| format!(": {who}")).unwrap_or_default();
        output::note(&one_line(&format!("{}: port {}, since {why}{who}", service.label, grant.port)));
    }

    /// Whether a lease only keeps a port for the service's server.
    fn only_keeps(&self, lease: &Lease, service: &Definition) -> bool {
        has_key(lease, service)
            && lease.owner.kind == OwnerKind::Listener
            && !is_up(lease)
            && matches!(leases::whose(lease, self.terms), Of::Caller | Of::Person)
    }
}

/// If too many leases wait for their servers, the refusal says which of them no service needs.
fn crowded(error: Error, stack: &Stack, live: &[Lease]) -> Error {
    const SAID: usize = 8;
    let Error::Refused(refusal) = error else { return error };
    let is_other = |lease: &&Lease| {
        lease.owner.kind == OwnerKind::Listener
            && !is_up(lease)
            && !stack.all().any(|service| has_key(lease, service))
    };
    let others: Vec<String> = live.iter().filter(is_other).map(|lease| lease.port.to_string()).collect();
    if refusal.broken_rule() != Some(Rule::Quota) || others.is_empty() {
        return Error::Refused(refusal);
    }
    let more = others.len().saturating_sub(SAID);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    let ports = others[..others.len().min(SAID)].join(" ");
    let hint = format!(
        "styxy release {ports}{more}: no service of this worktree needs what waits there; styxy list shows it"
    );
    Error::Refused(refusal.hint(hint))
}

fn has_key(lease: &Lease, service: &Definition) -> bool {
    lease.service_type == service.kind && lease.service_name == service.name
}

fn leased_for(lease: &Lease) -> String {
    let project = lease.project_path.as_ref().map(|path| format!(" in {}", path.as_str()));
    format!("leased for {}{}", facts::service(lease), project.unwrap_or_default())
}

fn key_of(service: &Definition, lease: &Lease) -> LeaseKey {
    LeaseKey {
        kind: service.kind.clone(),
        name: service.name.clone(),
        port: lease.port,
        lock_id: Some(lease.lock_id),
        named_url: lease.named_url.clone(),
    }
}

fn key(grant: &Grant) -> LeaseKey {
    LeaseKey {
        kind: grant.service_type.clone(),
        name: grant.service_name.clone(),
        port: grant.port,
        lock_id: grant.lock_id,
        named_url: grant.named_url.clone(),
    }
}
