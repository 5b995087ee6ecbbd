//! The front door: each server has a name, which reaches it and nobody else.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use styxy_core::api::Grant;

use crate::support::web::MARK;
use crate::support::{Answer, Home, Request, Server, helper, sort, until};

const OPENAPI: &str = include_str!("../docs/openapi.json");

/// A server called `name` at `address`, whose folder is `folder`.
pub(crate) fn web(
    home: &Home,
    folder: &Path,
    address: impl Into<std::net::IpAddr>,
    port: u16,
    name: &str,
) -> Server {
    let address = SocketAddr::new(address.into(), port).to_string();
    Server::listening(helper(home, "web", &[&address, name]).current_dir(folder))
}

/// A lease of `service` for `folder`, which waits for its server.
pub(crate) fn lease(home: &Home, folder: &Path, service: &str) -> Grant {
    let label = if folder == home.project() { "project" } else { "fix-project" };
    home.allocate(&json!({ "service_type": service, "project_path": folder, "label": label }))
}

/// The project's web server, of a process of the test's own so that the lease outlives its server.
pub(crate) fn owned(home: &Home) -> Grant {
    home.allocate(
        &json!({ "service_type": sort::WEB, "project_path": home.project(), "pid": std::process::id() }),
    )
}

/// The answer to a request for `host`.
pub(crate) fn ask(home: &Home, host: &str, request: &Request) -> Answer {
    home.tcp().send(&request.clone().hosts(&[host]))
}

pub(crate) fn get(home: &Home, host: &str) -> Answer {
    ask(home, host, &Request::get("/"))
}

pub(crate) fn bytes_of(server: &mut Server) -> u64 {
    server.tell("count");
    server.hear().parse().unwrap()
}

