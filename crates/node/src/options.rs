//! The options of the calls under their JavaScript names. They are checked strictly: nothing is converted or dropped.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use styxy_client::{Caller, PortRequest, Terms};
use styxy_core::api::{AllocateRequest, AllocationsQuery, RegisterRequest, explain};
use styxy_core::{InstanceId, Pid, Port, ProjectPath, RequestId, ServiceName, ServiceType};

use crate::error::{Result, invalid, refused, unplaced};

/// Reads `json`, a text that `JSON.stringify` made, as options of one call.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    let value: Value = serde_json::from_str(json).map_err(|error| invalid("options", &error.to_string()))?;
    if !value.is_object() {
        return Err(invalid("options", &format!("{value} is not a set of options; allowed: an object")));
    }
    read_at("", value)
}

fn read_at<T: DeserializeOwned>(at: &str, value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { format!("{at}options") } else { format!("{at}{path}") };
        refused(explain(&field, &error.inner().to_string()))
    })
}

/// Reads the text of one argument, such as a lock id.
pub(crate) fn text<T>(
    field: &str,
    json: &str,
    parse: impl Fn(&str) -> std::result::Result<T, String>,
) -> Result<T> {
    match serde_json::from_str(json) {
        Ok(Value::String(text)) => parse(&text).map_err(|error| invalid(field, &error)),
        Ok(Value::Null) | Err(_) => Err(invalid(field, "it is missing; allowed: a string")),
        Ok(other) => Err(invalid(field, &format!("{other} is not a string; allowed: a string"))),
    }
}

/// Reads the number of a port.
pub(crate) fn port(json: &str) -> Result<Port> {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    if value.is_null() {
        return Err(invalid("port", "it is missing; allowed: a whole number from 1 to 65535"));
    }
    Port::deserialize(value).map_err(|error| invalid("port", &error.to_string()))
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
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "Value")]
pub(crate) struct Milliseconds(u32);

impl Milliseconds {
    const MOST: u32 = 24 * 60 * 60 * 1000;

    pub(crate) fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.into())
    }
}

impl TryFrom<Value> for Milliseconds {
    type Error = String;

    fn try_from(value: Value) -> std::result::Result<Self, String> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| (1..=Self::MOST).contains(number)).map(Self).ok_or_else(|| {
            format!("{value} is not a time; allowed: a whole number of milliseconds from 1 to {}", Self::MOST)
        })
    }
}

/// `allocate({ … })`, or one of `allocate([{ … }, …])`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct AllocateOptions {
    service: Option<ServiceType>,
    name: Option<ServiceName>,
    port: Option<Port>,
    default_port: Option<Port>,
    exact: Option<bool>,
    reuse: Option<bool>,
    project: Option<String>,
    instance: Option<InstanceId>,
    pid: Option<Pid>,
    request_id: Option<RequestId>,
    dry_run: Option<bool>,
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
    let value: Value = serde_json::from_str(json).map_err(|error| invalid("options", &error.to_string()))?;
    match value {
        Value::Array(members) => group(members, beside, caller),
        Value::Object(_) if beside.is_some() => Err(invalid(
            "options",
            "a second argument beside one service; allowed: one object with all of it",
        )),
        Value::Object(_) => {
            let mut options: AllocateOptions = read_at("", value)?;
            let (request_id, dry_run) = (options.request_id.take(), options.dry_run.take());
            let (port, terms) = options.server(caller)?;
            Ok(with(terms.one(port), request_id, dry_run))
        }
        other => {
            let found = format!("{other} is not a set of options; allowed: an object, or a list of objects");
            Err(invalid("options", &found))
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
        let missing = |field: &str, allowed: &str| {
            invalid(&format!("{at}{field}"), &format!("it is missing; allowed: {allowed}"))
        };
        let service =
            self.service.ok_or_else(|| missing("service", "a service type such as dev, api or storybook"))?;
        if self.exact == Some(true) && self.port.is_none() {
            return Err(missing("port", "a port, since exact is true"));
        }
        if let Some(default) = self.default_port.filter(|_| self.port.is_some()) {
            let found = format!("{default} beside port; allowed: one of the two");
            return Err(invalid(&format!("{at}defaultPort"), &found));
        }
        let project = self.project.map(|project| project_at(&project, caller)).transpose()?;
        let file = match project.as_ref().or(beside) {
            Some(folder) => caller.at(Path::new(folder.as_str())).file(),
            None => caller.file(),
        };
        let port = PortRequest {
            name: self.name,
            port: self.port,
            default_port: self.default_port,
            exact: self.exact,
            terms: Terms { project, instance: self.instance, pid: self.pid, reuse: self.reuse },
            ..PortRequest::new(service)
        };
        Ok(port.or(file.map_err(|error| refused(error.refusal()))?.as_ref()))
    }
}

fn group(members: Vec<Value>, beside: Option<&str>, caller: &Caller) -> Result<AllocateRequest> {
    let common = beside.map(read::<GroupOptions>).transpose()?.unwrap_or_default();
    let GroupOptions { request_id, dry_run, reuse, project, instance, pid } = common;
    if members.is_empty() || members.len() > AllocateRequest::MAX_MEMBERS {
        let found = format!("{} members; allowed: 1 to {}", members.len(), AllocateRequest::MAX_MEMBERS);
        return Err(invalid("options", &found));
    }
    let project = project.map(|project| project_at(&project, caller)).transpose()?;
    let ports = members.into_iter().enumerate().map(|(index, member)| {
        let at = format!("[{index}].");
        if !member.is_object() {
            return Err(invalid(&format!("[{index}]"), &format!("{member}; allowed: an object")));
        }
        let member: AllocateOptions = read_at(&at, member)?;
        if member.request_id.is_some() || member.dry_run.is_some() {
            let found = "requestId or dryRun in a member; allowed: in a second argument, beside the list";
            return Err(invalid(&format!("[{index}]"), found));
        }
        member.port_request(&at, project.as_ref(), caller)
    });
    let ports: Vec<PortRequest> = ports.collect::<Result<_>>()?;
    let terms = terms(Terms { project, instance, pid, reuse }, caller)?;
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
        return Err(invalid("project", "\"\" is not a path; allowed: a folder that exists"));
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
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "Value")]
pub(crate) struct Count(pub(crate) u8);

impl TryFrom<Value> for Count {
    type Error = String;

    fn try_from(value: Value) -> std::result::Result<Self, String> {
        let count = value.as_u64().and_then(|count| u8::try_from(count).ok());
        count
            .filter(|count| (1..=100).contains(count))
            .map(Self)
            .ok_or_else(|| format!("{value} is not a count; allowed: a whole number from 1 to 100"))
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
        let missing = || invalid("instanceId", "it is missing; allowed: the name of an agent session");
        let instance_id = instance_id.ok_or_else(missing)?;
        Ok(RegisterRequest {
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
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "Value")]
pub(crate) struct After(pub(crate) u64);

impl TryFrom<Value> for After {
    type Error = String;

    fn try_from(value: Value) -> std::result::Result<Self, String> {
        value
            .as_u64()
            .map(Self)
            .ok_or_else(|| format!("{value} is not an event; allowed: the seq of an event"))
    }
}
