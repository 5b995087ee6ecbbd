//! The REST API is what its document says, by every way to the daemon, and answers bad input clearly.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use styxy_core::api::{AllocationsAnswer, Code, Grant, MAX_BODY, RegisterAnswer, StatusAnswer};

use crate::support::{Answer, Home, Request, Running, Way, is_root, mismatches, proper, sort};

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

/// Every route, with every status it documents but 403 (only TCP refuses) and 503 (only a full disk does).
fn everything(home: &Home, way: &Way) -> Vec<Asked> {
    let grant = |ask: Value| -> Grant { way.post("/allocate", &ask).ok() };
    let held = grant(json!({ "service_type": sort::WEB, "request_id": "once", "pid": std::process::id(), "project_path": "/w/app" }));
    let ended = grant(json!({ "service_type": sort::WEB })).lock_id.unwrap();
    let given_back = grant(json!({ "service_type": sort::WEB })).lock_id.unwrap();
    way.delete(&format!("/allocate/{ended}"));
    let (owner, other) = (Running::idle(), home.daemon_file().unwrap().pid);
    way.post("/instance/register", &json!({ "instance_id": "a", "pid": std::process::id() })).ok::<RegisterAnswer>();
    way.post("/instance/register", &json!({ "instance_id": "dead", "pid": owner.pid() })).ok::<RegisterAnswer>();
    owner.kill();
    crate::support::until("the instance expires", || way.delete("/instance/dead").status == 410);

    let unknown = "/allocate/00000000-0000-4000-8000-000000000000";
    let large = " ".repeat(MAX_BODY) + "{}";
    let multipart = |path: &'static str| Asked {
        status: 415,
        request: Request::new("POST", path).header("Content-Type", "multipart/form-data; boundary=x").body("--x--"),
        method: "POST",
        template: path,
    };
    let too_large = |path: &'static str| Asked {
        status: 413,
        request: Request::new("POST", path).body(large.as_str()),
        method: "POST",
        template: path,
    };
    let beat = "/instance/{id}/heartbeat";
    let mut all = vec![
        say("POST", "/allocate", &json!({ "service_type": sort::API }), 200),
        say("POST", "/allocate", &json!({ "services": [{ "service_type": sort::API }, { "service_type": sort::WEB }] }), 200),
        say("POST", "/allocate", &json!({ "service_type": sort::API, "dry_run": true }), 200),
        say("POST", "/allocate", &json!({}), 400),
        say("POST", "/allocate", &json!({ "service_type": sort::API, "port": held.port, "exact": true }), 409),
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
        say("POST", "/instance/register", &json!({ "instance_id": "b", "metadata": { "any": [1, null] } }), 200),
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
        ask("GET", "/scan", "/scan", 200),
        ask("GET", "/scan", "/scan?start=2&end=1", 400),
        ask("GET", "/status", "/status", 200),
        ask("GET", "/suggest/{serviceType}", "/suggest/web?count=100", 200),
        ask("GET", "/suggest/{serviceType}", "/suggest/web?count=0", 400),
        say("POST", "/cleanup", &json!({}), 200),
        say("POST", "/cleanup", &json!({ "force": "yes" }), 400),
        Asked { method: "GET", template: "/events", status: 400, request: Request::get("/events").header("Last-Event-ID", "no") },
    ];
    for path in ["/allocate", "/cleanup", "/instance/heartbeat", "/instance/register"] {
        all.extend([multipart(path), too_large(path)]);
    }
    all.push(say("POST", "/cleanup", &json!({ "force": true }), 200));
    all
}

