//! When a service is ready: its lease's own listener, which the daemon hears at once, and where the file says so an answer over
//! HTTP (R134).

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use styxy_client::leases::is_up;
use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsQuery, Lease};
use styxy_core::{Port, ProjectPath, ServiceName, ServiceType};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::happen::Server;
use super::hearing::{Heard, Hearing};
use super::lock;
use crate::here::http::{Http, NoStatus};
use crate::here::reach::Host;
use crate::up::wire::{Expects, LeaseKey, Order, ReadyBy};

/// How often a path is asked for.
const GLANCE: Duration = Duration::from_millis(100);
/// How long to wait for an event before asking the daemon, which looks for listeners at once when it is asked.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one request for a path may take at most.
const LONGEST: Duration = Duration::from_secs(32);
/// The same for a service that takes long: nobody waits for it any more.
const LONG_PAUSE: Duration = Duration::from_mins(5);
const LONG: Duration = Duration::from_mins(2);
/// After so long without a listener a service that may have none counts as running.
const SOON: Duration = Duration::from_secs(5);
/// After so long a service that never listens counts as running: one that cannot start has ended by then.
const MOMENT: Duration = Duration::from_millis(500);

/// What became of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It serves, on this port; its lease's, or another one that its program insists on.
    Ready(Option<Port>),
    /// It runs, and nothing says that it serves.
    Running,
    /// It is not ready, and its time is over. It may become ready later.
    Late(String),
}

/// Says what becomes of a service, once or, if it is late, twice.
pub(super) async fn watch(
    (client, hearing): (Client, Hearing),
    project: Option<ProjectPath>,
    order: Order,
    pid: u32,
    mut say: impl FnMut(Found),
) {
    let limit = Duration::from_millis(order.timeout_ms);
    let silent = match order.expects {
        Expects::End => {
            sleep(limit).await;
            let seconds = limit.as_secs_f64();
            return say(Found::Late(format!("{} has not ended after {seconds} s", order.shown)));
        }
        // What takes longer may be right all the same.
        Expects::Done => Some(limit),
        Expects::Nothing => Some(MOMENT),
        Expects::Listener | Expects::Perhaps => None,
    };
    let Some(key) = order.lease.as_ref().filter(|_| silent.is_none()) else {
        sleep(silent.unwrap_or(MOMENT)).await;
        return say(Found::Running);
    };
    let whole = match order.expects {
        Expects::Perhaps if order.ready.is_none() => limit.min(SOON),
        Expects::Perhaps | Expects::Listener => limit,
        Expects::Nothing | Expects::End | Expects::Done => return,
    };
    let deadline = Instant::now() + whole;
    let heard = OnceLock::new();
    let last = Mutex::new(None);
    let ready = async {
        let port = listens((&client, &hearing), project.as_ref(), key, pid).await;
        let _ = heard.set(port);
        if let Some(by) = &order.ready {
            answers(port, by, |said| *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(said)).await;
        }
        port
    };
    tokio::pin!(ready);
    if let Ok(port) = timeout_at(deadline, &mut ready).await {
        return say(Found::Ready(Some(port)));
    }
    say(match order.expects {
        Expects::Perhaps if order.ready.is_none() => Found::Running,
        Expects::Perhaps | Expects::Listener | Expects::Nothing | Expects::End | Expects::Done => {
            let said = last.lock().unwrap_or_else(PoisonError::into_inner).take();
            late(&order, heard.get().copied(), said, limit)
        }
    });
    say(Found::Ready(Some(ready.await)));
}

/// `heard` is the port that it listens on, if it does, and `said` what came of the last request there.
fn late(order: &Order, heard: Option<Port>, said: Option<String>, limit: Duration) -> Found {
    let told = order.lease.as_ref().map(|key| key.port.to_string()).unwrap_or_default();
    let seconds = limit.as_secs_f64();
    Found::Late(match (&order.ready, heard) {
        (Some(by), Some(port)) => {
            let said = said.unwrap_or_else(|| "does not answer".to_owned());
            format!("{} on port {port} {said} after {seconds} s", by.path)
        }
        (Some(_) | None, _) => format!("nothing listens on port {told} after {seconds} s"),
    })
}

/// Waits until the service listens; returns where.
async fn listens(
    (client, hearing): (&Client, &Hearing),
    project: Option<&ProjectPath>,
    key: &LeaseKey,
    pid: u32,
) -> Port {
    let mut heard: Option<Heard> = None;
    let began = Instant::now();
    loop {
        let pause = if began.elapsed() < LONG { PAUSE } else { LONG_PAUSE };
        // It is listened to before the look, so that nothing is missed.
        if heard.is_none() {
            heard = hearing.listen(client).await;
        }
        if let Ok(leases) = leases(client, project, key).await
            && let Some(lease) = leases.iter().find(|lease| is_up(lease) && is_its(lease, key, pid))
        {
            return lease.port;
        }
        match &mut heard {
            Some(says) => match timeout(pause, says.of(key)).await {
                Ok(true) | Err(_) => {}
                // The daemon ends or restarts.
                Ok(false) => {
                    heard = None;
                    sleep(GLANCE).await;
                }
            },
            None => sleep(pause).await,
        }
    }
}

