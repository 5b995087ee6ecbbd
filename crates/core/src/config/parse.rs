//! `config.json` from text to [`Config`]: what the file sets, over what is built in, or the first mistake and where.

use std::collections::BTreeMap;

use super::{Config, EndWith, InstanceBehavior, LogLevel, Quotas, Seconds, ServiceTypeConfig};
use crate::json::fields::{Field, did_you_mean, fields};
use crate::json::{self, Form, Mistake, Node, without_mark};
use crate::names::ServiceType;
use crate::nearest;

/// A longer file is refused, in bytes.
pub(super) const MAX_LENGTH: usize = 1024 * 1024;
/// How many ports a service type may prefer.
pub(super) const MAX_PREFERRED: usize = 64;

pub(super) const KEYS: [&str; 13] = [
    "listen_port",
    "log_level",
    "cleanup_interval",
    "bind_ttl",
    "unbind_grace",
    "instance_ttl",
    "overflow_range",
    "strict_service_types",
    "quotas",
    "end_with",
    "session_grace",
    "service_types",
    "$schema",
];
pub(super) const SERVICE_KEYS: [&str; 5] =
    ["preferred_ports", "range", "port_range", "description", "instance_behavior"];

/// A configuration, and what of it the file set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// What is in force.
    pub config: Config,
    /// `listen_port`, `service_types.dev`, …, in the file's order.
    pub from_file: Vec<String>,
}

/// The first mistake in a file. Callers put `path:line:column: ` before the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters: where the offending key or value begins.
    pub column: usize,
    /// The key, what was found and what is allowed.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

/// Reads a file's text.
///
/// # Errors
/// The first mistake in it. Nothing of a file with a mistake is used.
pub fn parse(text: &str) -> Result<Parsed, ConfigError> {
    file(text, config)
}

