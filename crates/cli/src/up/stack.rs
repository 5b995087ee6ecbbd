//! What is to run in one worktree: its services, with everything that the keeper needs to start them.
//!
//! `sources` makes it from the project's files, `told` fills in the places of `env`, and the keeper runs it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use styxy_client::PortRequest;
use styxy_core::project::{Ready, Run, Text, Wish};
use styxy_core::{ServiceName, ServiceType};

use crate::say::failure::Failure;
use crate::say::shell_word::quoted;

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

impl Stack {
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
    /// Whether the project's file wishes for that port.
    pub(crate) is_wish: bool,
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
    /// The request for its port: what the project's file says is preferred; a port in a script is only a default, as with
    /// `styxy run` (R30).
    pub(crate) fn request(&self) -> PortRequest {
        let named = self.port.port();
        let (port, default_port) = if self.is_wish { (named, None) } else { (None, named) };
        let label = ServiceName::new(&self.label).ok();
        let name = self.name.clone();
        PortRequest { label, name, port, default_port, stack: true, ..PortRequest::new(self.kind.clone()) }
    }
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
            is_wish: false,
            serves: Serves::Perhaps,
            ready: None,
            after: Vec::new(),
            tty: false,
            timeout: Duration::from_secs(1),
            compose: None,
        }
    }
}
