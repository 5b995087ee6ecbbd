//! What of an answer the journal holds. The daemon's own tests read this file too.

use serde_json::Value;

/// `value` without what only a running daemon knows: the last heartbeat, and when a listener was seen last; and without what an old one does not know.
pub(crate) fn durable(mut value: Value) -> Value {
    match &mut value {
        Value::Array(values) => values.iter_mut().for_each(|value| *value = durable(value.take())),
        Value::Object(fields) => {
            // Version 0.1.0 has no `listener` and no names.
            let passing = ["last_seen_listening", "last_heartbeat", "listener", "host", "named_url"];
            fields.retain(|name, _| !passing.contains(&name.as_str()));
            fields.values_mut().for_each(|value| *value = durable(value.take()));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}
