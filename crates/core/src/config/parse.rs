//! `config.json` from text to [`Config`]: what the file sets, over what is built in, or the first mistake and where.

use std::collections::BTreeMap;

use super::json::{self, Kind, Member, Mistake, Node};
use super::{Config, InstanceBehavior, LogLevel, Seconds, ServiceTypeConfig};
use crate::names::ServiceType;
use crate::nearest;
use crate::port::{InvalidPort, Port, PortRange};

/// A longer file is refused, in bytes.
pub(super) const MAX_LENGTH: usize = 1024 * 1024;
/// How many ports a service type may prefer.
pub(super) const MAX_PREFERRED: usize = 64;

pub(super) const KEYS: [&str; 10] = [
    "listen_port",
    "log_level",
    "cleanup_interval",
    "bind_ttl",
    "unbind_grace",
    "instance_ttl",
    "overflow_range",
    "strict_service_types",
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    whole(text).map_err(|Mistake { at, message, hint }| {
        let (line, column) = json::place(text, at);
        ConfigError { line, column, message, hint }
    })
}

fn whole(text: &str) -> Result<Parsed, Mistake> {
    if text.len() > MAX_LENGTH {
        let found = text.len();
        return Err(Mistake::new(0, format!("the file has {found} bytes; allowed: up to {MAX_LENGTH}")));
    }
    if text.trim().is_empty() {
        let mistake = Mistake::new(0, "the file is empty; allowed: an object, for example {}");
        return Err(mistake.hint("write {} or remove the file: either way the defaults hold"));
    }
    let root = json::read(text)?;
    let mut parsed = Parsed::default();
    let Parsed { config, from_file } = &mut parsed;
    for field in fields(text, "", &root)? {
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
            "preferred_ports" => preferred_ports = Some(field.preferred_ports()?),
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

/// A key of an object, its value, and its path from the top.
struct Field<'n> {
    key: &'n str,
    path: String,
    at: usize,
    node: &'n Node<'n>,
}

/// The members of the object `node`, in order, a mistake for a key that was there before.
fn fields<'n>(
    text: &str,
    path: &str,
    node: &'n Node<'n>,
) -> Result<impl Iterator<Item = Result<Field<'n>, Mistake>>, Mistake> {
    let Kind::Object(members) = &node.kind else {
        let (found, of) = (node.found(), if path.is_empty() { "the file" } else { path });
        return Err(Mistake::new(node.at, format!("{of}: {found} is not an object; allowed: {{ … }}")));
    };
    let mut seen: BTreeMap<&str, &Member<'_>> = BTreeMap::new();
    let field = move |member: &'n Member<'n>| {
        let Member { key, at, value } = member;
        let name = if key == "port_range" { "range" } else { key };
        let shown = json::shortened(&key.escape_debug().to_string());
        let path = if path.is_empty() { shown } else { format!("{path}.{shown}") };
        if let Some(first) = seen.insert(name, member) {
            let line = json::place(text, first.at).0;
            let first = if first.key == *key { "the first".to_owned() } else { format!("as {}", first.key) };
            return Err(Mistake::new(
                *at,
                format!("{path} is there twice, {first} on line {line}; allowed: once"),
            ));
        }
        Ok(Field { key, path, at: *at, node: value })
    };
    Ok(members.iter().map(field))
}

