//! From a stack to what the keeper is asked for: what each service is told, and what starts it.

use std::path::Path;

use styxy_client::{Caller, Client, Error, ProjectFile, Terms};
use styxy_core::ServiceName;
use styxy_core::api::Refusal;
use styxy_core::layout::fnv;
use styxy_core::project::Wish;

use crate::here::variables;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line};
use crate::up::containers::{self, Containers};
use crate::up::leasing::{Leased, Leasing, leased};
use crate::up::place::Place;
use crate::up::stack::{Definition, Serves, Source, Stack, shown};
use crate::up::told::Told;
use crate::up::wire::{Expects, LeaseKey, Order, ReadyBy};
use crate::up::words::{self, Words};

/// What the keeper is asked for, in the order of the stack.
///
/// # Errors
/// The daemon refuses, or cannot be asked.
pub(crate) async fn orders(
    client: &Client,
    (stack, place): (&Stack, &Place),
    terms: &Terms,
    program: &Path,
) -> Result<Vec<Order>, Failure> {
    let mut containers = Containers::of(stack)?;
    if let Some(containers) = &mut containers {
        containers.lease(client, terms).await?;
    }
    let leased = leased(client, (stack, place), terms, Definition::takes_port, Leasing::Done).await;
    let Leased { mut keys, new } = leased.map_err(|error| refused(stack, error))?;
    silent(stack, &keys, &new);
    for (service, key) in stack.all().zip(&mut keys).filter(|(service, _)| service.compose.is_some()) {
        *key = containers.as_ref().and_then(|containers| containers.key(service));
    }
    let told = Told::new(stack, &keys);
    let composed = containers.as_ref().map(|containers| (containers, containers.told(told.slug())));
    // Else it is a service that says so.
    if let Some((_, Err(error))) = &composed
        && stack.services.iter().all(|service| service.compose.is_none())
    {
        output::warning(&error.error);
    }
    let turns = containers::in_turn(stack);
    let each = stack.services.iter().zip(&keys).map(|(service, key)| match (&composed, &service.compose) {
        (Some((containers, composed)), Some(name)) => {
            containers.order(service, name, key.as_ref(), composed, turns.get(&*service.label).copied())
        }
        (composed, _) => {
            let words = Words::of(service, &stack.root);
            for (name, file) in words.overridden {
                let (label, name, file) = (&service.label, one_line(&name), one_line(&file));
                output::warning(&format!("{file} sets {name} too, and for {label} the file wins"));
            }
            let mut env = told.variables(service, key.as_ref());
            // A script of theirs may ask compose too.
            let composed = composed.iter().filter_map(|(_, composed)| composed.as_ref().ok());
            env.extend(composed.flat_map(|composed| composed.variables.iter().cloned()));
            Order { lock: words.lock, ..order(service, stack, key.as_ref(), env, program) }
        }
    });
    Ok(each.collect())
}

/// Says what is told of services that nobody starts now.
fn silent(stack: &Stack, keys: &[Option<LeaseKey>], new: &[usize]) {
    let peers = new.iter().filter(|at| **at >= stack.services.len());
    let peers = peers.filter_map(|at| Some((stack.all().nth(*at)?, keys[*at].as_ref()?)));
    let named: Vec<String> =
        peers.map(|(peer, key)| format!("{} ({})", peer.label, variables::url(key.port))).collect();
    if !named.is_empty() {
        output::note(&format!("not started, and told to the others all the same: {}", named.join(", ")));
    }
}

/// What the keeper would be asked for, as far as it decides by it, with the ports that the services would get now. Nothing is leased.
/// Without a daemon no port is known. Compose is asked, as it would be then.
///
/// # Errors
/// The daemon would refuse.
pub(crate) async fn foretold(
    client: &Client,
    (stack, place): (&Stack, &Place),
    terms: &Terms,
) -> Result<Vec<Order>, Failure> {
    let containers = Containers::of(stack)?;
    let publishes =
        |service: &Definition| containers.as_ref().is_some_and(|containers| containers.publishes(service));
    let wants = |service: &Definition| {
        service.port != Wish::None && (service.compose.is_none() || publishes(service))
    };
    let keys = match leased(client, (stack, place), terms, wants, Leasing::Foretold).await {
        Err(error @ Error::Refused(_)) => return Err(refused(stack, error)),
        leased => leased.unwrap_or_default().keys,
    };
    let each = stack.services.iter().enumerate().map(|(at, service)| {
        let key = keys.get(at).and_then(Option::as_ref);
        if let Some((containers, name)) = containers.as_ref().zip(service.compose.as_ref()) {
            return Order { lease: key.cloned(), ..containers.foretold(service, name) };
        }
        let lock = Words::of(service, &stack.root).lock;
        Order { lock, ..order(service, stack, key, Vec::new(), Path::new("styxy")) }
    });
    Ok(each.collect())
}