/// Whether the lease is that of the service: the one that it was told, or one that its process owns.
fn is_its(lease: &Lease, key: &LeaseKey, pid: u32) -> bool {
    Some(lease.lock_id) == key.lock_id || lease.owner.pid.map(styxy_core::Pid::get) == Some(pid)
}

/// The leases of the service's key.
pub(super) async fn leases(
    client: &Client,
    project: Option<&ProjectPath>,
    key: &LeaseKey,
) -> Result<Vec<Lease>, Error> {
    let query = AllocationsQuery {
        service_type: Some(key.kind.clone()),
        project_path: project.cloned(),
        ..AllocationsQuery::default()
    };
    let mut leases = client.allocations(&query).await?.allocations;
    leases.retain(|lease| lease.service_name == key.name);
    Ok(leases)
}

/// The server of the service's key that runs already.
async fn outside(client: &Client, project: Option<&ProjectPath>, key: &LeaseKey) -> Option<Server> {
    let leases = leases(client, project, key).await.ok()?;
    with_server(&leases, &key.kind, key.name.as_ref()).map(server)
}

/// The server of a service that runs already and that no keeper has started: on its lease's key, or with the lock of its tool. What only does
/// something and ends has none.
pub(in crate::up) async fn runs_already(
    client: &Client,
    project: Option<&ProjectPath>,
    order: &Order,
) -> Option<Server> {
    if matches!(order.expects, Expects::End | Expects::Done) {
        return None;
    }
    let served = match &order.lease {
        Some(key) => outside(client, project, key).await,
        None => None,
    };
    served.or_else(|| order.lock.as_deref().and_then(lock::holder))
}

/// The lease of this key whose server listens.
pub(in crate::up) fn with_server<'l>(
    leases: &'l [Lease],
    kind: &ServiceType,
    name: Option<&ServiceName>,
) -> Option<&'l Lease> {
    let is_its = |lease: &&Lease| lease.service_type == *kind && lease.service_name.as_ref() == name;
    leases.iter().filter(is_its).find(|lease| is_up(lease))
}

/// The server that listens on a lease's port.
pub(super) fn server(lease: &Lease) -> Server {
    let listener = lease.listener.as_ref().and_then(|listener| listener.pid);
    Server {
        pid: listener.or(lease.owner.pid).map(styxy_core::Pid::get),
        port: Some(lease.port),
        session: lease.instance_id.as_ref().map(ToString::to_string),
    }
}

/// Waits until the service answers as it should, and tells of each time that it does not.
async fn answers(port: Port, by: &ReadyBy, mut tell: impl FnMut(String)) {
    let Ok(http) = Http::new(by.path.clone()) else { return };
    // A server that begins may take a connection and never answer it; one that compiles first takes long.
    let mut patience = PAUSE;
    loop {
        let began = Instant::now();
        let answer = http.read(Host::Localhost, port, patience).await;
        if began.elapsed() >= patience {
            patience = (patience * 2).min(LONGEST);
        }
        match answer {
            Ok((status, text)) => {
                let is_status = by.status.map_or(status < 500, |wanted| wanted == status);
                let missing = by.text.as_ref().filter(|wanted| !text.contains(*wanted));
                match (is_status, by.status, missing) {
                    (true, _, None) => return,
                    (true, _, Some(text)) => tell(format!("answers {status} without the text {text:?}")),
                    (false, Some(wanted), _) => tell(format!("answers {status} and not {wanted}")),
                    (false, None, _) => tell(format!("answers {status}")),
                }
            }
            // What speaks TLS cannot be read: it listens, which is all that can be known.
            Err(NoStatus::Tls) => return,
            Err(NoStatus::Yet(why)) => tell(format!("does not answer ({why})")),
        }
        sleep(GLANCE).await;
    }
}

/// Which process serves on the lease of a service whose own process, `before`, has ended; none if none does within `patience`.
pub(super) async fn heir(
    client: &Client,
    project: Option<&ProjectPath>,
    key: &LeaseKey,
    before: Option<u32>,
    patience: Duration,
) -> Option<u32> {
    let deadline = Instant::now() + patience;
    loop {
        let leases = leases(client, project, key).await.ok()?;
        let ours = leases.iter().find(|lease| Some(lease.lock_id) == key.lock_id && is_up(lease));
        let pid = ours.and_then(|lease| lease.listener.as_ref()?.pid).map(styxy_core::Pid::get);
        if let Some(pid) = pid.filter(|pid| Some(*pid) != before) {
            return Some(pid);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(GLANCE).await;
    }
}
