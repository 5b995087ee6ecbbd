//! Every answer of the REST API, each in a situation that can be made again.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::exchange::{Exchange, portable};
use crate::support::{Home, Request, Running, Server, Way, lacks_root, proper, sort, until};

/// A checkout that the daemon only compares, and never opens.
const SHOP: &str = "/home/ada/shop";
/// A lease that never was.
const NO_LEASE: &str = "/allocate/00000000-0000-4000-8000-000000000000";

/// Asks one thing after another.
type Situation = fn(&mut Asking<'_>);

/// Every answer that is possible without filling the disk; one of each name.
pub(super) fn everything() -> Vec<Exchange> {
    let ordinary = json!({});
    let short = json!({ "bind_ttl": 0.3, "unbind_grace": 0.1, "instance_ttl": 0.3 });
    // A daemon each: where nothing else is leased, the answers are the same each time.
    let situations: [(&Value, Situation); 7] = [
        (&ordinary, grants),
        (&ordinary, listeners),
        (&ordinary, sessions),
        (&ordinary, refusals),
        (&ordinary, web_pages),
        (&ordinary, the_daemon),
        (&short, what_ends_by_itself),
    ];
    let mut all = Vec::new();
    for (config, situation) in situations {
        let home = Home::with(config);
        home.start();
        let mut asking = Asking { home: &home, exchanges: Vec::new() };
        situation(&mut asking);
        all.append(&mut asking.exchanges);
    }
    // Stable: of several events of one name the first one counts.
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all.dedup_by(|later, first| later.name == first.name);
    all
}

/// Asks, and keeps what was asked and answered.
struct Asking<'home> {
    home: &'home Home,
    exchanges: Vec<Exchange>,
}

impl Asking<'_> {
    fn get(&mut self, name: &str, path: &str) -> Value {
        self.send(name, "GET", path, None)
    }
    fn post(&mut self, name: &str, path: &str, body: &Value) -> Value {
        self.send(name, "POST", path, Some(body))
    }
    fn delete(&mut self, name: &str, path: &str) -> Value {
        self.send(name, "DELETE", path, None)
    }
    fn allocate(&mut self, name: &str, body: &Value) -> Value {
        self.post(name, "/allocate", body)
    }

    fn send(&mut self, name: &str, method: &'static str, path: &str, body: Option<&Value>) -> Value {
        let request = Request::new(method, path);
        let request = body.map_or_else(|| request.clone(), |body| request.clone().json(body));
        self.by(name, &self.home.socket(), &request, json!({ "method": method, "path": path, "body": body }))
    }

    fn by(&mut self, name: &str, way: &Way, request: &Request, asked: Value) -> Value {
        let answer = way.send(request);
        proper(&answer);
        assert_eq!(answer.header("styxy-api"), Some("1"), "{name}");
        let json = answer.json();
        let said = portable(self.home, json.clone());
        let asked = portable(self.home, asked);
        self.exchanges.push(Exchange {
            name: name.to_owned(),
            asked,
            code: answer.status.into(),
            answer: said,
        });
        json
    }

    /// The events so far. Asked last, while everything lives that was started: its end is an event too.
    fn events(&mut self) {
        let way = self.home.socket();
        way.post("/instance/register", &json!({ "instance_id": "the-end" }));
        let mut events = way.events(Some(0));
        loop {
            let event = events.next().expect("the last event is told");
            if event.data["instance"]["instance_id"] == "the-end" {
                return;
            }
            // That the same owner waits again is an event only if the clock has moved on by a millisecond.
            if event.name == "passed" && event.data["lease"]["state"] == "granted" {
                continue;
            }
            let reason = event.data["reason"].as_str().map(|reason| format!(" {reason}"));
            let name = format!("event {}{}", event.name, reason.unwrap_or_default());
            let answer = portable(self.home, event.data);
            self.exchanges.push(Exchange { name, asked: Value::Null, code: 200, answer });
        }
    }

    /// Waits until `field` of the one lease of `port` is `value`.
    fn until_lease(&self, port: &Value, field: &str, value: &Value) {
        let path = format!("/allocations?port={port}");
        until(&format!("{field} of the lease is {value}"), || {
            self.home.socket().get(&path).json()["allocations"][0].pointer(field) == Some(value)
        });
    }
}

fn number(port: &Value) -> u16 {
    port.as_u64().unwrap().try_into().unwrap()
}

