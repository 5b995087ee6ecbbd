//! The options of the calls under their JavaScript names. They are checked strictly: nothing is converted or dropped.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use styxy_client::{Caller, PortRequest, ProjectFile, Terms};
use styxy_core::api::{self, AllocateRequest, AllocationsQuery, RegisterRequest};
use styxy_core::json::{self, Form, Kind, Node};
use styxy_core::{InstanceId, Invalid, LockId, Pid, Port, ProjectPath, RequestId, ServiceName, ServiceType};

use crate::error::{EXISTS, Result, invalid, refused, unplaced, wrong};
use crate::warnings::warn;

/// Reads `json`, a text that `JSON.stringify` made, as options of one call.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    api::read("options", json).map_err(refused)
}

/// Reads the text of one argument, such as a lock id.
pub(crate) fn text<T>(
    field: &str,
    json: &str,
    parse: impl Fn(&str) -> std::result::Result<T, Invalid>,
) -> Result<T> {
    let node = json::read(json, Form::Message).ok().filter(|node| node.kind != Kind::Null);
    let node = node.ok_or_else(|| invalid(field, "it is missing", "a string"))?;
    let text = node.as_text().ok_or_else(|| Invalid::new(node.found(), "is not a string", "a string"));
    text.and_then(parse).map_err(|value| wrong(field, value))
}

/// Reads the number of a port.
pub(crate) fn port(json: &str) -> Result<Port> {
    let node = json::read(json, Form::Message).ok().filter(|node| node.kind != Kind::Null);
    let node = node.ok_or_else(|| invalid("port", "it is missing", "a whole number from 1 to 65535"))?;
    api::read_node("port", "", &node).map_err(refused)
}

/// A lease as `release` names it.
pub(crate) enum Target {
    Lease(LockId),
    Port(Port),
}

/// Reads the argument of `release`.
pub(crate) fn released(json: &str) -> Result<Target> {
    let node = json::read(json, Form::Message).ok();
    match node.map(|node| node.kind) {
        Some(Kind::Number) => port(json).map(Target::Port),
        Some(_) | None => text("lockId", json, LockId::parse).map(Target::Lease),
    }
}

/// A whole number from `least` to `most`.
fn whole<'de, D: Deserializer<'de>>(
    from: D,
    problem: &'static str,
    least: u64,
    most: u64,
    unit: &str,
) -> std::result::Result<u64, D::Error> {
    let value = Value::deserialize(from)?;
    value.as_u64().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Invalid::new(value, problem, format!("a whole number {unit}from {least} to {most}")).serde()
    })
}

/// `connect(…)`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ConnectOptions {
    pub(crate) home: Option<String>,
    pub(crate) socket: Option<String>,
    pub(crate) auto_start: Option<bool>,
    pub(crate) timeout_ms: Option<Milliseconds>,
}

/// A time from a millisecond to a day.
#[derive(Clone, Copy)]
pub(crate) struct Milliseconds(u64);

impl Milliseconds {
    pub(crate) fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        whole(from, "is not a time", 1, 24 * 60 * 60 * 1000, "of milliseconds ").map(Self)
    }
}

/// `allocate({ … })`, or one of `allocate([{ … }, …])`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct AllocateOptions {
    service: Option<ServiceType>,
    name: Option<ServiceName>,
    /// For the plugins, which know the package.
    default_name: Option<ServiceName>,
    port: Option<Port>,
    default_port: Option<Port>,
    exact: Option<bool>,
    reuse: Option<bool>,
    project: Option<String>,
    instance: Option<InstanceId>,
    pid: Option<Pid>,
    request_id: Option<RequestId>,
    dry_run: Option<bool>,
    block: Option<Block>,
}

/// How many consecutive ports are wanted.
#[derive(Clone, Copy)]
struct Block(u8);

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let (least, most) = (*AllocateRequest::BLOCK.start(), *AllocateRequest::BLOCK.end());
        let size = whole(from, "is not the size of a block", least.into(), most.into(), "")?;
        Ok(Self(u8::try_from(size).unwrap_or(most)))
    }
}

/// The second argument of `allocate([…], { … })`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct GroupOptions {
    reuse: Option<bool>,
    project: Option<String>,
    instance: Option<InstanceId>,
    pid: Option<Pid>,
    request_id: Option<RequestId>,
    dry_run: Option<bool>,
}