/// The answer has the status, the media type and the shape that the document promises.
#[track_caller]
fn documented(document: &Value, asked: &Asked, answer: &Answer) {
    let Asked { method, template, status, request } = asked;
    assert_eq!(answer.status, *status, "{request:?}: {}", answer.text());
    proper(answer);
    let operation = &document["paths"][template][method.to_lowercase()];
    let contents = operation["responses"][status.to_string()]["content"].as_object();
    let contents = contents.unwrap_or_else(|| panic!("{method} {template} does not document {status}"));
    let media = answer.header("content-type").unwrap_or_default();
    let schema = &contents.get(media).unwrap_or_else(|| panic!("{method} {template}: {media} is not documented"))["schema"];
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
    every_route_by(Home::tcp);
}

#[test]
fn every_route_is_as_documented_on_ipv6() {
    every_route_by(Home::tcp6);
}

#[test]
fn every_route_refuses_a_web_page_as_documented() {
    let (home, document) = (Home::new(), document());
    home.start();
    for asked in everything(&home, &home.tcp()) {
        let request = asked.request.header("Origin", "http://localhost");
        let asked = Asked { status: 403, request, ..asked };
        documented(&document, &asked, &home.tcp().send(&asked.request));
    }
}

#[test]
fn the_daemon_gives_out_the_document_of_this_repository() {
    let home = Home::new();
    assert_eq!(home.socket().get("/openapi.json").json(), document());
}

// Bad input.

/// What a refused request must leave as it was.
fn state(home: &Home) -> (AllocationsAnswer, Option<styxy_core::api::Journal>, usize) {
    let status: StatusAnswer = home.socket().get("/status").ok();
    (home.socket().get("/allocations").ok(), status.journal, status.instances)
}

/// Refused with this status and code, by all three ways, changing nothing.
#[track_caller]
fn refused(home: &Home, request: &Request, status: u16, code: Code) -> styxy_core::api::Refusal {
    let before = state(home);
    let refusals = [home.socket(), home.tcp(), home.tcp6()].map(|way| {
        let answer = way.send(request);
        proper(&answer);
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        answer.refused(status, code.as_str())
    });
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0], refusals[2]);
    assert_eq!(state(home), before, "{request:?} changed something");
    refusals.into_iter().next().unwrap()
}

fn with_a_lease() -> (Home, Grant) {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    (home, grant)
}

#[test]
fn a_field_of_the_wrong_form_is_refused_by_name_with_what_came_and_what_is_allowed() {
    let (home, _lease) = with_a_lease();
    let long = "x".repeat(300);
    let port = "preferred_port";
    let cases = [
        (port, json!(0)),
        (port, json!(70_000)),
        (port, json!(-1)),
        (port, json!("abc")),
        (port, json!("3000abc")),
        (port, json!(3.5)),
        // No guessing: a text is no number, a number no truth value.
        (port, json!("3000")),
        (port, json!(true)),
        (port, json!([3000])),
        ("exact", json!("true")),
        ("exact", json!(1)),
        ("reuse", json!(0)),
        ("dry_run", json!("no")),
        ("pid", json!(0)),
        ("pid", json!(-1)),
        ("pid", json!("42")),
        ("pid", json!(1.5)),
        ("pid", json!(2_147_483_648_u64)),
        ("service_type", json!(3)),
        ("service_type", json!("")),
        ("service_type", json!("a b")),
        ("service_type", json!("a\"b")),
        ("service_type", json!("a\0b")),
        ("service_type", json!("_x")),
        ("service_type", json!("x".repeat(51))),
        ("service_type", json!(long)),
        ("service_name", json!("a b")),
        ("service_name", json!("a'b")),
        ("service_name", json!("a\0b")),
        ("service_name", json!("")),
        ("service_name", json!("x".repeat(101))),
        ("service_name", json!(long)),
        ("instance_id", json!("a b")),
        ("instance_id", json!("\"")),
        ("instance_id", json!("a\0")),
        ("instance_id", json!(long)),
        ("project_path", json!(3)),
        ("request_id", json!("x".repeat(65))),
        ("services", json!("dev")),
        ("services", json!([])),
    ];
    for (field, value) in cases {
        let mut body = json!({ "service_type": sort::WEB });
        if field == "services" {
            body = json!({});
        }
        body[field] = value;
        let refusal = refused(&home, &Request::new("POST", "/allocate").json(&body), 400, Code::InvalidRequest);
        assert_eq!(refusal.details["field"], field, "{body}: {refusal:?}");
        assert!(refusal.details.contains_key("found") && refusal.details.contains_key("allowed"), "{body}: {refusal:?}");
        assert!(refusal.error.contains(field) && refusal.error.contains("allowed: "), "{body}: {}", refusal.error);
    }
}