fn grants(asking: &mut Asking<'_>) {
    let shop = |service: &str| json!({ "service_type": service, "project_path": SHOP });
    let first = asking.allocate("allocate", &shop(sort::WEB));
    asking.allocate("allocate reuse", &json!({ "service": sort::WEB, "project_path": SHOP, "reuse": true }));
    asking.allocate("allocate taken", &json!({ "service": sort::WEB, "port": first["port"] }));
    asking.allocate(
        "allocate default_port",
        &json!({ "service": sort::WEB, "default_port": asking.home.spare_port() }),
    );
    asking.allocate("allocate dry_run", &json!({ "service": sort::WEB, "dry_run": true }));
    let owner = Running::idle();
    let all = json!({
        "service_type": sort::WEB, "service_name": "admin", "preferred_port": asking.home.spare_port(), "exact": true,
        "reuse": true, "instance_id": "unregistered", "project_path": SHOP, "pid": owner.pid(), "request_id": "once",
    });
    asking.allocate("allocate with every field", &all);
    asking.allocate("allocate again with its request_id", &all);
    asking.allocate(
        "allocate a group",
        &json!({ "project_path": SHOP, "services": [{ "service": sort::API }, { "service": sort::WEB, "service_name": "two" }] }),
    );
    asking.allocate("allocate a singleton", &shop(sort::SOLO));
    asking.allocate(
        "allocate an existing singleton",
        &json!({ "service": sort::SOLO, "project_path": "/home/ada/blog" }),
    );
    asking.get("allocations", "/allocations");
    asking.get(
        "allocations of a project and type",
        &format!("/allocations?project_path={SHOP}&service_type=web"),
    );
    let lock = first["lock_id"].as_str().unwrap();
    asking.delete("release", &format!("/allocate/{lock}"));
    asking.delete("release again", &format!("/allocate/{lock}"));
    let port = asking.home.range(sort::MANY);
    asking.get("check a free port", &format!("/check/{}", port.end()));
    let suggested = asking.get("suggest", "/suggest/web?count=3");
    assert_eq!(suggested["count"], 3);
    asking.events();
}

