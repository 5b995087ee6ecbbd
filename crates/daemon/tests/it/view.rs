//! The live view: what it shows, and that a browser reaches it and nothing else (R121).

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::live::{Live, eventually, free_range};

/// What a browser sends beside the Host for an address that was typed, and for a request of the page itself.
const TYPED: [(&str, &str); 2] =
    [("accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("sec-fetch-site", "none")];
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
/// Every path that the page asks for but the stream, which does not end.
const ASKED: [&str; 6] =
    ["/view", "/view/page.js", "/view/show.js", "/view/dom.js", "/view/style.css", "/view/icon.svg"];

fn status(daemon: &Live, line: &str, host: &str, headers: &[(&str, &str)]) -> u16 {
    let all = [&[("host", host)], headers].concat();
    daemon.send(line, &all).0[9..12].parse().unwrap()
}

fn host(daemon: &Live) -> String {
    format!("localhost:{}", daemon.port())
}

/// The services of the worktree at `path`.
fn services(view: &Value, path: Option<&str>) -> Vec<Value> {
    let repositories = view["repositories"].as_array().unwrap().iter();
    let mut worktrees = repositories.flat_map(|repository| repository["worktrees"].as_array().unwrap());
    let found = worktrees.find(|worktree| worktree["path"].as_str() == path);
    found.map(|worktree| worktree["services"].as_array().unwrap().clone()).unwrap_or_default()
}

#[test]
fn leases_and_listeners_are_shown_by_repository_and_worktree() {
    // Nobody else's listener comes onto these ports: a conflict would come first.
    let [first, last] = free_range(4);
    let daemon = Live::start(&format!(r#"{{"service_types": {{"dev": {{"range": [{first}, {last}]}}}}}}"#));
    let top = tempfile::tempdir().unwrap();
    let main = top.path().join("shop");
    fs::create_dir_all(main.join(".git/worktrees/login")).unwrap();
    fs::write(main.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(main.join(".git/worktrees/login/HEAD"), "ref: refs/heads/feature/login\n").unwrap();
    fs::write(main.join(".git/worktrees/login/commondir"), "../..\n").unwrap();
    let login = top.path().join("elsewhere");
    fs::create_dir(&login).unwrap();
    fs::write(login.join(".git"), format!("gitdir: {}/.git/worktrees/login\n", main.display())).unwrap();

    let lease = |at: &std::path::Path| {
        daemon.allocate(&json!({ "service_type": "dev", "project_path": at, "instance_id": "claude-1" }))
    };
    let (_first, second) = (lease(&main), lease(&login));
    let unleased = TcpListener::bind("127.0.0.1:0").unwrap();
    let view = daemon.get("/view");
    let shop = view["repositories"].as_array().unwrap().iter().find(|one| one["name"] == "shop").unwrap();
    let of = |at: usize| (shop["worktrees"][at]["branch"].as_str(), shop["worktrees"][at]["path"].as_str());
    assert_eq!([of(0), of(1)], [(Some("feature/login"), login.to_str()), (Some("main"), main.to_str())]);
    let service = &services(&view, login.to_str())[0];
    assert_eq!((&service["lock_id"], &service["state"]), (&second["lock_id"], &json!("granted")));
    assert_eq!(view["sessions"][0]["ports"].as_array().unwrap().len(), 2);

    // This test's own checkout, if it has one, is where its listener belongs.
    let port = unleased.local_addr().unwrap().port();
    let repositories = view["repositories"].as_array().unwrap().iter();
    let worktrees = repositories.flat_map(|one| one["worktrees"].as_array().unwrap());
    let mut all = worktrees.flat_map(|one| one["services"].as_array().unwrap());
    let listener = all.find(|service| service["port"] == port).unwrap();
    assert_eq!((&listener["state"], &listener["lock_id"]), (&json!("unleased"), &Value::Null));
    assert_eq!(listener["process"]["pid"], std::process::id());
    assert!(listener["memory"].as_u64().unwrap() > 1 << 20, "{listener}");

    assert_eq!(daemon.release(&second), 200);
    assert!(services(&daemon.get("/view"), login.to_str()).is_empty());
}

#[test]
fn a_server_on_a_lease_is_shown_with_its_memory() {
    let daemon = Live::start("{}");
    let lease = daemon.allocate(&json!({ "service_type": "dev", "pid": std::process::id() }));
    let port = u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
    let _server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let service = eventually("the server is shown", || {
        let services = services(&daemon.get("/view"), None);
        services.into_iter().find(|service| service["port"] == port && service["state"] == "active")
    });
    assert_eq!(service["process"]["pid"], std::process::id());
    assert!(service["memory"].as_u64().unwrap() > 1 << 20, "{service}");
}

#[test]
fn whoever_types_the_address_gets_the_page_and_programs_get_what_they_got_before() {
    let daemon = Live::start("{}");
    let host = host(&daemon);
    let (head, body) = daemon.send("GET /", &[&[("host", host.as_str())], &TYPED[..]].concat());
    assert!(head.starts_with("HTTP/1.1 200") && body.starts_with("<!doctype html>"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("content-type: text/html"), "{head}");
    assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self';"), "{head}");
    assert_eq!(head.matches("content-security-policy").count(), 1);
    for header in
        ["referrer-policy: no-referrer", "x-content-type-options: nosniff", "cache-control: no-store"]
    {
        assert!(head.contains(header), "{head}");
    }
    for accept in [&[][..], &[("accept", "*/*")], &[("accept", "application/json")]] {
        let (head, body) = daemon.send("GET /", &[&[("host", host.as_str())], accept].concat());
        assert!(head.starts_with("HTTP/1.1 404") && body.contains("unknown_route"), "{head}\n{body}");
    }
    assert_eq!(status(&daemon, "POST /", &host, &[]), 404, "as before");
    // One origin only.
    let other = format!("127.0.0.1:{}", daemon.port());
    let (head, body) = daemon.send("GET /", &[&[("host", other.as_str())], &TYPED[..]].concat());
    assert!(head.starts_with("HTTP/1.1 404") && body.contains(&format!("http://{host}/")), "{head}\n{body}");
}

#[test]
fn the_page_loads_its_own_files_and_asks_for_what_it_shows() {
    let daemon = Live::start("{}");
    let host = host(&daemon);
    for path in ASKED {
        assert_eq!(status(&daemon, &format!("GET {path}"), &host, &[OWN]), 200, "{path}");
    }
    assert_eq!(status(&daemon, "GET /view/nothing.js", &host, &[]), 404);
    let page = daemon.send("GET /", &[&[("host", host.as_str())], &TYPED[..]].concat()).1;
    let asked = page.split("=\"/view/").skip(1).filter_map(|rest| rest.split('"').next());
    let asked: Vec<String> = asked.map(|name| format!("/view/{name}")).collect();
    assert!(asked.len() >= 5 && asked.iter().all(|path| ASKED.contains(&path.as_str())), "{asked:?}");
    for outside in ["http://", "https://", "//"] {
        assert!(!page.contains(&format!("\"{outside}")), "the page asks somebody else");
    }
}

#[test]
fn nothing_else_of_the_api_is_admitted_to_a_page_and_no_other_page_to_the_view() {
    let daemon = Live::start("{}");
    let host = host(&daemon);
    let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
    let mut refused = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            let (path, method) = (path.replace(['{', '}'], ""), method.to_uppercase());
            if method == "GET" && ["/view", "/events"].contains(&path.as_str()) {
                continue;
            }
            assert_eq!(status(&daemon, &format!("{method} {path}"), &host, &[OWN]), 403, "{method} {path}");
            refused += 1;
        }
    }
    assert!(refused > 15, "{refused}");
    for path in ASKED.iter().chain(&["/", "/events"]) {
        let line = format!("GET {path}");
        let local = format!("http://{host}");
        for (headers, why) in [
            (&[("sec-fetch-site", "cross-site")][..], "another site's page"),
            (&[("sec-fetch-site", "same-site")], "an app's page on another port"),
            (&[OWN, ("sec-fetch-site", "cross-site")], "two of them"),
            (&[OWN, ("origin", local.as_str())], "an origin, whichever"),
            (&[OWN, ("origin", "null")], "a sandboxed frame"),
            (&[OWN, ("referer", local.as_str())], "a referer, whichever"),
        ] {
            assert_eq!(status(&daemon, &line, &host, headers), 403, "{path}: {why}");
        }
        for other in [
            format!("127.0.0.1:{}", daemon.port()),
            format!("[::1]:{}", daemon.port()),
            "localhost".to_owned(),
            format!("evil.example:{}", daemon.port()),
        ] {
            assert_eq!(status(&daemon, &line, &other, &[OWN]), 403, "{path} at {other}");
        }
        // The door's, which has no server of that name.
        let named = format!("web.localhost:{}", daemon.port());
        assert_eq!(status(&daemon, &line, &named, &[OWN]), 404, "{path} at {named}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            assert_eq!(status(&daemon, &format!("{method} {path}"), &host, &[OWN]), 403, "{method} {path}");
        }
    }
    // The page itself is for an address that was typed.
    assert_eq!(status(&daemon, "GET /", &host, &[TYPED[0], OWN]), 403);
}