const PAGE: [(&str, &str); 3] =
    [("Accept", "text/html,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "none")];

pub(crate) fn page() -> Request {
    PAGE.iter().fold(Request::get("/"), |request, (name, value)| request.header(name, value))
}

#[test]
fn each_name_reaches_its_own_server_and_nothing_has_to_be_set_up() {
    let home = Home::new();
    home.start();
    let (project, fix) = (home.project(), home.worktree("fix"));
    let leases = [
        (lease(&home, &project, sort::WEB), &project, "one"),
        (lease(&home, &fix, sort::WEB), &fix, "two"),
        (lease(&home, &fix, sort::API), &fix, "three"),
    ];
    let _servers = leases
        .each_ref()
        .map(|(lease, folder, name)| web(&home, folder, Ipv4Addr::LOCALHOST, lease.port.get(), name));
    let (web, api, port) = (sort::WEB, sort::API, home.listen_port());
    for (host, name) in [
        (format!("{web}.project.localhost:{port}"), "one"),
        (format!("{web}.fix-project.localhost:{port}"), "two"),
        (format!("{api}.fix-project.localhost"), "three"),
        (format!("{}.FIX-project.LOCALHOST.:1234", web.to_uppercase()), "two"),
    ] {
        let answer = get(&home, &host);
        assert_eq!((answer.status, answer.header(MARK)), (200, Some(name)), "{host}: {}", answer.text());
        assert_eq!(answer.header("styxy-api"), None);
    }
    // One server: its worktree leads to it. Several: a list.
    let answer = get(&home, &format!("project.localhost:{port}"));
    let to = format!("http://{web}.project.localhost:{port}/");
    assert_eq!((answer.status, answer.header("location")), (307, Some(to.as_str())));
    let answer = ask(&home, "fix-project.localhost", &page());
    assert!(answer.status == 300 && answer.text().contains(&format!("{api}.fix-project.localhost")));
    let answer = get(&home, "nobody.localhost");
    assert_eq!((answer.status, answer.header("styxy-door")), (404, Some("page")));
}

#[test]
fn every_host_goes_to_one_place() {
    let home = Home::new();
    home.start();
    let _server = web(
        &home,
        &home.project(),
        Ipv4Addr::LOCALHOST,
        lease(&home, &home.project(), sort::WEB).port.get(),
        "web",
    );
    let (port, name) = (home.listen_port(), format!("{}.project.localhost", sort::WEB));
    let rows: Vec<(Vec<String>, &str, u16)> = vec![
        (vec![format!("localhost:{port}")], "/status", 200),
        (vec![format!("127.0.0.1:{port}")], "/status", 200),
        (vec![format!("[::1]:{port}")], "/status", 200),
        (vec![format!("LOCALHOST:{port}")], "/status", 200),
        (vec!["localhost".into()], "/status", 403),
        (vec![format!("localhost.:{port}")], "/status", 403),
        (vec![format!("evil.example:{port}")], "/status", 403),
        (vec![format!("user@localhost:{port}")], "/status", 403),
        (vec![format!("user@{name}:{port}")], "/status", 403),
        (vec![format!("{name}.evil.example:{port}")], "/status", 403),
        (vec![], "/status", 403),
        (vec![format!("{name}:{port}")], "/status", 200),
        (vec![name.clone()], "/status", 200),
        (vec![format!("{name}.:{port}")], "/status", 200),
        (vec![name.to_uppercase()], "/status", 200),
        (vec![format!("{}.localhost", "x".repeat(63))], "/status", 404),
        (vec![format!("{}.localhost", "x".repeat(64))], "/status", 400),
        (vec!["xn--bcher-kva.localhost".into()], "/status", 404),
        (vec![format!("{name}:99999")], "/status", 400),
        (vec![name.clone(), name.clone()], "/status", 400),
        (vec![format!("localhost:{port}"), name.clone()], "/status", 400),
        (vec![name.clone(), format!("localhost:{port}")], "/status", 400),
    ];
    let mut wrong = Vec::new();
    for (hosts, path, status) in &rows {
        let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let answer = home.trusted_tcp().send(&Request::get(path).hosts(&names));
        if answer.status != *status {
            wrong.push(format!("{hosts:?}: {} and not {status}", answer.status));
        }
    }
    for (target, host, status) in [
        (format!("http://{name}:{port}/status"), name.clone(), 200),
        (format!("http://{name}:{port}/status"), format!("localhost:{port}"), 400),
        (format!("http://localhost:{port}/status"), name.clone(), 400),
        (format!("http://localhost:{port}/status"), format!("localhost:{port}"), 200),
        ("http://evil.example/status".into(), name, 403),
    ] {
        let answer = home.trusted_tcp().send(&Request::get(&target).hosts(&[&host]));
        if answer.status != status {
            wrong.push(format!("{target} {host}: {} and not {status}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_route_of_the_api_is_reached_by_a_name_and_no_server_by_the_apis_hosts() {
    let home = Home::new();
    let pid = home.start().pid;
    let grant = owned(&home);
    let server = web(&home, &home.project(), Ipv4Addr::LOCALHOST, grant.port.get(), "web");
    let openapi: Value = serde_json::from_str(OPENAPI).unwrap();
    let (port, name) = (home.listen_port(), format!("{}.project.localhost", sort::WEB));
    let names = [
        name.clone(),
        format!("{name}:{port}"),
        format!("{name}.:{port}"),
        name.to_uppercase(),
        "nobody.localhost".into(),
        format!("localhost.localhost:{port}"),
        "project.localhost".into(),
    ];
    let ours = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}"));
    let mut count = 0;
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        for method in methods.as_object().unwrap().keys().chain([&"get".to_owned()]) {
            if path == "/events" {
                continue;
            }
            let method =
                ["GET", "POST", "PUT", "DELETE"].into_iter().find(|name| name.eq_ignore_ascii_case(method));
            let request = Request::new(method.unwrap(), &path).body("{}");
            for host in &names {
                let answer = ask(&home, host, &request);
                let is_the_doors = answer.header("styxy-door").is_some() || answer.header(MARK).is_some();
                assert!(is_the_doors && answer.header("styxy-api").is_none(), "{method:?} {path} of {host}");
                count += 1;
            }
            for host in &ours {
                let answer = home.trusted_tcp().send(&request.clone().hosts(&[host]));
                let is_the_doors = answer.header("styxy-door").is_some() || answer.header(MARK).is_some();
                assert!(!is_the_doors && answer.header("styxy-api").is_some(), "{method:?} {path} of {host}");
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
    // What the requests by names asked for was asked of the server, and not done.
    assert_eq!(home.status().unwrap().pid, pid);
    drop(server);
}

/// What became of the requests of a test.
#[derive(Default)]
struct Asked {
    /// How many there were of each kind.
    gets: AtomicU64,
    posts: AtomicU64,
    /// What was answered to a GET that failed, and to a POST that did, with its path.
    failed_gets: Mutex<Vec<String>>,
    failed_posts: Mutex<Vec<(String, String)>>,
}

impl Asked {
    fn get(&self, home: &Home, host: &str) {
        let answer = home.tcp().try_send(&Request::get("/").hosts(&[host]));
        self.gets.fetch_add(1, Ordering::Relaxed);
        match answer {
            Ok(answer) if answer.status == 200 && answer.header(MARK) == Some("web") => {}
            Ok(answer) => self.failed_gets.lock().unwrap().push(answer.text().to_owned()),
            Err(error) => self.failed_gets.lock().unwrap().push(error.to_string()),
        }
    }

    /// Each one has a path of its own.
    fn post(&self, home: &Home, host: &str) {
        let path = format!("/orders/{}", self.posts.fetch_add(1, Ordering::Relaxed));
        let request = Request::new("POST", &path).body("x".repeat(20_000)).hosts(&[host]);
        let said = match home.tcp().try_send(&request) {
            Ok(answer) if answer.status == 200 && answer.header(MARK) == Some("web") => return,
            Ok(answer) => {
                let whose = answer.header("styxy-door").unwrap_or("the server's");
                format!("{} {whose} {}", answer.status, answer.text())
            }
            Err(error) => error.to_string(),
        };
        self.failed_posts.lock().unwrap().push((path, said));
    }

    fn all(&self) -> u64 {
        self.gets.load(Ordering::Relaxed) + self.posts.load(Ordering::Relaxed)
    }
}

#[test]
fn a_server_that_is_killed_again_and_again_answers_every_question_and_gets_no_order_twice() {
    const NOTES: &str = "requests";
    let home = Home::new();
    home.start();
    let grant = owned(&home);
    let kills: u64 =
        std::env::var("STYXY_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, grant.port.get())).to_string();
    let start =
        || Server::listening(helper(&home, "web", &[&address, "web", NOTES]).current_dir(home.project()));
    let (stop, asked) = (AtomicBool::new(false), Asked::default());
    let host = format!("{}.project.localhost", sort::WEB);
    let load = |ask: fn(&Asked, &Home, &str)| {
        while !stop.load(Ordering::Relaxed) {
            ask(&asked, &home, &host);
        }
    };
    let mut server = Some(start());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load(Asked::get));
        }
        // One: so no more than one is under way when the server is killed.
        scope.spawn(|| load(Asked::post));
        for round in 0..kills {
            // So that each kill meets requests.
            let before = asked.all();
            until("some were answered", || asked.all() > before + 10);
            server.take().unwrap().kill();
            let away = Instant::now() + Duration::from_millis(round * 97 % 400);
            until("the server was away for a while", || Instant::now() >= away);
            server = Some(start());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let Asked { gets, posts, failed_gets, failed_posts } = asked;
    let failed = failed_posts.into_inner().unwrap();
    println!(
        "{kills} kills; {} GETs, {} POSTs, {} failed",
        gets.into_inner(),
        posts.into_inner(),
        failed.len()
    );
    assert_eq!(failed_gets.into_inner().unwrap(), Vec::<String>::new());
    assert!(failed.len() as u64 <= kills, "{failed:#?}");
    let is_clear = |said: &str| said.starts_with("502 page ") && said.contains(&host);
    assert!(failed.iter().all(|(_, said)| is_clear(said)), "{failed:#?}");
    let noted = std::fs::read_to_string(home.project().join(NOTES)).unwrap();
    let mut orders: Vec<&str> = noted.lines().filter(|line| line.starts_with("POST ")).collect();
    let count = orders.len();
    orders.sort_unstable();
    orders.dedup();
    assert_eq!(orders.len(), count, "an order came twice");
}

#[test]
fn whoever_goes_to_a_server_that_starts_gets_a_page_and_then_the_app() {
    let home = Home::new();
    home.start();
    let (grant, host) = (owned(&home), format!("{}.project.localhost", sort::WEB));
    let answer = ask(&home, &host, &page());
    assert_eq!((answer.status, answer.header("refresh")), (503, Some("1")), "{}", answer.text());
    assert!(answer.text().contains(&home.project().display().to_string()), "{}", answer.text());
    // A program waits, and so does whoever comes just before the server does.
    thread::scope(|scope| {
        let waiting = scope.spawn(|| get(&home, &host));
        let _server = web(&home, &home.project(), Ipv4Addr::LOCALHOST, grant.port.get(), "web");
        assert_eq!(waiting.join().unwrap().header(MARK), Some("web"));
        assert_eq!(ask(&home, &host, &page()).header(MARK), Some("web"));
    });
}

#[test]
fn a_name_whose_server_was_released_says_so_at_once() {
    let home = Home::new();
    home.start();
    let (grant, host) = (owned(&home), format!("{}.project.localhost", sort::WEB));
    let id = grant.lock_id.unwrap();
    home.socket().delete(&format!("/allocate/{id}"));
    let answer = get(&home, &host);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("released"), "{}", answer.text());
}

#[test]
fn a_page_of_another_site_reaches_no_server() {
    let home = Home::new();
    home.start();
    let (grant, host) = (owned(&home), format!("{}.project.localhost", sort::WEB));
    let mut server = web(&home, &home.project(), Ipv4Addr::LOCALHOST, grant.port.get(), "web");
    let evil = |request: Request| request.header("Origin", "https://evil.example");
    let socket = Request::get("/").header("Upgrade", "websocket");
    for request in [
        evil(Request::get("/")),
        evil(Request::new("POST", "/")),
        evil(socket),
        Request::get("/").header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Mode", "no-cors"),
    ] {
        let answer = ask(&home, &host, &request);
        assert_eq!((answer.status, answer.header("styxy-door")), (403, Some("page")), "{request:?}");
    }
    assert_eq!(bytes_of(&mut server), 0);
    let arrives = page().header("Sec-Fetch-Site", "cross-site");
    assert_eq!(ask(&home, &host, &arrives).header(MARK), Some("web"), "a link is followed");
}