fn listeners(asking: &mut Asking<'_>) {
    let home = asking.home;
    std::fs::write(home.project().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let mine = json!({ "service": sort::WEB, "project_path": home.project() });
    let owned = home.allocate(
        &json!({ "service": sort::API, "project_path": home.project(), "pid": std::process::id() }),
    );
    let port = asking.allocate("allocate", &mine)["port"].clone();
    asking.get("check a port that nobody listens on yet", &format!("/check/{port}"));
    let mut server = Server::on(home, number(&port));
    asking.until_lease(&port, "/state", &json!("active"));
    asking.get("check an active port", &format!("/check/{port}"));
    asking.get("allocations with a listener", &format!("/allocations?port={port}"));
    server.close();
    asking.until_lease(&port, "/state", &json!("granted"));
    server.reopen();
    asking.until_lease(&port, "/state", &json!("active"));
    asking.get("allocations with a process", &format!("/allocations?port={}", owned.port));

    let both: [SocketAddr; 2] = [([127, 0, 0, 1], home.spare_port()).into(), ([127, 0, 0, 2], 0).into()];
    let _one = Server::listen(home, &both[..1]);
    let _other = Server::listen(home, &[([127, 0, 0, 2], both[0].port()).into()]);
    asking.get("check a port of several listeners", &format!("/check/{}", both[0].port()));

    let taken = asking.allocate(
        "allocate",
        &json!({ "service": sort::WEB, "service_name": "taken", "project_path": SHOP }),
    );
    let stranger = Server::in_folder(home, &home.other_project(), number(&taken["port"]));
    let named = json!(stranger.pid());
    asking.until_lease(&taken["port"], "/conflict/pid", &named);
    asking.get("check a port in conflict", &format!("/check/{}", taken["port"]));
    asking.get("allocations in conflict", &format!("/allocations?port={}", taken["port"]));
    let range = format!("/scan?start={}&end={}", home.listen_port(), home.range(sort::MANY).end());
    asking.get("scan", &range);
    let ask = json!({ "service": sort::WEB, "service_name": "taken", "project_path": SHOP, "reuse": true });
    let moved = asking.allocate("allocate displaced", &ask);
    assert_eq!(moved["displaced_from"], taken["port"]);

    let passing = Running::idle();
    let body = json!({ "service": sort::WEB, "service_name": "passed", "project_path": home.project(), "pid": passing.pid() });
    let passed = asking.allocate("allocate", &body);
    let heir = Server::on(home, number(&passed["port"]));
    asking.until_lease(&passed["port"], "/state", &json!("active"));
    passing.kill();
    asking.until_lease(&passed["port"], "/owner/pid", &json!(heir.pid()));
    asking.get(
        "allocations with a listener that was passed to",
        &format!("/allocations?port={}", passed["port"]),
    );
    asking.events();
}

fn sessions(asking: &mut Asking<'_>) {
    let session = Running::idle();
    let beats = json!({ "instance_id": "claude-1", "working_directory": SHOP, "metadata": { "agent": "claude", "any": [1, null] } });
    asking.post("register", "/instance/register", &beats);
    asking.post("register again", "/instance/register", &beats);
    let process = json!({ "instance_id": "claude-2", "pid": session.pid() });
    asking.post("register a process", "/instance/register", &process);
    asking.post("heartbeat", "/instance/heartbeat", &json!({ "instance_id": "claude-1" }));
    asking.send("heartbeat of", "PUT", "/instance/claude-2/heartbeat", None);
    asking.allocate("allocate for an instance", &json!({ "service": sort::WEB, "instance_id": "claude-1" }));
    asking.allocate(
        "allocate for a process' instance",
        &json!({ "service": sort::API, "instance_id": "claude-2" }),
    );
    asking.get("instances", "/instance/list");
    asking.get("allocations of an instance", "/allocations?instance_id=claude-1");
    let other = json!({ "instance_id": "claude-2", "pid": asking.home.daemon_file().unwrap().pid });
    asking.post("register another process", "/instance/register", &other);
    asking.delete("end an instance", "/instance/claude-1");
    session.kill();
    until("the instance expires", || asking.home.socket().delete("/instance/claude-2").status == 410);
    asking.delete("end an expired instance", "/instance/claude-2");
    asking.post(
        "heartbeat of an expired instance",
        "/instance/heartbeat",
        &json!({ "instance_id": "claude-2" }),
    );
    asking.delete("end an unknown instance", "/instance/nobody");
    asking.post(
        "heartbeat of an unknown instance",
        "/instance/heartbeat",
        &json!({ "instance_id": "nobody" }),
    );
    asking.events();
}

fn refusals(asking: &mut Asking<'_>) {
    let home = asking.home;
    let post = || Request::new("POST", "/allocate");
    let web = |more: Value| {
        let mut body = json!({ "service_type": sort::WEB });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    asking.allocate("refuse an unknown field", &web(json!({ "prefered_port": 7000 })));
    asking.allocate("refuse a missing field", &json!({}));
    asking.allocate("refuse a port out of range", &web(json!({ "port": 70_000 })));
    asking.allocate("refuse a port that is no number", &web(json!({ "port": "3000" })));
    asking.allocate("refuse an unknown service type", &json!({ "service_type": "webb" }));
    asking.allocate("refuse a name", &web(json!({ "service_name": "a b" })));
    asking.allocate("refuse exact without a port", &web(json!({ "exact": true })));
    asking.allocate("refuse two wishes", &web(json!({ "port": 7000, "default_port": 7001 })));
    asking.allocate("refuse a dead owner", &web(json!({ "pid": 2_147_483_647 })));
    asking.allocate("refuse a group's field", &web(json!({ "services": [{ "service": sort::API }] })));
    asking.allocate("refuse an empty group", &json!({ "services": [] }));
    asking.get("refuse a port in a query", "/allocations?port=no");
    asking.get("refuse a reversed range", "/scan?start=2&end=1");
    asking.get("refuse a count", "/suggest/web?count=0");
    asking.delete("refuse what is no lease", "/allocate/no-id");
    asking.delete("refuse an unknown lease", NO_LEASE);
    asking.get("refuse an unknown route", "/leases");
    asking.get("refuse a method", "/allocate");
    let by = |asking: &mut Asking<'_>, name: &str, body: &str, request: Request| {
        let asked = json!({ "method": "POST", "path": "/allocate", "body": body });
        asking.by(name, &home.socket(), &request, asked);
    };
    by(asking, "refuse broken JSON", "{", post().body("{"));
    by(asking, "refuse a body that is too large", "20,000 blanks", post().body(" ".repeat(20_000)));
    let multipart = post().header("Content-Type", "multipart/form-data; boundary=x").body("--x--");
    by(asking, "refuse a media type", "--x--", multipart);

    let held = asking.allocate("allocate", &web(json!({ "project_path": SHOP, "request_id": "once" })));
    asking.allocate("refuse another body of a request_id", &web(json!({ "request_id": "once" })));
    asking.allocate("refuse a leased port", &web(json!({ "port": held["port"], "exact": true })));
    asking.allocate("refuse the daemon's port", &web(json!({ "port": home.listen_port(), "exact": true })));
    let busy = home.spare_port();
    let _busy = Server::on(home, busy);
    asking.allocate("refuse a busy port", &web(json!({ "port": busy, "exact": true })));
    for _ in 0..2 {
        asking.allocate("allocate", &json!({ "service": sort::TINY }));
    }
    asking.allocate("refuse more than there is", &json!({ "service": sort::TINY }));
    asking.events();
}

/// What comes over TCP as web pages send it, and what is another user's.
fn web_pages(asking: &mut Asking<'_>) {
    let status = || Request::get("/status");
    let page = |asking: &mut Asking<'_>, name: &str, header: (&'static str, &str)| {
        let asked = json!({ "method": "GET", "path": "/status", "headers": { header.0: header.1 } });
        let request = if header.0 == "Host" {
            status().hosts(&[header.1])
        } else {
            status().header(header.0, header.1)
        };
        asking.by(name, &asking.home.tcp(), &request, asked);
    };
    page(asking, "refuse a host", ("Host", "evil.example"));
    page(asking, "refuse an origin", ("Origin", "https://evil.example"));
    page(asking, "refuse a referer", ("Referer", "https://evil.example/"));
    page(asking, "refuse a fetch of a site", ("Sec-Fetch-Site", "cross-site"));
    if !lacks_root() {
        let theirs = Running::idle_of_nobody();
        let body = json!({ "service": sort::WEB, "pid": theirs.pid() });
        asking.allocate("refuse another user's process", &body);
    }
    asking.events();
}

