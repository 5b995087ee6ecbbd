//! A server as the command line names it: by its port, or by a service of this worktree.

use std::collections::BTreeSet;
use std::str::FromStr;

use styxy_client::leases::{self, Of, is_up};
use styxy_client::{PortRequest, Terms};
use styxy_core::api::{AllocationsQuery, Code, Lease, Refusal};
use styxy_core::{Port, ServiceName, ServiceType};

use crate::here::caller::caller;
use crate::say::failure::Failure;
use crate::say::{arguments, facts};

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
        if let Some(port) = arguments::port(text) {
            return port.map(Self::Port);
        }
        ServiceType::new(text).map(Self::Service).map_err(|error| error.to_string())
    }
}

/// A service of the worktree that the command runs in.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) kind: ServiceType,
    pub(crate) name: Option<ServiceName>,
    /// What is asked for without `--name`: the project's file may set a name, and a package has one.
    usual: PortRequest,
    terms: Terms,
}

impl Service {
    /// # Errors
    /// The worktree's path is not Unicode, its file has a mistake, or the environment has an invalid session name.
    pub(crate) fn here(kind: ServiceType, name: Option<ServiceName>) -> Result<Self, Failure> {
        let caller = caller();
        let usual = PortRequest::new(kind.clone()).or(caller.file()?.as_ref());
        let usual = usual.in_package(caller.package().as_ref());
        Ok(Self { kind, name, usual, terms: Terms::default().or(&caller)? })
    }

    /// `dev/web` or `dev`
    pub(crate) fn shown(&self) -> String {
        facts::label(&self.kind, self.name.as_ref().or(self.usual.full_name()))
    }

    /// Whether it runs in a package, which has a name of its own.
    fn is_in_package(&self) -> bool {
        self.usual.name.is_none() && self.usual.default_name.is_some()
    }

    pub(crate) fn query(&self) -> AllocationsQuery {
        AllocationsQuery {
            service_type: Some(self.kind.clone()),
            project_path: self.terms.project.clone(),
            ..AllocationsQuery::default()
        }
    }

    /// Which of `leases` is meant. Without a name it is what is handed over to this command, then the one with the usual name;
    /// outside of packages then the only other one.
    ///
    /// # Errors
    /// Several other ones are there; the refusal lists them.
    pub(crate) fn lease<'a>(&self, leases: &'a [Lease]) -> Result<Option<&'a Lease>, Refusal> {
        let ours = |lease: &&Lease| {
            lease.service_type == self.kind && leases::whose(lease, &self.terms) != Of::Project
        };
        let ours = || leases.iter().filter(ours);
        let named = |name: Option<&ServiceName>| {
            self.first(ours().filter(|lease| lease.service_name.as_ref() == name))
        };
        if self.name.is_some() {
            return Ok(named(self.name.as_ref()));
        }
        let handed = ours().filter(|lease| leases::is_handed_over(lease, &self.usual, &self.terms));
        let usual = self.first(handed).or_else(|| named(self.usual.full_name()));
        if usual.is_some() || self.is_in_package() {
            return Ok(usual);
        }
        let labels: BTreeSet<String> = ours().map(facts::service).collect();
        if labels.len() < 2 { Ok(self.first(ours())) } else { Err(several(&self.kind, &labels)) }
    }

    /// The one that is meant of several with one name: this session's before others', then one whose server listens, then the
    /// oldest.
    fn first<'a>(&self, leases: impl Iterator<Item = &'a Lease>) -> Option<&'a Lease> {
        leases.min_by_key(|lease| {
            let theirs = leases::whose(lease, &self.terms) != Of::Caller;
            (theirs, !is_up(lease), lease.allocated_at, lease.port)
        })
    }
}

/// It is not said which of several is meant.
fn several(kind: &ServiceType, labels: &BTreeSet<String>) -> Refusal {
    let all: Vec<&str> = labels.iter().map(String::as_str).collect();
    let name = all.iter().find_map(|label| label.split_once('/')).map_or("NAME", |(_, name)| name);
    let error = format!("there are several {kind} servers here: {}", all.join(", "));
    Refusal::new(Code::InvalidRequest, error)
        .hint(format!("say which one: --name {name}"))
        .detail("candidates", all)
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
            usual: PortRequest::new(ServiceType::new("dev").unwrap()),
            terms: Terms {
                project: ProjectPath::new("/w/app").ok(),
                instance: instance.map(|id| InstanceId::new(id).unwrap()),
                ..Terms::default()
            },
        }
    }

    fn different(leases: &[(u16, Value)]) -> Vec<Lease> {
        let different = |(port, fields): &(u16, Value)| {
            lease(*port, |wire| {
                for (key, value) in fields.as_object().unwrap() {
                    wire[key] = value.clone();
                }
            })
        };
        leases.iter().map(different).collect()
    }

    /// The port of the lease that is meant among some that differ by these fields.
    fn meant(service: &Service, leases: &[(u16, Value)]) -> Option<u16> {
        let leases = different(leases);
        service.lease(&leases).unwrap().map(|lease| lease.port.get())
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
        let dev = || PortRequest::new(ServiceType::new("dev").unwrap());
        let web = ServiceName::new("web").ok();
        let usual = Service { usual: PortRequest { name: web.clone(), ..dev() }, ..service(None, None) };
        assert_eq!(meant(&usual, &with_one_unnamed), Some(3), "the name in the project's file");
        let package = Service { usual: dev().in_package(web.as_ref()), ..service(None, None) };
        assert_eq!(meant(&package, &with_one_unnamed), Some(3), "the package's name");
        assert_eq!(meant(&package, &both[1..]), None, "a package has nothing of another one");
        assert_eq!(meant(&service(None, None), &both[1..]), Some(4), "the only one");
        let refusal = service(None, None).lease(&different(&both)).unwrap_err();
        assert_eq!(refusal.error, "there are several dev servers here: dev/admin, dev/web");
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
