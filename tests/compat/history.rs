//! A daemon's history with everything in it that a journal can hold, and what the daemon shows of it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use styxy_core::api::State;

use super::exchange::Exchange;
use crate::support::{Home, Request, Running, Server, finish, sort, until};

/// A checkout that the daemon only compares, and never opens.
const SHOP: &str = "/home/ada/shop";

/// What a daemon shows of its journal. It is kept beside the journal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shown {
    /// `GET /config`
    pub(super) config: Value,
    /// `GET /allocations`
    pub(super) allocations: Value,
    /// `GET /instance/list`
    pub(super) instances: Value,
    /// Dry runs: which port each key would get.
    pub(super) affinity: Vec<Exchange>,
    /// Requests that are asked again.
    pub(super) requests: Vec<Exchange>,
    /// Leases and instances that have ended, asked for again.
    pub(super) ended: Vec<Exchange>,
    /// `GET /events` from the first one on; none if the journal begins with a snapshot.
    pub(super) events: Vec<Value>,
}

/// The longest time that may be configured, in seconds: nothing ends by itself, however long the machine has been up.
const YEAR: u32 = 366 * 24 * 3600;
/// So many bytes fit into an instance's metadata.
const LARGE: usize = 1000;

/// A request for a port of the server `name`, with `more` fields.
fn server(service: &str, name: &str, project: impl AsRef<Path>, more: Value) -> Value {
    let mut body = json!({ "service_type": service, "service_name": name, "project_path": project.as_ref() });
    let Value::Object(more) = more else { panic!("no fields: {more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}

/// What keeps the leases of a [`History`] alive.
pub(super) struct History {
    owners: Vec<Running>,
    servers: Vec<Server>,
    /// The ids of leases that have ended.
    ended: Vec<String>,
    /// The requests that have a name.
    named: Vec<Value>,
}

/// Everything that can be in a journal, made by the daemon of `program`.
pub(super) fn history(home: &Home, program: &Path) -> History {
    home.configure(&json!({ "bind_ttl": 0.2, "unbind_grace": 0.1, "instance_ttl": 0.2 }));
    finish(home.command(program).args(["daemon", "start"])).done();
    let mut history = History { owners: vec![], servers: vec![], ended: vec![], named: vec![] };
    for name in ["bind_ttl", "listener_exited", "instance_expired"] {
        let mut body = server(sort::WEB, name, home.project(), json!({}));
        if name == "instance_expired" {
            home.socket().post("/instance/register", &json!({ "instance_id": name }));
            body["instance_id"] = name.into();
        }
        let owner = (name == "listener_exited").then(Running::idle);
        body["pid"] = owner.as_ref().map(Running::pid).into();
        let grant = home.allocate(&body);
        if let Some(owner) = owner {
            let mut listener = Server::on(home, grant.port.get());
            home.active(&grant);
            owner.kill();
            until("its listener owns the lease", || {
                home.lease_of(&grant)
                    .expect("a lease")
                    .owner
                    .pid
                    .is_some_and(|pid| pid.get() == listener.pid())
            });
            listener.close();
        }
        home.ended(&grant);
        history.ended.push(grant.lock_id.unwrap().to_string());
    }
    home.configure(&json!({ "bind_ttl": YEAR, "unbind_grace": YEAR, "instance_ttl": YEAR }));
    finish(home.command(program).args(["daemon", "restart"])).done();
    owners(home, &mut history);
    listeners(home, &mut history);
    endings(home, &mut history);
    history
}

fn owners(home: &Home, history: &mut History) {
    let way = home.socket();
    let (owner, session) = (Running::idle(), Running::idle());
    let metadata = json!({ "agent": "claude", "nested": { "list": [1, null, "ü"] } });
    way.post(
        "/instance/register",
        &json!({ "instance_id": "claude-1", "working_directory": SHOP, "metadata": metadata }),
    );
    way.post("/instance/register", &json!({ "instance_id": "claude-2", "pid": session.pid() }));
    let web = |name: &str, more: Value| server(sort::WEB, name, SHOP, more);
    let (wish, usual) = (home.spare_port(), home.spare_port());
    let named = [
        web("awaited", json!({ "request_id": "awaited-1", "preferred_port": wish })),
        web(
            "instance",
            json!({ "request_id": "instance-1", "instance_id": "claude-1", "default_port": usual }),
        ),
        json!({
            "services": [{ "service_type": sort::WEB }, { "service_type": sort::API }],
            "request_id": "pair", "project_path": "/home/ada/blog", "instance_id": "claude-1",
        }),
    ];
    for request in &named {
        assert_eq!(way.post("/allocate", request).status, 200);
    }
    history.named.extend(named);
    home.allocate(&web("owned", json!({ "pid": owner.pid(), "request_id": "owned-1" })));
    home.allocate(&web("session", json!({ "instance_id": "claude-2" })));
    home.allocate(&web("lent", json!({ "instance_id": "claude-1" })));
    let lent =
        home.allocate(&web("lent", json!({ "instance_id": "claude-1", "pid": owner.pid(), "reuse": true })));
    assert!(lent.reused);
    home.allocate(&json!({ "service_type": sort::SOLO, "pid": owner.pid() }));
    history.owners.extend([owner, session]);
}

fn listeners(home: &Home, history: &mut History) {
    let mine = |name: &str, more: Value| server(sort::API, name, home.project(), more);
    let listens = home.allocate(&mine("listens", json!({})));
    history.servers.push(Server::on(home, listens.port.get()));
    home.active(&listens);

    let silent = home.allocate(&mine("silent", json!({})));
    let mut mute = Server::on(home, silent.port.get());
    home.active(&silent);
    mute.close();
    until("it is silent", || home.lease_of(&silent).is_some_and(|lease| lease.state == State::Granted));
    history.servers.push(mute);

    let owner = Running::idle();
    let passed = home.allocate(&mine("passed", json!({ "pid": owner.pid() })));
    let heir = Server::on(home, passed.port.get());
    home.active(&passed);
    owner.kill();
    until("it is passed on", || {
        home.lease_of(&passed).and_then(|lease| lease.owner.pid).is_some_and(|pid| pid.get() == heir.pid())
    });
    history.servers.push(heir);

    for name in ["conflict", "displaced"] {
        let taken = home.allocate(&server(sort::WEB, name, SHOP, json!({})));
        history.servers.push(Server::in_folder(home, &home.other_project(), taken.port.get()));
        until("it is in conflict", || home.lease_of(&taken).is_some_and(|lease| lease.conflict.is_some()));
        if name == "displaced" {
            let again = home.allocate(&server(sort::WEB, name, SHOP, json!({ "reuse": true })));
            assert_eq!(again.displaced_from, Some(taken.port));
            history.ended.push(taken.lock_id.unwrap().to_string());
        }
    }
}

fn endings(home: &Home, history: &mut History) {
    let way = home.socket();
    let owner = Running::idle();
    let ended = home.allocate(&server(sort::API, "exited", SHOP, json!({ "pid": owner.pid() })));
    owner.kill();
    home.ended(&ended);
    way.post("/instance/register", &json!({ "instance_id": "claude-3" }));
    let lent = home.allocate(&server(sort::API, "ended", SHOP, json!({ "instance_id": "claude-3" })));
    way.delete("/instance/claude-3");
    history.ended.extend([ended, lent].map(|grant| grant.lock_id.unwrap().to_string()));
    // Several ports of one key: which of them is given again is part of what is kept.
    for port in [home.spare_port(), home.spare_port()] {
        let grant = home.allocate(&server(sort::WEB, "before", SHOP, json!({ "preferred_port": port })));
        let lock_id = grant.lock_id.unwrap().to_string();
        assert_eq!(way.delete(&format!("/allocate/{lock_id}")).status, 200);
        history.ended.push(lock_id);
    }
}

/// Makes the journal so long that a snapshot replaces the records.
pub(super) fn compact(home: &Home) {
    let way = home.socket();
    let journal = || way.get("/status").json()["journal"].clone();
    let before = journal();
    let room =
        |journal: &Value| journal["capacity"].as_u64().unwrap() / 2 - journal["used"].as_u64().unwrap();
    let register = |metadata: &Value| {
        let body = json!({ "instance_id": "claude-4", "metadata": metadata });
        assert_eq!(way.post("/instance/register", &body).status, 200);
    };
    for _ in 0..=room(&before) / LARGE as u64 {
        register(&json!("x".repeat(LARGE)));
    }
    // The next generation replaces this one with the first record after it is ready.
    until("the journal is compacted", || {
        register(&json!({ "text": "small again" }));
        journal()["generation"] != before["generation"]
    });
}

/// What the daemon shows.
pub(super) fn shown(home: &Home, history: &History) -> Shown {
    let way = home.socket();
    let ask = |method: &'static str, path: &str, body: Option<&Value>| {
        let request = Request::new(method, path);
        let answer = way.send(&body.map_or_else(|| request.clone(), |body| request.clone().json(body)));
        let asked = json!({ "method": method, "path": path, "body": body });
        Exchange {
            name: format!("{method} {path}"),
            asked,
            code: answer.status.into(),
            answer: answer.json(),
        }
    };
    // Keys that have a port of their own to come back to; others get what is free at the time.
    let keys = [(sort::WEB, "before"), (sort::API, "exited"), (sort::API, "ended")];
    let dry = keys.map(|(service, name)| {
        ask("POST", "/allocate", Some(&server(service, name, SHOP, json!({ "dry_run": true }))))
    });
    let affinity = dry.into();
    let mut ended: Vec<Exchange> =
        history.ended.iter().map(|id| ask("DELETE", &format!("/allocate/{id}"), None)).collect();
    ended.extend(["instance_expired", "claude-3"].map(|id| ask("DELETE", &format!("/instance/{id}"), None)));
    Shown {
        config: way.get("/config").json(),
        allocations: way.get("/allocations").json(),
        instances: way.get("/instance/list").json(),
        affinity,
        requests: history.named.iter().map(|request| ask("POST", "/allocate", Some(request))).collect(),
        ended,
        events: events(home),
    }
}

/// Every event that the daemon still knows; none if it has forgotten the first ones.
fn events(home: &Home) -> Vec<Value> {
    let way = home.socket();
    way.post("/instance/register", &json!({ "instance_id": "the-end" }));
    let mut stream = way.events(Some(0));
    let mut events = Vec::new();
    loop {
        let event = stream.next().expect("the last event");
        if event.name == "reset" {
            events.clear();
            break;
        }
        let is_last = event.data["instance"]["instance_id"] == "the-end";
        events.push(json!({ "event": event.name, "data": event.data }));
        if is_last {
            break;
        }
    }
    way.delete("/instance/the-end");
    events
}
