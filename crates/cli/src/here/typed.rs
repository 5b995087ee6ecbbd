//! What a word means that people type for a service: the one place that makes a lease's key of it (R160).

use styxy_client::{Caller, PortRequest};
use styxy_core::project::{Home, Project};
use styxy_core::{ServiceName, ServiceType};

/// The type of a server of which nothing else is said (R60).
const USUAL: &str = "dev";

/// The services of a worktree, by the words that people type for them.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// What the project's file says to the caller's folder.
    pub(crate) file: Option<Project>,
    /// What `styxy up` would start with a port.
    pub(crate) stack: Vec<PortRequest>,
    /// The labels of what takes no port.
    pub(crate) portless: Vec<String>,
    /// Those of them of which the file at the root says so.
    pub(crate) silent: Vec<String>,
    /// All labels, if something lists the services: a word that is none of them is then more likely a mistake than a service type.
    pub(crate) listed: Option<Vec<String>>,
    /// The caller's package.
    pub(crate) package: Option<ServiceName>,
}

/// The words that there are for the caller whose project's file this is, as far as they matter to the word.
pub(crate) type Look<'a> = dyn Fn(Option<&Project>, &Caller, &ServiceType) -> Words + 'a;

/// What a word stands for.
#[derive(Debug)]
pub(crate) struct Meant {
    pub(crate) request: PortRequest,
    /// Whether it is a service's own word, and not also the type of other servers.
    pub(crate) is_label: bool,
}

/// Who says of which type a server is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Said<'a> {
    /// Somebody types a word for it.
    Typed(&'a Words),
    /// It is the type of a tool or of a service, and not the word of one.
    Type(Option<&'a Project>),
    /// `styxy up` names the lease: without a name it has none, in whatever package the server is.
    Key(Option<&'a Project>),
}

impl Said<'_> {
    pub(crate) fn file(&self) -> Option<&Project> {
        match self {
            Self::Typed(words) => words.file.as_ref(),
            Self::Type(file) | Self::Key(file) => *file,
        }
    }

    /// `asked`, with what is said of its server.
    pub(crate) fn request(&self, asked: PortRequest) -> PortRequest {
        match self {
            Self::Typed(words) => words.request(asked).request,
            Self::Type(file) => asked.or(*file),
            Self::Key(file) => {
                let asked = asked.in_package(None);
                let said = asked.clone().or(*file);
                if said.full_name() == asked.full_name() { said } else { asked }
            }
        }
    }
}

impl Words {
    /// What `asked` is for, whose type is the word that was typed. The service of that name is meant, in whatever package it is; else a
    /// server of that type. With a name that was typed too it is a server of that type and name.
    pub(crate) fn request(&self, asked: PortRequest) -> Meant {
        let called = self.called(&asked);
        match called {
            Some(called) => {
                let is_label = called.service != asked.service;
                Meant { request: asked.over(called), is_label }
            }
            None => Meant { request: asked.or(self.file.as_ref()), is_label: false },
        }
    }

    fn called(&self, asked: &PortRequest) -> Option<PortRequest> {
        let word = asked.service.as_str();
        if asked.name.is_some() {
            return None;
        }
        let of_file = self.file.as_ref().and_then(|file| file.service(word));
        let of_file = of_file.map(|service| PortRequest::of(service, asked.default_name.as_ref()));
        let is_callers = of_file.as_ref().is_some_and(|of| of.home == Home::Callers);
        let called =
            of_file.or_else(|| self.stack.iter().find(|request| request.label() == word).cloned())?;
        let is_elsewhere = !is_callers && called.full_name() != self.package.as_ref();
        // What is started in a package that is none of the services is called so without a word (R60).
        let is_own = word == USUAL && is_elsewhere && !self.is_services_package();
        (!is_own && !self.is_portless(word)).then_some(called)
    }

    /// Whether one of the services is in the caller's package; also where the caller is in none.
    fn is_services_package(&self) -> bool {
        let Some(package) = &self.package else { return true };
        let services = self.file.iter().flat_map(|file| &file.services);
        let mut homes = services.map(|service| &service.home);
        homes.any(|home| matches!(home, Home::In(Some(own)) if own == package))
            || self.stack.iter().any(|request| request.full_name() == Some(package))
    }

    /// The first of the words that is a service of which the project's file says that it takes no port. It leases nothing, in whatever
    /// folder; what is only guessed to take none may be leased for by whoever says so.
    pub(crate) fn silent<'a>(&self, typed: &'a [ServiceType]) -> Option<&'a ServiceType> {
        typed.iter().find(|word| {
            let said = self.file.as_ref().and_then(|file| file.service(word.as_str()));
            let is_written = match said {
                Some(service) => !service.serves(),
                None => self.silent.iter().any(|label| label == word.as_str()),
            };
            let is_callers = said.is_some_and(|service| service.home == Home::Callers);
            is_written && (is_callers || word.as_str() != USUAL || self.is_services_package())
        })
    }

    /// Whether this service takes no port.
    pub(crate) fn is_portless(&self, word: &str) -> bool {
        self.portless.iter().any(|label| label == word)
    }

    /// All words: the labels of services, and their types.
    pub(crate) fn all(&self) -> Vec<&str> {
        let of_file = self.file.iter().flat_map(|file| &file.services);
        let of_file = of_file.flat_map(|service| [service.label.as_str(), service.kind.as_str()]);
        let of_stack = self.stack.iter().flat_map(|request| [request.label(), request.service.as_str()]);
        let others = self.listed.iter().flatten().chain(&self.portless).map(String::as_str);
        of_file.chain(of_stack).chain(others).collect()
    }
}
