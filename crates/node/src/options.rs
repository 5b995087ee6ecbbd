//! What callers may say, under its JavaScript names: checked strictly, nothing wrapped, nothing dropped.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use styxy_core::api::{self, AllocateRequest, AllocationsQuery, MemberRequest, RegisterRequest};
use styxy_core::json::{self, Form, Kind, Node};
use styxy_core::project::{Project, Service};
use styxy_core::{InstanceId, Invalid, Pid, Port, ProjectPath, RequestId, ServiceName, ServiceType};

use crate::error::{Result, invalid, refused, wrong};
use crate::surroundings::Caller;

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

/// A time of a millisecond to a day: what a wait may sensibly be.
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

/// What stands beside the list of `allocate([…], { … })`.
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

/// The request that `allocate` makes of its first argument, an object or a list, and of its second, which stands beside a
/// list only.
///
/// What the options leave open, the project's file says: `wishes` finds it for a folder, or for where the caller is.
pub(crate) fn allocation(
    json: &str,
    beside: Option<&str>,
    caller: &Caller,
    wishes: impl Fn(Option<&ProjectPath>) -> Result<Project>,
) -> Result<AllocateRequest> {
    let node =
        json::read(json, Form::Message).map_err(|mistake| invalid("options", &mistake.message, "JSON"))?;
    match &node.kind {
        Kind::List(members) => group(members, beside, caller, wishes),
        Kind::Object(_) if beside.is_some() => {
            Err(invalid("options", "a second argument beside one service", "one object with all of it"))
        }
        Kind::Object(_) => {
            let options: AllocateOptions = api::read_node("options", "", &node).map_err(refused)?;
            options.request(caller, wishes)
        }
        Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Text(_) => {
            let allowed = "an object, or a list of objects";
            Err(wrong("options", Invalid::new(node.found(), "is not a set of options", allowed)))
        }
    }
}

impl AllocateOptions {
    fn request(
        self,
        caller: &Caller,
        wishes: impl Fn(Option<&ProjectPath>) -> Result<Project>,
    ) -> Result<AllocateRequest> {
        let (request_id, dry_run) = (self.request_id.clone(), self.dry_run);
        let mut member = self.member("", caller)?;
        let wishes = wishes(member.project_path.as_ref())?;
        fill(&mut member, &wishes);
        let MemberRequest {
            service_type,
            service_name,
            preferred_port,
            default_port,
            exact,
            reuse,
            instance_id,
            project_path,
            pid,
        } = member;
        Ok(AllocateRequest {
            service_type,
            service_name,
            preferred_port,
            default_port,
            exact,
            reuse,
            instance_id,
            project_path,
            pid,
            request_id,
            dry_run,
            services: None,
        })
    }

    /// The part of it that a member of a group may say.
    fn member(self, at: &str, caller: &Caller) -> Result<MemberRequest> {
        let Self {
            service,
            name,
            port,
            default_port,
            exact,
            reuse,
            project,
            instance,
            pid,
            request_id: _,
            dry_run: _,
        } = self;
        let missing = |field: &str, allowed: &str| invalid(&format!("{at}{field}"), "it is missing", allowed);
        if service.is_none() {
            return Err(missing("service", "a service type such as dev, api or storybook"));
        }
        if exact == Some(true) && port.is_none() {
            return Err(missing("port", "a port, since exact is true"));
        }
        if let Some(default) = default_port.filter(|_| port.is_some()) {
            return Err(invalid(
                &format!("{at}defaultPort"),
                &format!("{default} beside port"),
                "one of the two",
            ));
        }
        Ok(MemberRequest {
            service_type: service,
            service_name: name,
            preferred_port: port,
            default_port,
            exact,
            reuse,
            instance_id: instance,
            project_path: project.map(|project| caller.existing_project(&project)).transpose()?,
            pid,
        })
    }
}

/// Has the project's file say what `member` leaves open.
fn fill(member: &mut MemberRequest, project: &Project) {
    let Some(service) = &member.service_type else { return };
    let Service { name, port, env: _ } = project.wish(service, member.service_name.as_ref());
    member.service_name = name;
    if member.preferred_port.is_none() && port.is_some() {
        member.preferred_port = port;
        member.default_port = None;
    }
}

fn group(
    members: &[Node<'_>],
    beside: Option<&str>,
    caller: &Caller,
    wishes: impl Fn(Option<&ProjectPath>) -> Result<Project>,
) -> Result<AllocateRequest> {
    let common = beside.map(read::<GroupOptions>).transpose()?.unwrap_or_default();
    let GroupOptions { request_id, dry_run, reuse, project, instance, pid } = common;
    if members.is_empty() || members.len() > AllocateRequest::MAX_MEMBERS {
        let allowed = format!("1 to {}", AllocateRequest::MAX_MEMBERS);
        return Err(invalid("options", &format!("{} members", members.len()), &allowed));
    }
    let project_path = project.map(|project| caller.existing_project(&project)).transpose()?;
    let members = members.iter().enumerate().map(|(index, member)| {
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
        let mut member = member.member(&at, caller)?;
        let wishes = wishes(member.project_path.as_ref().or(project_path.as_ref()))?;
        fill(&mut member, &wishes);
        Ok(member)
    });
    let members = members.collect::<Result<_>>()?;
    Ok(AllocateRequest {
        reuse,
        project_path,
        instance_id: instance,
        pid,
        request_id,
        dry_run,
        services: Some(members),
        ..AllocateRequest::default()
    })
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
            project_path: project.map(|project| caller.known_project(&project)).transpose()?,
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
            instance_id,
            working_directory: working_directory.map(|path| caller.known_project(&path)).transpose()?,
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
