//! A server as the command line names it: by its port, or by the service that this worktree has a lease for.

use std::str::FromStr;

use styxy_core::api::{AllocationsQuery, Lease, State};
use styxy_core::{InstanceId, Port, ProjectPath, ServiceName, ServiceType};

use crate::failure::Failure;
use crate::place;
use crate::wishes;

/// One word of the command line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// `3000`: up to five digits and nothing else.
    Port(Port),
    /// `dev`
    Service(ServiceType),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Port).map_err(|error: styxy_core::Invalid| error.to_string());
        }
        ServiceType::new(text).map(Self::Service).map_err(|error| error.to_string())
    }
}

/// A service of the worktree that the command runs in.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) kind: ServiceType,
    pub(super) name: Option<ServiceName>,
    /// The name that a lease has if none is typed: the project's file may say one.
    usual: Option<ServiceName>,
    project: Option<ProjectPath>,
    instance: Option<InstanceId>,
}

impl Service {
    /// # Errors
    /// The worktree's path is not Unicode, its file has a mistake, or the environment names a session that cannot be.
    pub(super) fn here(kind: ServiceType, name: Option<ServiceName>) -> Result<Self, Failure> {
        let usual = wishes::current_project()?.and_then(|file| file.wish(&kind, None).name);
        let (project, instance) = (place::current_project()?, place::current_instance()?);
        Ok(Self { kind, name, usual, project, instance })
    }

    /// `dev/web` or `dev`
    pub(super) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{}/{name}", self.kind),
            None => self.kind.to_string(),
        }
    }

    pub(super) fn query(&self) -> AllocationsQuery {
        AllocationsQuery {
            service_type: Some(self.kind.clone()),
            project_path: self.project.clone(),
            ..AllocationsQuery::default()
        }
    }

    /// Which of `leases` is meant: this session's before others', one of the usual name if none was given, one that is
    /// listened on, the oldest.
    pub(super) fn lease<'a>(&self, leases: &'a [Lease]) -> Option<&'a Lease> {
        let fits = |lease: &&Lease| {
            lease.service_type == self.kind
                && lease.project_path == self.project
                && (self.name.is_none() || lease.service_name == self.name)
        };
        leases.iter().filter(fits).min_by_key(|lease| {
            let theirs = lease.instance_id != self.instance;
            let unusual = lease.service_name != self.usual;
            (theirs, unusual, !is_up(lease), lease.allocated_at, lease.port)
        })
    }
}

/// Whether the lease's own server listens.
pub(super) fn is_up(lease: &Lease) -> bool {
    lease.state == State::Active && lease.conflict.is_none()
}

/// `--name` goes with a service alone.
///
/// # Errors
/// It was given with a port.
pub(super) fn no_name_beside_a_port(name: Option<&ServiceName>) -> Result<(), Failure> {
    match name {
        Some(_) => {
            Err(Failure::usage("--name does not go with a port", "name a service: styxy wait dev -n web"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::words::tests::lease;
    use serde_json::{Value, json};

    #[test]
    fn up_to_five_digits_are_a_port_and_all_else_is_a_service() {
        assert_eq!("3000".parse(), Ok(Target::Port(Port::new(3000).unwrap())));
        assert_eq!("dev".parse(), Ok(Target::Service(ServiceType::new("dev").unwrap())));
        for bad in ["0", "70000", "", "a b", "-1"] {
            assert!(bad.parse::<Target>().is_err(), "{bad:?}");
        }
    }

    fn service(name: Option<&str>, instance: Option<&str>) -> Service {
        Service {
            kind: ServiceType::new("dev").unwrap(),
            name: name.map(|name| ServiceName::new(name).unwrap()),
            usual: None,
            project: Some(ProjectPath::new("/w/app").unwrap()),
            instance: instance.map(|id| InstanceId::new(id).unwrap()),
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
    fn the_lease_of_this_worktrees_key_is_meant() {
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
    fn this_sessions_then_a_listening_then_the_oldest_lease_is_meant() {
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
