//! `.styxy.json`, or the key `styxy` of a `package.json`: what a project wishes for its servers, and how `styxy up` starts them.
//!
//! A repository is not trusted: only `styxy up`, which somebody types, runs what the file says, and the variables that it may
//! have set without being asked hold ports and addresses and are called accordingly ([`fence`]).

mod env_name;
pub mod fence;
mod parse;
#[cfg(feature = "schema")]
mod schema;
mod service;
#[cfg(test)]
mod tests;
pub mod text;

use crate::config::ConfigError;
use crate::label::Label;
use crate::names::{ServiceName, ServiceType};

pub use env_name::EnvName;
pub use parse::{parse, parse_package};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use service::{Env, Ready, Run, Service, Wish};
pub use text::{Fact, Place, Text};

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
    /// In the order of the file; each label once.
    pub services: Vec<Service>,
    /// The keys that this version does not know, in the order of the file, and nothing of which is used: a colleague may have
    /// a newer version.
    pub ignored: Vec<ConfigError>,
}

impl Project {
    /// The service called `label`.
    #[must_use]
    pub fn service(&self, label: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.label.as_str() == label)
    }

    /// What is said of a server of type `kind` that was asked for as `name`, if as anything: a name that was given counts, and
    /// the file's port and variables are for the server that has the file's name.
    #[must_use]
    pub fn wish(&self, kind: &ServiceType, name: Option<&ServiceName>) -> Option<&Service> {
        let mut of_kind = self.services.iter().filter(|service| service.kind == *kind);
        match name {
            Some(given) => of_kind.find(|service| service.name.as_ref() == Some(given)),
            None => of_kind.next(),
        }
    }
}
