//! After `styxy run` has become the command, nobody of Styxy's is left to say where the server really listens. On a terminal a
//! second process does, once: if a tool ignores its port (R66, R78), or another program has it. It ends without a word as soon as the
//! server listens on its port, and in any case with the command, or after 30 seconds.
//!
//! It is not a child of the command, holds nothing but stderr, and owns no lease. Only Linux knows where a tool listens.

mod process;

use std::time::Duration;

use styxy_client::leases::is_up;
use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsQuery, EventName, Grant, Lease};
use styxy_core::{LockId, Pid, Port};

use super::ask::Ports;
use crate::here::context;
use crate::here::variables::url;
use crate::process::Handle;
use crate::say::facts;
use crate::say::output;
use process::Side;

/// How long a server may take to listen until nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one question to the daemon may take.
const ANSWER: Duration = Duration::from_secs(3);

/// Leaves a process behind that watches the command's port, if the command is this process and has one lease.
pub(super) fn leave(ports: &Ports) {
    let Ports::Leased(grants) = ports else { return };
    let [grant] = grants.as_slice() else { return };
    let own = Pid::new(std::process::id());
    let Some(watched) = Watched::new(grant).filter(|watched| Some(watched.owner) == own) else { return };
    // Opened by the command itself: its pid may be another process' later.
    let Ok(Some(command)) = Handle::open(watched.owner) else { return };
    match process::split() {
        Side::Command => {}
        Side::Reporter => {
            std::thread::spawn(move || {
                let _ = command.ended_within(PATIENCE);
                process::end();
            });
            report(&watched);
            process::end();
        }
    }
}

/// Says what there is to say, as soon as there is something.
fn report(watched: &Watched) {
    if let Ok(Ok(Some(sentence))) = context::try_ask(ANSWER, async |client| watch(client, watched).await) {
        output::aside(&sentence);
    }
}

/// What is to be said of the port in the end; none if the server listens on it, or if nothing is known any more.
async fn watch(client: &Client, watched: &Watched) -> Result<Option<String>, Error> {
    let mut events = client.events(None).await?;
    // What has happened before the first event.
    for lease in client.allocations(&AllocationsQuery::default()).await?.allocations {
        if let Some(end) = watched.end(&lease) {
            return Ok(end.said(watched));
        }
    }
    while let Some(event) = events.next().await? {
        let Some(lease) = event.message.and_then(|message| message.lease) else { continue };
        if lease.lock_id == watched.lock_id && event.name == EventName::Ended.as_str() {
            return Ok(None);
        }
        if let Some(end) = watched.end(&lease) {
            return Ok(end.said(watched));
        }
    }
    Ok(None)
}

/// The lease of the command.
#[derive(Debug)]
struct Watched {
    lock_id: LockId,
    port: Port,
    owner: Pid,
    label: String,
}

/// How the watch ends.
#[derive(Debug, PartialEq)]
enum End {
    /// The server listens on its port.
    Active,
    /// The command listens on this other port.
    Elsewhere(Port),
    /// Somebody else has the port.
    Taken(String),
}

impl Watched {
    fn new(grant: &Grant) -> Option<Self> {
        let label = facts::label(&grant.service_type, grant.service_name.as_ref());
        Some(Self { lock_id: grant.lock_id?, port: grant.port, owner: grant.owner.pid?, label })
    }

    /// What `lease` says of the command's server, if anything.
    fn end(&self, lease: &Lease) -> Option<End> {
        let is_own = lease.lock_id == self.lock_id;
        match &lease.conflict {
            Some(conflict) if is_own => {
                let stranger =
                    facts::process(conflict.process.as_deref(), conflict.pid.map(styxy_core::Pid::get));
                Some(End::Taken(stranger.unwrap_or_else(|| "another program".to_owned())))
            }
            Some(_) => None,
            None if !is_up(lease) => None,
            None if is_own => Some(End::Active),
            None => (lease.owner.pid == Some(self.owner)).then_some(End::Elsewhere(lease.port)),
        }
    }
}

impl End {
    fn said(&self, watched: &Watched) -> Option<String> {
        let Watched { port, label, .. } = watched;
        match self {
            Self::Active => None,
            Self::Elsewhere(other) => Some(format!(
                "styxy: {label} listens on {}, and nothing on its port {port}: the command ignores PORT",
                url(*other)
            )),
            Self::Taken(who) => {
                Some(format!("styxy: {who} listens on port {port}, which is leased for {label}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, snapshot};
    use serde_json::{Value, json};

    fn watched() -> Watched {
        let own = lease(3000, |_| {});
        let owner = Pid::new(42).unwrap();
        Watched { lock_id: own.lock_id, port: own.port, owner, label: "dev/web".to_owned() }
    }

    fn end(port: u16, fields: &Value) -> Option<End> {
        watched().end(&lease(port, |wire| {
            for (key, value) in fields.as_object().unwrap() {
                wire[key] = value.clone();
            }
        }))
    }

    #[test]
    fn the_watch_ends_when_it_is_known_where_the_server_listens() {
        let of = |pid: u32, state: &str| json!({"owner": {"kind": "process", "pid": pid}, "state": state});
        assert_eq!(end(3000, &of(42, "granted")), None);
        assert_eq!(end(3000, &of(42, "active")), Some(End::Active));
        assert_eq!(end(3000, &of(43, "active")), Some(End::Active), "npm has left it to node");
        assert_eq!(end(5173, &of(42, "active")), Some(End::Elsewhere(Port::new(5173).unwrap())));
        assert_eq!(end(5173, &of(42, "granted")), None);
        assert_eq!(end(5173, &of(43, "active")), None, "another command's");
        let conflict = json!({"conflict": {"pid": 9, "process": "python3"}, "state": "active"});
        assert_eq!(end(3000, &conflict), Some(End::Taken("python3 (9)".to_owned())));
        assert_eq!(end(5173, &conflict), None);
    }

    #[test]
    fn what_is_said_at_the_end_is_one_line() {
        let said = |end: &End| end.said(&watched()).map_or("(nothing)\n".to_owned(), |said| said + "\n");
        snapshot!(
            "run_reported",
            each([
                ("on its port", said(&End::Active)),
                ("elsewhere", said(&End::Elsewhere(Port::new(5173).unwrap()))),
                ("taken", said(&End::Taken("python3 (9)".to_owned()))),
            ])
        );
    }
}
