//! What is to run in one worktree: its services, with everything that the keeper needs to start them.
//!
//! `sources` makes it from the project's files, `told` fills in the places of `env`, and the keeper runs it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use styxy_client::PortRequest;
use styxy_core::project::{FILE, Ready, Run, Text, Wish};
use styxy_core::{Port, ServiceName, ServiceType};

use crate::say::failure::Failure;
use crate::say::shell_word::quoted;
use crate::up::wished::{Wished, Written};

/// How long a service has to become ready if nothing else is said.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// How long a container has.
pub(crate) const LOADING: Duration = Duration::from_mins(10);

/// The services of one worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stack {
    /// The root of the worktree; canonical.
    pub(crate) root: PathBuf,
    pub(crate) source: Source,
    /// In the order in which they are shown. Each label once.
    pub(crate) services: Vec<Definition>,
    /// Those that are told to the others, and not started: the rest, where some were named.
    pub(crate) peers: Vec<Definition>,
    /// Why each guess was made, a sentence each; of a project's own file which services it does not say how to start.
    pub(crate) reasons: Vec<String>,
    /// The services of the project's file that it does not say how to start, each with the sentence that says so.
    pub(crate) idle: Vec<(String, String)>,
}

impl Source {
    /// Whether it lists what a worktree has: its services are all sessions' in common (R68). Else it only says how one thing is started, and
    /// each of two agents may start that for itself.
    pub(crate) const fn lists(&self) -> bool {
        match self {
            Self::File(_) | Self::Procfile(_) | Self::Workspace(_) => true,
            Self::Script(_) | Self::Launch(_) => false,
        }
    }
}

impl Stack {
    /// The request for the port of one of its services.
    pub(crate) fn request(&self, service: &Definition) -> PortRequest {
        PortRequest { stack: self.source.lists(), ..service.request() }
    }

    /// The services that are named, and those that they come after; all if none is named.
    ///
    /// # Errors
    /// There is no service of such a name.
    pub(crate) fn only(self, named: &[String]) -> Result<Self, Failure> {
        if named.is_empty() {
            return Ok(self);
        }
        let find = |label: &String| self.services.iter().find(|service| service.label == *label);
        let mut wanted: Vec<String> = Vec::new();
        let mut open: Vec<String> = named.to_vec();
        while let Some(label) = open.pop() {
            if let Some((_, sentence)) = self.idle.iter().find(|(idle, _)| *idle == label) {
                return Err(Failure::usage(sentence.clone(), "write \"run\" into it, with its command"));
            }
            let Some(service) = find(&label) else {
                let known: Vec<&str> = self.services.iter().map(|service| service.label.as_str()).collect();
                return Err(no_service("up", &label, &known, "styxy up --print"));
            };
            if !wanted.contains(&label) {
                // One that nothing starts is not waited for either.
                open.extend(service.after.iter().filter(|label| find(label).is_some()).cloned());
                wanted.push(label);
            }
        }
        let is_wanted = |service: &Definition| wanted.contains(&service.label);
        let (services, peers) = self.services.into_iter().partition(is_wanted);
        Ok(Self { services, peers, ..self })
    }

    /// With `port` as the wish of now of the one service that takes a port, of those that are `named` or else of all. If there are
    /// several it is nobody's, and a sentence says so.
    pub(crate) fn with_port(mut self, named: &[String], port: Port) -> (Self, Option<String>) {
        let is_meant =
            |one: &&mut Definition| one.takes_port() && (named.is_empty() || named.contains(&one.label));
        let mut meant: Vec<&mut Definition> = self.services.iter_mut().filter(is_meant).collect();
        let said = match &mut meant[..] {
            [] => Some(format!("PORT={port} is not used: no service that is asked for takes a port")),
            [one] => {
                one.now = Some(port);
                None
            }
            [one, others @ ..] => Some(format!(
                "PORT={port} is not used, since it would be for {} services; PORT={port} styxy up {} says for which, and so does \"port\" \
                 in {FILE}",
                others.len() + 1,
                one.label
            )),
        };
        (self, said)
    }

    /// All whose ports are leased (R136).
    pub(crate) fn all(&self) -> impl Iterator<Item = &Definition> {
        self.services.iter().chain(&self.peers)
    }
}

/// That `label`, which `styxy VERB` was to be about, is none of the `known` services.
pub(crate) fn no_service(verb: &str, label: &str, known: &[&str], otherwise: &str) -> Failure {
    let error = format!("there is no service {label:?}; there are {}", known.join(", "));
    Failure::usage(error, instead(verb, label, known, otherwise))
}

/// What to type instead of `styxy VERB LABEL`: the same with the nearest of the `known` names, or `otherwise`.
pub(crate) fn instead(verb: &str, label: &str, known: &[&str], otherwise: &str) -> String {
    let near = styxy_core::nearest(label, known.iter().copied());
    near.map_or_else(|| otherwise.to_owned(), |near| format!("styxy {verb} {near}"))
}

/// Where the services were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `.styxy.json`, or the key `styxy` of a `package.json`.
    File(PathBuf),
    /// A `Procfile.dev` or `Procfile`.
    Procfile(PathBuf),
    /// The packages of a workspace whose root script starts them all.
    Workspace(PathBuf),
    /// The dev script of the only package.
    Script(PathBuf),
    /// `.claude/launch.json`.
    Launch(PathBuf),
}

