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
pub use service::{Env, Home, Ready, Run, Service, Wish};
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
    /// The services that the file does not say how to start.
    pub idle: Vec<Idle>,
}

/// A service without a command and without a container: it is there for `styxy run` and `styxy env`, or its command is misspelt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// Its key in the file.
    pub label: ServiceName,
    /// Where it stands, and that nothing says how to start it.
    pub said: ConfigError,
    /// Whether it has a key that is not known, or one that only means something for what is started.
    pub is_odd: bool,
}

impl Project {
    /// The service called `label`.
    #[must_use]
    pub fn service(&self, label: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.label.as_str() == label)
    }

    /// What is said of a server that was asked for by its type, or else by its label: a `name` that was given counts, and the file's
    /// port and variables are for the server that has the file's name; without one the server in the package whose servers are
    /// called `package` counts.
    #[must_use]
    pub fn wish(
        &self,
        asked: &ServiceType,
        name: Option<&ServiceName>,
        package: Option<&ServiceName>,
    ) -> Option<&Service> {
        let mut of_kind = self.services.iter().filter(|service| service.kind == *asked).peekable();
        if of_kind.peek().is_none() {
            return self
                .service(asked.as_str())
                .filter(|found| name.is_none() || found.name.as_ref() == name);
        }
        if let Some(given) = name {
            return of_kind.find(|service| match (&service.name, &service.home) {
                (Some(own), _) | (None, Home::In(Some(own))) => own == given,
                (None, Home::In(None) | Home::Callers) => false,
            });
        }
        // One with a name of its own only if there is no other.
        let here = of_kind.filter(|service| service.is_in(package));
        let (unnamed, named): (Vec<_>, Vec<_>) = here.partition(|service| service.name.is_none());
        unnamed.into_iter().chain(named).next()
    }

    /// Gives every placed service its package, as `package` says it of a folder relative to the file's; and its label for a
    /// name to a service without one that would be the same server as another one: a written name stays as it is.
    pub fn settle(&mut self, package: impl Fn(&str) -> Option<ServiceName>) {
        for service in self.services.iter_mut().filter(|service| service.is_placed()) {
            service.home = Home::In(package(service.cwd.as_deref().unwrap_or_default()));
        }
        for at in 0..self.services.len() {
            if let Some(name) = self.free_name(at) {
                self.services[at].name = Some(name);
            }
        }
    }

    /// The name that the service at this place needs to be a server of its own, if it does.
    fn free_name(&self, at: usize) -> Option<ServiceName> {
        let service = &self.services[at];
        let others = || {
            let others = self.services.iter().enumerate().filter(move |(other, _)| *other != at);
            others.filter(|(_, other)| other.kind == service.kind)
        };
        let is_same = |(place, other): (usize, &Service)| {
            let is_before = place < at && (&other.name, &other.home) == (&None, &service.home);
            is_before || other.name.is_some() && other.name.as_ref() == service.home.package()
        };
        if service.name.is_some() || !others().any(is_same) {
            return None;
        }
        let is_taken = |name: &ServiceName| {
            others().any(|(_, other)| [other.name.as_ref(), other.home.package()].contains(&Some(name)))
        };
        let label = &service.label;
        let numbered = (2..).map_while(|number: usize| ServiceName::new(&format!("{label}-{number}")).ok());
        std::iter::once(label.clone()).chain(numbered).find(|name| !is_taken(name))
    }
}
