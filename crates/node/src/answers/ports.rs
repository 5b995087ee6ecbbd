//! Looking at ports.

use napi_derive::napi;
use styxy_core::api;

use super::{LeaseInfo, sentence};

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
    /// Other processes that listen on it, on other addresses or with the same socket (a server that forked); usually
    /// none.
    pub others: Vec<SystemUsage>,
    /// Why it is not available; null if it is.
    pub reason: Option<String>,
}

impl From<api::CheckAnswer> for Check {
    fn from(answer: api::CheckAnswer) -> Self {
        let api::CheckAnswer { port, available, allocated_to, system_usage, others, reason } = answer;
        Self {
            port: port.get(),
            available,
            allocated_to: allocated_to.map(Into::into),
            system_usage: system_usage.map(Into::into),
            others: others.into_iter().map(Into::into).collect(),
            reason: reason.map(sentence),
        }
    }
}

/// Who listens on a port; null where it is unknown.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct SystemUsage {
    /// The process.
    pub pid: Option<u32>,
    /// Its name (`node`).
    pub process: Option<String>,
    /// Its command line.
    pub command: Option<String>,
    /// Its user.
    pub user: Option<String>,
    /// Whether that is the daemon's own user.
    pub same_user: Option<bool>,
    /// The addresses it listens on, without the port.
    pub addresses: Vec<String>,
    /// Its working directory; the name it had, if it was deleted.
    pub working_directory: Option<String>,
    /// Whether its working directory was deleted.
    pub working_directory_deleted: Option<bool>,
    /// The worktree its working directory lies in.
    pub project_path: Option<String>,
    /// The branch checked out there.
    pub branch: Option<String>,
    /// When the process started, RFC 3339.
    pub started_at: Option<String>,
    /// The container whose published port it serves, if an engine names one.
    pub container: Option<Container>,
}

/// A running container, as its engine names it.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Container {
    /// Its name (`shop-web-1`).
    pub name: String,
    /// The compose project that it is of (`shop`).
    pub compose_project: Option<String>,
    /// The service that it is in that project (`web`).
    pub compose_service: Option<String>,
    /// The folder that it was started from.
    pub folder: Option<String>,
}

impl From<api::Container> for Container {
    fn from(container: api::Container) -> Self {
        let api::Container { name, compose_project, compose_service, folder } = container;
        Self { name, compose_project, compose_service, folder }
    }
}

impl From<api::SystemUsage> for SystemUsage {
    fn from(usage: api::SystemUsage) -> Self {
        let api::SystemUsage {
            pid,
            process,
            command,
            user,
            same_user,
            addresses,
            working_directory,
            working_directory_deleted,
            project_path,
            branch,
            started_at,
            container,
        } = usage;
        Self {
            pid: pid.map(styxy_core::Pid::get),
            process,
            command,
            user,
            same_user,
            addresses,
            working_directory,
            working_directory_deleted,
            project_path: project_path.map(Into::into),
            branch,
            started_at: started_at.map(|time| time.to_string()),
            container: container.map(Into::into),
        }
    }
}

/// Ports that an allocate would get now. None is reserved.
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
    /// Other processes that do, as in `Check`; usually none.
    pub others: Vec<SystemUsage>,
}

impl From<api::ScanAnswer> for Scan {
    fn from(answer: api::ScanAnswer) -> Self {
        let api::ScanAnswer { scan_range, ports_in_use } = answer;
        let port_in_use = |found: api::PortInUse| {
            let api::PortInUse { port, allocated_to, system_usage, others } = found;
            PortInUse {
                port: port.get(),
                allocated_to: allocated_to.map(Into::into),
                system_usage: system_usage.map(Into::into),
                others: others.into_iter().map(Into::into).collect(),
            }
        };
        Self { scan_range, ports_in_use: ports_in_use.into_iter().map(port_in_use).collect() }
    }
}
