//! What JavaScript is answered: the wire's types with JavaScript's names, null where the wire says null or nothing.
//!
//! Each conversion takes its message apart without `..`, so a new field of the wire is a compile error here.
//! The comments are what `native.d.ts` tells users.

use napi_derive::napi;
use styxy_core::api;

use crate::error::{Result, unintelligible};

/// `lock_id` → `lockId`
pub(crate) fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// A count or a number of bytes; JavaScript's numbers hold it exactly.
fn number(count: impl TryInto<i64>) -> Result<i64> {
    count.try_into().map_err(|_| unintelligible("a number is too large"))
}

/// One granted port.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Grant {
    /// The port.
    pub port: u16,
    /// The lease's name, a UUID; null after a dry run.
    pub lock_id: Option<String>,
    /// As asked for.
    pub service_type: String,
    /// As asked for.
    pub service_name: Option<String>,
    /// Whether something listens on it already.
    #[napi(ts_type = "'granted' | 'active'")]
    pub state: String,
    /// Who must live for the lease to stand.
    pub owner: Owner,
    /// `http://localhost:PORT`
    pub url: String,
    /// Whether it is a lease that this service had already (`reuse`).
    pub reused: bool,
    /// Whether it is somebody else's: the one lease of a singleton service type.
    pub existing: bool,
    /// Why it is not the port asked for, or whose lease it is; else null.
    pub reason: Option<String>,
    /// The port this service had until now, taken by a stranger; else null.
    pub displaced_from: Option<u16>,
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
            reused,
            existing,
            reason,
            displaced_from,
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
            reused,
            existing,
            reason,
            displaced_from: displaced_from.map(styxy_core::Port::get),
            message,
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
    /// `process`: one process. `instance`: an agent session. `listener`: whoever listens on the port.
    #[napi(ts_type = "'process' | 'instance' | 'listener'")]
    pub kind: String,
    /// Its process; null while the lease waits for a listener, and for an instance that beats.
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
    /// The lease's name, a UUID, unique for ever.
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
    /// Whether something listens.
    #[napi(ts_type = "'granted' | 'active'")]
    pub state: String,
    /// Who must live for the lease to stand.
    pub owner: Owner,
    /// Since when it stands, RFC 3339.
    pub allocated_at: String,
    /// When something was last seen listening on it, RFC 3339.
    pub last_seen_listening: Option<String>,
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
            state,
            owner,
            allocated_at,
            last_seen_listening,
            conflict,
        } = lease;
        Self {
            lock_id: lock_id.to_string(),
            port: port.get(),
            service_type: service_type.into(),
            service_name: service_name.map(Into::into),
            instance_id: instance_id.map(Into::into),
            project_path: project_path.map(Into::into),
            state: state_name(state),
            owner: owner.into(),
            allocated_at: allocated_at.to_string(),
            last_seen_listening: last_seen_listening.map(|time| time.to_string()),
            conflict: conflict.map(Into::into),
        }
    }
}

pub(crate) fn leases(leases: Vec<api::Lease>) -> Vec<LeaseInfo> {
    leases.into_iter().map(Into::into).collect()
}

/// A stranger on a leased port.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Conflict {
    /// Its pid, where it could be told.
    pub pid: Option<u32>,
    /// Its name, where it could be told.
    pub process: Option<String>,
}

impl From<api::ConflictView> for Conflict {
    fn from(conflict: api::ConflictView) -> Self {
        let api::ConflictView { pid, process } = conflict;
        Self { pid: pid.map(styxy_core::Pid::get), process }
    }
}

/// Who has a port.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Check {
    /// The port asked about.
    pub port: u16,
    /// Whether it could be leased now.
    pub available: bool,
    /// The lease that covers it.
    pub allocated_to: Option<LeaseInfo>,
    /// Who listens on it, leased or not.
    pub system_usage: Option<SystemUsage>,
    /// Why it is not available; null if it is.
    pub reason: Option<String>,
}

impl From<api::CheckAnswer> for Check {
    fn from(answer: api::CheckAnswer) -> Self {
        let api::CheckAnswer { port, available, allocated_to, system_usage, reason } = answer;
        Self {
            port: port.get(),
            available,
            allocated_to: allocated_to.map(Into::into),
            system_usage: system_usage.map(Into::into),
            reason,
        }
    }
}

/// Who listens on a port; null where it cannot be told.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct SystemUsage {
    /// The process.
    pub pid: Option<u32>,
    /// Its name (`node`).
    pub process: Option<String>,
    /// Its command line.
    pub command: Option<String>,
    /// Whose it is.
    pub user: Option<String>,
    /// The addresses it listens on, without the port.
    pub addresses: Vec<String>,
    /// The worktree its working directory lies in.
    pub project_path: Option<String>,
    /// The branch checked out there.
    pub branch: Option<String>,
    /// When the process started, RFC 3339.
    pub started_at: Option<String>,
}

