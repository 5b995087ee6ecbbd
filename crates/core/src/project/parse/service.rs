//! One service of a project's file.

use super::env::env;
use super::start::{after, compose, cwd, ready, run, timeout};
use super::{NotStarted, Read};
use crate::door_rules::HostHeader;
use crate::json::fields::{Field, fields};
use crate::json::{Kind, Mistake};
use crate::names::{ServiceName, ServiceType};
use crate::project::fence::variable_part;
use crate::project::{Service, Wish};

pub(in crate::project) const SERVICE_KEYS: [&str; 13] = [
    "type", "name", "port", "env", "open", "host", "run", "cwd", "ready", "after", "tty", "timeout",
    "compose",
];

pub(super) fn service(text: &str, entry: &Field<'_>, read: &mut Read) -> Result<Service, Mistake> {
    let of_services = |error| Mistake::new(entry.at, format!("services: {error}"));
    let label = ServiceName::new(entry.key).map_err(|error| of_services(error.to_string()))?;
    // It is the name of a file and a word on the command line too.
    if !entry.key.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(of_services(format!(
            "{label:?} begins with neither a letter nor a digit; allowed: another name"
        )));
    }
    let is_same = |other: &&Service| variable_part(other.label.as_str()) == variable_part(entry.key);
    // Both would have the variable STYXY_A_B_PORT.
    if let Some(other) = read.services.iter().find(is_same) {
        let other = &other.label;
        let message =
            format!("{}: its variable would be that of {other}; name one of them otherwise", entry.path);
        return Err(Mistake::new(entry.at, message));
    }
    let kind = match kind(text, entry)? {
        Some(kind) => kind,
        None => ServiceType::new(entry.key)
            .map_err(|error| of_services(error.to_string()).hint("give it a \"type\", such as \"dev\""))?,
    };
    let mut service = Service::new(label, kind);
    if entry.is_absent() {
        read.idle.push(NotStarted { at: entry.at, label: service.label.clone(), is_odd: false });
        return Ok(service);
    }
    let ignored = read.ignored.len();
    for field in fields(text, &entry.path, entry.node)? {
        let field = field?;
        if !(field.is_absent() && SERVICE_KEYS.contains(&field.key)) {
            say(text, &mut service, &field, read)?;
        }
    }
    if service.run.is_none() && service.compose.is_none() {
        let is_odd = read.ignored.len() > ignored || is_for_start(&service);
        read.idle.push(NotStarted { at: entry.at, label: service.label.clone(), is_odd });
    }
    beside_compose(entry, &service)?;
    if service.ready.is_some() && service.port == Wish::None {
        let message = format!(
            "{}.ready does not go with \"port\": false: a path is asked for on the service's port",
            entry.path
        );
        return Err(Mistake::new(member(entry, "ready"), message).hint("remove one of both"));
    }
    Ok(service)
}

/// Whether it says something that only counts for what is started.
const fn is_for_start(service: &Service) -> bool {
    service.ready.is_some() || service.tty || service.timeout.is_some() || !service.after.is_empty()
}

/// Where a key of the service stands.
fn member(entry: &Field<'_>, key: &str) -> usize {
    entry.node.members().iter().find(|member| member.key == key).map_or(entry.at, |member| member.at)
}

/// What the key `type` says, which is read first: without it the service's own key is the type.
fn kind(text: &str, entry: &Field<'_>) -> Result<Option<ServiceType>, Mistake> {
    if entry.is_absent() {
        return Ok(None);
    }
    for field in fields(text, &entry.path, entry.node)? {
        let field = field?;
        if field.key == "type" && !field.is_absent() {
            return ServiceType::new(field.text()?).map(Some).map_err(|error| field.invalid(&error));
        }
    }
    Ok(None)
}

fn say(text: &str, service: &mut Service, field: &Field<'_>, read: &mut Read) -> Result<(), Mistake> {
    match field.key {
        "type" => {}
        "name" => service.name = Some(name(&service.kind, field, read)?),
        "port" => service.port = wish(field, read)?,
        "env" => service.env = env(text, field, &service.label, read)?,
        "open" => service.door.open = field.switch()?,
        "host" => {
            service.door.host = field.one_of("a Host header", HostHeader::ALL, HostHeader::as_str)?;
        }
        "run" => service.run = Some(run(field)?),
        "cwd" => service.cwd = cwd(field)?,
        "ready" => service.ready = Some(ready(text, field, read)?),
        "after" => service.after = after(field, &service.label, read)?,
        "tty" => service.tty = tty(field, read)?,
        "timeout" => service.timeout = Some(timeout(field)?),
        "compose" => service.compose = Some(compose(field)?),
        _ => read.ignored.push(unknown(field)),
    }
    Ok(())
}

/// A name that no service of this type before this one has.
fn name(kind: &ServiceType, field: &Field<'_>, read: &Read) -> Result<ServiceName, Mistake> {
    let name = ServiceName::new(field.text()?).map_err(|error| field.invalid(&error))?;
    let is_same = |other: &&Service| other.kind == *kind && other.name.as_ref() == Some(&name);
    match read.services.iter().find(is_same) {
        Some(other) => {
            let rule = format!(
                "is {}'s already, which is of the type {kind} too; name one of them otherwise",
                other.label
            );
            Err(field.mistake(&format!("{:?}", name.as_str()), &rule))
        }
        None => Ok(name),
    }
}

/// Nothing gives a service a terminal of its own on Windows yet.
fn tty(field: &Field<'_>, read: &mut Read) -> Result<bool, Mistake> {
    let wanted = field.switch()?;
    if cfg!(windows) && wanted {
        let message = format!("{}: on Windows no service has a terminal of its own yet", field.path);
        read.ignored.push(Mistake::new(field.at, message));
    }
    Ok(wanted && !cfg!(windows))
}

/// A key that is not known. What other tools call `run` is less like its letters than like those of another key.
fn unknown(field: &Field<'_>) -> Mistake {
    match field.key {
        "cmd" | "command" | "commands" | "exec" | "script" | "start" => field.meant("run"),
        _ => field.unknown(&SERVICE_KEYS),
    }
}

/// A port that no service before this one prefers, or `false`.
fn wish(field: &Field<'_>, read: &Read) -> Result<Wish, Mistake> {
    match field.node.kind {
        Kind::Bool(false) => return Ok(Wish::None),
        Kind::Bool(true) => {
            return Err(field.wrong("is not a port; allowed: a number from 1 to 65535, or false for none"));
        }
        Kind::Null | Kind::Number | Kind::Text(_) | Kind::List(_) | Kind::Object(_) => {}
    }
    let port = field.port()?;
    match read.services.iter().find(|service| service.port == Wish::Port(port)) {
        Some(other) => {
            let rule = format!("is {}'s already; allowed: each port once", other.label);
            Err(field.mistake(&port.to_string(), &rule))
        }
        None => Ok(Wish::Port(port)),
    }
}

/// What compose starts is not started by a command.
fn beside_compose(entry: &Field<'_>, service: &Service) -> Result<(), Mistake> {
    if service.compose.is_none() {
        return Ok(());
    }
    let said = [
        ("run", service.run.is_some()),
        ("cwd", service.cwd.is_some()),
        ("tty", service.tty),
        ("env", service.env != crate::project::Env::default()),
        ("port", service.port == Wish::None),
    ];
    match said.into_iter().find(|(_, is_said)| *is_said) {
        Some((key, _)) => {
            let at = member(entry, key);
            let message = format!("{}.{key} does not go with compose: the compose file says it", entry.path);
            Err(Mistake::new(at, message))
        }
        None => Ok(()),
    }
}
