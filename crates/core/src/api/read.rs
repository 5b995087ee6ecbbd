//! Requests from text to type, and what is said of one that is not of its form.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::{Code, Refusal};
use crate::invalid::Invalid;
use crate::json::de::Misfit;
use crate::json::{self, Form, Kind, Node};
use crate::nearest::nearest;
use crate::port::Port;

/// Decodes the body of a request: a JSON object and nothing after it.
///
/// # Errors
/// The first mistake in it. Only then is it read again, by a reader that knows what is where.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // A list would be taken for an object by position.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(request) = serde_json::from_slice(body)
    {
        return Ok(request);
    }
    match std::str::from_utf8(body) {
        Ok(text) if text.trim().is_empty() => Err(Refusal::invalid("body", "it is empty", "a JSON object")),
        Ok(text) => read("body", text),
        Err(_) => Err(Refusal::invalid("body", "it is not UTF-8", "a JSON object in UTF-8")),
    }
}

/// Reads a JSON object, which is called `whole` where a mistake is not in one of its fields.
///
/// # Errors
/// The first mistake in it.
pub fn read<T: DeserializeOwned>(whole: &str, text: &str) -> Result<T, Refusal> {
    let node = json::read(text, Form::Message).map_err(|mistake| {
        let (line, column) = json::place(text, mistake.at);
        let error = format!("{whole}: line {line}, column {column}: {}", mistake.message);
        let mut refusal = about(whole, error, &mistake.message, None);
        refusal.hint = mistake.hint;
        refusal.detail("line", line).detail("column", column)
    })?;
    if matches!(node.kind, Kind::Object(_)) {
        read_node(whole, "", &node)
    } else {
        Err(Invalid::new(node.found(), "is not an object", "a JSON object").in_field(whole))
    }
}

/// Reads a value, which is called `whole` where a mistake is not in one of its fields; those are called `at` and their path.
///
/// # Errors
/// What does not fit.
pub fn read_node<'de, T: Deserialize<'de>>(
    whole: &str,
    at: &str,
    node: &'de Node<'de>,
) -> Result<T, Refusal> {
    T::deserialize(node).map_err(|misfit| match misfit.of(node) {
        Misfit::Unknown { field, known } => Refusal::unknown_field(&field, known),
        Misfit::Wrong { path, found, problem, allowed } => {
            let field = if path.is_empty() { whole.to_owned() } else { format!("{at}{path}") };
            let found = found.unwrap_or_default();
            let problem = problem.unwrap_or_else(|| format!("found {found}"));
            let allowed_too =
                allowed.as_ref().map(|allowed| format!("; allowed: {allowed}")).unwrap_or_default();
            about(&field, format!("{field}: {problem}{allowed_too}"), &found, allowed)
        }
    })
}

/// A query's values are texts; a port in it is digits and nothing else.
pub(super) fn port_in_query<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Port>, D::Error> {
    Option::<String>::deserialize(from)?.map(|text| text.parse().map_err(Invalid::serde)).transpose()
}

/// The same for what is true or false.
pub(super) fn truth_in_query<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    let truth = |text: String| {
        let said =
            text.parse().map_err(|_| Invalid::text(&text, "is neither true nor false", "true or false"));
        said.map_err(Invalid::serde)
    };
    Option::<String>::deserialize(from)?.map(truth).transpose()
}

fn about(field: &str, error: String, found: &str, allowed: Option<String>) -> Refusal {
    Refusal::new(Code::InvalidRequest, error)
        .detail("field", field)
        .detail("found", found)
        .detail("allowed", allowed)
}

impl Invalid {
    /// The refusal of a request with this value in `field`.
    #[must_use]
    pub fn in_field(self, field: &str) -> Refusal {
        let error = format!("{field}: {self}");
        about(field, error, &self.found, Some(self.allowed.into_owned()))
    }
}

impl Refusal {
    /// The refusal of a request with a `problem` in `field` that is not about one value: it is missing, or contradicts
    /// another field.
    #[must_use]
    pub fn invalid(field: &str, problem: &str, allowed: &str) -> Self {
        about(field, format!("{field}: {problem}; allowed: {allowed}"), problem, Some(allowed.to_owned()))
    }

