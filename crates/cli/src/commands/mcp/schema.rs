//! The schemas of the tools' arguments and answers.
//!
//! The answers are types of the wire, so their schemas come from the REST API's document, which a test keeps correct.

use rmcp::model::JsonObject;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RestrictFormats};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// The REST API's document, which the daemon serves too; the linker keeps one copy.
const CONTRACT: &str = include_str!("../../../../../docs/openapi.json");
/// The prefix of references to schemas in the REST API's document.
pub(super) const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// The schema of the arguments of a tool that reads a `T`.
pub(super) fn input<T: JsonSchema>() -> JsonObject {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(RestrictFormats::default())
        .with_transform(RecursiveTransform(plain));
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = object(schema.to_value());
    // Names of this program, which are useless to a client.
    for noise in ["$schema", "title", "description"] {
        schema.remove(noise);
    }
    schema
}

/// Makes no argument nullable, since clients would send null instead of leaving it out, and a description one line.
fn plain(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get("type") {
        let without_null = types.iter().find(|name| *name != "null").cloned();
        schema.insert("type".to_owned(), without_null.into());
    }
    if let Some(Value::String(lines)) = schema.get_mut("description") {
        *lines = lines.replace('\n', " ");
    }
}

/// The schema of a tool's answers: the type `answer` of the wire, or a refusal.
pub(super) fn output(answer: &str) -> JsonObject {
    let document: Value = serde_json::from_str(CONTRACT).unwrap_or_default();
    let known = &document["components"]["schemas"];
    let mut definitions = Map::new();
    for name in [answer, "Refusal"] {
        let schema = match name {
            WHO => who(),
            SERVICES => services(),
            LOGS => logs(),
            _ => known[name].clone(),
        };
        define(name, schema, known, &mut definitions);
    }
    let choice = |name: &str| json!({ "$ref": format!("{DEFINITIONS}{name}") });
    object(json!({
        "type": "object",
        "properties": { SUMMARY: { "type": "string", "description": "The same in words." } },
        "required": [SUMMARY],
        "anyOf": [choice(answer), choice("Refusal")],
        "$defs": definitions,
    }))
}

/// The field of an answer that has its words.
pub(super) const SUMMARY: &str = "summary";

/// Takes the fields out of an answer that are null: a model pays for each, and clients warn of a type that is one of two.
pub(super) fn leave_out_nulls(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Makes a schema say so: what may be null may be missing instead.
fn without_nulls(schema: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    let nullable =
        properties.iter_mut().filter_map(|(name, schema)| without_null(schema).then(|| name.clone()));
    let nullable: Vec<String> = nullable.collect();
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| nullable.iter().all(|nullable| name != nullable));
    }
}

/// Takes null out of what a value may be; whether it was there.
fn without_null(schema: &mut Value) -> bool {
    let is_null = |choice: &Value| *choice == "null" || *choice == json!({ "type": "null" });
    for key in ["type", "oneOf", "anyOf"] {
        let Some(Value::Array(choices)) = schema.get_mut(key) else { continue };
        let before = choices.len();
        choices.retain(|choice| !is_null(choice));
        let (was_there, only) = (choices.len() < before, choices.len() == 1);
        if was_there && only {
            let only = choices.remove(0);
            if key == "type" {
                schema[key] = only;
            } else {
                *schema = only;
            }
        }
        return was_there;
    }
    false
}

/// The answer that is not in the REST API's document.
pub(super) const WHO: &str = "WhoAnswer";

fn who() -> Value {
    let reference = |name: &str| json!({ "$ref": format!("{COMPONENTS}{name}") });
    let or_null = |name: &str| json!({ "oneOf": [reference(name), { "type": "null" }] });
    json!({
        "type": "object",
        "properties": {
            "port": reference("Port"),
            "whose": { "type": "string", "enum": ["mine", "nobody", "sibling", "foreign", "orphan"] },
            "reason": { "type": "string" },
            "worktree": or_null("ProjectPath"),
            "branch": { "type": ["string", "null"] },
            "instance_id": or_null("InstanceId"),
            "system_usage": or_null("SystemUsage"),
            "allocated_to": or_null("Lease"),
            "manager": {
                "type": "object",
                "properties": {
                    "name": { "type": "string" },
                    "pid": { "type": ["integer", "null"] },
                    "unit": { "type": ["string", "null"] },
                    "again": { "type": "string", "enum": ["at_once", "next_round", "on_change", "as_set"] },
                    "stop": { "type": ["string", "null"] },
                },
                "required": ["name", "pid", "unit", "again", "stop"],
            },
            "up": {
                "type": "object",
                "properties": {
                    "service": { "type": "string" },
                    "root": { "type": "string" },
                    "stop": { "type": "string" },
                },
                "required": ["service", "root", "stop"],
            },
        },
        "required": ["port", "whose", "reason", "worktree", "branch", "instance_id", "system_usage", "allocated_to"],
    })
}

