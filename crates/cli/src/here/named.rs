//! Which lease or port a target means now: its service's lease, or the one with its id.

use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsQuery, Code, Lease};
use styxy_core::{LockId, Port, ServiceName, ServiceType};

use crate::here::host::{At, Hosted};
use crate::here::release_target::beginning_with;
use crate::here::server::{Portless, Service};
use crate::here::target::Target;
use crate::here::typed::Look;
use crate::here::verb::Verb;
use crate::say::failure::Failure;

/// A target, and what the caller's folder says about it.
#[derive(Debug)]
pub(crate) enum Named {
    Port(Port),
    Service(Box<Service>),
    /// A name without a type: it is refused with the service that has it, as a type that is a name is.
    Name(ServiceName, Box<Service>),
    Lease(LockId),
    /// A name at the front door.
    Host(Box<Hosted>),
    /// The beginning of an id, unless this project has a service that is called so.
    Word {
        word: String,
        service: Option<Box<Service>>,
        verb: Verb,
    },
}

/// What a target means now.
#[derive(Debug)]
pub(crate) enum Meant {
    /// A port, leased or not.
    Port(Port),
    /// The lease of a service here.
    Service(Box<Lease>),
    /// The lease with an id, whosever it is.
    Id(Box<Lease>),
    /// The lease whose server has a name at the front door, whosever it is.
    Called(Box<Lease>),
}

impl Meant {
    pub(crate) fn port(&self) -> Port {
        match self {
            Self::Port(port) => *port,
            Self::Service(lease) | Self::Id(lease) | Self::Called(lease) => lease.port,
        }
    }
}

impl Named {
    /// # Errors
    /// A name was given twice, or beside what has none; or as [`Service::here`].
    pub(crate) fn new(
        target: Target,
        name: Option<ServiceName>,
        verb: Verb,
        look: &Look<'_>,
    ) -> Result<Self, Failure> {
        let here = |kind, name| Service::here(kind, name, verb, look).map(Box::new);
        match (target, name) {
            (Target::Service(kind, None), name) => Ok(Self::Service(here(kind, name)?)),
            (Target::Service(kind, named), None) => Ok(Self::Service(here(kind, named)?)),
            (Target::Service(kind, named), name) if named == name => Ok(Self::Service(here(kind, named)?)),
            (Target::Beginning(word), Some(name)) => match word.parse() {
                Ok(kind) => Ok(Self::Service(here(kind, Some(name))?)),
                Err(_) => Err(no_name_beside(&Target::Beginning(word), &name, verb)),
            },
            (Target::Name(typed), None) => {
                // The name of any type; the type is only for what all services have in common.
                let kind = ServiceType::new("dev");
                let kind = kind.map_err(|error| Failure::usage(error.to_string(), "styxy list"))?;
                Ok(Self::Name(typed, here(kind, None)?))
            }
            (target, Some(name)) => Err(no_name_beside(&target, &name, verb)),
            (Target::Port(port), None) => Ok(Self::Port(port)),
            (Target::Lease(id), None) => Ok(Self::Lease(id)),
            (Target::Host(host, port), None) => Ok(Self::Host(Box::new(Hosted::new(host, port, verb)))),
            (Target::Beginning(word), None) => {
                // What is wrong with the folder's file does not keep anybody from naming an id.
                let service = word.parse().ok().and_then(|kind| here(kind, None).ok());
                Ok(Self::Word { word, service, verb })
            }
        }
    }

    /// What is known of the service, if it takes no port.
    pub(crate) fn portless(&mut self) -> Option<&mut Portless> {
        match self {
            Self::Service(service) | Self::Word { service: Some(service), .. } => service.portless.as_mut(),
            Self::Port(_)
            | Self::Name(..)
            | Self::Lease(_)
            | Self::Host(_)
            | Self::Word { service: None, .. } => None,
        }
    }

    /// Asks which one is meant now.
    ///
    /// # Errors
    /// There is none, or several; or the daemon cannot be asked.
    pub(crate) async fn find(&self, client: &Client) -> Result<Meant, Error> {
        match self {
            Self::Port(port) => Ok(Meant::Port(*port)),
            Self::Lease(id) => by_id(client, &id.to_string()).await,
            Self::Host(hosted) => match hosted.find(client).await? {
                At::Lease(lease) => Ok(Meant::Called(lease)),
                At::Port(port) => Ok(Meant::Port(port)),
                At::Nobody(refusal) => Err(Error::Refused(refusal)),
            },
            Self::Service(service) => {
                let leases = service.leases(client).await?;
                let lease = service.lease(&leases).map_err(Error::Refused)?;
                lease
                    .map(|lease| Meant::Service(Box::new(lease.clone())))
                    .ok_or_else(|| Error::Refused(service.missing(&leases)))
            }
            Self::Name(name, service) => {
                let leases = service.leases(client).await?;
                Err(Error::Refused(service.missing_name(name, &leases)))
            }
            Self::Word { word, service, verb } => {
                let mut missing = None;
                if let Some(service) = service {
                    let leases = service.leases(client).await?;
                    if let Some(lease) = service.lease(&leases).map_err(Error::Refused)? {
                        return Ok(Meant::Service(Box::new(lease.clone())));
                    }
                    missing = Some(service.missing(&leases));
                }
                match missing {
                    Some(missing) if word.len() < verb.least_id() => Err(Error::Refused(missing)),
                    Some(missing) => match by_id(client, &word.to_ascii_lowercase()).await {
                        // Nobody reads `cafe` as an id.
                        Err(Error::Refused(refusal))
                            if refusal.code == Code::UnknownLease
                                && !word.contains(|letter: char| letter.is_ascii_digit()) =>
                        {
                            Err(Error::Refused(missing))
                        }
                        found => found,
                    },
                    None => by_id(client, &word.to_ascii_lowercase()).await,
                }
            }
        }
    }
}

async fn by_id(client: &Client, id: &str) -> Result<Meant, Error> {
    let leases = client.allocations(&AllocationsQuery::default()).await?.allocations;
    let lease = beginning_with(id, &leases).map_err(Error::Refused)?;
    Ok(Meant::Id(Box::new(lease.clone())))
}

/// `--name` is only for services.
fn no_name_beside(target: &Target, name: &ServiceName, verb: Verb) -> Failure {
    let error = match target {
        Target::Service(..) => {
            format!("{} and --name {name} name two servers", target.shown())
        }
        Target::Port(_) | Target::Host(..) | Target::Name(_) | Target::Lease(_) | Target::Beginning(_) => {
            "--name can be used only with a service".to_owned()
        }
    };
    Failure::usage(error, format!("styxy {} {}", verb.word(), target.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::typed::Words;
    use crate::say::shown::{each, failed, snapshot};

    #[test]
    fn a_name_is_only_for_a_service_and_said_once() {
        let refused = |text: &str| {
            let target = text.parse().unwrap();
            failed(
                Named::new(target, "web".parse().ok(), Verb::Open, &|_, _, _| Words::default()).unwrap_err(),
            )
        };
        snapshot!(
            "named_wrongly",
            each([
                ("beside a port", refused("3000")),
                ("two names", refused("dev/api")),
                ("beside an id", refused("4f5e0000-0000-4000-8000-000000003000")),
            ])
        );
    }
}
