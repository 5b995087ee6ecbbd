//! Leases: granted, listed, released.

use napi_derive::napi;
use styxy_core::api;

use super::{number, sentence};
use crate::error::Result;

/// One granted port.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Grant {
    /// The port.
    pub port: u16,
    /// The lease's id, a UUID; null after a dry run.
    pub lock_id: Option<String>,
    /// As in the request.
    pub service_type: String,
    /// As in the request.
    pub service_name: Option<String>,
    /// Whether something listens on it already.
    #[napi(ts_type = "'granted' | 'active'")]
    pub state: String,
    /// Who must live for the lease to stand.
    pub owner: Owner,
    /// `http://localhost:PORT`
    pub url: String,
    /// The name of its server, the same after each restart: `dev.shop.localhost`. Null for a lease of no project.
    pub host: Option<String>,
    /// Its address by that name, for browsers: `http://dev.shop.localhost:9876`. Null while the front door is shut.
    pub named_url: Option<String>,
    /// Whether this service had the lease already (`reuse`).
    pub reused: bool,
    /// Whether it belongs to somebody else: the one lease of a singleton service type.
    pub existing: bool,
    /// Why it is not the preferred port, or whose lease it is; else null.
    pub reason: Option<String>,
    /// The port this service had until now, taken by a stranger; else null.
    pub displaced_from: Option<u16>,
    /// The port of another server that runs for the same project, service type and name; else null.
    pub running: Option<u16>,
    /// A sentence for people.
    pub message: String,
}

impl From<api::Grant> for Grant {
    fn from(grant: api::Grant) -> Self {
        let api::Grant {
            success: _,
            port,
            lock_id,
            service_type,
            service_name,
            state,
            owner,
            url,
            host,
            named_url,
            reused,
            existing,
            reason,
            displaced_from,
            running,
            message,
        } = grant;
        Self {
            port: port.get(),
            lock_id: lock_id.map(|id| id.to_string()),
            service_type: service_type.into(),
            service_name: service_name.map(Into::into),
            state: state_name(state),
            owner: owner.into(),
            url,
            host,
            named_url,
            reused,
            existing,
            reason: reason.map(sentence),
            displaced_from: displaced_from.map(styxy_core::Port::get),
            running: running.map(styxy_core::Port::get),
            message: sentence(message),
        }
    }
}

fn state_name(state: api::State) -> String {
    match state {
        api::State::Granted => "granted",
        api::State::Active => "active",
    }
    .to_owned()
}

/// Who must live for a lease to stand.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Owner {
    /// `process`: one process. `instance`: an agent session. `listener`: the process that listens on the port.
    #[napi(ts_type = "'process' | 'instance' | 'listener'")]
    pub kind: String,
    /// Its process; null while the lease waits for a listener, and for an instance that sends heartbeats.
    pub pid: Option<u32>,
    /// The process' name.
    pub process: Option<String>,
    /// When the process started, RFC 3339.
    pub started_at: Option<String>,
}

impl From<api::OwnerView> for Owner {
    fn from(owner: api::OwnerView) -> Self {
        let api::OwnerView { kind, pid, process, started_at } = owner;
        let kind = match kind {
            api::OwnerKind::Process => "process",
            api::OwnerKind::Instance => "instance",
            api::OwnerKind::Listener => "listener",
        };
        Self {
            kind: kind.to_owned(),
            pid: pid.map(styxy_core::Pid::get),
            process,
            started_at: started_at.map(|time| time.to_string()),
        }
    }
}