impl From<api::SystemUsage> for SystemUsage {
    fn from(usage: api::SystemUsage) -> Self {
        let api::SystemUsage { pid, process, command, user, addresses, project_path, branch, started_at } =
            usage;
        Self {
            pid: pid.map(styxy_core::Pid::get),
            process,
            command,
            user,
            addresses,
            project_path: project_path.map(Into::into),
            branch,
            started_at: started_at.map(|time| time.to_string()),
        }
    }
}

/// Ports that an allocate would be given now. None is reserved.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Suggestions {
    /// The first of them; null if there is none.
    pub port: Option<u16>,
    /// Best first.
    pub suggestions: Vec<u16>,
}

impl From<api::SuggestAnswer> for Suggestions {
    fn from(answer: api::SuggestAnswer) -> Self {
        let api::SuggestAnswer { service_type: _, port, suggestions, count: _ } = answer;
        Self {
            port: port.map(styxy_core::Port::get),
            suggestions: suggestions.into_iter().map(styxy_core::Port::get).collect(),
        }
    }
}

/// Every listener and every lease in a range of ports.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Scan {
    /// `3000-3099`
    pub scan_range: String,
    /// Ascending by port.
    pub ports_in_use: Vec<PortInUse>,
}

/// A port with a listener, a lease, or both.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct PortInUse {
    /// The port.
    pub port: u16,
    /// The lease that covers it.
    pub allocated_to: Option<LeaseInfo>,
    /// Who listens on it.
    pub system_usage: Option<SystemUsage>,
}

impl From<api::ScanAnswer> for Scan {
    fn from(answer: api::ScanAnswer) -> Self {
        let api::ScanAnswer { scan_range, ports_in_use } = answer;
        let port_in_use = |found: api::PortInUse| {
            let api::PortInUse { port, allocated_to, system_usage } = found;
            PortInUse {
                port: port.get(),
                allocated_to: allocated_to.map(Into::into),
                system_usage: system_usage.map(Into::into),
            }
        };
        Self { scan_range, ports_in_use: ports_in_use.into_iter().map(port_in_use).collect() }
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
        Self { port: port.get(), message }
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
        Ok(Self { cleaned: number(cleaned)?, released: leases(released), message })
    }
}

/// One live instance: an agent session.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Instance {
    /// Its name.
    pub instance_id: String,
    /// Where it works.
    pub working_directory: Option<String>,
    /// Its process, if it was registered with one.
    pub pid: Option<u32>,
    /// Since when it is known, RFC 3339.
    pub registered_at: String,
    /// Its last beat, or its registration, RFC 3339.
    pub last_heartbeat: String,
    /// The leases asked for by it.
    pub active_allocations: Vec<LeaseInfo>,
    /// As registered; null if nothing was.
    #[napi(ts_type = "Record<string, unknown>")]
    pub metadata: Option<serde_json::Value>,
}

impl From<api::InstanceView> for Instance {
    fn from(instance: api::InstanceView) -> Self {
        let api::InstanceView {
            instance_id,
            working_directory,
            pid,
            registered_at,
            last_heartbeat,
            active_allocations,
            metadata,
        } = instance;
        Self {
            instance_id: instance_id.into(),
            working_directory: working_directory.map(Into::into),
            pid: pid.map(styxy_core::Pid::get),
            registered_at: registered_at.to_string(),
            last_heartbeat: last_heartbeat.to_string(),
            active_allocations: leases(active_allocations),
            metadata,
        }
    }
}

/// A registered instance.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Registration {
    /// Its name.
    pub instance_id: String,
    /// Beat this often, in seconds; null if it has a process and needs no beat.
    pub heartbeat_interval: Option<f64>,
    /// It expires this many seconds after its last beat; null if it has a process.
    pub expires_in: Option<f64>,
}

impl From<api::RegisterAnswer> for Registration {
    fn from(answer: api::RegisterAnswer) -> Self {
        let api::RegisterAnswer { success: _, instance_id, heartbeat_interval, expires_in } = answer;
        Self { instance_id: instance_id.into(), heartbeat_interval, expires_in }
    }
}

/// A beat that was heard.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Beat {
    /// Whose.
    pub instance_id: String,
    /// When it was heard, RFC 3339.
    pub last_heartbeat: String,
    /// Seconds until the instance expires without another; null if it has a process.
    pub expires_in: Option<f64>,
}

impl From<api::BeatAnswer> for Beat {
    fn from(answer: api::BeatAnswer) -> Self {
        let api::BeatAnswer { success: _, instance_id, last_heartbeat, expires_in } = answer;
        Self { instance_id: instance_id.into(), last_heartbeat: last_heartbeat.to_string(), expires_in }
    }
}

/// An instance that was unregistered.
#[napi(object, object_from_js = false)]
pub struct EndedInstance {
    /// Its name.
    pub instance_id: String,
    /// Its leases that ended with it; those that something listens on passed to the listener.
    pub released: Vec<LeaseInfo>,
}

