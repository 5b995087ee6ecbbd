//! What `styxy init` proposes (R155): the services that `styxy up` would start, and the servers beside them that are known.

use std::env;
use std::path::Path;

use serde::Serialize;
use styxy_client::Caller;
use styxy_core::order::Order as _;
use styxy_core::project::{Run, Wish};
use styxy_core::{Port, ServiceName, ServiceType};

use super::super::stack::{Definition, Serves, shown};
use super::apps::{self, App};
use super::beside::{self, Task};
use super::{Found, Look, look, made, package_at, settled, workspace};
use crate::devserver::package::Package;
use crate::say::failure::Failure;

/// What is proposed.
#[derive(Debug, Default)]
pub(crate) struct Proposal {
    /// In the order of the file. No two have one label.
    pub(crate) services: Vec<Proposed>,
    /// Why they are these, a sentence each.
    pub(crate) reasons: Vec<String>,
    /// What is not in the file, and why.
    pub(crate) left_out: Vec<String>,
}

/// A service of the file to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Proposed {
    /// Its key.
    pub(crate) service: String,
    /// Its type, if that is another word.
    #[serde(rename = "type")]
    pub(crate) kind: Option<ServiceType>,
    /// Its name, if it is not that of its folder.
    pub(crate) name: Option<ServiceName>,
    /// What starts it; none for a server that `styxy up` leaves alone.
    pub(crate) run: Option<String>,
    /// Its folder below the root, if it is not the root.
    pub(crate) cwd: Option<String>,
    pub(crate) port: Option<Port>,
    /// Its variables, as they are written.
    #[serde(skip)]
    env: Vec<(String, String)>,
    /// The service of the compose file that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compose: Option<String>,
    /// It listens on no port that anybody needs.
    #[serde(skip)]
    is_silent: bool,
}

impl Proposed {
    /// The container `name` of the compose file.
    pub(super) fn container(service: String, kind: Option<ServiceType>, name: String) -> Self {
        let (compose, is_silent) = (Some(name), false);
        let env = Vec::new();
        Self { service, kind, name: None, run: None, cwd: None, port: None, env, compose, is_silent }
    }
}

/// Scripts that start what people work on come first; the others in alphabetical order.
pub(super) const FIRST: [&str; 4] = ["dev", "start", "serve", "develop"];

/// What is proposed for the worktree whose root `here` is.
///
/// # Errors
/// `package.json` cannot be read.
pub(crate) fn services(here: &Caller, root: &Path) -> Result<Proposal, Failure> {
    let mut proposal = Proposal::default();
    let found = match look(here, root)? {
        Look::Found(Found { services, reasons, .. }) => (services, reasons),
        Look::Nothing => (Vec::new(), Vec::new()),
        Look::Unsure(why) => {
            proposal.left_out.push(format!("what the script {} does beside that: {why}", super::SCRIPT));
            workspace::all(here, root)
        }
    };
    let started = settled(found.0);
    proposal.reasons = found.1;
    let package = package_at(root)?;
    // Those of a workspace's packages are known by their own scripts.
    let is_of_root = started.iter().all(|service| service.cwd == root);
    let beside = package.as_ref().filter(|_| is_of_root).map(|package| of_scripts(here, root, package));
    // The file has no word for what ends before others begin.
    let (once, lasting): (Vec<&Definition>, Vec<&Definition>) =
        started.iter().partition(|service| service.serves == Serves::Once);
    let left_out =
        once.iter().map(|service| format!("what comes before the others: {}", shown(&service.run)));
    proposal.left_out.extend(left_out);
    proposal.services = lasting.iter().map(|service| proposed(here, root, service)).collect();
    if let Some((servers, left_out)) = beside {
        for (server, why) in servers {
            add(&mut proposal, &started, &server, &why);
        }
        proposal.left_out.extend(left_out);
    }
    if started.iter().all(|service| service.port == Wish::None)
        && let Some(app) = apps::find(root, &|name| env::var(name).ok())
    {
        add_app(here, root, &mut proposal, &app);
    }
    if let Some(package) = package.as_ref().filter(|_| starts_nothing(&proposal)) {
        add_script(here, root, &mut proposal, package);
    }
    if starts_nothing(&proposal) {
        for task in beside::tasks(root) {
            add_task(here, root, &mut proposal, task);
        }
    }
    beside::add_containers(root, &mut proposal);
    without_repeats(&mut proposal);
    Ok(proposal)
}

