//! Why a command is refused, as facts; [`crate::api::Refusal`] is how it is said.

use crate::api::{self, Code, Rule};
use crate::event::EndReason;
use crate::names::{InstanceId, LockId, ProjectPath, ServiceType};
use crate::port::{Occupancy, Port, PortRange};

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A field has a value that no request may have.
    #[error("{field}: {found}; allowed: {allowed}")]
    Invalid {
        /// `services[1].preferred_port`
        field: String,
        /// What came.
        found: String,
        /// What may come.
        allowed: String,
    },
    /// `strict_service_types` is on.
    #[error("unknown service type {service}")]
    UnknownService {
        /// What came.
        service: ServiceType,
        /// What is known.
        known: Vec<ServiceType>,
    },
    /// The exact port cannot be had.
    #[error("port {port} is {holder}")]
    PortUnavailable {
        /// Which.
        port: Port,
        /// Who has it.
        holder: Holder,
    },
    /// Every port that could be given is taken.
    #[error("no free port for service type {service} in {range}{}", withheld_words(*withheld))]
    NoFreePort {
        /// For what.
        service: ServiceType,
        /// Its range; the overflow range for an unknown type.
        range: PortRange,
        /// The range tried after that.
        overflow: Option<PortRange>,
        /// How many of the ports tried are leased.
        leased: usize,
        /// How many are taken by something else.
        busy: usize,
        /// How many are given only to those who ask for them by number.
        withheld: usize,
    },
    /// A quota is used up: R45 in docs/DESIGN.md.
    #[error("no more than {limit} {quota} are allowed{}, and {who} has {held}", .quota.setting())]
    Quota {
        /// Which.
        quota: Quota,
        /// Who has so many.
        who: String,
        /// How many there are.
        held: usize,
        /// How many there may be.
        limit: usize,
    },
    /// No lease has this id.
    #[error("no lease has the id {0}")]
    UnknownLease(LockId),
    /// It has ended.
    #[error("the lease {lock_id} of port {port} has ended")]
    LeaseEnded {
        /// Which.
        lock_id: LockId,
        /// Its port.
        port: Port,
        /// Why.
        reason: EndReason,
    },
    /// No such instance.
    #[error("no instance is called {0}")]
    UnknownInstance(InstanceId),
    /// It expired.
    #[error("the instance {0} has expired")]
    InstanceExpired(InstanceId),
    /// It lives, and belongs to another process.
    #[error("the instance {id} belongs to process {pid}, which lives")]
    InstanceExists {
        /// Which.
        id: InstanceId,
        /// Whose.
        pid: crate::Pid,
    },
    /// The id was used for another request.
    #[error("request id {0} was used for another request")]
    RequestIdReused(crate::RequestId),
}

/// What there may only be so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Quota {
    /// Live leases of one checkout.
    #[error("live leases")]
    LeasesPerCheckout,
    /// Leases of one owner that wait for their server.
    #[error("leases that wait for their server")]
    WaitingPerOwner,
    /// Instances.
    #[error("instances")]
    Instances,
    /// Bytes of all leases and instances in a snapshot.
    #[error("bytes of leases and instances")]
    StateBytes,
}

impl Quota {
    /// As written on the wire, and in config.json if it is there.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeasesPerCheckout => "leases_per_checkout",
            Self::WaitingPerOwner => "waiting_per_owner",
            Self::Instances => "instances",
            Self::StateBytes => "state_bytes",
        }
    }

    /// Where it is set: ` (quotas.instances in config.json)`.
    const fn setting(self) -> &'static str {
        match self {
            Self::LeasesPerCheckout => " (quotas.leases_per_checkout in config.json)",
            Self::WaitingPerOwner => " (quotas.waiting_per_owner in config.json)",
            Self::Instances => " (quotas.instances in config.json)",
            Self::StateBytes => "",
        }
    }

    /// What shows what there is.
    const fn hint(self) -> &'static str {
        match self {
            Self::LeasesPerCheckout => "styxy list --project .",
            Self::WaitingPerOwner | Self::StateBytes => "styxy list",
            Self::Instances => "styxy instances",
        }
    }
}

