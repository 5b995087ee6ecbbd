//! What is said to each tool, and the folder that a call is about.

use std::path::{Path, PathBuf};

use rmcp::model::JsonObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use styxy_client::place::project_root;
use styxy_core::api::{self, Refusal};
use styxy_core::project::Project;
use styxy_core::{Invalid, LockId, Port, ProjectPath, ServiceName, ServiceType};

use crate::failure::Failure;
use crate::place;
use crate::wishes;

/// `allocate_port`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allocate {
    pub(super) service: ServiceType,
    pub(super) name: Option<ServiceName>,
    pub(super) port: Option<Port>,
    pub(super) project: Option<PathBuf>,
}

/// `release_port`: exactly one of `port` and `lock_id`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    pub(super) port: Option<Port>,
    pub(super) lock_id: Option<LockId>,
    pub(super) project: Option<PathBuf>,
}

/// `list_ports`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    pub(super) service: Option<ServiceType>,
    pub(super) name: Option<ServiceName>,
    pub(super) port: Option<Port>,
    pub(super) project: Option<PathBuf>,
}

/// `check_port`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) port: Port,
}

/// `who_owns_port`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhoOwns {
    pub(super) port: Port,
    pub(super) project: Option<PathBuf>,
}

/// What was said to a tool, read.
///
/// # Errors
/// An argument is missing, unknown or not of its form; it is named.
pub(super) fn read<T: DeserializeOwned>(mut said: JsonObject) -> Result<T, Refusal> {
    said.values_mut().for_each(make_whole);
    api::read("arguments", &Value::Object(said).to_string())
}

/// To JSON Schema, 3000.0 is an integer, and some languages write their numbers so.
fn make_whole(value: &mut Value) {
    let fraction = value.as_f64().filter(|_| value.is_f64());
    let whole = fraction.and_then(|number| format!("{number}").parse::<u32>().ok());
    if let Some(whole) = whole {
        *value = whole.into();
    }
}

/// The worktree that a call is about: the one around `given`, or around the server's own folder as it is now. A folder
/// outside of any stands for itself, also if it is gone by now.
///
/// # Errors
/// Its path is not Unicode.
pub(super) fn project(given: Option<&Path>) -> Result<Option<ProjectPath>, Failure> {
    let Some(given) = given else { return place::current_project() };
    let root = project_root(given, place::user_home().as_deref());
    place::known_project(root.as_deref().unwrap_or(given)).map(Some)
}

/// What the project's file says in the folder that a call is about.
///
/// # Errors
/// There is no such folder, or its file has a mistake.
pub(super) fn project_file(given: Option<&Path>) -> Result<Option<Project>, Failure> {
    is_folder(given)?;
    match given {
        Some(given) => wishes::project_of(given),
        None => wishes::current_project(),
    }
}

/// # Errors
/// There is no such folder.
pub(super) fn is_folder(given: Option<&Path>) -> Result<(), Failure> {
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
    fn a_port_may_be_written_with_a_fraction_of_nothing() {
        let port = |text: &str| read::<Check>(serde_json::from_str(text).unwrap());
        assert_eq!(port(r#"{"port": 3000.0}"#).unwrap().port.get(), 3000);
        assert_eq!(port(r#"{"port": 3e3}"#).unwrap().port.get(), 3000);
        for bad in ["3000.5", "-1.0", "70000.0", "1e300"] {
            assert!(port(&format!(r#"{{"port": {bad}}}"#)).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_argument_of_the_wrong_form_is_refused_with_what_is_allowed() {
        let refusal = mistake::<Check>(&json!({ "port": 70_000 }));
        assert_eq!(refusal.error, "port: 70000 is not a port; allowed: a whole number from 1 to 65535");
        let refusal = mistake::<Allocate>(&json!({}));
        assert_eq!(refusal.error, "arguments: missing field `service`");
    }
}