#[test]
fn a_contradiction_is_refused() {
    let (home, _lease) = with_a_lease();
    let one = json!({ "service_type": sort::WEB });
    let port = home.spare_port();
    let exact = json!({ "service_type": sort::WEB, "port": port, "exact": true });
    let cases = [
        json!({}),
        json!({ "service_type": null }),
        json!({ "service_type": sort::WEB, "exact": true }),
        json!({ "service_type": sort::WEB, "services": [one] }),
        json!({ "services": vec![one.clone(); 65] }),
        json!({ "services": [exact, exact] }),
        json!({ "services": [{ "service_name": "web" }] }),
        json!({ "services": [{ "service_type": sort::WEB, "dry_run": true }] }),
        json!({ "service_type": "unknown-and-strict" }),
    ];
    for body in cases {
        refused(&home, &Request::new("POST", "/allocate").json(&body), 400, Code::InvalidRequest);
    }
    // Named by its place, where there are several.
    let body = json!({ "services": [one, { "service_type": "a b" }] });
    let refusal = refused(&home, &Request::new("POST", "/allocate").json(&body), 400, Code::InvalidRequest);
    assert!(refusal.error.contains("services[1]"), "{}", refusal.error);
}

#[test]
fn an_unknown_field_is_refused_by_name_with_the_nearest_known_one() {
    let (home, _lease) = with_a_lease();
    let cases = [
        ("/allocate", json!({ "service_type": sort::WEB, "prefered_port": 3000 }), "prefered_port", "preferred_port"),
        ("/instance/register", json!({ "instance_id": "a", "workingDirectory": "/w" }), "workingDirectory", "working_directory"),
        ("/cleanup", json!({ "forced": true }), "forced", "force"),
    ];
    for (path, body, unknown, known) in cases {
        let refusal = refused(&home, &Request::new("POST", path).json(&body), 400, Code::InvalidRequest);
        assert_eq!(refusal.details["field"], unknown);
        assert!(refusal.error.contains(unknown) && refusal.error.contains(known), "{}", refusal.error);
        assert!(refusal.hint.clone().unwrap_or_default().contains(known), "{:?}", refusal.hint);
    }
}

#[test]
fn a_body_that_is_no_json_object_is_refused() {
    let (home, _lease) = with_a_lease();
    let whole = json!({ "service_type": sort::WEB }).to_string();
    let cut = &whole[..whole.len() - 3];
    let twice = "{\"service_type\":\"web\",\"service_type\":\"api\"}";
    let alias = "{\"service_type\":\"web\",\"service\":\"api\"}";
    for body in ["", " ", "{", cut, "3", "\"web\"", "null", "true", "[]", "{} {}", "web", "service_type=web", twice, alias] {
        refused(&home, &Request::new("POST", "/allocate").body(body), 400, Code::InvalidRequest);
    }
    refused(&home, &Request::new("POST", "/allocate").body(b"{\"service_type\":\"\xff\"}".to_vec()), 400, Code::InvalidRequest);
    let deep = "[".repeat(10_000);
    refused(&home, &Request::new("POST", "/instance/register").body(format!("{{\"instance_id\":\"a\",\"metadata\":{deep}")), 400, Code::InvalidRequest);
}

