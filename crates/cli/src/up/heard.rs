//! What the daemon says now of the servers of a worktree's services: a keeper hears when one begins to serve, and not when its listener
//! is closed while its process runs on.

use std::time::Duration;

use styxy_client::Caller;
use styxy_client::leases::is_up;
use styxy_core::api::{AllocationsQuery, Lease};
use styxy_core::{Pid, Port};

use crate::here::context::{self, Autostart};
use crate::process::Handle;
use crate::up::place::Place;
use crate::up::wire::{State, View};

/// A daemon answers in less than a millisecond. Without it only the keeper says what is known.
const PATIENCE: Duration = Duration::from_secs(1);

/// The leases of the worktree; none without a daemon, which is not started for that.
pub(crate) async fn leases(here: &Caller, place: &Place) -> Option<Vec<Lease>> {
    let client = context::client(Autostart::Never).ok()?;
    let project_path = here.at(place.root()).project().ok()?;
    let query = AllocationsQuery { project_path, ..AllocationsQuery::default() };
    let answer = tokio::time::timeout(PATIENCE, client.allocations(&query)).await.ok()?;
    Some(answer.ok()?.allocations)
}

/// A service that was ready, and on whose port its server does not listen any more, is said to run, without an address.
pub(crate) fn correct(views: &mut [View], leases: &[Lease]) {
    for view in views.iter_mut().filter(|view| may_be_silent(view)) {
        let Some(port) = view.port else { continue };
        let mut here = leases.iter().filter(|lease| lease.port == port).peekable();
        let is_strange = here.peek().is_some_and(|lease| lease.conflict.is_some());
        // The keeper learns in a moment that a process has ended.
        if view.pid.and_then(Pid::new).is_some_and(has_ended) {
            continue;
        }
        if here.peek().is_none() {
            // What holds the lock of its tool may have no lease. Nothing else is known: its server may listen or not.
            if view.state == State::Ready {
                view.named_url = None;
                view.why = Some("its lease was given back".to_owned());
            }
            continue;
        }
        if here.any(is_up) {
            continue;
        }
        if view.state == State::Ready {
            view.state = State::Running;
        }
        (view.url, view.named_url) = (None, None);
        view.why = Some(why(port, is_strange));
    }
}

/// Also if nobody has learnt yet how.
fn has_ended(pid: Pid) -> bool {
    match Handle::open(pid) {
        Ok(Some(handle)) => handle.ended_within(Duration::ZERO).unwrap_or(false),
        Ok(None) => true,
        // It is another user's, or there is no room.
        Err(_) => false,
    }
}

fn why(port: Port, is_strange: bool) -> String {
    if is_strange {
        format!("another program listens on its port {port}")
    } else {
        format!("nothing listens on its port {port} any more")
    }
}

/// A container has no process here, and is not asked about: the container engine listens for it.
const fn may_be_silent(view: &View) -> bool {
    match view.state {
        State::Ready | State::Outside => view.pid.is_some(),
        State::Waiting | State::Starting | State::Running | State::Failed | State::Ending | State::Ended => {
            false
        }
    }
}

/// Of several servers of one service that were started by hand the first is shown: the ports of the others are said.
pub(crate) fn count(views: &mut [View], leases: &[Lease]) {
    for view in views.iter_mut().filter(|view| view.state == State::Outside && view.why.is_none()) {
        let Some(shown) = leases.iter().find(|lease| Some(lease.port) == view.port) else { continue };
        let is_other = |lease: &&Lease| {
            (&lease.service_type, &lease.service_name) == (&shown.service_type, &shown.service_name)
                && lease.lock_id != shown.lock_id
                && lease.owner.pid != shown.owner.pid
                && is_up(lease)
        };
        let ports: Vec<String> = leases.iter().filter(is_other).map(|lease| lease.port.to_string()).collect();
        let word = if ports.len() == 1 { "port" } else { "ports" };
        view.why =
            (!ports.is_empty()).then(|| format!("and {} more: {word} {}", ports.len(), ports.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: &str) -> View {
        serde_json::from_value(serde_json::json!({
            "service": "web", "state": state, "pid": std::process::id(), "port": 3000, "url": "http://localhost:3000", "started": false, "log": "/l", "tty": false,
        }))
        .unwrap()
    }

    fn lease(port: u16, pid: u32, state: &str) -> Lease {
        serde_json::from_value(serde_json::json!({
            "lock_id": format!("4f5e0000-0000-4000-8000-00000000{port:04}"), "port": port, "service_type": "web", "service_name": null, "instance_id": null,
            "project_path": "/w", "state": state, "owner": { "kind": "process", "pid": pid, "process": "x", "started_at": "2026-01-01T00:00:00Z" },
            "allocated_at": "2026-01-01T00:00:00Z", "last_seen_listening": null,
        }))
        .unwrap()
    }

    #[test]
    fn a_server_that_has_closed_its_port_has_no_address() {
        let mut views = [view("ready")];
        correct(&mut views, &[lease(3000, 7, "granted")]);
        assert_eq!((views[0].state, views[0].url.as_deref()), (State::Running, None));
        assert_eq!(views[0].why.as_deref(), Some("nothing listens on its port 3000 any more"));
        let mut views = [view("ready"), view("outside")];
        correct(&mut views, &[]);
        let why = Some("its lease was given back".to_owned());
        assert_eq!(views, [View { why, ..view("ready") }, view("outside")], "it may listen all the same");
        let mut views = [view("ready"), view("starting")];
        correct(&mut views[..1], &[lease(3000, 7, "active")]);
        correct(&mut views[1..], &[]);
        assert_eq!(
            views,
            [view("ready"), view("starting")],
            "nothing is said of what serves, or only starts"
        );
    }

    #[test]
    fn further_servers_of_one_service_are_counted() {
        let mut views = [view("outside")];
        count(&mut views, &[lease(3000, 7, "active"), lease(3001, 7, "active"), lease(3002, 8, "active")]);
        assert_eq!(views[0].why.as_deref(), Some("and 1 more: port 3002"));
    }
}
