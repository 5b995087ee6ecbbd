//! What is there to complete: ports, services, names and sessions. The daemon is asked if one runs, for a short time only,
//! and what fails is silent: nobody wants an error while typing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use styxy_client::Client;
use styxy_core::ProjectPath;
use styxy_core::api::{AllocationsQuery, Lease, PortInUse, ScanQuery};
use styxy_core::order::map;

use crate::here::caller::caller;
use crate::here::config_file;
use crate::here::context;
use crate::here::worktrees::Worktrees;
use crate::say::facts;
use crate::say::output::one_line;

/// How long an answer may take: longer would feel like a shell that hangs.
const PATIENCE: Duration = Duration::from_millis(250);

/// Services of this worktree and ports that are leased, for commands that are about servers of Styxy's.
pub(super) fn leased() -> Vec<CompletionCandidate> {
    let leases = leases();
    let ports = leases.iter().map(|lease| candidate(lease.port.to_string(), &of_lease(lease)));
    labels(&leases).into_iter().chain(ports).collect()
}

/// The same, and every other port on which somebody listens.
pub(super) fn listening() -> Vec<CompletionCandidate> {
    let answer = ask(async |client| client.scan(&ScanQuery::default()).await);
    let Some(answer) = answer else { return labels(&[]) };
    let leases: Vec<Lease> =
        answer.ports_in_use.iter().filter_map(|port| port.allocated_to.clone()).collect();
    let of_port = |used: &PortInUse| match (&used.allocated_to, &used.system_usage) {
        (Some(lease), _) => of_lease(lease),
        (None, Some(usage)) => {
            let project = place(usage.project_path.as_ref());
            facts::server(usage).unwrap_or_default() + &project
        }
        (None, None) => String::new(),
    };
    let ports = answer.ports_in_use.iter().map(|used| candidate(used.port.to_string(), &of_port(used)));
    labels(&leases).into_iter().chain(ports).collect()
}

/// Service types: those of this project first, then all that the configuration knows.
pub(super) fn services() -> Vec<CompletionCandidate> {
    let mut types: BTreeMap<String, &str> = BTreeMap::new();
    let config =
        context::layout().ok().and_then(|layout| config_file::read_or_default(&layout.config()).ok());
    for name in config.iter().flat_map(|parsed| parsed.config.service_types.keys()) {
        types.insert(name.to_string(), "");
    }
    let ours: Vec<String> = declared().into_iter().map(|(kind, _)| kind).collect();
    let leased = here(&leases()).map(|lease| lease.service_type.to_string()).collect::<Vec<_>>();
    types.extend(leased.into_iter().map(|kind| (kind, "leased here")));
    types.extend(ours.into_iter().map(|kind| (kind, ".styxy.json")));
    let (known, first): (Vec<_>, Vec<_>) = types.into_iter().partition(|(_, help)| help.is_empty());
    first.into_iter().chain(known).map(|(kind, help)| candidate(kind, help)).collect()
}

/// The names that servers of this worktree have.
pub(super) fn names() -> Vec<CompletionCandidate> {
    let all = leases();
    let leased = here(&all).filter_map(|lease| {
        Some((lease.service_name.as_ref()?.to_string(), format!("{} {}", facts::service(lease), lease.port)))
    });
    let declared = declared().into_iter().filter_map(|(_, name)| Some((name?, ".styxy.json".to_owned())));
    let package = caller().package().map(|name| (name.to_string(), "this package".to_owned()));
    let names = map(package.into_iter().chain(declared).chain(leased));
    names.into_iter().map(|(name, help)| candidate(name, &help)).collect()
}

