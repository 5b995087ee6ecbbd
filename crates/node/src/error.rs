//! Refusals on their way to JavaScript.

use napi::Status;
use serde_json::{Map, Value};
use styxy_client::CallerError;
use styxy_core::Invalid;
use styxy_core::api::{Code, Refusal};

use crate::answers::sentence;
use crate::case::camel;

/// The result of a call: its answer, or a refusal.
pub(crate) type Result<T> = napi::Result<T>;

/// The error whose message is the refusal as JSON: `{error, code, hint, details}`, with JavaScript's names in `details`.
/// `StyxyError` of `lib/error.js` reads it.
pub(crate) fn refused(refusal: Refusal) -> napi::Error {
    let Refusal { success: _, error, code, hint, details } = refusal;
    let details = in_camel_case(Value::Object(details));
    let json = serde_json::json!({ "error": sentence(error), "code": code, "hint": hint.map(sentence), "details": details });
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

/// An argument with a value that it cannot have.
pub(crate) fn wrong(field: &str, value: Invalid) -> napi::Error {
    refused(value.in_field(field))
}

/// An argument with a `problem` that is not about its value alone.
pub(crate) fn invalid(field: &str, problem: &str, allowed: &str) -> napi::Error {
    refused(Refusal::invalid(field, problem, allowed))
}

/// What a folder must be that an option names.
pub(crate) const EXISTS: &str = "a folder that exists";

/// Why it is unknown where or for whom a call is, as the same.
pub(crate) fn unplaced(error: &CallerError) -> napi::Error {
    match error {
        CallerError::InvalidPath { path } => {
            let problem = "is not a path that Styxy can name";
            wrong("project", Invalid::new(path.display(), problem, "a path in Unicode, up to 4096 bytes"))
        }
        CallerError::NoFolder { given, source } => {
            let given = given.to_string_lossy();
            invalid("project", &format!("{given:?}: {source}"), EXISTS)
        }
        CallerError::InvalidSession { source } => wrong("instance", source.clone()),
    }
}

/// An answer with a number that JavaScript cannot hold. The API excludes it.
pub(crate) fn unintelligible(what: &str) -> napi::Error {
    let error = format!("the daemon's answer cannot be understood: {what}");
    refused(Refusal::new(Code::DaemonUnreachable, error).hint("styxy daemon logs"))
}