/// The request that `allocate` makes of its first argument, an object or a list, and of its second, which is for lists
/// only. The project's file and the caller say what the options leave open.
pub(crate) fn allocation(json: &str, beside: Option<&str>, caller: &Caller) -> Result<AllocateRequest> {
    let node =
        json::read(json, Form::Message).map_err(|mistake| invalid("options", &mistake.message, "JSON"))?;
    match &node.kind {
        Kind::List(members) => group(members, beside, caller),
        Kind::Object(_) if beside.is_some() => {
            Err(invalid("options", "a second argument beside one service", "one object with all of it"))
        }
        Kind::Object(_) => {
            let mut options: AllocateOptions = api::read_node("options", "", &node).map_err(refused)?;
            let (request_id, dry_run) = (options.request_id.take(), options.dry_run.take());
            let (port, terms) = options.server(caller)?;
            Ok(with(terms.one(port), request_id, dry_run))
        }
        Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Text(_) => {
            let allowed = "an object, or a list of objects";
            Err(wrong("options", Invalid::new(node.found(), "is not a set of options", allowed)))
        }
    }
}

/// One server, as `allocate` takes it.
pub(crate) fn server(json: &str, caller: &Caller) -> Result<(PortRequest, Terms)> {
    read::<AllocateOptions>(json)?.server(caller)
}

impl AllocateOptions {
    fn server(self, caller: &Caller) -> Result<(PortRequest, Terms)> {
        let mut port = self.port_request("", None, caller)?;
        let terms = terms(std::mem::take(&mut port.terms), caller)?;
        Ok((port, terms))
    }

    /// The part of it that a member of a group may say. `beside` is the project that the group is for.
    fn port_request(self, at: &str, beside: Option<&ProjectPath>, caller: &Caller) -> Result<PortRequest> {
        let missing = |field: &str, allowed: &str| invalid(&format!("{at}{field}"), "it is missing", allowed);
        let service =
            self.service.ok_or_else(|| missing("service", "a service type such as dev, api or storybook"))?;
        if self.exact == Some(true) && self.port.is_none() {
            return Err(missing("port", "a port, since exact is true"));
        }
        if let Some(default) = self.default_port.filter(|_| self.port.is_some()) {
            let problem = format!("{default} beside port");
            return Err(invalid(&format!("{at}defaultPort"), &problem, "one of the two"));
        }
        let project = self.project.map(|project| project_at(&project, caller)).transpose()?;
        let file = match project.as_ref().or(beside) {
            Some(folder) => caller.at(Path::new(folder.as_str())).named_file(),
            None => caller.named_file(),
        };
        let file = file.map_err(|error| refused(error.refusal()))?;
        if let Some(warning) = file.as_ref().and_then(ProjectFile::warning) {
            warn(&warning);
        }
        let port = PortRequest {
            name: self.name,
            default_name: self.default_name,
            port: self.port,
            default_port: self.default_port,
            exact: self.exact,
            block: self.block.map(|block| block.0),
            terms: Terms {
                project,
                instance: self.instance,
                pid: self.pid,
                reuse: self.reuse,
                ..Terms::default()
            },
            ..PortRequest::new(service)
        };
        let is_typed = port.port.is_some();
        let port = port.or(file.as_ref().map(|file| &file.project));
        Ok(if is_typed { port } else { port.sharing_port() })
    }
}

