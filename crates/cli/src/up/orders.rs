//! From a stack to what the keeper is asked for: every port is leased before anything starts, so that services may name each other
//! in a circle (R136).

use std::path::Path;

use styxy_client::leases::{self, Of, is_up};
use styxy_client::{Caller, Client, Error, PortRequest, Terms};
use styxy_core::api::{AllocationsQuery, Grant, Lease, OwnerKind};
use styxy_core::layout::fnv;
use styxy_core::project::{Run, Wish};

use crate::here::places::Places;
use crate::here::variables::{self, NAMED_URL, Served};
use crate::process::table::MARK;
use crate::say::shell_word::quoted;
use crate::up::stack::{Definition, Serves, Stack};
use crate::up::wire::{Expects, LeaseKey, Order, ReadyBy};

/// As many ports as the daemon leases at once.
const GROUP: usize = 64;

/// What the keeper is asked for, in the order of the stack.
///
/// # Errors
/// The daemon refuses, or cannot be asked.
pub(crate) async fn orders(
    client: &Client,
    stack: &Stack,
    terms: &Terms,
    program: &Path,
) -> Result<Vec<Order>, Error> {
    let keys = leased(client, stack, terms).await?;
    let all = || stack.services.iter().zip(&keys);
    let served: Vec<Served> =
        all().filter_map(|(service, key)| Some(served(service, key.as_ref()?))).collect();
    let places = Places::new(&served, || styxy_client::worktree_label(&stack.root));
    let order = |(service, key): (&Definition, &Option<LeaseKey>)| {
        let told = variables(service, key.as_ref(), &served, &places);
        order(service, key.as_ref(), told, program)
    };
    Ok(all().map(order).collect())
}

/// The lease of each service that wants a port: the one of its server if that runs or starts, else one for whoever is started next.
async fn leased(client: &Client, stack: &Stack, terms: &Terms) -> Result<Vec<Option<LeaseKey>>, Error> {
    let query = AllocationsQuery { project_path: terms.project.clone(), ..AllocationsQuery::default() };
    let live = client.allocations(&query).await?.allocations;
    let mut keys: Vec<Option<LeaseKey>> = Vec::new();
    let mut missing: Vec<(usize, PortRequest)> = Vec::new();
    for (at, service) in stack.services.iter().enumerate() {
        let is_its = |lease: &&Lease| {
            lease.service_type == service.kind
                && lease.service_name == service.name
                && (is_up(lease) || lease.owner.kind == OwnerKind::Process)
                && match leases::whose(lease, terms) {
                    Of::Caller | Of::Person | Of::Session(_) => true,
                    Of::Project => false,
                }
        };
        let wants = service.port != Wish::None && service.compose.is_none();
        let found = live.iter().find(is_its).filter(|_| wants);
        if found.is_none() && wants {
            missing.push((at, request(service)));
        }
        keys.push(found.map(|lease| LeaseKey {
            kind: service.kind.clone(),
            name: service.name.clone(),
            port: lease.port,
            lock_id: Some(lease.lock_id),
            named_url: lease.named_url.clone(),
        }));
    }
    for part in missing.chunks(GROUP) {
        let requests = part.iter().map(|(_, request)| request.clone()).collect();
        let request = Terms { reuse: Some(true), pid: None, ..terms.clone() }.request(requests);
        let answer = client.allocate(&request).await?;
        for ((at, _), grant) in part.iter().zip(answer.grants()) {
            keys[*at] = Some(key(grant));
        }
    }
    Ok(keys)
}

fn request(service: &Definition) -> PortRequest {
    PortRequest {
        name: service.name.clone(),
        port: service.port.port(),
        ..PortRequest::new(service.kind.clone())
    }
}

fn key(grant: &Grant) -> LeaseKey {
    LeaseKey {
        kind: grant.service_type.clone(),
        name: grant.service_name.clone(),
        port: grant.port,
        lock_id: grant.lock_id,
        named_url: grant.named_url.clone(),
    }
}

fn served(service: &Definition, key: &LeaseKey) -> Served {
    Served {
        label: service.label.clone(),
        service: service.kind.clone(),
        port: key.port,
        named_url: key.named_url.clone(),
        env: Vec::new(),
    }
}

