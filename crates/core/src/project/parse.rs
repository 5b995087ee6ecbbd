//! A project's file from text to [`Project`], or the first mistake and where.

use super::{EnvName, KEY, Project, Service};
use crate::config::{ConfigError, file};
use crate::door_rules::HostHeader;
use crate::json::fields::{Field, fields};
use crate::json::{self, Form, Kind, Mistake, Node, without_mark};
use crate::label::Label;
use crate::names::{ServiceName, ServiceType};
use crate::port::Port;

pub(super) const KEYS: [&str; 3] = ["name", "services", "$schema"];
pub(super) const SERVICE_KEYS: [&str; 5] = ["name", "port", "env", "open", "host"];
/// How many services a project may name, as many as a group may have members.
pub(super) const MAX_SERVICES: usize = 64;
/// How many variables a service may have.
pub(super) const MAX_ENV: usize = 16;

/// Reads `.styxy.json`.
///
/// # Errors
/// The first mistake in it. Nothing of a file with a mistake is used. An unknown key is none: [`Project::ignored`].
pub fn parse(text: &str) -> Result<Project, ConfigError> {
    file(text, |text, root| project(text, "", root))
}

/// Reads the key `styxy` of a `package.json`; nothing if it has none.
///
/// # Errors
/// As [`parse`]. A file that is no JSON is a mistake only if it speaks of Styxy: the others are npm's to refuse.
pub fn parse_package(text: &str) -> Result<Option<Project>, ConfigError> {
    let text = without_mark(text);
    if !text.contains("\"styxy\"") {
        return Ok(None);
    }
    let ours = || {
        let root = json::read(text, Form::Strict)?;
        root.get(KEY).map(|node| project(text, KEY, node)).transpose()
    };
    ours().map_err(|mistake| ConfigError::new(text, mistake))
}

fn project(text: &str, path: &str, node: &Node<'_>) -> Result<Project, Mistake> {
    let mut project = Project::default();
    for field in fields(text, path, node)? {
        let field = field?;
        match field.key {
            "name" | "services" | "$schema" if field.is_absent() => {}
            "name" => {
                project.name = Some(Label::parse(field.text()?).map_err(|error| field.invalid(&error))?);
            }
            "services" => {
                for entry in fields(text, &field.path, field.node)? {
                    let entry = entry?;
                    let service = service(text, &entry, &mut project)?;
                    if project.services.len() == MAX_SERVICES {
                        let message =
                            format!("{}: one service too many; allowed: {MAX_SERVICES}", field.path);
                        return Err(Mistake::new(entry.at, message));
                    }
                    project.services.push(service);
                }
            }
            "$schema" => drop(field.text()?),
            _ => project.ignored.push(ConfigError::new(text, field.unknown(&KEYS))),
        }
    }
    Ok(project)
}

fn service(text: &str, entry: &Field<'_>, before: &mut Project) -> Result<(ServiceType, Service), Mistake> {
    let service_type =
        ServiceType::new(entry.key).map_err(|error| Mistake::new(entry.at, format!("services: {error}")))?;
    // Both would have the variable STYXY_A_B_PORT.
    let same = |other: &ServiceType| {
        let plain = |name: &ServiceType| name.as_str().to_ascii_uppercase().replace('-', "_");
        plain(other) == plain(&service_type)
    };
    if let Some((other, _)) = before.services.iter().find(|(other, _)| same(other)) {
        let message =
            format!("{}: its variable would be that of {other}; name one of them otherwise", entry.path);
        return Err(Mistake::new(entry.at, message));
    }
    let mut service = Service::default();
    if entry.is_absent() {
        return Ok((service_type, service));
    }
    for field in fields(text, &entry.path, entry.node)? {
        let field = field?;
        if field.is_absent() && SERVICE_KEYS.contains(&field.key) {
            continue;
        }
        match field.key {
            "name" => {
                let name = ServiceName::new(field.text()?);
                service.name = Some(name.map_err(|error| field.invalid(&error))?);
            }
            "port" => service.port = Some(port(&field, before)?),
            "env" => service.env = env(&field, before)?,
            "open" => service.door.open = field.switch()?,
            "host" => {
                service.door.host = field.one_of("a Host header", HostHeader::ALL, HostHeader::as_str)?;
            }
            _ => before.ignored.push(ConfigError::new(text, field.unknown(&SERVICE_KEYS))),
        }
    }
    Ok((service_type, service))
}

/// A port that no service before this one prefers.
fn port(field: &Field<'_>, before: &Project) -> Result<Port, Mistake> {
    let port = field.port()?;
    match before.services.iter().find(|(_, service)| service.port == Some(port)) {
        Some((other, _)) => {
            Err(field.mistake(&port.to_string(), &format!("is {other}'s already; allowed: each port once")))
        }
        None => Ok(port),
    }
}

/// Names of variables, each for one service.
fn env(field: &Field<'_>, before: &Project) -> Result<Vec<EnvName>, Mistake> {
    let Kind::List(items) = &field.node.kind else {
        return Err(field.wrong("is not a list of variables; allowed: [\"WEB_PORT\", …]"));
    };
    if items.len() > MAX_ENV {
        return Err(field
            .mistake(&format!("{} variables", items.len()), &format!("are too many; allowed: {MAX_ENV}")));
    }
    let mut names = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let wrong = |why: String| Mistake::new(item.at, format!("{}[{index}]: {why}", field.path));
        let Kind::Text(text) = &item.kind else {
            return Err(wrong(format!(
                "{} is not the name of a variable; allowed: \"WEB_PORT\", …",
                item.found()
            )));
        };
        let name = EnvName::for_project(text).map_err(|error| wrong(error.to_string()))?;
        if text == "PORT" {
            return Err(wrong(
                "\"PORT\" is always the port of the first service asked for; name another one".into(),
            ));
        }
        let others = before.services.iter().flat_map(|(_, service)| &service.env);
        if others.chain(&names).any(|other| *other == name) {
            return Err(wrong(format!("{text:?} is there twice; allowed: each variable once")));
        }
        names.push(name);
    }
    Ok(names)
}
