//! Bad input gets a clear answer over every transport, and changes nothing.

use serde_json::json;
use styxy_core::api::{AllocationsAnswer, Code, Grant, Journal, MAX_BODY, Refusal, StatusAnswer};

#[cfg(unix)]
use crate::support::lacks_root;
use crate::support::{Home, Request, Running, proper, sort};

/// The state that a refused request must not change.
fn state(home: &Home) -> (AllocationsAnswer, Option<Journal>, usize) {
    let status: StatusAnswer = home.socket().get("/status").ok();
    (home.socket().get("/allocations").ok(), status.journal, status.instances)
}

/// Refused with this status and code, over all three transports, without changing anything.
#[track_caller]
fn refused(home: &Home, request: &Request, status: u16, code: Code) -> Refusal {
    let before = state(home);
    let refusals = [home.socket(), home.trusted_tcp(), home.trusted_tcp6()].map(|way| {
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

/// A daemon with a lease, and its owner. This process is not the owner: other tests' servers are below it, and would count as its.
fn with_a_lease() -> (Home, Grant, Running) {
    let home = Home::new();
    let owner = Running::idle();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
    (home, grant, owner)
}

#[test]
fn an_invalid_field_is_refused_by_name_with_its_value_and_what_is_allowed() {
    let (home, _lease, _owner) = with_a_lease();
    let long = "x".repeat(300);
    let port = "preferred_port";
    let cases = [
        (port, json!(0)),
        (port, json!(70_000)),
        (port, json!(-1)),
        (port, json!("abc")),
        (port, json!("3000abc")),
        (port, json!(3.5)),
        // No conversions: a text is not a number, a number is not a boolean.
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
        let refusal =
            refused(&home, &Request::new("POST", "/allocate").json(&body), 400, Code::InvalidRequest);
        assert_eq!(refusal.details["field"], field, "{body}: {refusal:?}");
        assert!(
            refusal.details.contains_key("found") && refusal.details.contains_key("allowed"),
            "{body}: {refusal:?}"
        );
        assert!(
            refusal.error.contains(field) && refusal.error.contains("allowed: "),
            "{body}: {}",
            refusal.error
        );
    }
}

#[test]
fn what_a_value_says_is_not_taken_for_a_fact() {
    let (home, _lease, _owner) = with_a_lease();
    for hostile in ["a at line b", "a; allowed: b", "a, expected b", "a`b", "a is not a b"] {
        let request = Request::new("POST", "/allocate").json(&json!({ "service_type": hostile }));
        let refusal = refused(&home, &request, 400, Code::InvalidRequest);
        let says =
            format!("service_type: {hostile:?} is not a service type; allowed: letters, digits, _ and -");
        assert!(refusal.error.starts_with(&says), "{}", refusal.error);
        assert_eq!(refusal.details["found"], format!("{hostile:?}"));
        assert!(refusal.details["allowed"].as_str().unwrap().starts_with("letters, digits"), "{refusal:?}");

        let request = Request::new("POST", "/cleanup").json(&json!({ hostile: true }));
        let refusal = refused(&home, &request, 400, Code::InvalidRequest);
        assert_eq!(
            (&refusal.details["field"], &refusal.details["allowed"]),
            (&json!(hostile), &json!(["force"]))
        );
    }
}

#[test]
fn a_contradiction_is_refused() {
    let (home, _lease, _owner) = with_a_lease();
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
    // Named by its path, where there are several.
    let body = json!({ "services": [one, { "service_type": "a b" }] });
    let refusal = refused(&home, &Request::new("POST", "/allocate").json(&body), 400, Code::InvalidRequest);
    assert!(refusal.error.contains("services[1]"), "{}", refusal.error);
}

#[test]
fn an_unknown_field_is_refused_by_name_with_the_nearest_known_one() {
    let (home, _lease, _owner) = with_a_lease();
    let cases = [
        (
            "/allocate",
            json!({ "service_type": sort::WEB, "prefered_port": 3000 }),
            "prefered_port",
            "preferred_port",
        ),
        (
            "/instance/register",
            json!({ "instance_id": "a", "workingDirectory": "/w" }),
            "workingDirectory",
            "working_directory",
        ),
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
fn a_body_that_is_not_a_json_object_is_refused() {
    let (home, _lease, _owner) = with_a_lease();
    let whole = json!({ "service_type": sort::WEB }).to_string();
    let cut = &whole[..whole.len() - 3];
    let twice = "{\"service_type\":\"web\",\"service_type\":\"api\"}";
    let alias = "{\"service_type\":\"web\",\"service\":\"api\"}";
    for body in [
        "",
        " ",
        "{",
        cut,
        "3",
        "\"web\"",
        "null",
        "true",
        "[]",
        "{} {}",
        "web",
        "service_type=web",
        twice,
        alias,
    ] {
        refused(&home, &Request::new("POST", "/allocate").body(body), 400, Code::InvalidRequest);
    }
    refused(
        &home,
        &Request::new("POST", "/allocate").body(b"{\"service_type\":\"\xff\"}".to_vec()),
        400,
        Code::InvalidRequest,
    );
    let deep = "[".repeat(10_000);
    refused(
        &home,
        &Request::new("POST", "/instance/register")
            .body(format!("{{\"instance_id\":\"a\",\"metadata\":{deep}")),
        400,
        Code::InvalidRequest,
    );
}

#[test]
fn a_body_of_16_kib_is_accepted_and_a_longer_one_refused() {
    let (home, _lease, _owner) = with_a_lease();
    let padded = |length: usize| {
        let json = json!({ "service_type": sort::WEB, "dry_run": true }).to_string();
        Request::new("POST", "/allocate").body(format!("{json}{}", " ".repeat(length - json.len())))
    };
    for way in [home.socket(), home.trusted_tcp()] {
        way.send(&padded(MAX_BODY)).ok::<Grant>();
    }
    refused(&home, &padded(MAX_BODY + 1), 413, Code::BodyTooLarge);
    refused(&home, &padded(17 * 1024), 413, Code::BodyTooLarge);
    // A body without a Content-Length.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 17 * 1024, " ".repeat(17 * 1024));
    let head =
        "POST /allocate HTTP/1.1\r\nHost: styxy\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let answer = home.socket().begin((head.to_owned() + &chunk).as_bytes()).unwrap().finish().unwrap();
    answer.refused(413, "body_too_large");
}

#[test]
fn a_pid_that_cannot_own_is_refused() {
    let (home, _lease, _owner) = with_a_lease();
    let dead = Running::idle();
    let pid = dead.pid();
    dead.kill();
    for (path, body) in [
        ("/allocate", json!({ "service_type": sort::WEB, "pid": pid })),
        (
            "/allocate",
            json!({ "services": [{ "service_type": sort::WEB }, { "service_type": sort::WEB, "pid": pid }] }),
        ),
        ("/instance/register", json!({ "instance_id": "a", "pid": pid })),
    ] {
        let refusal = refused(&home, &Request::new("POST", path).json(&body), 400, Code::InvalidRequest);
        assert!(refusal.error.contains(&pid.to_string()), "{}", refusal.error);
    }
}

#[test]
#[cfg(unix)]
fn another_users_process_cannot_own_a_lease() {
    if lacks_root() {
        return;
    }
    let (home, _lease, _owner) = with_a_lease();
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
    let (home, _lease, _owner) = with_a_lease();
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
    let (home, _lease, _owner) = with_a_lease();
    let ports = ["0", "70000", "-1", "abc", "3000abc", "3.5", "%203000", "+80", ""];
    let mut paths: Vec<String> = ports[..8].iter().map(|port| format!("/check/{port}")).collect();
    for port in ports {
        paths.extend([
            format!("/allocations?port={port}"),
            format!("/scan?start={port}"),
            format!("/scan?end={port}"),
        ]);
    }
    for count in ["0", "101", "-1", "abc", "1.5", ""] {
        paths.push(format!("/suggest/web?count={count}"));
    }
    for path in [
        "/suggest/a%20b",
        "/suggest/nothing-like-it",
        "/suggest/web?cuont=3",
        "/allocations?prot=3000",
        "/scan?start=9&end=8",
    ] {
        paths.push(path.to_owned());
    }
    for path in paths {
        refused(&home, &Request::get(&path), 400, Code::InvalidRequest);
    }
}

#[test]
fn an_unknown_route_or_method_is_refused_in_json() {
    let (home, _lease, _owner) = with_a_lease();
    for path in
        ["/", "/nope", "/status/", "/allocate/a/b", "/..%2f..%2fetc/passwd", "/index.html", "/favicon.ico"]
    {
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
fn a_get_changes_nothing() {
    let (home, grant, _owner) = with_a_lease();
    let before = state(&home);
    for path in [
        "/status",
        "/config",
        "/allocations",
        "/instance/list",
        "/metrics",
        "/openapi.json",
        "/scan",
        "/suggest/web",
    ] {
        assert_eq!(home.trusted_tcp().get(path).status, 200, "{path}");
    }
    assert_eq!(home.trusted_tcp().get(&format!("/check/{}", grant.port)).status, 200);
    assert_eq!(state(&home), before);
}

#[test]
fn a_client_that_does_not_speak_http_does_no_harm() {
    let (home, _lease, _owner) = with_a_lease();
    let before = state(&home);
    for way in [home.socket(), home.trusted_tcp()] {
        for bytes in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"hello\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\0\0\0\0\r\n\r\n",
        ] {
            // Any answer is fine, and so is none.
            let _ = way.begin(bytes).unwrap().finish();
        }
        drop(way.begin(b"POST /allocate HTTP/1.1\r\nHost: styxy\r\nContent-Length: 1000\r\n\r\n{").unwrap());
    }
    assert_eq!(state(&home), before);
}

#[test]
fn a_multipart_body_is_refused() {
    let (home, _lease, _owner) = with_a_lease();
    let body = json!({ "service_type": sort::WEB }).to_string();
    for media in ["multipart/form-data; boundary=x", "Multipart/Mixed"] {
        let request = Request::new("POST", "/allocate").header("Content-Type", media).body(body.as_str());
        refused(&home, &request, 415, Code::UnsupportedMediaType);
    }
}
