//! The JSON Schema of `.styxy.json`, from a description of the file's shape: every key may be left out or null.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::parse::{MAX_ENV, MAX_SERVICES};
use crate::port::Port;
use crate::schema::{LABEL, SERVICE_NAME, SERVICE_TYPE};

/// What the schema of `.styxy.json` is generated from; the committed [`super::SCHEMA`] must equal it.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    generator.into_root_schema_for::<File>().to_value()
}

/// What a project wishes for its servers: .styxy.json, or the key styxy of package.json.
#[derive(JsonSchema)]
#[schemars(title = "Styxy project", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct File {
    /// Where this schema is, for editors.
    #[schemars(rename = "$schema")]
    schema: Option<String>,
    /// What the repository is called in host names, instead of its folder: shop for `http://dev.shop.localhost:9876`. It counts
    /// in the file at the root of the checkout.
    #[schemars(extend("pattern" = LABEL))]
    name: Option<String>,
    /// Servers by their service type: dev, api, storybook and so on.
    services: Option<Services>,
}

/// What is wished for one server.
#[derive(JsonSchema)]
#[schemars(rename = "Service", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ServiceFile {
    /// Which of several servers of that type it is.
    #[schemars(extend("pattern" = SERVICE_NAME))]
    name: Option<String>,
    /// The port to get if it can be had. Another one is given if not.
    port: Option<Port>,
    /// Further variables that hold the port number. Each name has to say PORT.
    #[schemars(extend("uniqueItems" = true, "maxItems" = MAX_ENV))]
    env: Option<Vec<Variable>>,
    /// Whether pages of other sites may speak to it by its name: its own rules for other origins decide then.
    open: Option<bool>,
    /// The Host header of requests that reach it by its name: kept as it is, or local for localhost and the port.
    #[schemars(extend("enum" = ["kept", "local", null]))]
    host: Option<String>,
}

struct Variable;

impl JsonSchema for Variable {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Variable".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 100,
            "pattern": "^[A-Z][A-Z0-9_]*$",
            "allOf": [{ "pattern": "PORT[0-9]*(_|$)" }, { "not": { "pattern": "^STYXY_|^PORT$" } }],
        })
    }
}

struct Services;

impl JsonSchema for Services {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Services".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let entry = generator.subschema_for::<Option<ServiceFile>>();
        json_schema!({
            "type": "object",
            "maxProperties": MAX_SERVICES,
            "propertyNames": { "pattern": SERVICE_TYPE },
            "additionalProperties": entry,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::SCHEMA;
    use super::super::parse::{KEYS, SERVICE_KEYS};
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "rewrites the committed file when asked to")]
    fn the_committed_project_schema_is_the_generated_one() {
        let generated = schema();
        if std::env::var("STYXY_REGENERATE").is_ok_and(|on| on == "1") {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/project.schema.json");
            return std::fs::write(file, format!("{generated:#}\n")).unwrap();
        }
        let committed: Value = serde_json::from_str(SCHEMA).unwrap();
        assert!(
            committed == generated,
            "docs/project.schema.json is old: run this test with STYXY_REGENERATE=1"
        );
    }

    #[test]
    fn the_project_schema_knows_the_keys_the_reader_knows() {
        let keys = |schema: &Value| -> Vec<String> { schema.as_object().unwrap().keys().cloned().collect() };
        let sorted = |mut keys: Vec<&str>| {
            keys.sort_unstable();
            keys.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let schema = schema();
        assert!(schema.get("required").is_none(), "every key may be left out");
        assert_eq!(keys(&schema["properties"]), sorted(KEYS.to_vec()));
        assert_eq!(keys(&schema["$defs"]["Service"]["properties"]), sorted(SERVICE_KEYS.to_vec()));
    }
}
