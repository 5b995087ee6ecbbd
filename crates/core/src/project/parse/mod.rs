//! A project's file from text to [`Project`], or the first mistake and where.

mod env;
mod order;
mod service;
mod start;

use super::{Idle, KEY, Project, Service};
use crate::config::{ConfigError, file};
use crate::json::fields::fields;
use crate::json::{self, Form, Mistake, Node, without_mark};
use crate::label::Label;
use crate::names::ServiceName;
use crate::nearest;

#[cfg(feature = "schema")]
pub(super) use env::{MAX_ENV, MAX_TEXTS};
#[cfg(all(test, feature = "schema"))]
pub(super) use service::SERVICE_KEYS;
#[cfg(all(test, feature = "schema"))]
pub(super) use start::READY_KEYS;
#[cfg(feature = "schema")]
pub(super) use start::TIMES;

pub(super) const KEYS: [&str; 3] = ["name", "services", "$schema"];
/// How many services a project may name, as many as a group may have members.
pub(super) const MAX_SERVICES: usize = 64;

/// Reads `.styxy.json`.
///
/// # Errors
/// The first mistake in it. Nothing of a file with a mistake is used. An unknown key is none: [`Project::ignored`].
pub fn parse(text: &str) -> Result<Project, ConfigError> {
    file(text, |text, root| project(text, "", root))
}

/// Reads the key `styxy` of a `package.json`, and says how its value is written; nothing if it has none.
///
/// # Errors
/// As [`parse`]. A file that is no JSON is a mistake only if it speaks of Styxy: the others are npm's to refuse.
pub fn parse_package(text: &str) -> Result<Option<(Project, &str)>, ConfigError> {
    let text = without_mark(text);
    if !speaks_of_us(text) {
        return Ok(None);
    }
    let ours = || {
        let root = json::read(text, Form::Strict)?;
        root.get(KEY).map(|node| Ok((project(text, KEY, node)?, node.text))).transpose()
    };
    ours().map_err(|mistake| ConfigError::new(text, mistake))
}

/// Whether the outermost object of a text has our key, if it is JSON. Most files that name Styxy have it among their dependencies, and
/// are not worth reading for that.
fn speaks_of_us(text: &str) -> bool {
    if !text.contains("\"styxy\"") {
        return false;
    }
    let (mut depth, mut rest) = (0_u32, text.as_bytes());
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let (string, behind) = rest.split_at(end_of_text(rest));
                rest = behind.get(1..).unwrap_or_default();
                if depth == 1 && string == KEY.as_bytes() && rest.trim_ascii_start().starts_with(b":") {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Where the text ends whose first quote is in front of `rest`.
fn end_of_text(rest: &[u8]) -> usize {
    let mut is_escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    rest.iter().position(ends).unwrap_or(rest.len())
}

/// The services that were read so far, and what can be checked only once all of them are known.
#[derive(Default)]
struct Read {
    services: Vec<Service>,
    /// The keys that are not known.
    ignored: Vec<Mistake>,
    idle: Vec<NotStarted>,
    mentions: Vec<Mention>,
}

/// A service that the file does not say how to start.
struct NotStarted {
    /// The byte that its key stands at.
    at: usize,
    label: ServiceName,
    is_odd: bool,
}

/// A service that the file speaks of by its label.
struct Mention {
    /// The byte that it stands at.
    at: usize,
    /// The path of the value that it stands in.
    path: String,
    /// The service that speaks.
    of: ServiceName,
    label: ServiceName,
    what: Mentioned,
}

/// What a service is spoken of for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mentioned {
    /// Its address or its port.
    Address,
    /// It has to be ready first.
    Before,
}

fn project(text: &str, path: &str, node: &Node<'_>) -> Result<Project, Mistake> {
    let mut name = None;
    let mut read = Read::default();
    for field in fields(text, path, node)? {
        let field = field?;
        match field.key {
            "name" | "services" | "$schema" if field.is_absent() => {}
            "name" => {
                name = Some(Label::parse(field.text()?).map_err(|error| field.invalid(&error))?);
            }
            "services" => {
                for entry in fields(text, &field.path, field.node)? {
                    let entry = entry?;
                    let service = service::service(text, &entry, &mut read)?;
                    if read.services.len() == MAX_SERVICES {
                        let message =
                            format!("{}: one service too many; allowed: {MAX_SERVICES}", field.path);
                        return Err(Mistake::new(entry.at, message));
                    }
                    read.services.push(service);
                }
            }
            "$schema" => drop(field.text()?),
            _ => read.ignored.push(field.unknown(&KEYS)),
        }
    }
    for mention in &read.mentions {
        mention.check(&read.services)?;
    }
    order::check(&read)?;
    let ignored = read.ignored.into_iter().map(|mistake| ConfigError::new(text, mistake)).collect();
    let idle = read.idle.into_iter().map(|one| one.said(text)).collect();
    Ok(Project { name, services: read.services, ignored, idle })
}

impl NotStarted {
    fn said(self, text: &str) -> Idle {
        let Self { at, label, is_odd } = self;
        let message = format!("{label}: nothing says how to start it (\"run\" is missing)");
        Idle { label, said: ConfigError::new(text, Mistake::new(at, message)), is_odd }
    }
}

impl Mention {
    fn check(&self, services: &[Service]) -> Result<(), Mistake> {
        let Self { at, path, of, label, what } = self;
        let Some(service) = services.iter().find(|service| service.label == *label) else {
            // A service may speak of its own address, and does not wait for itself.
            let others = services.iter().filter(|other| *what == Mentioned::Address || other.label != *of);
            let allowed: Vec<&str> = others.map(|service| service.label.as_str()).collect();
            let rule = match &*allowed {
                [] => "there is no other service".to_owned(),
                some => format!("allowed: {}", some.join(", ")),
            };
            let mistake = Mistake::new(*at, format!("{path}: {label} is not a service of this file; {rule}"));
            return Err(json::fields::did_you_mean(mistake, nearest(label.as_str(), allowed)));
        };
        if *what == Mentioned::Address && !service.serves() {
            let message = format!("{path}: {label} has no port: its \"port\" is false");
            return Err(Mistake::new(*at, message).hint(format!("remove \"port\": false from {label}")));
        }
        Ok(())
    }
}
