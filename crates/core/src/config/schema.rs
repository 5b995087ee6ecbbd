//! The JSON Schema of `config.json`, from a description of the file's shape: every key may be left out or null.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::parse::MAX_PREFERRED;
use super::{Config, EndWith, InstanceBehavior, LogLevel, Quotas, Seconds, ServiceTypeConfig};
use crate::names::ServiceType;
use crate::port::{Port, PortRange};
use crate::schema::SERVICE_TYPE;

/// What the schema of `config.json` is generated from; the committed [`super::SCHEMA`] must equal it.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    generator.into_root_schema_for::<File>().to_value()
}

/// Settings of the Styxy daemon: ~/.styxy/config.json, read when the daemon starts.
#[derive(JsonSchema)]
#[schemars(title = "Styxy configuration", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct File {
    /// Where this schema is, for editors.
    #[schemars(rename = "$schema")]
    schema: Option<String>,
    /// The TCP port of the daemon. If it is taken, the daemon does not start. Left out: 9876 to 9886, the first free.
    listen_port: Option<Port>,
    /// How much the log says.
    #[schemars(default = "log_level")]
    log_level: Option<LogLevel>,
    /// Everything is re-checked this often, as a safety net. In seconds.
    #[schemars(default = "cleanup_interval")]
    cleanup_interval: Option<Seconds>,
    /// A lease without an owner waits this long for a listener. In seconds.
    #[schemars(default = "bind_ttl")]
    bind_ttl: Option<Seconds>,
    /// A lease that belongs to its listener stands this long after the listener stopped listening. In seconds.
    #[schemars(default = "unbind_grace", extend("minimum" = 0))]
    unbind_grace: Option<Seconds>,
    /// An instance lives this long after its last heartbeat; it is asked to send one three times as often. In seconds.
    #[schemars(default = "instance_ttl")]
    instance_ttl: Option<Seconds>,
    /// [first, last] of the ports given when a service type's own are taken, and for unknown service types. Null: none.
    #[schemars(default = "overflow_range")]
    overflow_range: Option<PortRange>,
    /// Whether a service type that is not listed is refused.
    #[schemars(default = "strict_service_types")]
    strict_service_types: Option<bool>,
    /// How much one checkout, one owner and all together may have. What is beyond a quota is refused.
    quotas: Option<QuotasFile>,
    /// With what the services of styxy up end that nobody ends by hand: their worktree, the agent session that has started them
    /// (or their worktree), or nothing.
    #[schemars(default = "end_with")]
    end_with: Option<EndWith>,
    /// The services outlive the session that they end with this long. In seconds.
    #[schemars(default = "session_grace", extend("minimum" = 0))]
    session_grace: Option<Seconds>,
    /// Service types by name. An entry of a built-in name changes the fields it has; another needs a range.
    service_types: Option<ServiceTypes>,
}

/// How much one checkout, one owner and all together may have.
#[derive(JsonSchema)]
#[schemars(rename = "Quotas", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct QuotasFile {
    /// Live leases of one checkout.
    #[schemars(default = "leases_per_checkout", range(min = 1, max = Quotas::MOST))]
    leases_per_checkout: Option<u32>,
    /// Leases that wait for their server, of one owner: an agent session in a checkout, or what there is of the two.
    #[schemars(default = "waiting_per_owner", range(min = 1, max = Quotas::MOST))]
    waiting_per_owner: Option<u32>,
    /// Registered instances.
    #[schemars(default = "instances", range(min = 1, max = Quotas::MOST))]
    instances: Option<u32>,
    /// Bytes of JSON in an instance's metadata.
    #[schemars(default = "metadata_bytes", range(max = Quotas::MOST_BYTES))]
    metadata_bytes: Option<u32>,
}

/// Where the ports of one kind of server come from.
#[derive(JsonSchema)]
#[schemars(rename = "ServiceType", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ServiceTypeFile {
    /// Tried first, in order; they may lie outside the range.
    #[schemars(extend("uniqueItems" = true, "maxItems" = MAX_PREFERRED))]
    preferred_ports: Option<Vec<Port>>,
    /// [first, last], both included: tried next, ascending.
    range: Option<PortRange>,
    /// Another name for range.
    port_range: Option<PortRange>,
    /// For people.
    description: Option<String>,
    /// Whether there may be any number of leases of it, or one on the machine.
    instance_behavior: Option<InstanceBehavior>,
}

macro_rules! defaults {
    ($($of:ident { $($key:ident: $type:ty;)* })*) => {$($(
        fn $key() -> $type {
            $of::default().$key
        }
    )*)*};
}
defaults! {
    Config {
    log_level: LogLevel;
    cleanup_interval: Seconds;
    bind_ttl: Seconds;
    unbind_grace: Seconds;
    instance_ttl: Seconds;
    overflow_range: Option<PortRange>;
    strict_service_types: bool;
    end_with: EndWith;
    session_grace: Seconds;
    }
    Quotas {
    leases_per_checkout: u32;
    waiting_per_owner: u32;
    instances: u32;
    metadata_bytes: u32;
    }
}

/// The built-in names with their defaults, for completion; any other name with a range.
struct ServiceTypes;

impl JsonSchema for ServiceTypes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "ServiceTypes".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let entry = generator.subschema_for::<Option<ServiceTypeFile>>();
        let built_in = |(name, built_in): (ServiceType, ServiceTypeConfig)| {
            let mut named = entry.clone();
            named.insert("description".to_owned(), json!(built_in.description));
            named.insert("default".to_owned(), json!(built_in));
            (String::from(name), named.to_value())
        };
        let properties: Map<String, Value> =
            Config::default().service_types.into_iter().map(built_in).collect();
        let mut other = entry;
        let range = json!({ "anyOf": [{ "required": ["range"] }, { "required": ["port_range"] }] });
        other.insert("if".to_owned(), json!({ "type": "object" }));
        other.insert("then".to_owned(), range);
        json_schema!({
            "type": "object",
            "properties": properties,
            "propertyNames": { "pattern": SERVICE_TYPE },
            "additionalProperties": other,
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
    fn the_committed_schema_is_the_generated_one() {
        let generated = schema();
        if std::env::var("STYXY_REGENERATE").is_ok_and(|on| on == "1") {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.schema.json");
            return std::fs::write(file, format!("{generated:#}\n")).unwrap();
        }
        let committed: Value = serde_json::from_str(SCHEMA).unwrap();
        assert!(
            committed == generated,
            "docs/config.schema.json is old: run this test with STYXY_REGENERATE=1"
        );
    }

    #[test]
    fn the_schema_knows_the_keys_the_reader_knows() {
        let keys = |schema: &Value| -> Vec<String> { schema.as_object().unwrap().keys().cloned().collect() };
        let sorted = |mut keys: Vec<&str>| {
            keys.sort_unstable();
            keys.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let schema = schema();
        assert!(schema.get("required").is_none(), "every key may be left out");
        assert_eq!(keys(&schema["properties"]), sorted(KEYS.to_vec()));
        assert_eq!(keys(&schema["$defs"]["ServiceType"]["properties"]), sorted(SERVICE_KEYS.to_vec()));
        assert_eq!(keys(&schema["$defs"]["Quotas"]["properties"]), sorted(Quotas::KEYS.to_vec()));
    }
}
