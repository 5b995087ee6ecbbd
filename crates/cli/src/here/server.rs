//! A server as the command line names it: by its port, or by a service of this worktree.

use std::str::FromStr;

use styxy_client::leases::{self, Of, is_up};
use styxy_client::{PortRequest, Terms};
use styxy_core::api::{AllocationsQuery, Lease};
use styxy_core::{Port, ServiceName, ServiceType};

use crate::here::caller::caller;
use crate::say::failure::Failure;

/// A server as the command line names it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ServerTarget {
    /// `3000`: up to five digits.
    Port(Port),
    /// `dev`
    Service(ServiceType),
}

impl FromStr for ServerTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Port).map_err(|error: styxy_core::InvalidPort| error.to_string());
        }
        ServiceType::new(text).map(Self::Service).map_err(|error| error.to_string())
    }
}

/// A service of the worktree that the command runs in.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) kind: ServiceType,
    pub(crate) name: Option<ServiceName>,
    /// The name of leases without `--name`: the project file may set one.
    usual: Option<ServiceName>,
    terms: Terms,
}

impl Service {
    /// # Errors
    /// The worktree's path is not Unicode, its file has a mistake, or the environment has an invalid session name.
    pub(crate) fn here(kind: ServiceType, name: Option<ServiceName>) -> Result<Self, Failure> {
        let caller = caller();
        let usual = PortRequest::new(kind.clone()).or(caller.file()?.as_ref()).name;
        Ok(Self { kind, name, usual, terms: Terms::default().or(&caller)? })
    }

    /// `dev/web` or `dev`
    pub(crate) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{}/{name}", self.kind),
            None => self.kind.to_string(),
        }
    }

    pub(crate) fn query(&self) -> AllocationsQuery {
        AllocationsQuery {
            service_type: Some(self.kind.clone()),
            project_path: self.terms.project.clone(),
            ..AllocationsQuery::default()
        }
    }

    /// Which of `leases` is meant: this session's before others', one with the usual name if none was given, one whose
    /// server listens, the oldest.
    pub(crate) fn lease<'a>(&self, leases: &'a [Lease]) -> Option<&'a Lease> {
        let fits = |lease: &&Lease| {
            lease.service_type == self.kind
                && leases::whose(lease, &self.terms) != Of::Project
                && (self.name.is_none() || lease.service_name == self.name)
        };
        leases.iter().filter(fits).min_by_key(|lease| {
            let theirs = leases::whose(lease, &self.terms) != Of::Caller;
            let unusual = lease.service_name != self.usual;
            (theirs, unusual, !is_up(lease), lease.allocated_at, lease.port)
        })
    }
}

/// `--name` is only for services.
///
/// # Errors
/// It was given with a port.
pub(crate) fn no_name_beside_a_port(name: Option<&ServiceName>) -> Result<(), Failure> {
    match name {
        Some(_) => {
            Err(Failure::usage("--name cannot be used with a port", "name a service: styxy wait dev -n web"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use serde_json::{Value, json};
    use styxy_core::{InstanceId, ProjectPath};

    #[test]
    fn up_to_five_digits_are_a_port_and_everything_else_is_a_service() {
        assert_eq!("3000".parse(), Ok(ServerTarget::Port(Port::new(3000).unwrap())));
        assert_eq!("dev".parse(), Ok(ServerTarget::Service(ServiceType::new("dev").unwrap())));
        for bad in ["0", "70000", "", "a b", "-1"] {
            assert!(bad.parse::<ServerTarget>().is_err(), "{bad:?}");
        }
    }

    pub(crate) fn service(name: Option<&str>, instance: Option<&str>) -> Service {
        Service {
            kind: ServiceType::new("dev").unwrap(),
            name: name.map(|name| ServiceName::new(name).unwrap()),
            usual: None,
            terms: Terms {
                project: ProjectPath::new("/w/app").ok(),
                instance: instance.map(|id| InstanceId::new(id).unwrap()),
                ..Terms::default()
            },
        }
    }

    /// The port of the lease that is meant among some that differ by these fields.
    fn meant(service: &Service, leases: &[(u16, Value)]) -> Option<u16> {
        let leases: Vec<Lease> = leases
            .iter()
            .map(|(port, fields)| {
                lease(*port, |wire| {
                    for (key, value) in fields.as_object().unwrap() {
                        wire[key] = value.clone();
                    }
                })
            })
            .collect();
        service.lease(&leases).map(|lease| lease.port.get())
    }

    #[test]
    fn the_lease_of_this_worktree_service_and_name_is_meant() {
        let others = [(1, json!({"project_path": "/w/other"})), (2, json!({"service_type": "api"}))];
        assert_eq!(meant(&service(None, None), &others), None);
        let both = [(3, json!({"service_name": "web"})), (4, json!({"service_name": "admin"}))];
        assert_eq!(meant(&service(Some("admin"), None), &both), Some(4));
        assert_eq!(meant(&service(Some("docs"), None), &both), None);
        let with_one_unnamed = [both[0].clone(), (5, json!({}))];
        assert_eq!(meant(&service(None, None), &with_one_unnamed), Some(5));
        let usual = Service { usual: ServiceName::new("web").ok(), ..service(None, None) };
        assert_eq!(meant(&usual, &with_one_unnamed), Some(3), "the name in the project's file");
    }

    #[test]
    fn a_lease_of_this_session_comes_first_then_one_that_listens_then_the_oldest() {
        let old = "2026-11-22T17:00:00Z";
        let up = [(1, json!({"allocated_at": old})), (2, json!({"state": "active"}))];
        assert_eq!(meant(&service(None, None), &up), Some(2));
        let age = [(1, json!({})), (2, json!({"allocated_at": old}))];
        assert_eq!(meant(&service(None, None), &age), Some(2));
        let ours = [(1, json!({"state": "active"})), (2, json!({"instance_id": "claude-1"}))];
        assert_eq!(meant(&service(None, Some("claude-1")), &ours), Some(2));
        assert_eq!(meant(&service(None, None), &ours), Some(1));
    }
}