impl Source {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path)
            | Self::Procfile(path)
            | Self::Workspace(path)
            | Self::Script(path)
            | Self::Launch(path) => path,
        }
    }

    /// `.styxy.json`, as it is called in the worktree at `root`.
    pub(crate) fn shown(&self, root: &Path) -> String {
        self.path().strip_prefix(root).unwrap_or_else(|_| self.path()).display().to_string()
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    /// What people call it, and what its log is called.
    pub(crate) label: String,
    pub(crate) kind: ServiceType,
    /// The name of its lease; the package's default name is given where `styxy run` in that folder would give it (R60).
    pub(crate) name: Option<ServiceName>,
    pub(crate) run: Run,
    /// Where it runs, absolute; within the root.
    pub(crate) cwd: PathBuf,
    /// Variables of its own, in the order of the file, as they are written.
    pub(crate) env: Vec<(String, Text)>,
    pub(crate) port: Wish,
    /// How much a port there counts.
    pub(crate) rank: Rank,
    /// The port that whoever asks wishes for now.
    pub(crate) now: Option<Port>,
    pub(crate) serves: Serves,
    pub(crate) ready: Option<Ready>,
    /// The labels of those that must be ready before it starts. No circle.
    pub(crate) after: Vec<String>,
    /// Whether it gets a terminal, and so dies with the keeper.
    pub(crate) tty: bool,
    /// How long it has to become ready.
    pub(crate) timeout: Duration,
    /// The service of a compose file that it is; it has no `run` of its own then.
    pub(crate) compose: Option<String>,
}

impl Definition {
    /// The request for its port: what is wished for comes first; a port in a script is only a default, as with `styxy run` (R30).
    pub(crate) fn request(&self) -> PortRequest {
        let port = self.wish();
        let default_port = self.port.port().filter(|_| port.is_none());
        let label = ServiceName::new(&self.label).ok();
        let name = self.name.clone();
        PortRequest { label, name, port, default_port, ..PortRequest::new(self.kind.clone()) }
    }

    /// The port that is wished for, and not only usual.
    pub(crate) fn wish(&self) -> Option<Port> {
        let written = match self.rank {
            Rank::Wish => self.port.port(),
            Rank::Usual => None,
        };
        self.now.or(written)
    }

    /// What its keeper is to know of that.
    pub(crate) fn wished(&self) -> Wished {
        let written = match (self.port, self.rank) {
            (Wish::Port(port), Rank::Wish) => Written::Wish(port),
            (Wish::Port(port), Rank::Usual) => Written::Usual(port),
            (Wish::Any | Wish::None, _) => Written::Any,
        };
        Wished { written, now: self.now }
    }

    /// Whether it gets a port from Styxy.
    pub(crate) const fn takes_port(&self) -> bool {
        self.compose.is_none() && !matches!(self.port, Wish::None)
    }
}

/// How much a port counts that is written somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Somebody wishes for it, in the project's file or in the words of the command.
    Wish,
    /// A script that the command starts names it: the ports that this checkout had come first (R30).
    Usual,
}

/// The command as people wrote it, or would write it.
pub(crate) fn shown(run: &Run) -> String {
    match run {
        Run::Shell(text) => text.clone(),
        Run::List(words) => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

/// Whether a service is known to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    /// It is not ready before it listens.
    Known,
    /// It counts as running if it has not listened for some seconds.
    Perhaps,
    /// It runs until it is done, or watches.
    No,
    /// It ends when its work is done, and what comes after it starts then.
    Once,
    /// The same by its words: it builds, without watching.
    Builds,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A service like any other.
    pub(crate) fn definition(label: &str) -> Definition {
        Definition {
            label: label.to_owned(),
            kind: "dev".parse().unwrap(),
            name: None,
            run: Run::Shell("x".to_owned()),
            cwd: "/w".into(),
            env: Vec::new(),
            port: Wish::Any,
            rank: Rank::Wish,
            now: None,
            serves: Serves::Perhaps,
            ready: None,
            after: Vec::new(),
            tty: false,
            timeout: Duration::from_secs(1),
            compose: None,
        }
    }

    #[test]
    fn a_port_of_now_is_for_the_only_service_that_takes_one() {
        let silent = Definition { port: Wish::None, ..definition("css") };
        let of = |services: Vec<Definition>, named: &[&str]| {
            let (root, source) = ("/w".into(), Source::Procfile("/w/Procfile".into()));
            let (peers, reasons, idle) = Default::default();
            let stack = Stack { root, source, services, peers, reasons, idle };
            let named: Vec<String> = named.iter().map(|label| (*label).to_owned()).collect();
            let (stack, said) = stack.with_port(&named, Port::new(5555).unwrap());
            let with = stack.services.into_iter().filter(|service| service.wish().is_some());
            (with.map(|service| service.label).collect::<Vec<_>>().join(" "), said)
        };
        let all = || vec![definition("web"), silent.clone(), definition("api")];
        assert_eq!(of(vec![definition("web"), silent.clone()], &[]), ("web".to_owned(), None));
        assert_eq!(of(all(), &["api"]), ("api".to_owned(), None), "web comes with it");
        let (with, said) = of(all(), &[]);
        assert_eq!(with, "");
        let said = said.unwrap();
        assert!(said.contains("for 2 services; PORT=5555 styxy up web says for which"), "{said}");
        assert!(of(all(), &["css"]).1.unwrap().ends_with("no service that is asked for takes a port"));
    }
}