/// The projects that have leases, as the list calls them, if `typed` may be the beginning of one.
pub(super) fn projects(typed: &str) -> Vec<CompletionCandidate> {
    if typed.contains(['/', '\\', '~']) || typed.starts_with('.') {
        return Vec::new();
    }
    let leases = leases();
    let paths = || leases.iter().filter_map(|lease| lease.project_path.as_ref());
    let worktrees = Worktrees::at(paths());
    let all = map(paths().map(|path| (worktrees.project(path), path.as_str())));
    let fits = all.into_iter().filter(|(name, _)| name.starts_with(typed));
    fits.map(|(name, path)| candidate(name, path)).collect()
}

/// Agent sessions that live, or have leases.
pub(super) fn sessions() -> Vec<CompletionCandidate> {
    let asked = ask(async |client| {
        let instances = client.instances().await?.instances;
        Ok((instances, client.allocations(&AllocationsQuery::default()).await?.allocations))
    });
    let Some((instances, leases)) = asked else { return Vec::new() };
    let of_leases = leases
        .iter()
        .filter_map(|lease| Some((lease.instance_id.as_ref()?, place(lease.project_path.as_ref()))));
    let lives = instances.iter().map(|one| (&one.instance_id, place(one.working_directory.as_ref())));
    let all = map(of_leases.chain(lives).map(|(id, place)| (id.to_string(), place)));
    all.into_iter().map(|(id, place)| candidate(id, place.trim_start_matches(", "))).collect()
}

/// The services of this worktree as they are typed, the only ones of their type without a name too.
fn labels(leases: &[Lease]) -> Vec<CompletionCandidate> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (kind, name) in declared() {
        let label = name.map_or_else(|| kind.clone(), |name| format!("{kind}/{name}"));
        all.insert(label, ".styxy.json".to_owned());
    }
    all.extend(here(leases).map(|lease| (facts::service(lease), format!("{}{}", lease.port, who(lease)))));
    all.into_iter().map(|(label, help)| candidate(label, &help)).collect()
}

/// The services that the project's file declares. A mistake in it is for another moment.
fn declared() -> Vec<(String, Option<String>)> {
    let file = caller().file().ok().flatten();
    let services = file.into_iter().flat_map(|project| project.services);
    services.map(|service| (service.kind.to_string(), service.name.map(|name| name.to_string()))).collect()
}

/// Those of this worktree.
fn here(leases: &[Lease]) -> impl Iterator<Item = &Lease> {
    let project = caller().project().ok().flatten();
    leases.iter().filter(move |lease| project.is_some() && lease.project_path == project)
}

/// `dev/web, node (4242), shop`
fn of_lease(lease: &Lease) -> String {
    format!("{}{}{}", facts::service(lease), who(lease), place(lease.project_path.as_ref()))
}

fn who(lease: &Lease) -> String {
    let listener = lease.listener.as_ref();
    let server =
        listener.and_then(|one| facts::process(one.process.as_deref(), one.pid.map(styxy_core::Pid::get)));
    server.or_else(|| facts::owner(&lease.owner)).map(|who| format!(", {who}")).unwrap_or_default()
}

fn place(path: Option<&ProjectPath>) -> String {
    let name = path.and_then(|path| Path::new(path.as_str()).file_name());
    name.map(|name| format!(", {}", name.to_string_lossy())).unwrap_or_default()
}

fn candidate(value: String, help: &str) -> CompletionCandidate {
    let help = one_line(help).into_owned();
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
}

fn leases() -> Vec<Lease> {
    let answer = ask(async |client| client.allocations(&AllocationsQuery::default()).await);
    answer.map(|answer| answer.allocations).unwrap_or_default()
}

/// What a running daemon answers in time.
fn ask<T: Send + 'static>(
    question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error> + Send + 'static,
) -> Option<T> {
    let (send, answer) = mpsc::channel();
    // The limit of a client is for each request, and does not count what it does when a daemon is stuck.
    let asks = move || {
        if let Ok(Ok(answer)) = context::try_ask(PATIENCE, question) {
            let _ = send.send(answer);
        }
    };
    thread::Builder::new().spawn(asks).ok()?;
    answer.recv_timeout(PATIENCE).ok()
}