/// A server beside those that are started, unless one of its type is there.
fn add(proposal: &mut Proposal, started: &[Definition], server: &Definition, why: &str) {
    let is_there = started.iter().any(|other| other.kind == server.kind)
        || proposal.services.iter().any(|other| other.service.eq_ignore_ascii_case(server.kind.as_str()));
    if is_there {
        return;
    }
    proposal.reasons.push(format!("{}: {why}", server.kind));
    proposal.services.push(Proposed {
        service: server.kind.to_string(),
        kind: None,
        name: None,
        run: None,
        cwd: None,
        port: port(server),
        env: Vec::new(),
        compose: None,
        is_silent: false,
    });
}

fn starts_nothing(proposal: &Proposal) -> bool {
    proposal.services.iter().all(|service| service.run.is_none())
}

/// The script that people start the package with where it has none called dev: `npm start` may be meant for production too, so nothing
/// of it is started before it is in the file.
fn add_script(here: &Caller, root: &Path, proposal: &mut Proposal, package: &Package) {
    let scripts = FIRST.iter().filter(|name| package.script(name).is_some());
    let services = scripts.filter_map(|name| Some((name, made::of_script(here, root, package, name, name)?)));
    let serving = services.filter(|(_, (service, _))| service.port != Wish::None);
    let Some((_, (service, why))) = serving.into_iter().next() else { return };
    let label = service.kind.to_string();
    proposal.services.retain(|other| other.service != label);
    proposal.reasons.retain(|reason| !reason.starts_with(&format!("{label}: ")));
    proposal.reasons.insert(0, format!("{label}: {why}"));
    let service = Definition { label, ..service };
    proposal.services.insert(0, proposed(here, root, &service));
}

/// The application that the files say, with the command that serves it.
fn add_app(here: &Caller, root: &Path, proposal: &mut Proposal, app: &App) {
    let App { what, framework, command } = app;
    let is_free = |label: &&str| proposal.services.iter().all(|other| other.service != *label);
    let Some(label) = [framework.service, "api"].into_iter().find(is_free) else { return };
    let Some(told) = made::of_text(command, root, root) else { return };
    let service = made::definition(here, label, told, Run::Shell(command.clone()), root);
    proposal.reasons.push(format!("{label}: {what} an app of {}", framework.name));
    proposal.services.push(Proposed { kind: None, ..proposed(here, root, &service) });
}

/// What a task starts, as it is typed.
fn add_task(here: &Caller, root: &Path, proposal: &mut Proposal, task: Task) {
    let Task { label, command, folder, what } = task;
    let is_there = proposal.services.iter().any(|other| other.service.eq_ignore_ascii_case(&label));
    let Some(told) = made::of_text(&command, &folder, root).filter(|_| !is_there) else { return };
    proposal.reasons.push(format!("{label}: {what} {}", told.what));
    let service = made::definition(here, &label, told, Run::Shell(command), &folder);
    proposal.services.push(proposed(here, root, &service));
}

/// One server of each type that the scripts of `package` start, why it is one, and a sentence for each that is left out.
fn of_scripts(here: &Caller, root: &Path, package: &Package) -> (Vec<(Definition, String)>, Vec<String>) {
    let rank = |name: &&str| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
    let mut names: Vec<&str> = package.scripts().collect();
    names.order_by_key(rank);
    let mut found: Vec<(&str, (Definition, String), Vec<&str>)> = Vec::new();
    for name in names {
        if !made::is_known_server(root, package, name) && name != super::SCRIPT {
            continue;
        }
        let Some(one) = made::of_script(here, root, package, name, name) else { continue };
        match found.iter_mut().find(|(_, (other, _), _)| other.kind == one.0.kind) {
            Some((_, _, more)) => more.push(name),
            None => found.push((name, one, Vec::new())),
        }
    }
    let left_out = found.iter().filter_map(|(name, (server, _), more)| left_out(name, &server.kind, more));
    let left_out = left_out.collect();
    (found.into_iter().map(|(_, one, _)| one).collect(), left_out)
}

