//! `.styxy.json`, or the key `styxy` of a `package.json`: what a project wishes for its servers.
//!
//! Names and preferences only. A repository is not trusted: nothing in the file is ever run, and the variables that it
//! may have set hold port numbers and are called accordingly ([`EnvName::for_project`]).

mod env_name;
mod parse;
#[cfg(feature = "schema")]
mod schema;
#[cfg(test)]
mod tests;

use crate::config::ConfigError;
use crate::door_rules::DoorRules;
use crate::label::Label;
use crate::names::{ServiceName, ServiceType};
use crate::port::Port;

pub use env_name::EnvName;
pub use parse::{parse, parse_package};
#[cfg(feature = "schema")]
pub use schema::schema;

/// The file's name.
pub const FILE: &str = ".styxy.json";
/// The file that may hold the same under the key [`KEY`].
pub const PACKAGE: &str = "package.json";
/// That key.
pub const KEY: &str = "styxy";

/// The JSON Schema of `.styxy.json`, for editors.
pub const SCHEMA: &str = include_str!("../../../../docs/project.schema.json");

/// What a project's file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// What the repository is called in host names, instead of its folder. In the file at the root of the checkout.
    pub name: Option<Label>,
    /// In the order of the file; each service type once.
    pub services: Vec<(ServiceType, Service)>,
    /// The keys that this version does not know, in the order of the file, and nothing of which is used: a colleague may have
    /// a newer version.
    pub ignored: Vec<ConfigError>,
}

/// What a project wishes for one of its servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Which of several servers of that type it is.
    pub name: Option<ServiceName>,
    /// The port to get if it can be had.
    pub port: Option<Port>,
    /// Further variables that hold its port number.
    pub env: Vec<EnvName>,
    /// How requests by name reach it.
    pub door: DoorRules,
}

impl Project {
    /// What is said of `service`, if anything is.
    #[must_use]
    pub fn service(&self, service: &ServiceType) -> Option<&Service> {
        self.services.iter().find(|(name, _)| name == service).map(|(_, service)| service)
    }

    /// What is wished for a server of type `service` that was asked for as `name`, if as anything: a name that was given
    /// counts, and the file's port and variables are for the server that has the file's name.
    #[must_use]
    pub fn wish(&self, service: &ServiceType, name: Option<&ServiceName>) -> Service {
        let said = self.service(service).cloned().unwrap_or_default();
        match name {
            Some(given) if said.name.as_ref() != Some(given) => {
                Service { name: Some(given.clone()), ..Service::default() }
            }
            Some(_) | None => said,
        }
    }
}
