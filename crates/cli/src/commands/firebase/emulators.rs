//! The emulators of the Firebase suite: where firebase.json has their ports, and the variables that lead programs there.

use serde_json::{Map, Value};

/// One port of the suite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Emulator {
    /// Its name in the answer and in the lease.
    pub(super) name: &'static str,
    /// The entry of `emulators` that has its port, and the field there.
    pub(super) field: (&'static str, &'static str),
    /// Its default port.
    pub(super) default: u16,
    /// The service type of its lease: a built-in one, so that it is known even with strict settings.
    pub(super) service: &'static str,
    /// The variables that lead programs to it.
    pub(super) variables: &'static [Variable],
}

/// An environment variable, and what precedes the address in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable(pub(super) &'static str, pub(super) &'static str);

const PLAIN: &str = "";
const HTTP: &str = "http://";

macro_rules! row {
    ($name:literal, $entry:literal . $field:literal, $default:literal, $service:literal, [$($variable:literal $form:ident),*]) => {
        Emulator {
            name: $name,
            field: ($entry, $field),
            default: $default,
            service: $service,
            variables: &[$(Variable($variable, $form)),*],
        }
    };
}

/// Every port that the suite may listen on.
const ALL: [Emulator; 16] = [
    row!("auth", "auth"."port", 9099, "auth", ["FIREBASE_AUTH_EMULATOR_HOST" PLAIN]),
    row!("functions", "functions"."port", 5001, "functions", []),
    row!("firestore", "firestore"."port", 8080, "database",
        ["FIRESTORE_EMULATOR_HOST" PLAIN, "FIREBASE_FIRESTORE_EMULATOR_ADDRESS" PLAIN]),
    row!("websocket", "firestore"."websocketPort", 9150, "database", []),
    row!("database", "database"."port", 9000, "database", ["FIREBASE_DATABASE_EMULATOR_HOST" PLAIN]),
    row!("hosting", "hosting"."port", 5000, "dev", []),
    row!("apphosting", "apphosting"."port", 5002, "dev", []),
    row!("pubsub", "pubsub"."port", 8085, "messaging", ["PUBSUB_EMULATOR_HOST" PLAIN]),
    row!("storage", "storage"."port", 9199, "infrastructure",
        ["FIREBASE_STORAGE_EMULATOR_HOST" PLAIN, "STORAGE_EMULATOR_HOST" HTTP]),
    row!("eventarc", "eventarc"."port", 9299, "messaging", ["CLOUD_EVENTARC_EMULATOR_HOST" HTTP]),
    row!("tasks", "tasks"."port", 9499, "messaging", ["CLOUD_TASKS_EMULATOR_HOST" PLAIN]),
    row!("dataconnect", "dataconnect"."port", 9399, "database",
        ["FIREBASE_DATA_CONNECT_EMULATOR_HOST" HTTP, "DATA_CONNECT_EMULATOR_HOST" PLAIN]),
    row!("postgres", "dataconnect"."postgresPort", 5432, "database", []),
    row!("ui", "ui"."port", 4000, "ui", []),
    row!("hub", "hub"."port", 4400, "hub", ["FIREBASE_EMULATOR_HUB" PLAIN]),
    row!("logging", "logging"."port", 4500, "monitoring", []),
];

/// The emulators that firebase would start for this `config`: those with an entry in `emulators` or a feature with their
/// name, limited by `only`, and those that always run.
pub(super) fn wanted(config: &Map<String, Value>, only: Option<&str>) -> Vec<&'static Emulator> {
    let entries = config.get("emulators").and_then(Value::as_object);
    let has = |name: &str| config.contains_key(name) || entries.is_some_and(|all| all.contains_key(name));
    let lets_through = |name: &str| match only {
        // `functions:greet` is a part of functions.
        Some(only) => only.split(',').any(|one| one.split(':').next().is_some_and(|one| one.trim() == name)),
        None => true,
    };
    let starts = |name: &str| has(name) && lets_through(name);
    ALL.iter()
        .filter(|emulator| match emulator.field.0 {
            "hub" | "logging" => true,
            "ui" => entries.and_then(|all| all.get("ui")?.get("enabled")) != Some(&Value::Bool(false)),
            // Extensions run in the functions emulator.
            "functions" => starts("functions") || starts("extensions"),
            name => starts(name),
        })
        .collect()
}

impl Emulator {
    /// Its port in `config`, a number or a text, else its default port.
    pub(super) fn preferred(&self, config: &Map<String, Value>) -> u16 {
        let said = config.get("emulators").and_then(|all| all.get(self.field.0)?.get(self.field.1));
        let number = match said {
            Some(Value::Number(number)) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) | None => None,
        };
        number.filter(|number| *number != 0).unwrap_or(self.default)
    }

    /// `127.0.0.1:9099`: where programs of this machine find it.
    pub(super) fn address(&self, config: &Map<String, Value>, port: u16) -> String {
        let host = config.get("emulators").and_then(|all| all.get(self.field.0)?.get("host")?.as_str());
        let host = match host {
            // A server on every address is reached on loopback.
            None | Some("" | "0.0.0.0" | "localhost") => "127.0.0.1".to_owned(),
            Some("::" | "[::]" | "::1" | "[::1]") => "[::1]".to_owned(),
            Some(host) => host.to_owned(),
        };
        format!("{host}:{port}")
    }
}

