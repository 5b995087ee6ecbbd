//! The services of the project's own file.

use std::path::Path;

use styxy_client::{Caller, ProjectFile};
use styxy_core::project::{Idle, Run, Service, Wish};

use super::made::{self, Told};
use crate::say::failure::Failure;
use crate::up::stack::{Definition, LOADING, Serves, Source, Stack, TIMEOUT};

/// What the project's file at the root of the worktree says of its services.
#[derive(Default)]
pub(super) struct Written {
    /// Those that it says how to start, if there are any.
    pub(super) stack: Option<Stack>,
    /// Labels of others that were most likely to be started too, each with the sentence that says so.
    pub(super) odd: Vec<(String, String)>,
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
    let (odd, plain): (Vec<&Idle>, Vec<&Idle>) = file.project.idle.iter().partition(|idle| idle.is_odd);
    let idle = file.project.idle.iter();
    let idle = idle.map(|idle| (idle.label.to_string(), file.placed(&idle.said))).collect();
    let odd = odd.into_iter().map(|idle| (idle.label.to_string(), file.placed(&idle.said))).collect();
    // A service that only has a port, for `styxy run` and `styxy env`, is no mistake: it is said once.
    let reasons = plain.into_iter().map(|idle| file.placed(&idle.said)).collect();
    let ProjectFile { path, project, .. } = file;
    let services = project.services.iter();
    let services: Vec<Definition> =
        services.filter_map(|service| Some(definition(&at_root, root, service, run(service)?))).collect();
    let is_empty = services.is_empty();
    let (root, source) = (root.to_owned(), Source::File(path));
    let stack = Stack { root, source, services, peers: Vec::new(), reasons, idle };
    Ok(Written { stack: (!is_empty).then_some(stack), odd })
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
    Definition {
        label: service.label.to_string(),
        kind: service.kind.clone(),
        name,
        serves,
        run,
        cwd,
        env: service.env.texts().to_vec(),
        // `styxy run`, which starts it, goes by a typed port too.
        port: match (service.port, told.and_then(|told| told.port)) {
            (Wish::Any, Some(typed)) if serves != Serves::No => Wish::Port(typed),
            (wish, _) => wish,
        },
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
