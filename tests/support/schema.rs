//! As much of JSON Schema as the contract's document uses.

use serde_json::Value;

/// What of `value` is not as `schema` says, in a document whose `#/…` references lead to `document`.
pub(crate) fn mismatches(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "$", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        let target = target.unwrap_or_else(|| panic!("{reference} leads nowhere"));
        check(document, target, value, at, found);
    }
    for key in schema.as_object().unwrap().keys() {
        assert!(KNOWN.contains(&key.as_str()), "{key} is not understood by this test");
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let matching = choices.iter().filter(|choice| mismatches(document, choice, value).is_empty()).count();
        if matching != 1 {
            found.push(format!("{at}: {value} is {matching} of the choices, not one"));
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_a(name, value)) {
        found.push(format!("{at}: {value} is not of type {}", types.join(" or ")));
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        found.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    if let Some(number) = value.as_f64() {
        let outside = |bound: &str, beyond: fn(f64, f64) -> bool| {
            schema[bound].as_f64().is_some_and(|bound| beyond(number, bound))
        };
        if outside("minimum", |number, least| number < least)
            || outside("maximum", |number, most| number > most)
        {
            found.push(format!("{at}: {number} is out of range"));
        }
    }
    if let Some(items) = value.as_array().filter(|_| schema["items"].is_object()) {
        for (index, item) in items.iter().enumerate() {
            check(document, &schema["items"], item, &format!("{at}[{index}]"), found);
        }
    }
    if let Some(fields) = value.as_object() {
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                found.push(format!("{at}: {required} is missing"));
            }
        }
        for (name, field) in fields {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (known @ Value::Object(_), _) => check(document, known, field, &at, found),
                (_, more @ Value::Object(_)) => check(document, more, field, &at, found),
                // An answer may hold no more than is documented, although clients are told to bear it.
                (_, _) if schema["properties"].is_object() => found.push(format!("{at} is not documented")),
                (_, _) => {}
            }
        }
    }
}

/// Of these, the ones not checked say nothing that a type would not, or are for people.
const KNOWN: [&str; 19] = [
    "$ref",
    "additionalProperties",
    "description",
    "enum",
    "examples",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "type",
];

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}