/// One live lease.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct LeaseInfo {
    /// The lease's id, a UUID that is never used again.
    pub lock_id: String,
    /// The port.
    pub port: u16,
    /// What kind of server it is for: `dev`, `api`, …
    pub service_type: String,
    /// Which of several.
    pub service_name: Option<String>,
    /// The agent session that asked for it.
    pub instance_id: Option<String>,
    /// The checkout's root.
    pub project_path: Option<String>,
    /// The name of its server, the same after each restart: `dev.shop.localhost`. Null for a lease of no project.
    pub host: Option<String>,
    /// Its address by that name, for browsers: `http://dev.shop.localhost:9876`. Null while the front door is shut.
    pub named_url: Option<String>,
    /// Whether something listens.
    #[napi(ts_type = "'granted' | 'active'")]
    pub state: String,
    /// Who must live for the lease to stand.
    pub owner: Owner,
    /// Since when it stands, RFC 3339.
    pub allocated_at: String,
    /// When something was last seen listening on it, RFC 3339.
    pub last_seen_listening: Option<String>,
    /// The server that listens on it; null while nothing listens.
    pub listener: Option<Listener>,
    /// The stranger that has bound its port.
    pub conflict: Option<Conflict>,
}

impl From<api::Lease> for LeaseInfo {
    fn from(lease: api::Lease) -> Self {
        let api::Lease {
            lock_id,
            port,
            service_type,
            service_name,
            instance_id,
            project_path,
            host,
            named_url,
            state,
            owner,
            allocated_at,
            last_seen_listening,
            conflict,
            project_id: _,
            listener,
            // For commands and hooks, which ask for services of a stack.
            stack: _,
        } = lease;
        Self {
            lock_id: lock_id.to_string(),
            port: port.get(),
            service_type: service_type.into(),
            service_name: service_name.map(Into::into),
            instance_id: instance_id.map(Into::into),
            project_path: project_path.map(Into::into),
            host,
            named_url,
            state: state_name(state),
            owner: owner.into(),
            allocated_at: allocated_at.to_string(),
            last_seen_listening: last_seen_listening.map(|time| time.to_string()),
            listener: listener.map(Into::into),
            conflict: conflict.map(Into::into),
        }
    }
}

pub(crate) fn leases(leases: Vec<api::Lease>) -> Vec<LeaseInfo> {
    leases.into_iter().map(Into::into).collect()
}

/// The server that listens on a leased port. It need not be the lease's owner: `npm` owns the lease, and `node` listens.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Listener {
    /// Its pid, if it is known.
    pub pid: Option<u32>,
    /// Its name, if it is known.
    pub process: Option<String>,
    /// The container whose published port it serves, if an engine names one.
    pub container: Option<String>,
}

impl From<api::ListenerView> for Listener {
    fn from(listener: api::ListenerView) -> Self {
        let api::ListenerView { pid, process, container } = listener;
        Self { pid: pid.map(styxy_core::Pid::get), process, container }
    }
}

/// A stranger on a leased port.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Conflict {
    /// Its pid, if it is known.
    pub pid: Option<u32>,
    /// Its name, if it is known.
    pub process: Option<String>,
}

impl From<api::ConflictView> for Conflict {
    fn from(conflict: api::ConflictView) -> Self {
        let api::ConflictView { pid, process } = conflict;
        Self { pid: pid.map(styxy_core::Pid::get), process }
    }
}

/// A lease that was released.
#[napi(object, object_from_js = false)]
pub struct Released {
    /// The port that is free again.
    pub port: u16,
    /// A sentence for people.
    pub message: String,
}

impl From<api::ReleaseAnswer> for Released {
    fn from(answer: api::ReleaseAnswer) -> Self {
        let api::ReleaseAnswer { success: _, port, message } = answer;
        Self { port: port.get(), message: sentence(message) }
    }
}

/// What a cleanup did.
#[napi(object, object_from_js = false)]
pub struct Cleanup {
    /// How many leases ended.
    pub cleaned: i64,
    /// Those leases, as they last were.
    pub released: Vec<LeaseInfo>,
    /// A sentence for people.
    pub message: String,
}

impl TryFrom<api::CleanupAnswer> for Cleanup {
    type Error = napi::Error;

    fn try_from(answer: api::CleanupAnswer) -> Result<Self> {
        let api::CleanupAnswer { success: _, cleaned, released, message } = answer;
        Ok(Self { cleaned: number(cleaned)?, released: leases(released), message: sentence(message) })
    }
}
