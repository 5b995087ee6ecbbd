//! The servers of a worktree's services that were started by hand, without `styxy up`. The daemon knows them by their leases, whether a
//! keeper runs or not (R136); no daemon is started to ask for them.

use styxy_client::Caller;
use styxy_core::api::Lease;

use crate::up::heard;
use crate::up::keeper::{by_hand, unknown, with_server};
use crate::up::place::Place;
use crate::up::sources;
use crate::up::stack::Definition;
use crate::up::wire::{LeaseKey, Order, State, View};

/// A service whose server was started by hand.
pub(crate) struct ByHand {
    /// As it is shown.
    pub(crate) view: View,
    /// As much of an order as a keeper needs to end it.
    pub(crate) order: Order,
}

/// The services of the worktree that `here` is in whose servers run, and of which `known` says nothing that runs.
pub(crate) async fn servers(here: &Caller, place: &Place, known: &[View]) -> Vec<ByHand> {
    let leases = heard::leases(here, place).await;
    leases.map(|leases| among(here, place, known, &leases)).unwrap_or_default()
}

/// The same where the leases are known.
fn among(here: &Caller, place: &Place, known: &[View], leases: &[Lease]) -> Vec<ByHand> {
    let Ok(stack) = sources::find_silently(here) else { return Vec::new() };
    let runs = |label: &str| known.iter().any(|view| view.service == label && is_known_to_run(view));
    let services = stack.services.iter().filter(|service| !runs(&service.label));
    services.filter_map(|service| found(service, place, leases)).collect()
}

/// Adds them to `views`, instead of what these say of the same services.
pub(crate) fn add(here: &Caller, place: &Place, views: &mut Vec<View>, leases: &[Lease]) {
    for ByHand { view, order: _ } in among(here, place, views, leases) {
        match views.iter_mut().find(|known| known.service == view.service) {
            Some(known) => *known = view,
            None => views.push(view),
        }
    }
}

fn found(service: &Definition, place: &Place, leases: &[Lease]) -> Option<ByHand> {
    if !service.takes_port() {
        return None;
    }
    let lease = with_server(leases, &service.kind, service.name.as_ref())?;
    let key = LeaseKey {
        kind: service.kind.clone(),
        name: service.name.clone(),
        port: lease.port,
        lock_id: Some(lease.lock_id),
        named_url: lease.named_url.clone(),
    };
    let order = unknown(&service.label, place.root(), Some(key));
    Some(ByHand { view: by_hand(place, order.clone(), lease), order })
}

/// Whether a keeper has started what runs, or has found it itself.
const fn is_known_to_run(view: &View) -> bool {
    match view.state {
        State::Waiting | State::Starting | State::Ready | State::Running | State::Outside | State::Ending => {
            true
        }
        State::Failed | State::Ended => view.pid.is_some(),
    }
}