/// Makes something of a whole file's text.
///
/// # Errors
/// It is too long, empty or not JSON, or the mistake that `of` finds.
pub(crate) fn file<T>(
    text: &str,
    of: impl FnOnce(&str, &Node<'_>) -> Result<T, Mistake>,
) -> Result<T, ConfigError> {
    let text = without_mark(text);
    let read = || {
        if text.len() > MAX_LENGTH {
            let found = text.len();
            let message = format!("the file has {found} bytes; allowed: up to {MAX_LENGTH}");
            return Err(Mistake::new(0, message));
        }
        if text.trim().is_empty() {
            let mistake = Mistake::new(0, "the file is empty; allowed: an object, for example {}");
            return Err(mistake.hint("write {} or remove the file"));
        }
        of(text, &json::read(text, Form::Strict)?)
    };
    read().map_err(|mistake| ConfigError::new(text, mistake))
}

impl ConfigError {
    pub(crate) fn new(text: &str, Mistake { at, message, hint }: Mistake) -> Self {
        let (line, column) = json::place(text, at);
        Self { line, column, message, hint }
    }
}

fn config(text: &str, root: &Node<'_>) -> Result<Parsed, Mistake> {
    let mut parsed = Parsed::default();
    let Parsed { config, from_file } = &mut parsed;
    for field in fields(text, "", root)? {
        let field = field?;
        if field.is_absent() && field.key != "overflow_range" && KEYS.contains(&field.key) {
            continue;
        }
        match field.key {
            "listen_port" => config.listen_port = Some(field.port()?),
            "log_level" => config.log_level = field.one_of("a log level", LogLevel::ALL, LogLevel::as_str)?,
            "cleanup_interval" => config.cleanup_interval = field.seconds(SHORTEST)?,
            "bind_ttl" => config.bind_ttl = field.seconds(SHORTEST)?,
            "unbind_grace" => config.unbind_grace = field.seconds(Seconds::new(0))?,
            "instance_ttl" => config.instance_ttl = field.seconds(SHORTEST)?,
            "overflow_range" if field.is_absent() => config.overflow_range = None,
            "overflow_range" => config.overflow_range = Some(field.range()?),
            "strict_service_types" => config.strict_service_types = field.switch()?,
            "end_with" => config.end_with = field.one_of("an end", EndWith::ALL, EndWith::as_str)?,
            "session_grace" => config.session_grace = field.seconds(Seconds::new(0))?,
            "quotas" => {
                for entry in fields(text, &field.path, field.node)? {
                    let entry = entry?;
                    if quota(&entry, &mut config.quotas)? {
                        from_file.push(entry.path);
                    }
                }
                continue;
            }
            "service_types" => {
                for entry in fields(text, &field.path, field.node)? {
                    let entry = entry?;
                    if service_type(text, &entry, &mut config.service_types)? {
                        from_file.push(entry.path);
                    }
                }
                continue;
            }
            "$schema" => {
                field.text()?;
                continue;
            }
            key => {
                let known = config.service_types.keys().any(|name| name.as_str() == key);
                let mistake = field.unknown(&KEYS);
                return Err(if known { mistake.hint("put it into service_types") } else { mistake });
            }
        }
        from_file.push(field.path);
    }
    Ok(parsed)
}

/// More often than this nothing is re-checked, so that a typo cannot keep the machine busy.
const SHORTEST: Seconds = Seconds::from_millis(100);

/// Sets one quota; false if it says nothing.
fn quota(entry: &Field<'_>, quotas: &mut Quotas) -> Result<bool, Mistake> {
    if entry.is_absent() && Quotas::KEYS.contains(&entry.key) {
        return Ok(false);
    }
    match entry.key {
        "leases_per_checkout" => quotas.leases_per_checkout = entry.count(1, Quotas::MOST)?,
        "waiting_per_owner" => quotas.waiting_per_owner = entry.count(1, Quotas::MOST)?,
        "instances" => quotas.instances = entry.count(1, Quotas::MOST)?,
        "metadata_bytes" => quotas.metadata_bytes = entry.count(0, Quotas::MOST_BYTES)?,
        _ => return Err(entry.unknown(&Quotas::KEYS)),
    }
    Ok(true)
}

/// Merges one entry over what is there; false if it says nothing.
fn service_type(
    text: &str,
    entry: &Field<'_>,
    known: &mut BTreeMap<ServiceType, ServiceTypeConfig>,
) -> Result<bool, Mistake> {
    let name = ServiceType::new(entry.key)
        .map_err(|error| Mistake::new(entry.at, format!("service_types: {error}")))?;
    if entry.is_absent() {
        return Ok(false);
    }
    let (mut preferred_ports, mut range, mut description, mut behavior) = (None, None, None, None);
    for field in fields(text, &entry.path, entry.node)? {
        let field = field?;
        if field.is_absent() && SERVICE_KEYS.contains(&field.key) {
            continue;
        }
        match field.key {
            "preferred_ports" => preferred_ports = Some(field.ports(MAX_PREFERRED)?),
            "range" | "port_range" => range = Some(field.range()?),
            "description" => description = Some(field.text()?.to_owned()),
            "instance_behavior" => {
                let found = field.one_of("a behavior", InstanceBehavior::ALL, InstanceBehavior::as_str)?;
                behavior = Some(found);
            }
            _ => return Err(field.unknown(&SERVICE_KEYS)),
        }
    }
    let says_something =
        preferred_ports.is_some() || range.is_some() || description.is_some() || behavior.is_some();
    if let Some(there) = known.get_mut(&name) {
        there.preferred_ports = preferred_ports.unwrap_or_else(|| std::mem::take(&mut there.preferred_ports));
        there.range = range.unwrap_or(there.range);
        there.description = description.unwrap_or_else(|| std::mem::take(&mut there.description));
        there.instance_behavior = behavior.unwrap_or(there.instance_behavior);
    } else {
        let Some(range) = range else {
            let message = format!("{}: a new service type needs \"range\": [first, last]", entry.path);
            let similar = nearest(name.as_str(), known.keys().map(ServiceType::as_str));
            return Err(did_you_mean(Mistake::new(entry.at, message), similar));
        };
        let new = ServiceTypeConfig {
            preferred_ports: preferred_ports.unwrap_or_default(),
            range,
            description: description.unwrap_or_default(),
            instance_behavior: behavior.unwrap_or_default(),
        };
        known.insert(name, new);
    }
    Ok(says_something)
}
