//! The JSON Schema of `.styxy.json`, from a description of the file's shape: every key may be left out or null.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::parse::{MAX_ENV, MAX_SERVICES, MAX_TEXTS, TIMES};
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
    /// Servers by what they are called. Without a type, that is their service type: dev, api, storybook and so on.
    services: Option<Services>,
}

/// What is wished for one server, and how styxy up starts it.
#[derive(JsonSchema)]
#[schemars(rename = "Service", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ServiceFile {
    /// What kind of server it is, if its key does not say that: dev, api, storybook and so on.
    #[schemars(rename = "type", extend("pattern" = SERVICE_TYPE))]
    kind: Option<String>,
    /// Which of several servers of that type it is.
    #[schemars(extend("pattern" = SERVICE_NAME))]
    name: Option<String>,
    /// The port to get if it can be had: another one is given if not. false for a program that does not serve.
    port: Option<PortOrNone>,
    /// Further variables: a list of names that hold the port number, each of which has to say PORT; or names and texts with
    /// places, such as {api.url}, for this service under styxy up.
    env: Option<Variables>,
    /// Whether pages of other sites may speak to it by its name: its own rules for other origins decide then.
    open: Option<bool>,
    /// The Host header of requests that reach it by its name: kept as it is, or local for localhost and the port.
    #[schemars(extend("enum" = ["kept", "local", null]))]
    host: Option<String>,
    /// What styxy up starts: a line for the shell, or a program and its arguments.
    run: Option<Command>,
    /// Where it is started, relative to the folder of this file.
    cwd: Option<String>,
    /// When it is ready, if listening is not enough: the path that is asked for, or more about the answer.
    ready: Option<ReadyFile>,
    /// The services that have to be ready before it starts.
    #[schemars(extend("uniqueItems" = true))]
    after: Option<Vec<ServiceLabel>>,
    /// Whether it gets a terminal of its own, for its keys. It ends with styxy up then.
    tty: Option<bool>,
    /// How many seconds it may take until it is ready. Default: 60; for a container 600.
    #[schemars(range(min = TIMES.0.as_f64(), max = TIMES.1.as_f64()))]
    timeout: Option<f64>,
    /// The service of the compose file in this folder that it is.
    #[schemars(extend("pattern" = "^[A-Za-z0-9._][A-Za-z0-9._-]{0,99}$"))]
    compose: Option<String>,
}

/// What the answer to a request has to be.
#[derive(JsonSchema)]
#[schemars(rename = "Ready", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ReadyObject {
    /// The path. Default: /
    #[schemars(extend("pattern" = "^/[!-~]*$"))]
    path: Option<String>,
    /// The status. Default: any below 500.
    #[schemars(range(min = 100, max = 599))]
    status: Option<u16>,
    /// What the body has to contain.
    #[schemars(length(min = 1))]
    text: Option<String>,
}

/// A value of several forms.
macro_rules! form {
    ($name:ident: |$generator:ident| $schema:expr) => {
        struct $name;
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

form!(PortOrNone: |generator| {
    let port = generator.subschema_for::<Port>();
    json_schema!({ "anyOf": [port, { "const": false }] })
});
form!(ServiceLabel: |_generator| json_schema!({ "type": "string", "pattern": SERVICE_NAME }));
form!(Command: |_generator| json_schema!({
    "anyOf": [
        { "type": "string", "minLength": 1 },
        { "type": "array", "items": { "type": "string" }, "minItems": 1 },
    ],
}));
form!(ReadyFile: |generator| {
    let object = generator.subschema_for::<ReadyObject>();
    json_schema!({ "anyOf": [{ "type": "string", "pattern": "^/[!-~]*$" }, object] })
});
form!(Variables: |generator| {
    let variable = generator.subschema_for::<Variable>();
    json_schema!({
        "anyOf": [
            { "type": "array", "items": variable, "uniqueItems": true, "maxItems": MAX_ENV },
            {
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,99}$" },
                "additionalProperties": { "type": "string" },
                "maxProperties": MAX_TEXTS,
            },
        ],
    })
});
form!(Variable: |_generator| json_schema!({
    "type": "string",
    "maxLength": 100,
    "pattern": "^[A-Z][A-Z0-9_]*$",
    "allOf": [{ "pattern": "PORT[0-9]*(_|$)" }, { "not": { "pattern": "^STYXY_|^PORT$" } }],
}));
form!(Services: |generator| {
    let entry = generator.subschema_for::<Option<ServiceFile>>();
    json_schema!({
        "type": "object",
        "maxProperties": MAX_SERVICES,
        "propertyNames": { "pattern": SERVICE_NAME },
        "additionalProperties": entry,
    })
});

#[cfg(test)]
mod tests {
    use super::super::SCHEMA;
    use super::super::parse::{KEYS, READY_KEYS, SERVICE_KEYS};
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
        assert_eq!(keys(&schema["$defs"]["Ready"]["properties"]), sorted(READY_KEYS.to_vec()));
    }
}