impl Field<'_> {
    fn is_absent(&self) -> bool {
        matches!(self.node.kind, Kind::Null)
    }

    fn mistake(&self, found: &str, rule: &str) -> Mistake {
        Mistake::new(self.node.at, format!("{}: {found} {rule}", self.path))
    }

    fn wrong(&self, rule: &str) -> Mistake {
        self.mistake(&self.node.found(), rule)
    }

    fn unknown(&self, keys: &[&str]) -> Mistake {
        let allowed: Vec<&str> = keys.iter().copied().filter(|key| *key != "$schema").collect();
        let message = format!("{} is not a known key; allowed: {}", self.path, allowed.join(", "));
        did_you_mean(Mistake::new(self.at, message), nearest(self.key, keys.iter().copied()))
    }

    fn port(&self) -> Result<Port, Mistake> {
        port(&self.path, self.node)
    }

    fn switch(&self) -> Result<bool, Mistake> {
        match self.node.kind {
            Kind::Bool(on) => Ok(on),
            _ => Err(self.wrong("is not a switch; allowed: true or false")),
        }
    }

    fn text(&self) -> Result<&str, Mistake> {
        match &self.node.kind {
            Kind::Text(text) => Ok(text),
            _ => Err(self.wrong("is not a text; allowed: \"…\"")),
        }
    }

    fn seconds(&self, least: Seconds) -> Result<Seconds, Mistake> {
        let number = if matches!(self.node.kind, Kind::Number) { self.node.text.parse().ok() } else { None };
        number.and_then(Seconds::from_f64).filter(|seconds| *seconds >= least).ok_or_else(|| {
            let (least, most) = (least.as_f64(), Seconds::MAX.as_f64());
            self.wrong(&format!("is not a duration; allowed: a number of seconds from {least} to {most}"))
        })
    }

    fn one_of<T: Copy, const N: usize>(
        &self,
        what: &str,
        all: [T; N],
        name: fn(T) -> &'static str,
    ) -> Result<T, Mistake> {
        let names = all.map(name);
        let found = if let Kind::Text(text) = &self.node.kind { text.as_str() } else { "" };
        all.into_iter().find(|one| name(*one) == found).ok_or_else(|| {
            let mistake = self.wrong(&format!("is not {what}; allowed: {}", names.join(", ")));
            did_you_mean(mistake, nearest(&found.to_lowercase(), names))
        })
    }

    fn range(&self) -> Result<PortRange, Mistake> {
        const ALLOWED: &str = "is not a range; allowed: [first, last]";
        let Kind::List(ends) = &self.node.kind else { return Err(self.wrong(ALLOWED)) };
        let [first, last] = ends.as_slice() else { return Err(self.wrong(ALLOWED)) };
        let first = port(&format!("{}[0]", self.path), first)?;
        let last = port(&format!("{}[1]", self.path), last)?;
        PortRange::new(first, last).ok_or_else(|| {
            let found = format!("[{first}, {last}]");
            let mistake = self.mistake(&found, "is reversed; allowed: [first, last] with first <= last");
            mistake.hint(format!("write [{last}, {first}]"))
        })
    }

    fn preferred_ports(&self) -> Result<Vec<Port>, Mistake> {
        let Kind::List(items) = &self.node.kind else {
            return Err(self.wrong("is not a list of ports; allowed: [3000, …]"));
        };
        if items.len() > MAX_PREFERRED {
            let found = items.len();
            return Err(
                self.mistake(&format!("{found} ports"), &format!("are too many; allowed: {MAX_PREFERRED}"))
            );
        }
        let mut ports: Vec<Port> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.path);
            let port = port(&path, item)?;
            if ports.contains(&port) {
                return Err(Mistake::new(
                    item.at,
                    format!("{path}: {port} is there twice; allowed: each port once"),
                ));
            }
            ports.push(port);
        }
        Ok(ports)
    }
}

fn port(path: &str, node: &Node<'_>) -> Result<Port, Mistake> {
    let wrong = || Mistake::new(node.at, format!("{path}: {}", InvalidPort { found: node.found() }));
    match &node.kind {
        Kind::Number => node.text.parse().map_err(|_: InvalidPort| wrong()),
        Kind::Text(text) if text.parse::<Port>().is_ok() => {
            Err(wrong().hint(format!("write {text} without quotes")))
        }
        Kind::Null | Kind::Bool(_) | Kind::Text(_) | Kind::List(_) | Kind::Object(_) => Err(wrong()),
    }
}

fn did_you_mean(mistake: Mistake, nearest: Option<&str>) -> Mistake {
    match nearest {
        Some(name) => mistake.hint(format!("did you mean {name}?")),
        None => mistake,
    }
}