impl From<api::EndInstanceAnswer> for EndedInstance {
    fn from(answer: api::EndInstanceAnswer) -> Self {
        let api::EndInstanceAnswer { success: _, instance_id, released } = answer;
        Self { instance_id: instance_id.into(), released: leases(released) }
    }
}

/// How the daemon is.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// The contract's version: daemon and clients of one number understand each other.
    pub api_version: u32,
    /// The daemon's process.
    pub pid: u32,
    /// Seconds since it was ready.
    pub uptime: f64,
    /// How many leases are live.
    pub allocations: i64,
    /// How many instances are live.
    pub instances: i64,
    /// Where it listens.
    pub listen: Listen,
    /// What it uses.
    pub memory: Memory,
    /// How its journal is kept.
    pub journal: Option<Journal>,
    /// What it watches.
    pub watches: Option<Watches>,
    /// What a person should know: a port other than the configured one, a damaged journal moved aside, …
    pub notes: Vec<String>,
}

/// Where the daemon listens.
#[napi(object, object_from_js = false)]
pub struct Listen {
    /// `127.0.0.1:9876`, `[::1]:9876`; empty if no port could be had.
    pub tcp: Vec<String>,
    /// The Unix socket's path, or the named pipe's name.
    pub socket: String,
}

/// Memory in use.
#[napi(object, object_from_js = false)]
pub struct Memory {
    /// Resident, in bytes.
    pub rss: i64,
}

/// How the journal is kept.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Journal {
    /// `mapped`, or `plain` where a file cannot be mapped.
    #[napi(ts_type = "'mapped' | 'plain'")]
    pub mode: String,
    /// Which generation of the file.
    pub generation: i64,
    /// Bytes written in it.
    pub used: i64,
    /// Bytes it has room for.
    pub capacity: i64,
    /// What went wrong last; null if nothing did.
    pub trouble: Option<String>,
}

/// What the daemon watches.
#[napi(object, object_from_js = false)]
pub struct Watches {
    /// Processes watched by a handle of the kernel's.
    pub processes: i64,
    /// Processes looked at once a second, because no handle could be had.
    pub polled: i64,
}

impl TryFrom<api::StatusAnswer> for Status {
    type Error = napi::Error;

    fn try_from(answer: api::StatusAnswer) -> Result<Self> {
        let api::StatusAnswer {
            status: _,
            version,
            api_version,
            pid,
            uptime,
            allocations,
            instances,
            listen: api::Listen { tcp, socket },
            memory: api::Memory { rss },
            journal,
            watches,
            notes,
        } = answer;
        Ok(Self {
            version,
            api_version,
            pid: pid.get(),
            uptime,
            allocations: number(allocations)?,
            instances: number(instances)?,
            listen: Listen { tcp, socket },
            memory: Memory { rss: number(rss)? },
            journal: journal.map(Journal::try_from).transpose()?,
            watches: watches.map(Watches::try_from).transpose()?,
            notes,
        })
    }
}

impl TryFrom<api::Journal> for Journal {
    type Error = napi::Error;

    fn try_from(journal: api::Journal) -> Result<Self> {
        let api::Journal { mode, generation, used, capacity, trouble } = journal;
        let mode = match mode {
            api::JournalMode::Mapped => "mapped",
            api::JournalMode::Plain => "plain",
        };
        Ok(Self {
            mode: mode.to_owned(),
            generation: number(generation)?,
            used: number(used)?,
            capacity: number(capacity)?,
            trouble,
        })
    }
}

impl TryFrom<api::Watches> for Watches {
    type Error = napi::Error;

    fn try_from(watches: api::Watches) -> Result<Self> {
        let api::Watches { processes, polled } = watches;
        Ok(Self { processes: number(processes)?, polled: number(polled)? })
    }
}

/// One event. `reset` has nothing but its type.
#[napi(object, object_from_js = false)]
pub struct RawEvent {
    /// `granted`, `ended`, …
    pub r#type: String,
    /// Ascending; numbers may be skipped.
    pub seq: Option<i64>,
    /// When, RFC 3339.
    pub at: Option<String>,
    /// The lease as it was right after the event.
    pub lease: Option<LeaseInfo>,
    /// The instance as it was right after the event.
    pub instance: Option<Instance>,
    /// Why a lease ended.
    pub reason: Option<String>,
}

impl RawEvent {
    pub(crate) fn new(name: String, message: Option<api::EventMessage>) -> Result<Self> {
        let Some(message) = message else {
            return Ok(Self { r#type: name, seq: None, at: None, lease: None, instance: None, reason: None });
        };
        let api::EventMessage { seq, at, lease, instance, reason } = message;
        Ok(Self {
            r#type: name,
            seq: Some(number(seq)?),
            at: Some(at.to_string()),
            lease: lease.map(Into::into),
            instance: instance.map(Into::into),
            reason: reason.map(|reason| reason.as_str().to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_wire_become_names_of_javascript() {
        for (snake, expected) in
            [("lock_id", "lockId"), ("last_seen_listening", "lastSeenListening"), ("port", "port")]
        {
            assert_eq!(camel(snake), expected);
        }
    }
}
