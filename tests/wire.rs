//! The REST API is what its document says, over every transport, and answers bad input clearly.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use styxy_core::api::{CleanupAnswer, Grant, MAX_BODY, RegisterAnswer};

use crate::support::{Answer, Home, Request, Running, Way, mismatches, proper, sort, until};

fn document() -> Value {
    serde_json::from_str(include_str!("../docs/openapi.json")).unwrap()
}

/// A request to a route of the document, and the status it must be answered with.
struct Asked {
    method: &'static str,
    template: &'static str,
    status: u16,
    request: Request,
}

fn ask(method: &'static str, template: &'static str, path: &str, status: u16) -> Asked {
    Asked { method, template, status, request: Request::new(method, path) }
}

fn say(method: &'static str, template: &'static str, body: &Value, status: u16) -> Asked {
    Asked { method, template, status, request: Request::new(method, template).json(body) }
}

/// A body of the wrong kind, or too long.
fn unreadable(template: &'static str) -> [Asked; 2] {
    let post = || Request::new("POST", template);
    let multipart = post().header("Content-Type", "multipart/form-data; boundary=x").body("--x--");
    let large = post().body(" ".repeat(MAX_BODY) + "{}");
    [(415, multipart), (413, large)].map(|(status, request)| Asked {
        method: "POST",
        template,
        status,
        request,
    })
}

/// Every route, with every documented status except 403 (only over TCP) and 503 (only with a full disk).
fn everything(home: &Home, way: &Way) -> Vec<Asked> {
    let grant = |ask: Value| -> Grant { way.post("/allocate", &ask).ok() };
    let held = grant(
        json!({ "service_type": sort::WEB, "request_id": "once", "pid": std::process::id(), "project_path": "/w/app" }),
    );
    let ended = grant(json!({ "service_type": sort::WEB })).lock_id.unwrap();
    let given_back = grant(json!({ "service_type": sort::WEB })).lock_id.unwrap();
    way.delete(&format!("/allocate/{ended}"));
    let (owner, other) = (Running::idle(), home.daemon_file().unwrap().pid);
    way.post("/instance/register", &json!({ "instance_id": "a", "pid": std::process::id() }))
        .ok::<RegisterAnswer>();
    way.post("/instance/register", &json!({ "instance_id": "dead", "pid": owner.pid() }))
        .ok::<RegisterAnswer>();
    owner.kill();
    until("the instance expires", || way.delete("/instance/dead").status == 410);

    let unknown = "/allocate/00000000-0000-4000-8000-000000000000";
    let beat = "/instance/{id}/heartbeat";
    let mut all = vec![
        say("POST", "/allocate", &json!({ "service_type": sort::API }), 200),
        say(
            "POST",
            "/allocate",
            &json!({ "services": [{ "service_type": sort::API }, { "service_type": sort::WEB }] }),
            200,
        ),
        say("POST", "/allocate", &json!({ "service_type": sort::API, "dry_run": true }), 200),
        say("POST", "/allocate", &json!({}), 400),
        say(
            "POST",
            "/allocate",
            &json!({ "service_type": sort::API, "port": held.port, "exact": true }),
            409,
        ),
        say("POST", "/allocate", &json!({ "service_type": sort::API, "request_id": "once" }), 422),
        ask("DELETE", "/allocate/{lockId}", &format!("/allocate/{given_back}"), 200),
        ask("DELETE", "/allocate/{lockId}", "/allocate/no-id", 400),
        ask("DELETE", "/allocate/{lockId}", unknown, 404),
        ask("DELETE", "/allocate/{lockId}", &format!("/allocate/{ended}"), 410),
        ask("GET", "/allocations", "/allocations", 200),
        ask("GET", "/allocations", "/allocations?service_type=web&project_path=/w/app", 200),
        ask("GET", "/allocations", "/allocations?port=no", 400),
        ask("GET", "/check/{port}", &format!("/check/{}", held.port), 200),
        ask("GET", "/check/{port}", &format!("/check/{}", home.spare_port()), 200),
        ask("GET", "/check/{port}", &format!("/check/{}", home.listen_port()), 200),
        ask("GET", "/check/{port}", "/check/0", 400),
        ask("GET", "/config", "/config", 200),
        say("POST", "/instance/heartbeat", &json!({ "instance_id": "a" }), 200),
        say("POST", "/instance/heartbeat", &json!({ "id": "a" }), 400),
        say("POST", "/instance/heartbeat", &json!({ "instance_id": "nobody" }), 404),
        say("POST", "/instance/heartbeat", &json!({ "instance_id": "dead" }), 410),
        ask("GET", "/instance/list", "/instance/list", 200),
        say(
            "POST",
            "/instance/register",
            &json!({ "instance_id": "b", "metadata": { "any": [1, null] } }),
            200,
        ),
        say("POST", "/instance/register", &json!({ "instance_id": "b b" }), 400),
        say("POST", "/instance/register", &json!({ "instance_id": "a", "pid": other }), 409),
        ask("PUT", beat, "/instance/a/heartbeat", 200),
        ask("PUT", beat, "/instance/a%20b/heartbeat", 400),
        ask("PUT", beat, "/instance/nobody/heartbeat", 404),
        ask("PUT", beat, "/instance/dead/heartbeat", 410),
        ask("DELETE", "/instance/{id}", "/instance/b", 200),
        ask("DELETE", "/instance/{id}", "/instance/b%20b", 400),
        ask("DELETE", "/instance/{id}", "/instance/nobody", 404),
        ask("DELETE", "/instance/{id}", "/instance/dead", 410),
        ask("GET", "/metrics", "/metrics", 200),
        ask("GET", "/openapi.json", "/openapi.json", 200),
        ask("GET", "/refusals", "/refusals", 200),
        ask("GET", "/refusals", "/refusals?instance_id=b%20b", 400),
        say("POST", "/refusals/report", &json!({ "instance_id": "a" }), 200),
        say("POST", "/refusals/report", &json!({}), 400),
        ask("GET", "/scan", "/scan", 200),
        ask("GET", "/scan", "/scan?start=2&end=1", 400),
        ask("GET", "/status", "/status", 200),
        ask("GET", "/view", "/view", 200),
        ask("GET", "/suggest/{serviceType}", "/suggest/web?count=100", 200),
        ask("GET", "/suggest/{serviceType}", "/suggest/web?count=0", 400),
        say("POST", "/cleanup", &json!({}), 200),
        say("POST", "/cleanup", &json!({ "force": "yes" }), 400),
        Asked {
            method: "GET",
            template: "/events",
            status: 400,
            request: Request::get("/events").header("Last-Event-ID", "no"),
        },
    ];
    for path in ["/allocate", "/cleanup", "/instance/heartbeat", "/instance/register", "/refusals/report"] {
        all.extend(unreadable(path));
    }
    all.push(say("POST", "/cleanup", &json!({ "force": true }), 200));
    all
}

