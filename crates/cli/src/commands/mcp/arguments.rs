//! The arguments of each tool, and the folder that a call is about. Clients see the comments of the fields.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use styxy_client::Caller;
use styxy_core::api::{self, Refusal};
use styxy_core::{Invalid, LockId, Port, ProjectPath, ServiceName, ServiceType};

use crate::here::caller::caller;
use crate::say::failure::Failure;

/// `allocate_port`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Allocate {
    /// What the port is for: dev, api, test, storybook, docs, …
    #[schemars(with = "String", length(max = 50))]
    pub(super) service: ServiceType,
    /// Which of several servers of that service: web, admin, …
    #[schemars(with = "Option<String>", length(max = 100))]
    pub(super) name: Option<ServiceName>,
    /// Preferred port; another one is used if it is taken.
    /// Default: the one in the project's .styxy.json, else the port of last time.
    #[schemars(with = "Option<u16>", range(min = 1))]
    pub(super) port: Option<Port>,
    /// A folder of the worktree that the port is for, absolute. Default: this server's working folder.
    pub(super) project: Option<PathBuf>,
}

/// `release_port`: exactly one of `port` and `lock_id`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    /// The port to release; either this or `lock_id`.
    #[schemars(with = "Option<u16>", range(min = 1))]
    pub(super) port: Option<Port>,
    /// The lease to end; either this or port.
    #[schemars(with = "Option<String>", extend("format" = "uuid"))]
    pub(super) lock_id: Option<LockId>,
    /// A folder of the worktree whose lease it is, absolute. Default: this server's working folder.
    pub(super) project: Option<PathBuf>,
}

/// `list_ports`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// Only leases of this service.
    #[schemars(with = "Option<String>", length(max = 50))]
    pub(super) service: Option<ServiceType>,
    /// Only leases with this name.
    #[schemars(with = "Option<String>", length(max = 100))]
    pub(super) name: Option<ServiceName>,
    /// Only the lease of this port.
    #[schemars(with = "Option<u16>", range(min = 1))]
    pub(super) port: Option<Port>,
    /// Only leases of the worktree of this folder, absolute. Default: all worktrees.
    pub(super) project: Option<PathBuf>,
}

/// `check_port`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    /// The port to look at.
    #[schemars(with = "u16", range(min = 1))]
    pub(super) port: Port,
}

/// `who_owns_port`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhoOwns {
    /// The port to ask about.
    #[schemars(with = "u16", range(min = 1))]
    pub(super) port: Port,
    /// A folder of the worktree to see it from, absolute. Default: this server's working folder.
    pub(super) project: Option<PathBuf>,
}

/// `start_service`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartService {
    /// The service to start, and those that it comes after. Default: all services of the worktree.
    #[schemars(length(max = 100))]
    pub(super) service: Option<String>,
    /// A folder of the worktree, absolute. Default: this server's working folder.
    pub(super) project: Option<PathBuf>,
}

/// `stop_service`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StopService {
    /// The service to stop.
    #[schemars(length(max = 100))]
    pub(super) service: String,
    /// A folder of the worktree, absolute. Default: this server's working folder.
    pub(super) project: Option<PathBuf>,
}

/// `service_logs`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceLogs {
    /// The service whose output to read.
    #[schemars(length(max = 100))]
    pub(super) service: String,
    /// How many lines, from the end. Default: 200.
    #[schemars(with = "Option<u16>", range(min = 1, max = 200))]
    pub(super) lines: Option<Lines>,
    /// Only lines that contain this text.
    pub(super) grep: Option<String>,
    /// A folder of the worktree, absolute. Default: this server's working folder.
    pub(super) project: Option<PathBuf>,
}

/// `wait_for`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitFor {
    /// The service to wait for.
    #[schemars(length(max = 100))]
    pub(super) service: String,
    /// A path that it must answer, with a status below 500. Default: it is enough that it is ready.
    pub(super) path: Option<String>,
    /// How many seconds to wait at most. Default: 60.
    #[schemars(with = "Option<u64>", range(min = 1, max = 600))]
    pub(super) timeout: Option<Seconds>,
    /// A folder of the worktree, absolute. Default: this server's working folder.
    pub(super) project: Option<PathBuf>,
}

/// How many lines of a log.
#[derive(Debug)]
pub(super) struct Lines(pub(super) usize);

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let said = "a whole number from 1 to 200";
        from.deserialize_u64(Whole { most: 200, said }).map(|lines| Self(usize::from(lines)))
    }
}

/// How long something is waited for.
#[derive(Debug)]
pub(super) struct Seconds(pub(super) Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let said = "a whole number of seconds from 1 to 600";
        let seconds = from.deserialize_u64(Whole { most: 600, said })?;
        Ok(Self(Duration::from_secs(seconds.into())))
    }
}

/// A whole number from 1 to `most`, as `said`.
struct Whole {
    most: u16,
    said: &'static str,
}

