//! Whose container it is that publishes a port. The listener is a program of the engine's, most often root's, and says
//! nothing of that: the engine does, over its Unix socket.
//!
//! Only a listener that may be such a program is asked about, on a thread that may wait, and for a bounded time. What does
//! not run any more is not in the answer.

mod answer;
#[cfg(unix)]
mod engine;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use styxy_core::{Listener, Port, ProjectPath, Relation, api, checkout};

use crate::system::Disk;
use crate::system::disk::canonical;
pub(crate) use answer::Container;

/// How long all engines together may take to answer.
const PATIENCE: Duration = Duration::from_millis(250);
/// For how long an answer counts.
const FRESH: Duration = Duration::from_secs(1);
/// How soon an answer that does not have a port is asked for again.
const AGAIN: Duration = Duration::from_millis(100);
/// How soon engines are asked again that did not answer.
const SILENT: Duration = Duration::from_secs(2);

/// Programs that listen for containers, as the system names them.
const PUBLISHERS: [&str; 9] = [
    "docker-proxy",
    "rootlesskit",
    "rootlessport",
    "slirp4netns",
    "pasta",
    "conmon",
    "gvproxy",
    "com.docker.backend",
    "vpnkit",
];

/// The containers of this machine's engines, as far as this user may ask.
#[derive(Debug)]
pub(crate) struct Containers {
    /// The sockets of engines, of which most do not exist.
    places: Vec<PathBuf>,
    known: Mutex<Known>,
}

/// The last answer.
#[derive(Debug, Default)]
struct Known {
    asked: Option<Instant>,
    /// None if no engine answered.
    running: Option<Vec<Container>>,
}

/// Where a container was started from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The checkout around that folder.
    pub(crate) project: Option<ProjectPath>,
    pub(crate) branch: Option<String>,
}

impl Containers {
    /// Those of the engines that `variable` names, and of those in the usual places.
    pub(crate) fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        Self { places: places(variable), known: Mutex::default() }
    }

    /// The running container that publishes `port`, if a listener that looks like this one may be its engine's.
    ///
    /// Takes a millisecond if an engine has to be asked, and [`PATIENCE`] at most.
    pub(crate) fn behind(&self, process: Option<&str>, user: Relation, port: Port) -> Option<Container> {
        if may_publish(process, user) { self.on(port) } else { None }
    }

    /// Whether an engine may come to name the container of this listener: it starts to listen before the container runs.
    pub(crate) fn may_name(listener: &Listener) -> bool {
        let process = listener.process.as_ref().map(|process| &*process.name);
        listener.container.is_none() && may_publish(process, listener.user)
    }

    fn on(&self, port: Port) -> Option<Container> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let age = known.asked.map_or(Duration::MAX, |asked| asked.elapsed());
        let found = known.find(port);
        let (is_known, enough) = match (&found, &known.running) {
            (Some(_), _) => (true, FRESH),
            (None, Some(_)) => (false, AGAIN),
            (None, None) => (false, SILENT),
        };
        if age < enough {
            return found.filter(|_| is_known);
        }
        known.running = ask(&self.places, Instant::now() + PATIENCE);
        known.asked = Some(Instant::now());
        known.find(port)
    }
}

fn may_publish(process: Option<&str>, user: Relation) -> bool {
    process.map_or(user == Relation::Root, |name| PUBLISHERS.contains(&name))
}

impl Known {
    fn find(&self, port: Port) -> Option<Container> {
        self.running.iter().flatten().find(|container| container.publishes(port)).cloned()
    }
}

impl Container {
    /// Reads from the disk, which may hang.
    pub(crate) fn place(&self) -> Place {
        let folder = self.folder.as_deref().and_then(|folder| canonical(Path::new(folder)).ok());
        let home = std::env::home_dir();
        let root = folder.as_deref().and_then(|folder| checkout::root(folder, home.as_deref(), &Disk));
        let branch = root.as_deref().and_then(|root| checkout::branch(root, &Disk));
        let project = root.as_deref().and_then(Path::to_str).and_then(|root| ProjectPath::new(root).ok());
        Place { project, branch }
    }

    /// As the wire has it.
    pub(crate) fn view(self) -> api::Container {
        let Self { name, compose_project, compose_service, folder, ports: _ } = self;
        api::Container { name, compose_project, compose_service, folder }
    }
}

/// What the engines in these places say; none if no engine answers.
fn ask(places: &[PathBuf], deadline: Instant) -> Option<Vec<Container>> {
    let answers = places.iter().filter_map(|place| {
        let listed = engine_list(place, deadline)?;
        answer::read(&listed)
    });
    answers.fold(None, |all, listed| Some(all.unwrap_or_default().into_iter().chain(listed).collect()))
}

#[cfg(unix)]
fn engine_list(place: &Path, deadline: Instant) -> Option<Vec<u8>> {
    let listed = engine::get(place, "/containers/json", deadline);
    listed
        .inspect_err(|error| tracing::debug!(engine = %place.display(), %error, "an engine does not answer"))
        .ok()
}

/// Named pipes of engines are not asked.
#[cfg(not(unix))]
fn engine_list(_place: &Path, _deadline: Instant) -> Option<Vec<u8>> {
    None
}

/// The sockets of engines: those that the variables name, then the usual ones.
fn places(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let named = |name: &str| {
        let value = variable(name)?.into_string().ok()?;
        value.strip_prefix("unix://").map(PathBuf::from)
    };
    let within = |name: &str, path: &str| Some(PathBuf::from(variable(name)?).join(path));
    let places = [
        named("DOCKER_HOST"),
        named("CONTAINER_HOST"),
        Some("/var/run/docker.sock".into()),
        Some("/run/podman/podman.sock".into()),
        within("XDG_RUNTIME_DIR", "docker.sock"),
        within("XDG_RUNTIME_DIR", "podman/podman.sock"),
        within("HOME", ".docker/run/docker.sock"),
        within("HOME", ".docker/desktop/docker.sock"),
    ];
    let mut all: Vec<PathBuf> = Vec::new();
    for place in places.into_iter().flatten().filter(|place| place.is_absolute()) {
        if !all.contains(&place) {
            all.push(place);
        }
    }
    all
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
