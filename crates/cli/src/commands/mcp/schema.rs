//! The schemas of what the tools take and give.
//!
//! What they give are the wire's types, so their schemas are cut out of the REST API's document, which a test keeps true.

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use super::tool::Tool;

/// The REST API, as the daemon tells it too; linked, the two are one text.
const CONTRACT: &str = include_str!("../../../../../docs/openapi.json");
/// Where the REST API's document has its schemas, as references name it.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// What `tool` takes.
pub(super) fn input(tool: Tool) -> JsonObject {
    let port = |of: &str| json!({ "type": "integer", "minimum": 1, "maximum": 65_535, "description": of });
    let service = |of: &str| json!({ "type": "string", "maxLength": 50, "description": of });
    let name = |of: &str| json!({ "type": "string", "maxLength": 100, "description": of });
    let project = |of: &str| json!({ "type": "string", "description": of });
    let view = "A folder of the worktree to see it from, absolute. Default: this server's working folder.";
    let (properties, required): (Value, &[&str]) = match tool {
        Tool::Allocate => (
            json!({
                "service": service("What the port is for: dev, api, test, storybook, docs, …"),
                "name": name("Which of several servers of that service: web, admin, …"),
                "port": port("The port wished for; another one is given if it cannot be had. \
                    Default: what the project's .styxy.json says, else the port of last time."),
                "project": project("A folder of the worktree that the port is for, absolute. \
                    Default: this server's working folder."),
            }),
            &["service"],
        ),
        Tool::Release => (
            json!({
                "port": port("The port to give back; either this or lock_id."),
                "lock_id": { "type": "string", "format": "uuid", "description": "The lease to end; either this or port." },
                "project": project("A folder of the worktree whose lease it is, absolute. \
                    Default: this server's working folder."),
            }),
            &[],
        ),
        Tool::List => (
            json!({
                "service": service("Only this service's."),
                "name": name("Only leases of this name."),
                "port": port("Only this port's."),
                "project": project("Only those of the worktree around this folder, absolute. Default: all worktrees."),
            }),
            &[],
        ),
        Tool::Check => (json!({ "port": port("The port to look at.") }), &["port"]),
        Tool::WhoOwns => {
            (json!({ "port": port("The port to ask about."), "project": project(view) }), &["port"])
        }
    };
    object(json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    }))
}

/// What `tool` gives: its answer, or a refusal.
pub(super) fn output(tool: Tool) -> JsonObject {
    let document: Value = serde_json::from_str(CONTRACT).unwrap_or_default();
    let known = &document["components"]["schemas"];
    let mut definitions = Map::new();
    let answer = match tool {
        Tool::Allocate => "Grant",
        Tool::Release => "ReleaseAnswer",
        Tool::List => "AllocationsAnswer",
        Tool::Check => "CheckAnswer",
        Tool::WhoOwns => {
            define("WhoAnswer", who(), known, &mut definitions);
            "WhoAnswer"
        }
    };
    for name in [answer, "Refusal"] {
        if !definitions.contains_key(name) {
            define(name, known[name].clone(), known, &mut definitions);
        }
    }
    let choice = |name: &str| json!({ "$ref": format!("{DEFINITIONS}{name}") });
    object(json!({ "type": "object", "anyOf": [choice(answer), choice("Refusal")], "$defs": definitions }))
}

/// The answer that no route gives.
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
        },
        "required": ["port", "whose", "reason", "worktree", "branch", "instance_id", "system_usage", "allocated_to"],
    })
}

/// Puts `schema` under `name`, and after it all that it refers to.
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

/// Turns the document's references into local ones, and names them. Descriptions go: a client may show a schema to its
/// model, which pays for every word, and the names say it.
fn localise(schema: &mut Value, named: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            // A property may be called `description`; its schema is an object, and stays.
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
    use super::super::arguments::{self, read};
    use super::*;
    use styxy_core::api::Refusal;

    /// The arguments that `tool` names when it is said one that it does not know.
    fn known(tool: Tool) -> Vec<String> {
        let said = object(json!({ "?": 1 }));
        let refusal: Refusal = match tool {
            Tool::Allocate => read::<arguments::Allocate>(said).unwrap_err(),
            Tool::Release => read::<arguments::Release>(said).unwrap_err(),
            Tool::List => read::<arguments::List>(said).unwrap_err(),
            Tool::Check => read::<arguments::Check>(said).unwrap_err(),
            Tool::WhoOwns => read::<arguments::WhoOwns>(said).unwrap_err(),
        };
        let allowed = refusal.details["allowed"].as_array().unwrap();
        allowed.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_argument_that_is_read_is_declared_and_no_other() {
        for tool in Tool::ALL {
            let schema = input(tool);
            let mut declared: Vec<&str> =
                schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut read = known(tool);
            declared.sort_unstable();
            read.sort_unstable();
            assert_eq!(declared, read, "{}", tool.name());
        }
    }

    #[test]
    fn every_reference_of_an_output_leads_somewhere_in_it() {
        for tool in Tool::ALL {
            let schema = Value::Object(output(tool));
            let text = schema.to_string();
            assert!(!text.contains(COMPONENTS) && !text.contains("examples"), "{text}");
            let references: Vec<&str> = text.split("\"$ref\":\"#").skip(1).collect();
            assert!(references.len() > 1, "{text}");
            for reference in references {
                let pointer = reference.split('"').next().unwrap();
                assert!(schema.pointer(pointer).is_some_and(Value::is_object), "{pointer}");
            }
        }
    }
}