/// That the scripts `more` are left out, because each type of server is in the file once.
fn left_out(name: &str, kind: &ServiceType, more: &[&str]) -> Option<String> {
    let what = match more {
        [] => return None,
        [one] => format!("the script {one} is not in it: it starts"),
        several => format!("the scripts {} are not in it: they start", several.join(", ")),
    };
    Some(format!("{what} the type {kind} too, as {name} does"))
}

fn proposed(here: &Caller, root: &Path, service: &Definition) -> Proposed {
    let below = service.cwd.strip_prefix(root).ok().filter(|below| *below != Path::new(""));
    let is_default = service.name == here.at(&service.cwd).package();
    Proposed {
        service: service.label.clone(),
        kind: Some(service.kind.clone())
            .filter(|kind| kind.as_str() != service.label && service.port != Wish::None),
        name: service.name.clone().filter(|_| !is_default && service.port != Wish::None),
        run: Some(shown(&service.run)),
        cwd: below.map(|below| below.to_string_lossy().replace('\\', "/")),
        port: port(service),
        env: service.env.iter().map(|(name, text)| (name.clone(), text.written().to_owned())).collect(),
        compose: None,
        is_silent: service.port == Wish::None,
    }
}

fn port(service: &Definition) -> Option<Port> {
    service.port.port()
}

/// A file that names a port twice would be refused.
fn without_repeats(proposal: &mut Proposal) {
    let mut taken: Vec<(Port, String)> = Vec::new();
    for service in &mut proposal.services {
        let Some(port) = service.port else { continue };
        if let Some((_, other)) = taken.iter().find(|(other, _)| *other == port) {
            let why = format!("the port {port} of {} is not in it: it is {other}'s already", service.service);
            proposal.left_out.push(why);
            service.port = None;
        } else {
            taken.push((port, service.service.clone()));
        }
    }
}

/// Where editors find the schema in a project that has the package. Elsewhere there is no place that all colleagues have.
const INSTALLED: &str = "./node_modules/styxy/docs/project.schema.json";

/// The text of the file, which is not there yet, in `root`.
pub(crate) fn text(root: &Path, services: &[Proposed]) -> String {
    let is_installed = root.join(INSTALLED).is_file();
    let schema = if is_installed { format!("  \"$schema\": \"{INSTALLED}\",\n") } else { String::new() };
    // Their order counts: the first service has PORT.
    let entries = services.iter().map(entry).collect::<Vec<_>>().join(",");
    let end = if entries.is_empty() { "" } else { "\n  " };
    format!("{{\n{schema}  \"services\": {{{entries}{end}}}\n}}\n")
}

fn entry(service: &Proposed) -> String {
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let mut fields = Vec::new();
    let mut field = |key: &str, value: Option<String>| {
        fields.extend(value.map(|value| format!("\"{key}\": {value}")));
    };
    field("compose", service.compose.as_deref().map(json));
    field("run", service.run.as_deref().map(json));
    field("cwd", service.cwd.as_deref().map(json));
    field("type", service.kind.as_ref().map(|kind| json(kind.as_str())));
    field("name", service.name.as_ref().map(|name| json(name.as_str())));
    field("port", service.port.map(|port| port.to_string()));
    let env = service.env.iter().map(|(name, text)| format!("{}: {}", json(name), json(text)));
    let env = env.collect::<Vec<_>>().join(", ");
    field("env", (!env.is_empty()).then(|| format!("{{ {env} }}")));
    field("port", service.is_silent.then(|| "false".to_owned()));
    let fields = if fields.is_empty() { String::new() } else { format!(" {} ", fields.join(", ")) };
    format!("\n    {}: {{{fields}}}", json(&service.service))
}
