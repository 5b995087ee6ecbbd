//! The committed document is the generated one, and complete.

use std::collections::BTreeSet;

use styxy_core::api::{AllocationsQuery, ReleaseQuery, ScanQuery, SuggestQuery};
use utoipa::IntoParams;

use super::refusals::refusal;
use super::*;

const COMMITTED: &str = include_str!("../../../../../docs/openapi.json");

/// Every operation with its path and method.
fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, what)| (path, method, what))
    })
}

/// Calls `see` with every object in `value`.
fn walk(value: &Value, see: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            see(members);
            members.values().for_each(|member| walk(member, see));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let generated = document();
    if std::env::var("STYXY_REGENERATE").is_ok_and(|on| on == "1") {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        return std::fs::write(file, format!("{generated:#}\n")).unwrap();
    }
    let committed: Value = serde_json::from_str(COMMITTED).unwrap();
    assert!(committed == generated, "docs/openapi.json is old: run this test with STYXY_REGENERATE=1");
}

#[test]
fn every_route_is_described() {
    let document = document();
    let found: BTreeSet<String> =
        operations(&document).map(|(path, method, _)| format!("{} {path}", method.to_uppercase())).collect();
    let expected = [
        "POST /allocate",
        "DELETE /allocate/{lockId}",
        "GET /check/{port}",
        "GET /suggest/{serviceType}",
        "POST /instance/register",
        "POST /instance/heartbeat",
        "PUT /instance/{id}/heartbeat",
        "DELETE /instance/{id}",
        "GET /instance/list",
        "GET /status",
        "POST /cleanup",
        "GET /allocations",
        "GET /scan",
        "GET /config",
        "GET /events",
        "GET /refusals",
        "POST /refusals/report",
        "GET /metrics",
        "GET /openapi.json",
        "GET /view",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["license"], serde_json::json!({ "name": "MIT", "identifier": "MIT" }));
    assert!(document["info"].get("contact").is_none());
}

#[test]
fn every_reference_leads_to_a_schema() {
    let document = document();
    let mut references = BTreeSet::new();
    walk(&document, &mut |object| {
        references.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
    });
    assert!(references.contains("#/components/schemas/Port"));
    for reference in references {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}

#[test]
fn every_example_fits_its_type() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let mut contents = 0;
        let mut see = |object: &serde_json::Map<String, Value>| {
            let content = object.get("content").into_iter();
            for content in content.flat_map(|content| content.as_object().unwrap().values()) {
                contents += 1;
                let several = content["examples"].as_object();
                let several = several.is_some_and(|all| all.values().all(|one| one.get("value").is_some()));
                let whole = content.get("example").is_some() || several;
                assert!(whole || object["description"] == "Any other refusal", "{method} {path}: {object:?}");
            }
        };
        walk(operation, &mut see);
        assert!(contents >= 3, "{method} {path} has an answer and two refusals");
    }
}

#[test]
fn every_code_of_a_response_has_its_status() {
    for code in Code::ALL {
        assert_eq!(refusal(code).code, code);
    }
    let document = document();
    let conflict = &document["paths"]["/allocate"]["post"]["responses"]["409"];
    let codes: Vec<_> =
        conflict["content"]["application/json"]["examples"].as_object().unwrap().keys().collect();
    assert_eq!(codes, ["no_free_port", "port_unavailable"]);
}

#[test]
fn every_query_parameter_is_one_the_wire_knows() {
    let document = document();
    let known =
        |parameters: Vec<Parameter>| parameters.into_iter().map(|one| one.name).collect::<BTreeSet<_>>();
    for (path, known) in [
        ("/allocate/{lockId}", known(ReleaseQuery::into_params(|| None))),
        ("/allocations", known(AllocationsQuery::into_params(|| None))),
        ("/suggest/{serviceType}", known(SuggestQuery::into_params(|| None))),
        ("/scan", known(ScanQuery::into_params(|| None))),
    ] {
        let method = if path.starts_with("/allocate/") { "delete" } else { "get" };
        let parameters = document["paths"][path][method]["parameters"].as_array().unwrap().iter();
        let queries = parameters.filter(|one| one["in"] == "query");
        let described: BTreeSet<_> = queries.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(described, known, "{path}");
    }
}