/// The answer has the documented status, media type and form.
#[track_caller]
fn documented(document: &Value, asked: &Asked, answer: &Answer) {
    let Asked { method, template, status, request } = asked;
    assert_eq!(answer.status, *status, "{request:?}: {}", answer.text());
    proper(answer);
    let operation = &document["paths"][template][method.to_lowercase()];
    let contents = operation["responses"][status.to_string()]["content"].as_object();
    let contents = contents.unwrap_or_else(|| panic!("{method} {template} does not document {status}"));
    let media = answer.header("content-type").unwrap_or_default();
    let schema = &contents
        .get(media)
        .unwrap_or_else(|| panic!("{method} {template}: {media} is not documented"))["schema"];
    if media == "application/json" {
        let wrong = mismatches(document, schema, &answer.json());
        assert!(wrong.is_empty(), "{method} {template}: {wrong:#?}");
    }
}

fn every_route_by(choose: impl Fn(&Home) -> Way) {
    let (home, document) = (Home::new(), document());
    home.start();
    let way = choose(&home);
    let mut seen = BTreeSet::new();
    for asked in everything(&home, &way) {
        documented(&document, &asked, &way.send(&asked.request));
        seen.insert((asked.template, asked.method.to_lowercase(), asked.status.to_string()));
    }
    drop(way.events(None));
    seen.insert(("/events", "get".to_owned(), "200".to_owned()));
    let mut missing = Vec::new();
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys();
            for status in statuses.filter(|status| !["403", "503", "default"].contains(&status.as_str())) {
                if !seen.contains(&(template, method.clone(), status.clone())) {
                    missing.push(format!("{method} {template} {status}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "documented, and never asked for here: {missing:#?}");
}

#[test]
fn every_route_is_as_documented_on_the_socket() {
    every_route_by(Home::socket);
}

#[test]
fn every_route_is_as_documented_on_ipv4() {
    every_route_by(Home::trusted_tcp);
}

#[test]
fn every_route_is_as_documented_on_ipv6() {
    every_route_by(Home::trusted_tcp6);
}

#[test]
fn every_route_refuses_a_web_page_as_documented() {
    let (home, document) = (Home::new(), document());
    home.start();
    for asked in everything(&home, &home.trusted_tcp()) {
        let request = asked.request.header("Origin", "http://localhost");
        let asked = Asked { status: 403, request, ..asked };
        documented(&document, &asked, &home.trusted_tcp().send(&asked.request));
    }
}

#[test]
fn the_daemon_serves_the_document_of_this_repository() {
    let home = Home::new();
    assert_eq!(home.socket().get("/openapi.json").json(), document());
}

#[test]
fn the_default_content_types_of_curl_and_fetch_are_accepted_as_json() {
    let home = Home::new();
    let body = json!({ "service_type": sort::WEB }).to_string();
    for media in [
        "application/x-www-form-urlencoded",
        "text/plain;charset=UTF-8",
        "application/json; charset=utf-8",
        "",
    ] {
        let mut request = Request::new("POST", "/allocate").body(body.as_str());
        if !media.is_empty() {
            request = request.header("Content-Type", media);
        }
        for way in [home.socket(), home.trusted_tcp(), home.trusted_tcp6()] {
            way.send(&request).ok::<Grant>();
        }
    }
    assert_eq!(home.leases().len(), 12);
}

#[test]
fn an_explicit_null_is_the_same_as_absent() {
    let home = Home::new();
    let nulls = json!({
        "service_type": sort::WEB, "service_name": null, "preferred_port": null, "exact": null, "reuse": null,
        "instance_id": null, "project_path": null, "pid": null, "request_id": null, "dry_run": null, "block": null,
        "services": null,
    });
    home.allocate(&nulls);
    home.socket()
        .post("/instance/register", &json!({ "instance_id": "a", "pid": null, "metadata": null }))
        .ok::<RegisterAnswer>();
    home.socket().post("/cleanup", &json!({ "force": null })).ok::<CleanupAnswer>();
}

#[test]
fn the_metrics_count_what_happened() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    home.socket().delete(&format!("/allocate/{}", grant.lock_id.unwrap()));
    home.trusted_tcp().send(&Request::get("/status").header("Origin", "http://evil.example"));
    let answer = home.trusted_tcp().get("/metrics");
    let text = answer.text();
    for line in [
        "styxy_granted_total 1",
        "styxy_ended_total{reason=\"released\"} 1",
        "styxy_refused_total{code=\"forbidden\",rule=\"origin\"} 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
    assert!(text.lines().any(|line| line == "# TYPE styxy_refused_total counter"), "{text}");
}

#[test]
fn every_example_of_a_request_is_accepted() {
    let home = Home::new();
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let mut bodies = Vec::new();
    for (path, item) in paths {
        for method in ["POST", "PUT"] {
            let content = &item[method.to_ascii_lowercase()]["requestBody"]["content"]["application/json"];
            let several = content["examples"].as_object().into_iter().flatten().map(|(_, one)| &one["value"]);
            bodies
                .extend(several.chain(content.get("example")).map(|example| (path, method, example.clone())));
        }
    }
    // Who sends a heartbeat was registered before.
    bodies.sort_by_key(|(path, ..)| path.as_str() != "/instance/register");
    assert_eq!(bodies.len(), 6, "{bodies:?}");
    for (path, method, example) in bodies {
        let answer = home.socket().send(&Request::new(method, path).json(&example));
        assert_eq!(answer.status, 200, "{method} {path} {example}: {}", answer.text());
    }
}