/// Who has a port.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Holder {
    /// A lease.
    #[error("leased by {who}")]
    Lease {
        /// Which.
        lock_id: LockId,
        /// Its instance, process or project, as people know it.
        who: String,
        /// Its checkout.
        project: Option<ProjectPath>,
    },
    /// A process that has no lease for it.
    #[error("in use by a process that has no lease for it")]
    Foreign,
    /// The system says no.
    #[error("not this user's to bind")]
    Denied,
    /// The system keeps the port: nobody may have it.
    #[error("{}", Occupancy::RESERVED)]
    Reserved,
    /// Nobody, but the service type's one lease is elsewhere.
    #[error("not given: {service} has one lease machine-wide, on port {elsewhere}, held by {who}")]
    Singleton {
        /// The service type.
        service: ServiceType,
        /// Where its lease is.
        elsewhere: Port,
        /// Whose it is.
        who: String,
    },
    /// Another member of the same group.
    #[error("given to another member of the group")]
    Group,
}

/// Why there are fewer ports than the ranges have.
fn withheld_words(withheld: usize) -> String {
    match withheld {
        0 => String::new(),
        count => format!(
            "; {count} of its ports are given only by number: below 1024, refused by browsers, or the daemon's own"
        ),
    }
}

impl From<Refusal> for api::Refusal {
    fn from(refusal: Refusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            Refusal::Invalid { field, found, allowed } => Self::invalid(&field, &found, &allowed),
            Refusal::UnknownService { service, known } => {
                let names: Vec<&str> = known.iter().map(ServiceType::as_str).collect();
                let nearest = crate::nearest(service.as_str(), names.iter().copied());
                let hint = match nearest {
                    Some(name) => format!("did you mean {name}?"),
                    None => "styxy config show".to_owned(),
                };
                Self::new(Code::InvalidRequest, format!("{error}; allowed: {}", names.join(", ")))
                    .hint(hint)
                    .detail("field", "service_type")
                    .detail("found", service.as_str())
                    .detail("allowed", names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
                    .detail("nearest", nearest.map(str::to_owned))
            }
            Refusal::PortUnavailable { port, holder } => {
                let refusal = Self::new(Code::PortUnavailable, error)
                    .hint(format!("styxy check {port}"))
                    .detail("port", port.get());
                match holder {
                    Holder::Lease { lock_id, who, project } => refusal
                        .detail("lock_id", lock_id.to_string())
                        .detail("holder", who)
                        .detail("project_path", project.map(String::from)),
                    Holder::Foreign => refusal.detail("holder", "foreign"),
                    Holder::Denied | Holder::Reserved => refusal.detail("holder", "system"),
                    Holder::Singleton { elsewhere, who, .. } => {
                        refusal.detail("holder", who).detail("elsewhere", elsewhere.get())
                    }
                    Holder::Group => refusal.detail("holder", "group"),
                }
            }
            Refusal::NoFreePort { service, range, overflow, leased, busy, withheld } => {
                let refusal = Self::new(Code::NoFreePort, error)
                    .hint(format!("styxy scan {range}"))
                    .detail("service_type", service.as_str())
                    .detail("range", vec![range.first().get(), range.last().get()])
                    .detail(
                        "overflow_range",
                        overflow.map(|range| vec![range.first().get(), range.last().get()]),
                    )
                    .detail("leased", leased)
                    .detail("busy", busy);
                if withheld == 0 { refusal } else { refusal.detail("withheld", withheld) }
            }
            Refusal::Quota { quota, who, held, limit } => Self::new(Code::NoFreePort, error)
                .hint(quota.hint())
                .rule(Rule::Quota)
                .detail("quota", quota.as_str())
                .detail("limit", limit)
                .detail("held", held)
                .detail("holder", who),
            Refusal::UnknownLease(lock_id) => {
                Self::new(Code::UnknownLease, error).hint("styxy list").detail("lock_id", lock_id.to_string())
            }
            Refusal::LeaseEnded { lock_id, port, reason } => {
                Self::new(Code::LeaseEnded, format!("{error} ({})", reason.as_str()))
                    .hint("styxy list")
                    .detail("lock_id", lock_id.to_string())
                    .detail("port", port.get())
                    .detail("reason", reason.as_str())
            }
            Refusal::UnknownInstance(id) => Self::new(Code::UnknownInstance, error)
                .hint("styxy instances")
                .detail("instance_id", id.as_str()),
            Refusal::InstanceExpired(id) => Self::new(Code::InstanceExpired, error)
                .hint("register it again: POST /instance/register")
                .detail("instance_id", id.as_str()),
            Refusal::InstanceExists { id, pid } => Self::new(Code::InstanceExists, error)
                .hint("styxy instances")
                .detail("instance_id", id.as_str())
                .detail("pid", pid.get()),
            Refusal::RequestIdReused(id) => Self::new(Code::RequestIdReused, error)
                .hint("use a fresh request_id for each request")
                .detail("request_id", id.as_str()),
        }
    }
}
