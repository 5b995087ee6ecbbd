//! Whether every service can be started after those that it waits for.

use super::{Mention, Mentioned, Read};
use crate::json::Mistake;
use crate::names::ServiceName;
use crate::project::Service;

/// Looks for a circle in `after`. All labels in it are known.
///
/// # Errors
/// There is one: at the mention that closes it.
pub(super) fn check(read: &Read) -> Result<(), Mistake> {
    for service in &read.services {
        if let Some(circle) = circle(&read.services, service) {
            let labels: Vec<&str> = circle.iter().map(|service| service.label.as_str()).collect();
            let (at, path) = mention(read, &circle).map_or((0, ""), |mention| (mention.at, &mention.path));
            let label = &service.label;
            let way = labels.join(" → ");
            let message =
                format!("{path}: {label} would wait for itself: {way} → {label}; remove one of these");
            return Err(Mistake::new(at, message));
        }
    }
    Ok(())
}

/// The first mention of the circle.
fn mention<'r>(read: &'r Read, circle: &[&Service]) -> Option<&'r Mention> {
    let next = circle.get(1).or(circle.first()).map(|service| &service.label);
    read.mentions.iter().find(|mention| {
        mention.what == Mentioned::Before
            && Some(&mention.label) == next
            && circle.first().is_some_and(|first| first.label == mention.of)
    })
}

/// The services from `start` around to itself, if it waits for itself.
fn circle<'s>(services: &'s [Service], start: &'s Service) -> Option<Vec<&'s Service>> {
    let find = |label: &ServiceName| services.iter().find(|service| service.label == *label);
    // From every service on the way, how many of those that it waits for were looked at.
    let mut way = vec![(start, 0)];
    let mut seen = Vec::new();
    while let Some((service, next)) = way.last_mut() {
        let Some(label) = service.after.get(*next) else {
            way.pop();
            continue;
        };
        *next += 1;
        if *label == start.label {
            return Some(way.into_iter().map(|(service, _)| service).collect());
        }
        if let Some(other) = find(label).filter(|other| !seen.contains(&&other.label)) {
            seen.push(&other.label);
            way.push((other, 0));
        }
    }
    None
}
