//! The services of the project's own file.

use std::path::Path;

use styxy_client::{Caller, ProjectFile};
use styxy_core::config::ConfigError;
use styxy_core::project::{Idle, Run, Service, Wish};

use super::made::{self, Told};
use crate::say::failure::Failure;
use crate::up::stack::{Definition, LOADING, Rank, Serves, Source, Stack, TIMEOUT};

/// What the project's file at the root of the worktree says of its services.
#[derive(Default)]
pub(super) struct Written {
    /// Those that it says how to start, if there are any.
    pub(super) stack: Option<Stack>,
    /// The others.
    pub(super) idle: Vec<Unstarted>,
}

/// A service that the file does not say how to start.
pub(super) struct Unstarted {
    service: Service,
    /// The sentence that says so, with its place.
    pub(super) said: String,
    /// The same for the case that something else says how to start it.
    counts: String,
    /// Whether it was most likely to be started too.
    pub(super) is_odd: bool,
}

impl Unstarted {
    fn of(file: &ProjectFile, idle: &Idle) -> Option<Self> {
        let service = file.project.service(idle.label.as_str())?.clone();
        let message =
            format!("{}: what is written here counts, and how it is started is guessed", idle.label);
        let counts = file.placed(&ConfigError { message, ..idle.said.clone() });
        Some(Self { service, said: file.placed(&idle.said), counts, is_odd: idle.is_odd })
    }

    pub(super) fn label(&self) -> &str {
        self.service.label.as_str()
    }
}

/// What is guessed, with what the file says of it. What the file says of others is said.
pub(super) fn over(stack: Stack, idle: &[Unstarted]) -> Stack {
    let Stack { mut services, mut reasons, idle: mut left, .. } = stack;
    for one in idle {
        if let Some(service) = services.iter_mut().find(|service| service.label == one.label()) {
            written(service, &one.service);
            reasons.push(one.counts.clone());
        } else {
            left.push((one.label().to_owned(), one.said.clone()));
            if !one.is_odd {
                reasons.push(one.said.clone());
            }
        }
    }
    Stack { services, reasons, idle: left, ..stack }
}

/// What the file says of a service is so, its type and its name as `styxy env` has them; how it is started is guessed.
fn written(guess: &mut Definition, service: &Service) {
    guess.kind = service.kind.clone();
    guess.name.clone_from(&service.name);
    guess.env = service.env.texts().to_vec();
    guess.serves = match (service.port, guess.serves) {
        (Wish::None, Serves::Builds) | (_, Serves::Once) => guess.serves,
        (Wish::None, _) => Serves::No,
        (Wish::Port(_), _) => Serves::Known,
        (Wish::Any, _) if service.ready.is_some() => Serves::Known,
        (Wish::Any, _) => guess.serves,
    };
    if service.port != Wish::Any {
        (guess.port, guess.rank) = (service.port, Rank::Wish);
    }
    guess.ready.clone_from(&service.ready);
    guess.after = service.after.iter().map(ToString::to_string).collect();
    guess.tty = service.tty;
    guess.timeout = service.timeout.unwrap_or(guess.timeout);
}

/// Reads the project's file at the root of the worktree.
///
/// # Errors
/// The file cannot be read, or has a mistake.
pub(super) fn read(here: &Caller, warn: fn(&str)) -> Result<Written, Failure> {
    let Some(root) = here.root() else { return Ok(Written::default()) };
    let at_root = here.at(root);
    let Some(file) = at_root.named_file()? else { return Ok(Written::default()) };
    if let Some(warning) = file.warning() {
        warning.lines().for_each(warn);
    }
    let idle: Vec<Unstarted> =
        file.project.idle.iter().filter_map(|idle| Unstarted::of(&file, idle)).collect();
    let named = idle.iter().map(|one| (one.label().to_owned(), one.said.clone())).collect();
    // A service that only has a port, for `styxy run` and `styxy env`, is no mistake: it is said once.
    let reasons = idle.iter().filter(|one| !one.is_odd).map(|one| one.said.clone()).collect();
    let ProjectFile { path, project, .. } = file;
    let services = project.services.iter();
    let services: Vec<Definition> =
        services.filter_map(|service| Some(definition(&at_root, root, service, run(service)?))).collect();
    let is_empty = services.is_empty();
    let (root, source) = (root.to_owned(), Source::File(path));
    let stack = Stack { root, source, services, peers: Vec::new(), reasons, idle: named };
    Ok(Written { stack: (!is_empty).then_some(stack), idle })
}

/// What starts the service: for a container, what people would type.
fn run(service: &Service) -> Option<Run> {
    let of_compose = || {
        let words = ["docker", "compose", "up", "-d", "--wait", service.compose.as_deref()?];
        Some(Run::List(words.map(str::to_owned).into()))
    };
    service.run.clone().or_else(of_compose)
}

fn definition(here: &Caller, root: &Path, service: &Service, run: Run) -> Definition {
    let cwd = service.cwd.as_ref().map_or_else(|| root.to_owned(), |below| root.join(below));
    let name = service.name.clone().or_else(|| here.at(&cwd).package());
    let told = made::of_run(&run, &cwd, root).filter(|_| service.compose.is_none());
    let serves = serves(service, told.as_ref());
    let (typed, rank) = told.map_or((None, Rank::Wish), |told| (told.port, told.rank));
    Definition {
        label: service.label.to_string(),
        kind: service.kind.clone(),
        name,
        serves,
        run,
        cwd,
        env: service.env.texts().to_vec(),
        // `styxy run`, which starts it, goes by a typed port too.
        port: match (service.port, typed) {
            (Wish::Any, Some(typed)) if serves != Serves::No => Wish::Port(typed),
            (wish, _) => wish,
        },
        rank: if service.port == Wish::Any { rank } else { Rank::Wish },
        now: None,
        ready: service.ready.clone(),
        after: service.after.iter().map(ToString::to_string).collect(),
        tty: service.tty,
        // An image may have to be loaded first.
        timeout: service.timeout.unwrap_or(if service.compose.is_some() { LOADING } else { TIMEOUT }),
        compose: service.compose.clone(),
    }
}

/// A service that says where or how it answers serves; of the others the words of the command say it (R154). A port that the words
/// have too says nothing more.
fn serves(service: &Service, told: Option<&Told>) -> Serves {
    if service.compose.is_some() {
        return Serves::No;
    }
    let words = told.map(|told| told.serves);
    let is_typed = told.and_then(|told| told.port) == service.port.port();
    match (service.port, words) {
        (Wish::Port(_), Some(Serves::Perhaps)) if is_typed => Serves::Perhaps,
        (Wish::Any, _) if service.ready.is_some() => Serves::Known,
        (Wish::Any | Wish::None, Some(Serves::Builds)) => Serves::Builds,
        (Wish::None, _) => Serves::No,
        (Wish::Port(_), _) | (Wish::Any, Some(Serves::Known)) => Serves::Known,
        // Who wrote the file would have said that it has no port.
        (Wish::Any, Some(Serves::Perhaps | Serves::No | Serves::Once) | None) => Serves::Perhaps,
    }
}