    /// The refusal of a request with a field that is not one of `known`.
    #[must_use]
    pub fn unknown_field(field: &str, known: &[&str]) -> Self {
        let allowed = if known.is_empty() { "none".into() } else { known.join(", ") };
        let mut refusal =
            Self::new(Code::InvalidRequest, format!("unknown field {field:?}; allowed: {allowed}"))
                .detail("field", field)
                .detail("found", field)
                .detail("allowed", known)
                .detail("unknown", true);
        refusal.hint = nearest(field, known.iter().copied()).map(|near| format!("did you mean {near}?"));
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{AllocateRequest, AllocationsQuery, RegisterRequest};
    use serde_json::{Value, json};

    fn refused(body: &Value) -> Refusal {
        decode::<AllocateRequest>(body.to_string().as_bytes()).expect_err(&body.to_string())
    }

    /// Field, found and allowed.
    fn facts(refusal: &Refusal) -> Value {
        ["field", "found", "allowed"].map(|fact| refusal.details[fact].clone()).into_iter().collect()
    }

    #[test]
    fn a_mistake_is_named_by_its_field_with_what_came_and_what_is_allowed() {
        for found in ["0", "70000", "-1", "3.5", "\"abc\""] {
            let body = format!("{{\"service_type\": \"dev\", \"preferred_port\": {found}}}");
            let refusal = decode::<AllocateRequest>(body.as_bytes()).unwrap_err();
            let allowed = "a whole number from 1 to 65535";
            assert_eq!(refusal.error, format!("preferred_port: {found} is not a port; allowed: {allowed}"));
            assert_eq!(facts(&refusal), json!(["preferred_port", found, allowed]));
        }
    }

    #[test]
    fn null_is_the_same_as_absent() {
        let request: AllocateRequest =
            decode(br#"{"service_type": "dev", "exact": null, "pid": null, "services": null}"#).unwrap();
        assert_eq!((request.exact, request.pid, request.services), (None, None, None));
    }

    /// What serde and our own types write in their sentences.
    const HOSTILE: [&str; 8] = [
        "a at line b",
        "a; allowed: b",
        "a, expected b",
        "a, expected one of `b`, `c`",
        "a`b",
        "a is not a b",
        "a: b",
        "unknown field `a`, expected `b`",
    ];

    #[test]
    fn facts_come_from_types_whatever_a_value_says() {
        let names = "letters, digits, _ and -, beginning with a letter or a digit, 1 to 50 characters";
        for hostile in HOSTILE {
            let found = Value::from(format!("{hostile:?}"));
            for at in ["", "services[1]."] {
                let body = |field: &str| match at {
                    "" => json!({ field: hostile }),
                    _ => json!({ "services": [{}, { field: hostile }] }),
                };
                let refusal = refused(&body("service_type"));
                let field = format!("{at}service_type");
                assert_eq!(
                    refusal.error,
                    format!("{field}: {hostile:?} is not a service type; allowed: {names}")
                );
                assert_eq!(facts(&refusal), json!([field, found, names]));

                let refusal = refused(&body("exact"));
                let field = format!("{at}exact");
                assert_eq!(refusal.error, format!("{field}: found {hostile:?}; allowed: a boolean"));
                assert_eq!(facts(&refusal), json!([field, found, "a boolean"]));

                let refusal = refused(&body("port"));
                let (field, allowed) = (format!("{at}port"), "a whole number from 1 to 65535");
                assert_eq!(facts(&refusal), json!([field, found, allowed]));
            }
        }
    }

    #[test]
    fn an_unknown_field_is_named_as_it_is_whatever_it_says() {
        for hostile in HOSTILE {
            let refusal = refused(&json!({ "services": [{ hostile: 1 }] }));
            assert_eq!(
                (&refusal.details["field"], &refusal.details["unknown"]),
                (&hostile.into(), &true.into())
            );
            assert_eq!((refusal.details["allowed"][0].as_str(), &refusal.hint), (Some("service"), &None));
            assert!(refusal.error.starts_with(&format!("unknown field {hostile:?}; allowed: service, ")));
        }
        let refusal = refused(&json!({ "prot": 3000 }));
        assert_eq!(refusal.hint.as_deref(), Some("did you mean port?"));
    }

    #[test]
    fn a_value_of_another_type_is_named_with_what_came() {
        for (body, field, found, allowed) in [
            (json!({ "pid": [1, 2] }), "pid", "[1,2]", "a pid, a whole number from 1 to 2147483647"),
            (json!({ "services": {} }), "services", "an object", "a sequence"),
            (json!({ "services": [{}, 3] }), "services[1]", "3", "an object"),
            (json!({ "service": 3 }), "service", "3", "a string"),
            (json!({ "default_port": 3.5 }), "default_port", "3.5", "a whole number from 1 to 65535"),
        ] {
            assert_eq!(facts(&refused(&body)), json!([field, found, allowed]), "{body}");
        }
        // Read in a step of its own, from a text.
        let refusal = read::<AllocationsQuery>("query", "{\"port\": \"a at line b\"}").unwrap_err();
        let allowed = "a whole number from 1 to 65535";
        assert_eq!(facts(&refusal), json!(["port", "\"a at line b\"", allowed]));
    }

    #[test]
    fn fields_that_are_missing_or_there_twice_are_mistakes_of_the_whole() {
        let register = |body: &str| decode::<RegisterRequest>(body.as_bytes()).unwrap_err();
        assert_eq!(register("{}").error, "body: instance_id is missing");
        let twice = register("{\"instance_id\": \"a\", \"instance_id\": \"a\"}");
        assert_eq!(twice.error, "instance_id: it is there twice; allowed: once");
        assert_eq!(facts(&twice), json!(["instance_id", "it is there twice", "once"]));
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        for (body, error) in [
            ("{\n \"pid\": 1,}", "body: line 2, column 11: found }; allowed: another key"),
            ("{\"pid\":", "body: line 1, column 8: it ends here; allowed: a value"),
            ("{} {}", "body: line 1, column 4: found {; allowed: nothing after the value"),
            ("", "body: it is empty; allowed: a JSON object"),
            (" ", "body: it is empty; allowed: a JSON object"),
            ("dev", "body: line 1, column 1: found dev; allowed: a value"),
            ("null", "body: null is not an object; allowed: a JSON object"),
            ("{\"pid\": 1}x", "body: line 1, column 11: found x; allowed: nothing after the value"),
            ("[1]", "body: [1] is not an object; allowed: a JSON object"),
            // A control character that JSON allows in a text.
            ("\"\u{7f}\u{9b}31m\"", "body: \"\\u{7f}\\u{9b}31m\" is not an object; allowed: a JSON object"),
        ] {
            let refusal = decode::<AllocateRequest>(body.as_bytes()).unwrap_err();
            assert_eq!((refusal.error.as_str(), &refusal.details["field"]), (error, &"body".into()));
        }
        let refusal = decode::<AllocateRequest>(b"{\"service\": \"\xff\"}").unwrap_err();
        assert_eq!(refusal.error, "body: it is not UTF-8; allowed: a JSON object in UTF-8");
    }

    #[test]
    fn both_readers_read_the_same() {
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        for body in [
            "{\"instance_id\": \"a\", \"metadata\": {\"a\": [1, -2, 2.5, 1e300, \"\\u00e9\", null, true, {}]}}",
            "{\"instance_id\": \"a\", \"working_directory\": null, \"pid\": 2147483647}",
            "{\"instance_id\": \"a\", \"metadata\": {\"a\": 1, \"a\": 18446744073709551615}}",
            &format!("{{\"instance_id\": \"a\", \"metadata\": {deep}}}"),
        ] {
            let again: RegisterRequest = read("body", body).unwrap();
            assert_eq!(again, serde_json::from_str(body).unwrap(), "{body}");
        }
    }
}
