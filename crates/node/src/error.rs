//! Refusals on their way to JavaScript.

use napi::Status;
use serde_json::{Map, Value};
use styxy_client::CallerError;
use styxy_core::api::{Code, Refusal};

use crate::case::camel;

/// The result of a call: its answer, or a refusal.
pub(crate) type Result<T> = napi::Result<T>;

/// The error whose message is the refusal as JSON: `{error, code, hint, details}`, with JavaScript's names in `details`.
/// `StyxyError` of `lib/error.js` reads it.
pub(crate) fn refused(refusal: Refusal) -> napi::Error {
    let Refusal { success: _, error, code, hint, details } = refusal;
    let details = in_camel_case(Value::Object(details));
    let json = serde_json::json!({ "error": error, "code": code, "hint": hint, "details": details });
    napi::Error::new(Status::GenericFailure, json.to_string())
}

/// The same with JavaScript's names, at every depth.
fn in_camel_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: Map<String, Value> =
                fields.into_iter().map(|(name, value)| (camel(&name), in_camel_case(value))).collect();
            Value::Object(fields)
        }
        Value::Array(values) => Value::Array(values.into_iter().map(in_camel_case).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// A client's error as the same.
pub(crate) fn failed(error: &styxy_client::Error) -> napi::Error {
    refused(error.refusal())
}

/// An argument that does not have its form.
pub(crate) fn invalid(field: &str, found: &str) -> napi::Error {
    refused(styxy_core::api::explain(field, found))
}

/// Why it is unknown where or for whom a call is, as the same.
pub(crate) fn unplaced(error: &CallerError) -> napi::Error {
    match error {
        CallerError::NotUnicode { path } => {
            invalid("project", &format!("{}; allowed: a path in Unicode", path.display()))
        }
        CallerError::InvalidPath { source, .. } => invalid("project", &source.to_string()),
        CallerError::NoFolder { given, source } => {
            let given = given.to_string_lossy();
            invalid("project", &format!("{given:?}: {source}; allowed: a folder that exists"))
        }
        CallerError::InvalidSession { source } => invalid("instance", &source.to_string()),
    }
}

/// An answer with a number that JavaScript cannot hold. The API excludes it.
pub(crate) fn unintelligible(what: &str) -> napi::Error {
    let error = format!("the daemon's answer cannot be understood: {what}");
    refused(Refusal::new(Code::DaemonUnreachable, error).hint("styxy daemon logs"))
}