#[test]
fn a_body_of_16_kib_is_taken_and_a_longer_one_refused() {
    let (home, _lease) = with_a_lease();
    let padded = |length: usize| {
        let json = json!({ "service_type": sort::WEB, "dry_run": true }).to_string();
        Request::new("POST", "/allocate").body(format!("{json}{}", " ".repeat(length - json.len())))
    };
    for way in [home.socket(), home.tcp()] {
        way.send(&padded(MAX_BODY)).ok::<Grant>();
    }
    refused(&home, &padded(MAX_BODY + 1), 413, Code::BodyTooLarge);
    refused(&home, &padded(17 * 1024), 413, Code::BodyTooLarge);
    // One that does not say beforehand how long it is.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 17 * 1024, " ".repeat(17 * 1024));
    let head = "POST /allocate HTTP/1.1\r\nHost: styxy\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let answer = home.socket().begin((head.to_owned() + &chunk).as_bytes()).unwrap().finish().unwrap();
    answer.refused(413, "body_too_large");
}

#[test]
fn a_pid_that_cannot_own_is_refused() {
    let (home, _lease) = with_a_lease();
    let dead = Running::idle();
    let pid = dead.pid();
    dead.kill();
    for (path, body) in [
        ("/allocate", json!({ "service_type": sort::WEB, "pid": pid })),
        ("/allocate", json!({ "services": [{ "service_type": sort::WEB }, { "service_type": sort::WEB, "pid": pid }] })),
        ("/instance/register", json!({ "instance_id": "a", "pid": pid })),
    ] {
        let refusal = refused(&home, &Request::new("POST", path).json(&body), 400, Code::InvalidRequest);
        assert!(refusal.error.contains(&pid.to_string()), "{}", refusal.error);
    }
}

#[test]
fn another_users_process_cannot_own_a_lease() {
    if !is_root() {
        println!("skipped: only root can run a process of another user");
        return;
    }
    let (home, _lease) = with_a_lease();
    let theirs = Running::idle_of_nobody();
    for (path, body) in [
        ("/allocate", json!({ "service_type": sort::WEB, "pid": theirs.pid() })),
        ("/instance/register", json!({ "instance_id": "a", "pid": theirs.pid() })),
    ] {
        let refusal = refused(&home, &Request::new("POST", path).json(&body), 403, Code::Forbidden);
        assert_eq!(refusal.details["rule"], "pid");
    }
}

#[test]
fn an_id_that_names_no_live_lease_is_refused() {
    let (home, _lease) = with_a_lease();
    let ended = home.allocate(&json!({ "service_type": sort::WEB })).lock_id.unwrap();
    home.socket().delete(&format!("/allocate/{ended}"));
    let cases = [
        ("00000000-0000-4000-8000-000000000000".to_owned(), 404, Code::UnknownLease),
        ("not-an-id".to_owned(), 400, Code::InvalidRequest),
        ("3000".to_owned(), 400, Code::InvalidRequest),
        (ended.to_string()[..35].to_owned(), 400, Code::InvalidRequest),
        ("x".repeat(300), 400, Code::InvalidRequest),
        (ended.to_string(), 410, Code::LeaseEnded),
    ];
    for (id, status, code) in cases {
        refused(&home, &Request::new("DELETE", &format!("/allocate/{id}")), status, code);
    }
}

#[test]
fn a_wrong_path_or_query_is_refused() {
    let (home, _lease) = with_a_lease();
    let ports = ["0", "70000", "-1", "abc", "3000abc", "3.5", "%203000", "+80", ""];
    let mut paths: Vec<String> = ports[..8].iter().map(|port| format!("/check/{port}")).collect();
    for port in ports {
        paths.extend([format!("/allocations?port={port}"), format!("/scan?start={port}"), format!("/scan?end={port}")]);
    }
    for count in ["0", "101", "-1", "abc", "1.5", ""] {
        paths.push(format!("/suggest/web?count={count}"));
    }
    for path in ["/suggest/a%20b", "/suggest/nothing-like-it", "/suggest/web?cuont=3", "/allocations?prot=3000", "/scan?start=9&end=8"] {
        paths.push(path.to_owned());
    }
    for path in paths {
        refused(&home, &Request::get(&path), 400, Code::InvalidRequest);
    }
}