fn the_daemon(asking: &mut Asking<'_>) {
    asking.get("status", "/status");
    asking.get("config", "/config");
    asking.post("cleanup", "/cleanup", &json!({}));
    asking.allocate("allocate", &json!({ "service": sort::WEB }));
    asking.post("cleanup with force", "/cleanup", &json!({ "force": true }));
    asking.post("refuse a cleanup", "/cleanup", &json!({ "force": "yes" }));
    let text = asking.home.socket().get("/metrics").text().to_owned();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: serde_json::Map<_, _> = types.map(|(name, kind)| (name.to_owned(), kind.into())).collect();
    assert!(types.len() > 10, "{text}");
    let asked = json!({ "method": "GET", "path": "/metrics" });
    // The text itself is Prometheus' format; this is which numbers there are.
    asking.exchanges.push(Exchange { name: "metrics".into(), asked, code: 200, answer: types.into() });
    asking.events();
}

fn what_ends_by_itself(asking: &mut Asking<'_>) {
    let home = asking.home;
    let gone = |port: &Value| {
        let path = format!("/allocations?port={port}");
        until("the lease ends", || home.socket().get(&path).json()["allocations"] == json!([]));
    };
    let owner = Running::idle();
    let lease = asking.allocate("allocate", &json!({ "service": sort::WEB, "pid": owner.pid() }));
    owner.kill();
    gone(&lease["port"]);
    // A server that starts late would come after `bind_ttl`; one whose parent owns the lease has its time.
    let parent = Running::idle();
    let listened = asking.allocate("allocate", &json!({ "service": sort::WEB, "pid": parent.pid() }));
    let mut server = Server::on(home, number(&listened["port"]));
    asking.until_lease(&listened["port"], "/state", &json!("active"));
    parent.kill();
    asking.until_lease(&listened["port"], "/owner/pid", &json!(server.pid()));
    server.close();
    gone(&listened["port"]);
    let awaited = asking.allocate("allocate", &json!({ "service": sort::WEB }));
    gone(&awaited["port"]);
    home.socket().post("/instance/register", &json!({ "instance_id": "claude-1" }));
    let lent = asking.allocate("allocate", &json!({ "service": sort::WEB, "instance_id": "claude-1" }));
    gone(&lent["port"]);
    asking.events();
}
