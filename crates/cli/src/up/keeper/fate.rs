//! What `styxy up` does about each service. The keeper acts on it, and `styxy up --print` says it: both ask here.

use super::service::{Goal, Life, Progress, Service};
use crate::up::wire::{Extent, Fate, Foreseen, LeaseKey, Order};

/// What an order does with `service`, the one of its label that is kept, if there is one.
pub(super) fn fate(service: Option<&Service>, order: &Order) -> Fate {
    let Some(service) = service else { return Fate::Starts };
    let is_wanted = service.goal == Goal::Runs;
    let is_same = service.order.definition == order.definition && !service.moves(order);
    match &service.life {
        // Nobody knows what it was started with. It runs, so it stays.
        Life::Runs(..) if is_wanted && service.order.definition.is_empty() => Fate::Stays,
        Life::Runs(_, Progress::Starts | Progress::Ready(_) | Progress::Running)
        | Life::Waits
        | Life::Looks
        | Life::Done(_)
            if is_wanted && is_same =>
        {
            Fate::Stays
        }
        // A server that was not started here may have ended.
        Life::Rests(_) | Life::Waits | Life::Looks | Life::Outside { .. } => Fate::Starts,
        Life::Runs(..) | Life::Done(_) | Life::Ends(..) => Fate::Again,
    }
}

/// Whether a service ends because all that are wanted are `labels`.
pub(super) fn is_gone(service: &Service, labels: &[String]) -> bool {
    let runs = service.is_alive() || service.is_left_container();
    !labels.contains(&service.order.label) && runs && !service.is_dropped
}

/// What these orders do with `services`, in their order, and then what ends.
pub(super) fn foresee(services: &[Service], orders: &[Order], extent: Extent) -> Vec<Foreseen> {
    let each = orders.iter().map(|order| {
        let service = services.iter().find(|service| service.order.label == order.label);
        let fate = fate(service, order);
        let why = service.filter(|_| fate == Fate::Again).and_then(|service| why(service, order));
        foreseen(&order.label, service, fate, why)
    });
    let mut each: Vec<Foreseen> = each.collect();
    fail(&mut each, orders);
    let labels: Vec<String> = orders.iter().map(|order| order.label.clone()).collect();
    let gone = services.iter().filter(|service| extent == Extent::All && is_gone(service, &labels));
    let gone = gone.map(|service| foreseen(&service.order.label, Some(service), Fate::Ends, None));
    each.extend(gone);
    each
}

/// Which of them cannot be started, and which come after one of these, as the keeper would find.
fn fail(each: &mut [Foreseen], orders: &[Order]) {
    let begins = |one: &Foreseen| matches!(one.fate, Fate::Starts | Fate::Again);
    for (one, order) in each.iter_mut().zip(orders).filter(|(one, _)| begins(one)) {
        if let Some(refused) = &order.refused {
            (one.fate, one.why) = (Fate::Fails, Some(refused.why.clone()));
        }
    }
    loop {
        let bad: Vec<String> =
            each.iter().filter(|one| one.fate == Fate::Fails).map(|one| one.service.clone()).collect();
        let next = each
            .iter_mut()
            .zip(orders)
            .filter(|(one, _)| begins(one))
            .find_map(|(one, order)| Some((order.after.iter().find(|label| bad.contains(label))?, one)));
        let Some((label, one)) = next else { return };
        (one.fate, one.why) = (Fate::Fails, Some(format!("not started: {label} failed")));
    }
}

fn foreseen(label: &str, service: Option<&Service>, fate: Fate, why: Option<String>) -> Foreseen {
    let view = service.map(|service| service.view(std::path::PathBuf::new(), false, None));
    let view = view.filter(|_| fate != Fate::Starts);
    let (port, pid) = view.map(|view| (view.port, view.pid)).unwrap_or_default();
    Foreseen { service: label.to_owned(), fate, why, port, pid }
}

/// `run, env have changed`: why a service starts again.
fn why(service: &Service, order: &Order) -> Option<String> {
    match &service.life {
        Life::Runs(..) if service.goal == Goal::Runs => {}
        Life::Rests(_)
        | Life::Waits
        | Life::Looks
        | Life::Done(_)
        | Life::Outside { .. }
        | Life::Ends(..)
        | Life::Runs(..) => return None,
    }
    let is_late = matches!(service.life, Life::Runs(_, Progress::Late { .. }));
    let changed = match &*service.changed(order) {
        [] => None,
        [one] => Some(format!("{one} has changed")),
        several => Some(format!("{} have changed", several.join(", "))),
    };
    changed.or_else(|| is_late.then(|| "it has failed".to_owned()))
}

/// The sentence that says so of a service that starts again.
pub(super) fn again(service: &Service, order: &Order) -> Option<String> {
    why(service, order).map(|why| format!("{}: starts again, since {why}", order.label))
}

/// That it has another key than before, and so another port and name (R112): a file that calls it otherwise than `styxy up` had
/// guessed does that.
pub(super) fn renamed(service: &Service, order: &Order) -> Option<String> {
    let (before, now) = service.order.lease.as_ref().zip(order.lease.as_ref())?;
    let called = |key: &LeaseKey| match &key.name {
        Some(name) => format!("{}/{name}", key.kind),
        None => key.kind.to_string(),
    };
    let (old, new) = (called(before), called(now));
    if old == new {
        return None;
    }
    let (label, kind) = (&order.label, &before.kind);
    let name = before.name.as_ref().map(|name| format!(", \"name\": \"{name}\"")).unwrap_or_default();
    let way = format!("\"type\": \"{kind}\"{name}");
    Some(format!(
        "{label}: it is {new} now and was {old}, so its port and its name are others; {way} keeps both"
    ))
}