/// The daemon's refusal; of a service type that the project's file names, with the place.
fn refused(stack: &Stack, error: Error) -> Failure {
    let Error::Refused(Refusal { error: said, hint, details, .. }) = &error else { return error.into() };
    let Source::File(path) = &stack.source else { return error.into() };
    let detail = |name: &str| details.get(name).and_then(serde_json::Value::as_str);
    let kind = detail("found").filter(|_| detail("field") == Some("service_type"));
    let service = stack.all().find(|service| Some(service.kind.as_str()) == kind);
    let Some((service, file)) = service.zip(ProjectFile::at(path).ok().flatten()) else {
        return error.into();
    };
    let said = file.said_of(&service.label, "type", said);
    Failure::usage(said, hint.clone().unwrap_or_else(|| "styxy config show".to_owned()))
}

fn order(
    service: &Definition,
    stack: &Stack,
    key: Option<&LeaseKey>,
    env: Vec<(String, String)>,
    program: &Path,
) -> Order {
    let run = words::executed(&service.run, &service.cwd);
    let words = match key {
        // It knows the tools' flags for a port, and the lease becomes its command's.
        Some(key) => {
            let program = program.to_string_lossy().into_owned();
            let mut words = ["run", "-q", "--first", "-s"].map(str::to_owned).to_vec();
            words.insert(0, program);
            words.push(key.kind.to_string());
            words.extend(key.name.iter().flat_map(|name| ["-n".to_owned(), name.to_string()]));
            // The others are told of this one, whatever port the command names.
            words.extend(["-p".to_owned(), key.port.to_string()]);
            words.push("--".to_owned());
            words.extend(run);
            words
        }
        None => run,
    };
    let expects = match (key, service.serves) {
        (_, Serves::Once) => Expects::End,
        (_, Serves::Builds) => Expects::Done,
        (None, _) | (_, Serves::No) => Expects::Nothing,
        (Some(_), Serves::Known) => Expects::Listener,
        (Some(_), Serves::Perhaps) => Expects::Perhaps,
    };
    Order {
        label: service.label.clone(),
        definition: definition(service),
        keys: keys(service, stack),
        words,
        shown: shown(&service.run),
        cwd: service.cwd.clone(),
        env,
        lease: key.cloned(),
        wished: Some(service.wished()),
        expects,
        ready: service.ready.as_ref().map(|ready| ReadyBy {
            path: ready.path.clone(),
            status: ready.status,
            text: ready.text.clone(),
        }),
        after: service.after.clone(),
        tty: service.tty,
        timeout_ms: u64::try_from(service.timeout.as_millis()).unwrap_or(u64::MAX),
        lock: None,
        session: None,
        stop: None,
        turn: None,
        refused: None,
    }
}

/// A hash of what is written about a service: not of what is only said of it, of its port, and of what Styxy reads out of its words.
/// What is guessed has the same one as what `styxy init` writes of it.
pub(crate) fn definition(service: &Definition) -> String {
    let Definition {
        label: _,
        kind,
        name,
        run,
        cwd,
        env,
        port,
        rank: _,
        now: _,
        serves: _,
        ready,
        after: _,
        tty,
        timeout: _,
        compose,
    } = service;
    // The type and the name are those of its lease.
    let lease = (*port != Wish::None).then_some((kind, name));
    let env: Vec<(&str, &str)> = env.iter().map(|(name, text)| (name.as_str(), text.written())).collect();
    let written = format!("{:?}", (lease, shown(run), cwd, env, ready, tty, compose));
    format!("{:016x}", fnv(written.as_bytes()))
}

/// A hash of each key that people write about a service and that starts it again when it changes. A type or a name that is not written
/// follows from the rest.
fn keys(service: &Definition, stack: &Stack) -> Vec<(String, String)> {
    let env: Vec<(&str, &str)> =
        service.env.iter().map(|(name, text)| (name.as_str(), text.written())).collect();
    let is_file = matches!(stack.source, Source::File(_));
    let kind = Some(&service.kind).filter(|kind| is_file && kind.as_str() != service.label);
    let name = service.name.as_ref().filter(|name| is_file && !is_folder(name, &service.cwd, &stack.root));
    let keys = [
        ("run", shown(&service.run)),
        ("cwd", service.cwd.display().to_string()),
        ("env", format!("{env:?}")),
        ("port", format!("{:?}", service.port != Wish::None)),
        ("type", format!("{kind:?}")),
        ("name", format!("{name:?}")),
        ("ready", format!("{:?}", service.ready)),
        ("tty", format!("{:?}", service.tty)),
    ];
    keys.map(|(key, written)| (key.to_owned(), format!("{:016x}", fnv(written.as_bytes())))).into()
}

/// Whether a name is that of the package that `cwd` is in (R60).
fn is_folder(name: &ServiceName, cwd: &Path, root: &Path) -> bool {
    let below = cwd.strip_prefix(root).unwrap_or(cwd);
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let folder = parts.join(".");
    folder.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
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