/// `config` with these ports, otherwise unchanged.
pub(super) fn with_ports(config: &Map<String, Value>, ports: &[(&Emulator, u16)]) -> Map<String, Value> {
    let mut config = config.clone();
    let entries = object(config.entry("emulators"));
    for (emulator, port) in ports {
        let (entry, field) = emulator.field;
        object(entries.entry(entry)).insert(field.to_owned(), (*port).into());
    }
    config
}

/// The object there; any other value is replaced by one.
fn object(entry: serde_json::map::Entry<'_>) -> &mut Map<String, Value> {
    let value = entry.or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was replaced by an object"),
    }
}

/// `text` as JSON, with comments as firebase allows them.
///
/// # Errors
/// Where it is not a JSON object.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_str(&without_comments(text.trim_start_matches('\u{feff}')))
}

/// Replaces comments by spaces, so that lines and columns stay the same.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match (letter, rest.peek()) {
            ('"', _) => {
                plain.push('"');
                while let Some(letter) = rest.next() {
                    plain.push(letter);
                    match letter {
                        '\\' => plain.extend(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ('/', Some('/')) => {
                while rest.peek().is_some_and(|letter| *letter != '\n') {
                    rest.next();
                    plain.push(' ');
                }
                plain.push(' ');
            }
            ('/', Some('*')) => {
                // The `*` that opens it does not close it: `/*/` is still open.
                rest.next();
                plain.push_str("  ");
                let mut before = ' ';
                for letter in rest.by_ref() {
                    plain.push(if letter == '\n' { '\n' } else { ' ' });
                    if (before, letter) == ('*', '/') {
                        break;
                    }
                    before = letter;
                }
            }
            _ => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(json: &Value) -> Map<String, Value> {
        json.as_object().unwrap().clone()
    }

    fn names(json: &Value, only: Option<&str>) -> Vec<&'static str> {
        wanted(&config(json), only).iter().map(|emulator| emulator.name).collect()
    }

    #[test]
    fn every_configured_emulator_is_wanted_with_those_that_always_run() {
        let all = json!({"emulators": {"auth": {"port": 9099}, "firestore": {}, "singleProjectMode": true},
            "hosting": {"public": "dist"}});
        assert_eq!(names(&all, None), ["auth", "firestore", "websocket", "hosting", "ui", "hub", "logging"]);
        assert_eq!(
            names(&all, Some("auth,firestore:rules")),
            ["auth", "firestore", "websocket", "ui", "hub", "logging"]
        );
        let without_ui =
            json!({"emulators": {"dataconnect": {}, "ui": {"enabled": false}}, "extensions": {}});
        assert_eq!(names(&without_ui, None), ["functions", "dataconnect", "postgres", "hub", "logging"]);
        assert_eq!(names(&json!({}), None), ["ui", "hub", "logging"]);
    }

    #[test]
    fn the_configured_port_is_preferred_to_the_default() {
        let config = config(&json!({"emulators": {"auth": {"port": 7000}, "firestore": {"port": "7001",
            "websocketPort": 7002}, "database": {"port": 0}, "pubsub": {"port": "no"}}}));
        let preferred: Vec<_> = wanted(&config, None)
            .iter()
            .map(|emulator| (emulator.name, emulator.preferred(&config)))
            .collect();
        let expected = [
            ("auth", 7000),
            ("firestore", 7001),
            ("websocket", 7002),
            ("database", 9000),
            ("pubsub", 8085),
            ("ui", 4000),
            ("hub", 4400),
            ("logging", 4500),
        ];
        assert_eq!(preferred, expected);
    }

    #[test]
    fn ports_are_set_and_everything_else_is_kept() {
        let before = config(&json!({"emulators": {"auth": {"host": "0.0.0.0"}, "ui": {"enabled": true},
            "singleProjectMode": false}, "firestore": {"rules": "firestore.rules"}}));
        let wanted = wanted(&before, None);
        let ports: Vec<_> = wanted.iter().copied().zip(1..).collect();
        let after = with_ports(&before, &ports);
        let expected = json!({"emulators": {"auth": {"host": "0.0.0.0", "port": 1},
            "firestore": {"port": 2, "websocketPort": 3}, "ui": {"enabled": true, "port": 4}, "hub": {"port": 5},
            "logging": {"port": 6}, "singleProjectMode": false}, "firestore": {"rules": "firestore.rules"}});
        assert_eq!(Value::Object(after), expected);
    }

    #[test]
    fn programs_get_an_address_that_they_can_reach() {
        let auth = &ALL[0];
        for (host, address) in [
            (json!(null), "127.0.0.1:1"),
            (json!("0.0.0.0"), "127.0.0.1:1"),
            (json!("localhost"), "127.0.0.1:1"),
            (json!("::"), "[::1]:1"),
            (json!("192.168.1.2"), "192.168.1.2:1"),
        ] {
            let config = config(&json!({"emulators": {"auth": {"host": host}}}));
            assert_eq!(auth.address(&config, 1), address, "{host}");
        }
    }

    #[test]
    fn comments_are_ignored() {
        let text =
            "\u{feff}{ // all of it\n \"a\": \"http://x // no \\\" comment\", /*/ two\n lines */ \"b\": 1 }";
        assert_eq!(Value::Object(parse(text).unwrap()), json!({"a": "http://x // no \" comment", "b": 1}));
        assert_eq!(parse("{\n /* x */ 1 }").unwrap_err().line(), 2);
        assert!(parse("[]").is_err());
    }

    #[test]
    fn every_service_type_is_built_in() {
        let built_in = styxy_core::config::Config::default().service_types;
        for emulator in &ALL {
            assert!(built_in.keys().any(|name| name.as_str() == emulator.service), "{emulator:?}");
        }
    }
}
