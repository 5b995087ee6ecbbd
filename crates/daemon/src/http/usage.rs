//! Who listens on a port, in full: looked up outside the engine, with a deadline.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use styxy_core::Port;
use styxy_core::api::{Code, Refusal, SystemUsage};

use crate::daemon::Daemon;
use crate::system::{self, Details, ListeningSocket};

/// How long a look-up may take; what is not known by then is null.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who listens on `port`; nothing if nobody does.
pub(super) async fn of(daemon: &Daemon, port: Port) -> Option<SystemUsage> {
    let sockets = daemon.sockets().await.unwrap_or_default().remove(&port)?;
    of_all(BTreeMap::from([(port, sockets)])).await.remove(&port)
}

/// Who has these sockets.
pub(super) async fn of_all(sockets: BTreeMap<Port, Vec<ListeningSocket>>) -> BTreeMap<Port, SystemUsage> {
    tokio::task::spawn_blocking(move || look_up(&sockets)).await.unwrap_or_default()
}

fn look_up(sockets: &BTreeMap<Port, Vec<ListeningSocket>>) -> BTreeMap<Port, SystemUsage> {
    let deadline = Instant::now() + PATIENCE;
    let all: Vec<ListeningSocket> = sockets.values().flatten().copied().collect();
    let holders = system::find_holders(&all, &[], deadline);
    let mut known = BTreeMap::new();
    let mut usages = BTreeMap::new();
    for (port, sockets) in sockets {
        let pid = sockets.iter().find_map(|socket| holders.get(&socket.inode).copied().or(socket.pid));
        let details: Option<&Details> = pid.and_then(|pid| {
            known.entry(pid).or_insert_with(|| system::describe(pid, deadline).ok()).as_ref()
        });
        let mut addresses: Vec<String> = sockets.iter().map(|socket| socket.address.to_string()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let uid = sockets.iter().find_map(|socket| socket.uid);
        let user =
            details.and_then(|details| details.user_name.clone()).or_else(|| uid.map(|uid| uid.to_string()));
        let process = details.map(|details| &details.identified.process);
        let usage = SystemUsage {
            pid,
            process: process.map(|process| process.name.to_string()),
            command: details.and_then(|details| details.command.clone()),
            user,
            addresses,
            project_path: details.and_then(|details| details.project_path.clone()),
            branch: details.and_then(|details| details.branch.clone()),
            started_at: process.map(|process| process.started_at),
        };
        usages.insert(*port, usage);
    }
    usages
}

/// `node (pid 811)`, or what of it is known.
pub(super) fn name(usage: &SystemUsage) -> String {
    match (&usage.process, usage.pid, &usage.user) {
        (Some(process), Some(pid), _) => format!("{process} (pid {pid})"),
        (None, Some(pid), _) => format!("process {pid}"),
        (_, None, Some(user)) => format!("a process of user {user}"),
        (_, None, None) => "a process that cannot be seen".to_owned(),
    }
}

/// A refusal that says who has the port, where the core could only say that somebody has.
pub(super) async fn name_holder(daemon: &Daemon, refusal: Refusal) -> Refusal {
    let foreign = refusal.code == Code::PortUnavailable
        && refusal.details.get("holder").is_some_and(|who| who == "foreign");
    let port = refusal.details.get("port").and_then(serde_json::Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok()).and_then(|port| Port::new(port).ok());
    let Some(port) = port.filter(|_| foreign) else { return refusal };
    let Some(usage) = of(daemon, port).await else { return refusal };
    let error = format!("port {port} is in use by {}, which has no lease for it", name(&usage));
    let usage = serde_json::to_value(&usage).unwrap_or_default();
    Refusal { error, ..refusal }.detail("system_usage", usage)
}