fn order(service: &Definition, key: Option<&LeaseKey>, told: Vec<(String, String)>, program: &Path) -> Order {
    let run = match &service.run {
        Run::Shell(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
        Run::List(words) => words.clone(),
    };
    let words = match key {
        // It knows the tools' flags for a port, and the lease becomes its command's.
        Some(key) => {
            let program = program.to_string_lossy().into_owned();
            let mut words =
                vec![program, "run".to_owned(), "-q".to_owned(), "-s".to_owned(), key.kind.to_string()];
            words.extend(key.name.iter().flat_map(|name| ["-n".to_owned(), name.to_string()]));
            words.push("--".to_owned());
            words.extend(run);
            words
        }
        None => run,
    };
    let expects = match (key, service.serves) {
        (None, _) | (_, Serves::No) => Expects::Nothing,
        (Some(_), Serves::Known) => Expects::Listener,
        (Some(_), Serves::Perhaps) => Expects::Perhaps,
    };
    Order {
        label: service.label.clone(),
        definition: definition(service),
        words,
        shown: shown(&service.run),
        cwd: service.cwd.clone(),
        env: told,
        lease: key.cloned(),
        expects,
        ready: service.ready.as_ref().map(|ready| ReadyBy {
            path: ready.path.clone(),
            status: ready.status,
            text: ready.text.clone(),
        }),
        after: service.after.clone(),
        tty: service.tty,
        timeout_ms: u64::try_from(service.timeout.as_millis()).unwrap_or(u64::MAX),
        stop: None,
    }
}

/// The command as people wrote it.
pub(crate) fn shown(run: &Run) -> String {
    match run {
        Run::Shell(text) => text.clone(),
        Run::List(words) => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

/// A hash of what is written about a service, without what is only said of it and without its port.
fn definition(service: &Definition) -> String {
    let Definition {
        label: _,
        kind,
        name,
        run,
        cwd,
        env,
        port,
        serves,
        ready,
        after: _,
        tty,
        timeout: _,
        compose,
    } = service;
    let has_port = *port != Wish::None;
    let env: Vec<(&str, &str)> = env.iter().map(|(name, text)| (name.as_str(), text.written())).collect();
    let written = format!("{:?}", (kind, name, run, cwd, env, has_port, serves, ready, tty, compose));
    format!("{:016x}", fnv(written.as_bytes()))
}

/// What a service is told: its own port, the addresses of all, and its own variables.
fn variables(
    service: &Definition,
    key: Option<&LeaseKey>,
    served: &[Served],
    places: &Places,
) -> Vec<(String, String)> {
    const OWN: [&str; 4] = ["PORT", "STYXY_PORT", "STYXY_URL", NAMED_URL];
    let (own, others): (Vec<&Served>, Vec<&Served>) =
        served.iter().partition(|one| one.label == service.label);
    let has_own = !own.is_empty();
    let own_first: Vec<Served> = own.into_iter().chain(others).cloned().collect();
    let mut told = variables::variables(&own_first);
    told.retain(|(name, _)| has_own || !OWN.contains(&name.as_str()));
    told.extend(key.and_then(|key| key.lock_id).map(|id| (MARK.to_owned(), id.to_string())));
    let texts = service.env.iter().filter_map(|(name, text)| Some((name.clone(), places.filled(text)?)));
    told.extend(texts);
    told
}

/// What of this command's environment is for services: all but what says where this command itself runs.
pub(crate) fn environment(instance: Option<&str>) -> Vec<(String, String)> {
    const KEPT: [&str; 5] =
        ["STYXY_HOME", "STYXY_NO_AUTOSTART", "STYXY_GUARD", "STYXY_AGENT", "STYXY_LISTEN"];
    const GONE: [&str; 6] = ["PORT", "COLUMNS", "LINES", "OLDPWD", "SHLVL", "_"];
    let is_kept = |name: &str| KEPT.contains(&name) || !name.starts_with("STYXY") && !GONE.contains(&name);
    let all = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let all = all.filter(|(name, _)| is_kept(name));
    all.chain(instance.map(|instance| ("STYXY_INSTANCE".to_owned(), instance.to_owned()))).collect()
}

/// For whom the ports are: the worktree of `caller`, and its agent session.
///
/// # Errors
/// The worktree cannot be named, or the environment names a session that cannot be.
pub(crate) fn terms(caller: &Caller) -> Result<Terms, styxy_client::CallerError> {
    Terms::default().or(caller)
}
