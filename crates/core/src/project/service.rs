//! One server of a project's file: what it is called, what port it wishes for, and how `styxy up` starts it.

use std::time::Duration;

use super::env_name::EnvName;
use super::text::Text;
use crate::door_rules::DoorRules;
use crate::names::{ServiceName, ServiceType};
use crate::port::Port;

/// What a project says of one of its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its key in the file: what the other services, `styxy up` and the variables call it.
    pub label: ServiceName,
    /// What kind of server it is: its key, unless `type` says otherwise.
    pub kind: ServiceType,
    /// Which of several servers of that kind; none for the one of its package.
    pub name: Option<ServiceName>,
    /// Which port it is to have.
    pub port: Wish,
    /// Further variables.
    pub env: Env,
    /// How requests by name reach it.
    pub door: DoorRules,
    /// What starts it.
    pub run: Option<Run>,
    /// Where it is started, relative to the folder of the file, with `/` between its parts and no `..` among them.
    pub cwd: Option<String>,
    /// In which package that is. The file alone does not say it: whoever reads it from a disk does.
    pub home: Home,
    /// When it is ready, if listening is not enough.
    pub ready: Option<Ready>,
    /// The labels of the services that have to be ready before it starts. They are in the same file, without a circle.
    pub after: Vec<ServiceName>,
    /// Whether it gets a terminal of its own.
    pub tty: bool,
    /// How long it may take until it is ready.
    pub timeout: Option<Duration>,
    /// The service of the folder's compose file that it is.
    pub compose: Option<String>,
}

/// In which package a server is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Home {
    /// In that of whoever asks: the file names neither a command nor a folder.
    #[default]
    Callers,
    /// In the one whose servers have this name by default (R60); in none, without it.
    In(Option<ServiceName>),
}

impl Home {
    /// The name that servers of that package have, if the file says which one it is.
    #[must_use]
    pub const fn package(&self) -> Option<&ServiceName> {
        match self {
            Self::In(package) => package.as_ref(),
            Self::Callers => None,
        }
    }
}

/// Which port a server wishes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// Any.
    #[default]
    Any,
    /// This one; another one is used if it is taken.
    Port(Port),
    /// None: it does not serve.
    None,
}

impl Wish {
    /// The port, if a certain one is wished for.
    #[must_use]
    pub const fn port(self) -> Option<Port> {
        match self {
            Self::Port(port) => Some(port),
            Self::Any | Self::None => None,
        }
    }
}

/// Further variables of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Env {
    /// Each holds the server's port number: `["WEB_PORT"]`.
    Ports(Vec<EnvName>),
    /// Each holds its text with the places filled in, for this server alone: `{"API": "{api.url}/v1"}`.
    Texts(Vec<(String, Text)>),
}

impl Default for Env {
    fn default() -> Self {
        Self::Ports(Vec::new())
    }
}

impl Env {
    /// The variables that hold the port number and nothing else.
    #[must_use]
    pub fn ports(&self) -> &[EnvName] {
        match self {
            Self::Ports(names) => names,
            Self::Texts(_) => &[],
        }
    }

    /// The variables that hold a text.
    #[must_use]
    pub fn texts(&self) -> &[(String, Text)] {
        match self {
            Self::Ports(_) => &[],
            Self::Texts(texts) => texts,
        }
    }
}

/// What starts a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// A line for `sh -c`; on Windows for `cmd /c`.
    Shell(String),
    /// A program and its arguments, executed as they are. Never empty.
    List(Vec<String>),
}

/// When a server is ready: the answer to `GET path` counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The path, with its query: it begins with a slash.
    pub path: String,
    /// The status that the answer has to have; any below 500 if none is given.
    pub status: Option<u16>,
    /// What its body has to contain.
    pub text: Option<String>,
}

impl Service {
    /// A server of which nothing is said but what it is called.
    #[must_use]
    pub fn new(label: ServiceName, kind: ServiceType) -> Self {
        Self {
            label,
            kind,
            name: None,
            port: Wish::default(),
            env: Env::default(),
            door: DoorRules::default(),
            run: None,
            cwd: None,
            home: Home::Callers,
            ready: None,
            after: Vec::new(),
            tty: false,
            timeout: None,
            compose: None,
        }
    }

    /// Whether it is started in one certain folder: the file names that, or what starts it, which runs in the file's own.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        self.cwd.is_some() || self.run.is_some() || self.compose.is_some()
    }

    /// Whether it is the server of its type that is asked for in the package whose servers have the name `package`.
    #[must_use]
    pub fn is_in(&self, package: Option<&ServiceName>) -> bool {
        match &self.home {
            Home::Callers => true,
            Home::In(own) => own.as_ref() == package,
        }
    }

    /// Whether it has a port at all.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.port != Wish::None
    }
}
