//! Schemas of the types whose form is not their fields': numbers with bounds, texts with patterns.

use schemars::{JsonSchema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::config::Seconds;
use crate::label::Label;
use crate::names::{InstanceId, LockId, ProjectId, ProjectPath, RequestId, ServiceName, ServiceType};
use crate::port::{Port, PortRange};
use crate::process::Pid;
use crate::time::WallTime;

pub(crate) const SERVICE_TYPE: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$";
pub(crate) const SERVICE_NAME: &str = "^[A-Za-z0-9._-]{1,100}$";
const INSTANCE_ID: &str = "^[A-Za-z0-9:_-]{1,100}$";
const PROJECT_ID: &str = "^[A-Za-z0-9:.-]{1,64}$";
const PROJECT_PATH: &str = r"^[^\x00]+$";
pub(crate) const LABEL: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
const REQUEST_ID: &str = "^[!-~]{1,64}$";

/// The schema of the wire for a type of this crate.
macro_rules! wire {
    ($($name:ident: $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }
        impl ToSchema for $name {}
    )*};
}

wire! {
    Port: number("A TCP port.", 65_535, 3000);
    Pid: number("A process number.", 2_147_483_647, 4242);
    ServiceType: text("What kind of server a lease is for.", SERVICE_TYPE, 50, "dev");
    ServiceName: text("Which of several servers of one kind.", SERVICE_NAME, 100, "web");
    InstanceId: text("An agent session or another group of processes.", INSTANCE_ID, 100, "claude-1");
    ProjectPath: text("The root of a checkout: a key, never opened.", PROJECT_PATH, 4096, "/w/app");
    ProjectId: text("Which folder a project path is, within one boot: opaque.", PROJECT_ID, 64, "fd01:2f8a:187f0c");
    RequestId: text("A client's own name for one request.", REQUEST_ID, 64, "b7f1");
    Label: text("One label of a host name.", LABEL, 63, "login-shop");
    PortRange: ArrayBuilder::new().items(Port::schema()).min_items(Some(2)).max_items(Some(2));
    Seconds: ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0_u32));
    LockId: formatted("A lease's name, unique for ever.", KnownFormat::Uuid, "4f5e1c0a-8a51-4c3e-9d53-0c1f6f9f1f10");
    WallTime: formatted("A time, RFC 3339, UTC.", KnownFormat::DateTime, "2026-11-22T17:40:00.123Z");
}

fn number(description: &str, most: u32, example: u32) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .description(Some(description))
        .minimum(Some(1_u32))
        .maximum(Some(most))
        .examples([example])
}

fn text(description: &str, pattern: &str, most: usize, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(pattern))
        .min_length(Some(1))
        .max_length(Some(most))
        .examples([example])
}

fn formatted(description: &str, format: KnownFormat, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .format(Some(SchemaFormat::KnownFormat(format)))
        .examples([example])
}

/// The schema of the file for a type of this crate, written where it is used.
macro_rules! in_file {
    ($($name:ident: $schema:tt;)*) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
                json_schema!($schema)
            }
        }
    )*};
}

in_file! {
    Port: { "type": "integer", "minimum": 1, "maximum": 65535 };
    PortRange: {
        "type": "array",
        "items": { "type": "integer", "minimum": 1, "maximum": 65535 },
        "minItems": 2,
        "maxItems": 2,
    };
    Seconds: { "type": "number", "minimum": 0.1, "maximum": 31_622_400 };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts of a pattern, which proptest wants without its anchors.
    fn of(pattern: &'static str) -> &'static str {
        pattern.trim_start_matches('^').trim_end_matches('$')
    }

    proptest! {
        #[test]
        fn what_a_pattern_describes_is_accepted(
            service_type in of(SERVICE_TYPE), name in of(SERVICE_NAME),
            instance in of(INSTANCE_ID), request in of(REQUEST_ID), folder in of(PROJECT_ID), label in of(LABEL),
        ) {
            prop_assert!(ServiceType::new(&service_type).is_ok(), "{}", service_type);
            prop_assert!(ServiceName::new(&name).is_ok(), "{}", name);
            prop_assert!(InstanceId::new(&instance).is_ok(), "{}", instance);
            prop_assert!(RequestId::new(&request).is_ok(), "{}", request);
            prop_assert!(Label::parse(&label).is_ok(), "{}", label);
            prop_assert!(ProjectId::new(&folder).is_ok(), "{}", folder);
        }
    }

    #[test]
    fn ports_and_pids_have_both_bounds() {
        let port = serde_json::to_value(Port::schema()).unwrap();
        assert_eq!((&port["minimum"], &port["maximum"]), (&1.into(), &65_535.into()));
        let pid = serde_json::to_value(Pid::schema()).unwrap();
        assert_eq!((&pid["minimum"], &pid["maximum"]), (&1.into(), &i32::MAX.into()));
        assert_eq!(serde_json::to_value(LockId::schema()).unwrap()["format"], "uuid");
    }
}