fn group(members: &[Node<'_>], beside: Option<&str>, caller: &Caller) -> Result<AllocateRequest> {
    let common = beside.map(read::<GroupOptions>).transpose()?.unwrap_or_default();
    let GroupOptions { request_id, dry_run, reuse, project, instance, pid } = common;
    if members.is_empty() || members.len() > AllocateRequest::MAX_MEMBERS {
        let allowed = format!("1 to {}", AllocateRequest::MAX_MEMBERS);
        return Err(invalid("options", &format!("{} members", members.len()), &allowed));
    }
    let project = project.map(|project| project_at(&project, caller)).transpose()?;
    let ports = members.iter().enumerate().map(|(index, member)| {
        let (whole, at) = (format!("[{index}]"), format!("[{index}]."));
        if !matches!(member.kind, Kind::Object(_)) {
            return Err(invalid(&whole, &member.found(), "an object"));
        }
        let member: AllocateOptions =
            api::read_node(&format!("{at}options"), &at, member).map_err(refused)?;
        if member.request_id.is_some() || member.dry_run.is_some() {
            let problem = "requestId or dryRun in a member";
            return Err(invalid(&whole, problem, "in a second argument, beside the list"));
        }
        if member.block.is_some() {
            let allowed = "one service alone, not one of a list";
            return Err(invalid(&format!("{at}block"), "a block in a list", allowed));
        }
        member.port_request(&at, project.as_ref(), caller)
    });
    let ports: Vec<PortRequest> = ports.collect::<Result<_>>()?;
    let terms = terms(Terms { project, instance, pid, reuse, ..Terms::default() }, caller)?;
    Ok(with(terms.group(ports), request_id, dry_run))
}

/// What was given, else what holds for the caller; the owner is this process.
fn terms(given: Terms, caller: &Caller) -> Result<Terms> {
    let pid = given.pid.or(Pid::new(std::process::id()));
    Terms { pid, ..given }.or(caller).map_err(|error| unplaced(&error))
}

fn with(request: AllocateRequest, request_id: Option<RequestId>, dry_run: Option<bool>) -> AllocateRequest {
    AllocateRequest { request_id: request_id.or(request.request_id), dry_run, ..request }
}

/// The folder that an option names.
fn project_at(given: &str, caller: &Caller) -> Result<ProjectPath> {
    if given.is_empty() {
        return Err(wrong("project", Invalid::text(given, "is not a path", EXISTS)));
    }
    caller.project_at(Path::new(given)).map_err(|error| unplaced(&error))
}

/// The folder that an option names, which may be deleted.
fn project_named(given: &str, caller: &Caller) -> Result<ProjectPath> {
    caller.project_named(Path::new(given)).map_err(|error| unplaced(&error))
}

/// `list({ … })`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ListOptions {
    service: Option<ServiceType>,
    instance: Option<InstanceId>,
    project: Option<String>,
    port: Option<Port>,
}

impl ListOptions {
    pub(crate) fn query(self, caller: &Caller) -> Result<AllocationsQuery> {
        let Self { service, instance, project, port } = self;
        Ok(AllocationsQuery {
            service_type: service,
            instance_id: instance,
            project_path: project.map(|project| project_named(&project, caller)).transpose()?,
            port,
        })
    }
}

/// `suggest(service, { … })`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SuggestOptions {
    pub(crate) count: Option<Count>,
}

/// How many ports are suggested.
#[derive(Clone, Copy)]
pub(crate) struct Count(pub(crate) u8);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        whole(from, "is not a count", 1, 100, "").map(|count| Self(u8::try_from(count).unwrap_or(u8::MAX)))
    }
}

/// `scan({ … })`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ScanOptions {
    pub(crate) start: Option<Port>,
    pub(crate) end: Option<Port>,
}

/// `cleanup({ … })`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct CleanupOptions {
    pub(crate) force: Option<bool>,
}

/// `register({ … })`
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RegisterOptions {
    #[serde(default)]
    instance_id: Option<InstanceId>,
    #[serde(default)]
    working_directory: Option<String>,
    #[serde(default)]
    pid: Option<Pid>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, Value>>,
}

impl RegisterOptions {
    pub(crate) fn request(self, caller: &Caller) -> Result<RegisterRequest> {
        let Self { instance_id, working_directory, pid, metadata } = self;
        let missing = || invalid("instanceId", "it is missing", "the name of an agent session");
        let instance_id = instance_id.ok_or_else(missing)?;
        Ok(RegisterRequest {
            expires_in: None,
            instance_id,
            working_directory: working_directory.map(|path| project_named(&path, caller)).transpose()?,
            pid,
            metadata: metadata.map(|metadata| Value::Object(metadata.into_iter().collect())),
        })
    }
}

/// `events({ … })`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct EventsOptions {
    pub(crate) after: Option<After>,
}

/// The number of an event that was seen.
#[derive(Clone, Copy)]
pub(crate) struct After(pub(crate) u64);

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let seq = value.as_u64().map(Self);
        seq.ok_or_else(|| Invalid::new(value, "is not an event", "the seq of an event").serde())
    }
}