#[test]
fn what_is_no_route_and_no_method_is_refused_in_json() {
    let (home, _lease) = with_a_lease();
    for path in ["/", "/nope", "/status/", "/allocate/a/b", "/..%2f..%2fetc/passwd", "/index.html", "/favicon.ico"] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            refused(&home, &Request::new(method, path), 404, Code::UnknownRoute);
        }
    }
    for (method, path) in [
        ("GET", "/allocate"),
        ("PUT", "/allocate"),
        ("OPTIONS", "/allocate"),
        ("POST", "/status"),
        ("DELETE", "/allocations"),
        ("PATCH", "/config"),
        ("POST", "/events"),
        ("GET", "/cleanup"),
        ("GET", "/instance/register"),
    ] {
        refused(&home, &Request::new(method, path), 405, Code::MethodNotAllowed);
    }
}

#[test]
fn what_curl_and_fetch_send_by_themselves_is_taken_for_json() {
    let home = Home::new();
    let body = json!({ "service_type": sort::WEB }).to_string();
    for media in ["application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "application/json; charset=utf-8", ""] {
        let mut request = Request::new("POST", "/allocate").body(body.as_str());
        if !media.is_empty() {
            request = request.header("Content-Type", media);
        }
        for way in [home.socket(), home.tcp(), home.tcp6()] {
            way.send(&request).ok::<Grant>();
        }
    }
    assert_eq!(home.leases().len(), 12);
    for media in ["multipart/form-data; boundary=x", "Multipart/Mixed"] {
        let request = Request::new("POST", "/allocate").header("Content-Type", media).body(body.as_str());
        refused(&home, &request, 415, Code::UnsupportedMediaType);
    }
}

#[test]
fn an_explicit_null_is_the_same_as_absent() {
    let home = Home::new();
    let nulls = json!({
        "service_type": sort::WEB, "service_name": null, "preferred_port": null, "exact": null, "reuse": null,
        "instance_id": null, "project_path": null, "pid": null, "request_id": null, "dry_run": null, "services": null,
    });
    home.allocate(&nulls);
    home.socket().post("/instance/register", &json!({ "instance_id": "a", "pid": null, "metadata": null })).ok::<RegisterAnswer>();
    home.socket().post("/cleanup", &json!({ "force": null })).ok::<styxy_core::api::CleanupAnswer>();
}

#[test]
fn a_get_changes_nothing() {
    let (home, grant) = with_a_lease();
    let before = state(&home);
    for path in ["/status", "/config", "/allocations", "/instance/list", "/metrics", "/openapi.json", "/scan", "/suggest/web"] {
        assert_eq!(home.tcp().get(path).status, 200, "{path}");
    }
    assert_eq!(home.tcp().get(&format!("/check/{}", grant.port)).status, 200);
    assert_eq!(state(&home), before);
}

#[test]
fn a_client_that_speaks_no_http_harms_nobody() {
    let (home, _lease) = with_a_lease();
    let before = state(&home);
    for way in [home.socket(), home.tcp()] {
        for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
            // Any answer will do, and none.
            let _ = way.begin(bytes).unwrap().finish();
        }
        drop(way.begin(b"POST /allocate HTTP/1.1\r\nHost: styxy\r\nContent-Length: 1000\r\n\r\n{").unwrap());
    }
    assert_eq!(state(&home), before);
}

#[test]
fn the_metrics_count_what_happened() {
    let (home, grant) = with_a_lease();
    home.socket().delete(&format!("/allocate/{}", grant.lock_id.unwrap()));
    home.tcp().send(&Request::get("/status").header("Origin", "http://evil.example"));
    let answer = home.tcp().get("/metrics");
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