impl Visitor<'_> for Whole {
    type Value = u16;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.said)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u16, E> {
        let whole = u16::try_from(number).ok().filter(|number| (1..=self.most).contains(number));
        whole.ok_or_else(|| Invalid::new(number, "is out of range", self.said).serde())
    }
}

/// Reads the arguments of a call.
///
/// # Errors
/// An argument is missing, unknown or invalid; the refusal names it.
pub(super) fn read<T: DeserializeOwned>(mut said: JsonObject) -> Result<T, Refusal> {
    said.values_mut().for_each(make_whole);
    said.get_mut("port").map(make_number);
    api::read("arguments", &Value::Object(said).to_string())
}

/// In JSON Schema 3000.0 is an integer, and some languages write their numbers like that.
fn make_whole(value: &mut Value) {
    let fraction = value.as_f64().filter(|_| value.is_f64());
    let whole = fraction.and_then(|number| format!("{number}").parse::<u32>().ok());
    if let Some(whole) = whole {
        *value = whole.into();
    }
}

/// Some models write a port as a text.
fn make_number(value: &mut Value) {
    if let Some(port) = value.as_str().and_then(|text| text.parse::<Port>().ok()) {
        *value = port.get().into();
    }
}

/// The worktree that a call is about: the one around `given`, or around the server's own folder as it is now. A folder
/// outside of any stands for itself, also if it is gone by now.
///
/// # Errors
/// Its path is not Unicode.
pub(super) fn project(given: Option<&Path>) -> Result<Option<ProjectPath>, Failure> {
    Ok(match given {
        Some(given) => Some(caller().project_around(given)?),
        None => caller().project()?,
    })
}

/// Where and for whom a call is: in the folder that it is about.
///
/// # Errors
/// There is no such folder.
pub(super) fn caller_in(given: Option<&Path>) -> Result<Caller, Failure> {
    is_folder(given)?;
    Ok(given.map_or_else(caller, |given| caller().at(given)))
}

fn is_folder(given: Option<&Path>) -> Result<(), Failure> {
    match given.filter(|given| !given.is_dir()) {
        None => Ok(()),
        Some(given) => {
            let wrong = Invalid::new(given.display(), "is not a folder", "the path of a folder that exists");
            Err(wrong.in_field("project").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mistake<T: DeserializeOwned + std::fmt::Debug>(said: &Value) -> Refusal {
        read::<T>(said.as_object().unwrap().clone()).unwrap_err()
    }

    #[test]
    fn an_unknown_argument_is_refused_by_name_with_the_nearest_known_one() {
        let refusal = mistake::<Allocate>(&json!({ "service": "dev", "prt": 3000 }));
        assert_eq!(refusal.details["field"], "prt");
        assert_eq!(refusal.hint.as_deref(), Some("did you mean port?"));
        assert!(refusal.error.contains("allowed: service, name, port, project"), "{}", refusal.error);
    }

    #[test]
    fn a_port_may_be_written_with_a_fraction_of_zero_or_as_a_text() {
        let port = |text: &str| read::<Check>(serde_json::from_str(text).unwrap());
        assert_eq!(port(r#"{"port": 3000.0}"#).unwrap().port.get(), 3000);
        assert_eq!(port(r#"{"port": 3e3}"#).unwrap().port.get(), 3000);
        assert_eq!(port(r#"{"port": "3000"}"#).unwrap().port.get(), 3000);
        for bad in ["3000.5", "-1.0", "70000.0", "1e300", "\"70000\"", "\"dev\"", "\"\""] {
            assert!(port(&format!(r#"{{"port": {bad}}}"#)).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_invalid_argument_is_refused_with_what_is_allowed() {
        let refusal = mistake::<Check>(&json!({ "port": 70_000 }));
        assert_eq!(refusal.error, "port: 70000 is not a port; allowed: a whole number from 1 to 65535");
        let refusal = mistake::<Allocate>(&json!({}));
        assert_eq!(refusal.error, "arguments: service is missing");
    }

    #[test]
    fn a_number_that_is_out_of_range_is_refused_with_the_range_in_plain_words() {
        let lines = |said: Value| mistake::<ServiceLogs>(&json!({ "service": "api", "lines": said })).error;
        assert_eq!(lines(json!(0)), "lines: 0 is out of range; allowed: a whole number from 1 to 200");
        assert_eq!(lines(json!(201)), "lines: 201 is out of range; allowed: a whole number from 1 to 200");
        assert_eq!(lines(json!(-1)), "lines: found -1; allowed: a whole number from 1 to 200");
        let timeout = |said: Value| mistake::<WaitFor>(&json!({ "service": "api", "timeout": said })).error;
        let allowed = "allowed: a whole number of seconds from 1 to 600";
        assert_eq!(timeout(json!("5s")), format!("timeout: found \"5s\"; {allowed}"));
        assert_eq!(timeout(json!(601)), format!("timeout: 601 is out of range; {allowed}"));
    }
}