/// The answers about a worktree's services.
pub(super) const SERVICES: &str = "ServicesAnswer";
pub(super) const LOGS: &str = "LogsAnswer";

fn services() -> Value {
    let states = ["waiting", "starting", "ready", "running", "outside", "failed", "ending", "ended"];
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": {
            "success": { "type": "boolean" },
            "services": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "service": text,
                    "state": { "type": "string", "enum": states },
                    "pid": { "type": ["integer", "null"] },
                    "port": { "oneOf": [{ "$ref": format!("{COMPONENTS}Port") }, { "type": "null" }] },
                    "url": { "type": ["string", "null"] },
                    "named_url": { "type": ["string", "null"] },
                    "since": { "type": ["string", "null"] },
                    "started": { "type": "boolean" },
                    "why": { "type": ["string", "null"] },
                    "exit_code": { "type": ["integer", "null"] },
                    "log": text,
                    "tty": { "type": "boolean" },
                },
                "required": ["service", "state", "started", "log", "tty"],
            } },
            "notes": { "type": "array", "items": text },
        },
        "required": ["success", "services", "notes"],
    })
}

fn logs() -> Value {
    json!({
        "type": "object",
        "properties": {
            "success": { "type": "boolean" },
            "service": { "type": "string" },
            "lines": { "type": "array", "items": { "type": "string" } },
            "cut": { "type": "boolean" },
        },
        "required": ["success", "service", "lines", "cut"],
    })
}

/// Adds `schema` as `name`, and every schema that it refers to.
fn define(name: &str, mut schema: Value, known: &Value, definitions: &mut Map<String, Value>) {
    let mut named = Vec::new();
    localise(&mut schema, &mut named);
    definitions.insert(name.to_owned(), schema);
    for name in named {
        if !definitions.contains_key(&name) {
            define(&name, known[name.as_str()].clone(), known, definitions);
        }
    }
}

/// Makes the document's references local ones, and collects their names. Removes descriptions: a client may show a schema to
/// its model, which pays for every word, and the names are clear enough.
fn localise(schema: &mut Value, named: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            without_nulls(fields);
            // A property may be called `description`; its schema is an object and is kept.
            fields.retain(|key, value| key != "examples" && !(key == "description" && value.is_string()));
            for (key, value) in fields.iter_mut() {
                match value.as_str().and_then(|text| text.strip_prefix(COMPONENTS)) {
                    Some(name) if key == "$ref" => {
                        named.push(name.to_owned());
                        *value = format!("{DEFINITIONS}{name}").into();
                    }
                    Some(_) | None => localise(value, named),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| localise(item, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_is_left_out_in_answers_and_schemas() {
        let mut answer = json!({ "a": null, "b": { "c": null, "d": [ { "e": null, "f": 1 } ] } });
        leave_out_nulls(&mut answer);
        assert_eq!(answer, json!({ "b": { "d": [ { "f": 1 } ] } }));
        let mut schema = object(json!({
            "properties": {
                "a": { "type": ["string", "null"], "maxLength": 3 },
                "b": { "oneOf": [{ "type": "null" }, { "$ref": "#/B" }] },
                "c": { "type": "string" },
                "d": { "type": ["integer", "string", "null"] },
            },
            "required": ["a", "b", "c", "d"],
        }));
        without_nulls(&mut schema);
        let properties = json!({
            "a": { "type": "string", "maxLength": 3 }, "b": { "$ref": "#/B" }, "c": { "type": "string" },
            "d": { "type": ["integer", "string"] },
        });
        assert_eq!(Value::Object(schema), json!({ "properties": properties, "required": ["c"] }));
    }
}
