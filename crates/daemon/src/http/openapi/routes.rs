//! Every route, in the order a person would read about them.

use serde_json::{Value, json};
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, AllocationsAnswer, BeatAnswer, BeatRequest, CheckAnswer, CleanupAnswer,
    CleanupRequest, Code, ConfigAnswer, EndInstanceAnswer, InstancesAnswer, RefusalsAnswer, RegisterAnswer,
    RegisterRequest, ReleaseAnswer, ReportRequest, ScanAnswer, StatusAnswer, SuggestAnswer, ViewAnswer,
};
use styxy_core::config::Config;
use styxy_core::{InstanceId, LockId, Port, ProjectPath, ServiceType};
use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Required, Response, ResponseBuilder};

use super::{Document, Route, optional};

use Code::{
    BodyTooLarge, DaemonUnreachable, Forbidden, InstanceExists, InstanceExpired, InvalidRequest, LeaseEnded,
    NoFreePort, PortUnavailable, RequestIdReused, StorageUnavailable, UnknownInstance, UnknownLease,
    UnsupportedMediaType,
};

pub(super) fn all(to: &mut Document) -> Vec<Route> {
    let mut routes = leases(to);
    routes.extend(ports(to));
    routes.extend(instances(to));
    routes.extend(daemon(to));
    routes.push(view(to));
    routes
}

fn route(
    method: HttpMethod,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answer: Response,
) -> Route {
    Route { method, path, id, summary, parameters: vec![], body: None, answer, codes: &[Forbidden] }
}

const LOCK_ID: &str = "4f5e1c0a-8a51-4c3e-9d53-0c1f6f9f1f10";
const STARTED: &str = "2026-11-22T17:40:00.123Z";
const SEEN: &str = "2026-11-22T17:41:10.500Z";

fn lease() -> Value {
    json!({
        "lock_id": LOCK_ID, "port": 3001, "service_type": "dev", "service_name": "web", "instance_id": "claude-1",
        "project_path": "/w/app", "state": "active",
        "owner": { "kind": "process", "pid": 4242, "process": "node", "started_at": STARTED },
        "allocated_at": STARTED, "last_seen_listening": SEEN,
        "listener": { "pid": 4242, "process": "node" },
    })
}

fn usage() -> Value {
    json!({
        "pid": 4242, "process": "node", "command": "node server.js", "user": "ada", "same_user": true,
        "addresses": ["127.0.0.1"], "working_directory": "/w/app", "working_directory_deleted": false,
        "project_path": "/w/app", "branch": "main", "started_at": STARTED,
    })
}

fn grant() -> Value {
    json!({
        "success": true, "port": 3001, "lock_id": LOCK_ID, "service_type": "dev", "service_name": "web",
        "state": "granted", "owner": { "kind": "process", "pid": 4242 }, "url": "http://localhost:3001",
        "reused": false, "existing": false, "reason": "preferred port 3000 is leased by claude-2 (/w/other)",
        "displaced_from": null, "message": "Port 3001 allocated for dev service",
    })
}

fn leases(to: &mut Document) -> Vec<Route> {
    let one = json!({
        "service_type": "dev", "service_name": "web", "preferred_port": 3000, "exact": false, "reuse": false,
        "instance_id": "claude-1", "project_path": "/w/app", "request_id": "b7f1", "dry_run": false,
    });
    let group = json!({
        "project_path": "/w/app", "services": [{ "service_type": "dev" }, { "service_type": "storybook" }],
    });
    let asked = to.body::<AllocateRequest>(&[("one", one), ("group", group)]);
    let granted = [("one", grant()), ("group", json!({ "success": true, "leases": [grant()] }))];
    let granted = to.answers::<AllocateAnswer>("The port, or each member's of a group", &granted);
    let released = json!({ "success": true, "port": 3001, "message": "Port 3001 released" });
    let released = to.answer::<ReleaseAnswer>("The port is free again", released);
    let listed =
        to.answer::<AllocationsAnswer>("The leases, ascending by port", json!({ "allocations": [lease()] }));
    vec![
        Route {
            body: Some(asked),
            codes: &[
                InvalidRequest,
                Forbidden,
                PortUnavailable,
                NoFreePort,
                BodyTooLarge,
                UnsupportedMediaType,
                RequestIdReused,
                StorageUnavailable,
            ],
            ..route(
                HttpMethod::Post,
                "/allocate",
                "allocate",
                "Leases a port, or several all or none",
                granted,
            )
        },
        Route {
            parameters: vec![
                to.path::<LockId>("lockId", "As allocate answered it in lock_id."),
                to.query::<bool>("waiting", "True: only if it waits for a server that nobody has started."),
            ],
            codes: &[InvalidRequest, Forbidden, UnknownLease, LeaseEnded, StorageUnavailable],
            ..route(HttpMethod::Delete, "/allocate/{lockId}", "release", "Ends a lease", released)
        },
        Route {
            parameters: vec![
                to.query::<ServiceType>("service_type", "Only this service type's."),
                to.query::<InstanceId>("instance_id", "Only this instance's."),
                to.query::<ProjectPath>("project_path", "Only this project's."),
                to.query::<Port>("port", "Only this port's."),
            ],
            codes: &[InvalidRequest, Forbidden],
            ..route(HttpMethod::Get, "/allocations", "allocations", "Lists the live leases", listed)
        },
    ]
}

fn ports(to: &mut Document) -> Vec<Route> {
    let checked = json!({
        "port": 3001, "available": false, "allocated_to": lease(), "system_usage": usage(),
        "reason": "leased by claude-1 (/w/app)",
    });
    let checked = to.answer::<CheckAnswer>("Who has it, leased or not", checked);
    let suggested = json!({ "service_type": "dev", "port": 3000, "suggestions": [3000, 8000], "count": 2 });
    let suggested = to.answer::<SuggestAnswer>("What an allocate would be given, best first", suggested);
    let in_use = json!([{ "port": 3001, "allocated_to": lease(), "system_usage": usage() }]);
    let scanned = json!({ "scan_range": "3000-3099", "ports_in_use": in_use });
    let scanned = to.answer::<ScanAnswer>("Every listener and every lease of the range", scanned);
    let count = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_u8)).maximum(Some(100_u8));
    let count = count.default(Some(json!(5)));
    vec![
        Route {
            parameters: vec![to.path::<Port>("port", "The port asked about.")],
            codes: &[InvalidRequest, Forbidden],
            ..route(HttpMethod::Get, "/check/{port}", "check", "Says who has a port", checked)
        },
        Route {
            parameters: vec![
                to.path::<ServiceType>("serviceType", "What kind of server."),
                optional(ParameterIn::Query, "count", "How many.", count),
            ],
            codes: &[InvalidRequest, Forbidden],
            ..route(
                HttpMethod::Get,
                "/suggest/{serviceType}",
                "suggest",
                "Names free ports, reserves none",
                suggested,
            )
        },
        Route {
            parameters: vec![
                to.query::<Port>("start", "The lowest port; 1024 if absent."),
                to.query::<Port>("end", "The highest port; 65535 if absent."),
            ],
            codes: &[InvalidRequest, Forbidden],
            ..route(HttpMethod::Get, "/scan", "scan", "Lists what listens and what is leased", scanned)
        },
    ]
}

fn register(to: &mut Document) -> Route {
    let asked = json!({ "instance_id": "claude-1", "working_directory": "/w/app", "metadata": { "agent": "claude" } });
    let asked = to.body::<RegisterRequest>(&[("", asked)]);
    let known =
        json!({ "success": true, "instance_id": "claude-1", "heartbeat_interval": 20.0, "expires_in": 60.0 });
    let known = to
        .answer::<RegisterAnswer>("How often to send a heartbeat; null with a pid, which needs none", known);
    let codes: &[Code] = &[
        InvalidRequest,
        NoFreePort,
        Forbidden,
        InstanceExists,
        BodyTooLarge,
        UnsupportedMediaType,
        StorageUnavailable,
    ];
    let summary = "Makes an instance known";
    Route {
        body: Some(asked),
        codes,
        ..route(HttpMethod::Post, "/instance/register", "registerInstance", summary, known)
    }
}

fn instances(to: &mut Document) -> Vec<Route> {
    let register = register(to);
    let beat = to.body::<BeatRequest>(&[("", json!({ "instance_id": "claude-1" }))]);
    let lives =
        json!({ "success": true, "instance_id": "claude-1", "last_heartbeat": SEEN, "expires_in": 60.0 });
    let lives = to.answer::<BeatAnswer>("The instance lives on", lives);
    let ended = json!({ "success": true, "instance_id": "claude-1", "released": [lease()] });
    let ended = to.answer::<EndInstanceAnswer>("The leases that ended with it", ended);
    let listed = json!({ "instances": [{
        "instance_id": "claude-1", "working_directory": "/w/app", "pid": null, "registered_at": STARTED,
        "last_heartbeat": SEEN, "active_allocations": [lease()], "metadata": { "agent": "claude" },
    }] });
    let listed = to.answer::<InstancesAnswer>("The live instances, by name", listed);
    vec![
        register,
        Route {
            body: Some(beat),
            codes: &[
                InvalidRequest,
                Forbidden,
                UnknownInstance,
                InstanceExpired,
                BodyTooLarge,
                UnsupportedMediaType,
            ],
            ..route(HttpMethod::Post, "/instance/heartbeat", "beat", "Keeps an instance alive", lives.clone())
        },
        Route {
            parameters: vec![to.path::<InstanceId>("id", "Whose heartbeat.")],
            codes: &[InvalidRequest, Forbidden, UnknownInstance, InstanceExpired],
            ..route(HttpMethod::Put, "/instance/{id}/heartbeat", "beatById", "Keeps an instance alive", lives)
        },
        Route {
            parameters: vec![to.path::<InstanceId>("id", "Its name.")],
            codes: &[InvalidRequest, Forbidden, UnknownInstance, InstanceExpired, StorageUnavailable],
            ..route(HttpMethod::Delete, "/instance/{id}", "endInstance", "Unregisters an instance", ended)
        },
        route(HttpMethod::Get, "/instance/list", "instances", "Lists the live instances", listed),
    ]
}

fn daemon(to: &mut Document) -> Vec<Route> {
    let status = json!({
        "status": "running", "version": env!("CARGO_PKG_VERSION"), "api_version": 1, "pid": 900, "uptime": 3600.5,
        "allocations": 1, "instances": 1, "memory": { "rss": 8_388_608 },
        "listen": { "tcp": ["127.0.0.1:9876", "[::1]:9876"], "socket": "/home/ada/.styxy/styxy.sock" },
    });
    let status = to.answer::<StatusAnswer>("The daemon runs", status);
    let mut forced = to.body::<CleanupRequest>(&[("", json!({ "force": true }))]);
    forced.required = Some(Required::False);
    let cleaned =
        json!({ "success": true, "cleaned": 1, "released": [lease()], "message": "Cleaned up 1 lease" });
    let cleaned = to.answer::<CleanupAnswer>("The leases that ended", cleaned);
    let path = "/home/ada/.styxy/config.json";
    let config = json!({ "path": path, "config": Config::default(), "from_file": ["service_types.dev"] });
    let config = to.answer::<ConfigAnswer>("What is in force, and what of it the file set", config);
    let asked = to.body::<ReportRequest>(&[("", json!({ "instance_id": "claude-1" }))]);
    let refused = json!({ "refusals": [{ "at": SEEN, "wanted": "signal", "instance_id": "claude-1", "project_path": "/w/app",
        "message": "styxy: not signalled: node (4242) is ~/fix's server on 3000. If it is meant: styxy kill 3000 --force" }] });
    let refused = to.answer::<RefusalsAnswer>("What the guard has refused, the oldest first", refused);
    let seq = "The id of the last event seen: the stream goes on after it. If that is no longer kept, an event `reset` \
               comes first.";
    let seq = optional(ParameterIn::Header, "Last-Event-ID", seq, whole_number());
    vec![
        route(HttpMethod::Get, "/status", "status", "Says that the daemon runs, and where", status),
        Route {
            body: Some(forced),
            codes: &[InvalidRequest, Forbidden, BodyTooLarge, UnsupportedMediaType, StorageUnavailable],
            ..route(HttpMethod::Post, "/cleanup", "cleanup", "Looks at every owner and listener now", cleaned)
        },
        route(HttpMethod::Get, "/config", "config", "Shows the configuration in force", config),
        Route {
            parameters: vec![
                to.query::<InstanceId>("instance_id", "Only those of this instance's programs."),
            ],
            codes: &[InvalidRequest, Forbidden],
            ..route(
                HttpMethod::Get,
                "/refusals",
                "refusals",
                "Lists what the guard has refused",
                refused.clone(),
            )
        },
        Route {
            body: Some(asked),
            codes: &[InvalidRequest, Forbidden, BodyTooLarge, UnsupportedMediaType],
            ..route(
                HttpMethod::Post,
                "/refusals/report",
                "report",
                "Lists each refusal of a session once",
                refused,
            )
        },
        Route {
            parameters: vec![seq],
            codes: &[InvalidRequest, Forbidden, DaemonUnreachable],
            ..route(HttpMethod::Get, "/events", "events", "Streams what changes", stream())
        },
        route(HttpMethod::Get, "/metrics", "metrics", "Counts for Prometheus", metrics()),
        route(HttpMethod::Get, "/openapi.json", "openapi", "This document", itself()),
    ]
}

fn view(to: &mut Document) -> Route {
    let service = json!({
        "port": 3001, "state": "active", "name": "dev/web", "service_type": "dev", "lock_id": LOCK_ID,
        "instance_id": "claude-1", "process": { "pid": 4242, "process": "node" }, "user": null, "stranger": null,
        "memory": 88_080_384, "since": STARTED, "url": "http://localhost:3001",
    });
    let worktree = json!({ "path": "/w/app", "branch": "main", "services": [service] });
    let session = json!({
        "instance_id": "claude-1", "path": "/w/app", "pid": 4000, "since": STARTED, "last_heartbeat": null,
        "ports": [3001],
    });
    let seen = json!({
        "at": SEEN, "version": env!("CARGO_PKG_VERSION"), "repositories": [{ "name": "app", "worktrees": [worktree] }],
        "sessions": [session], "refusals": [],
    });
    let seen = to.answer::<ViewAnswer>("Repositories, their worktrees and what runs in each", seen);
    route(HttpMethod::Get, "/view", "view", "Shows everything that runs, as the live view does", seen)
}

fn whole_number() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_u8))
}

fn text(description: &str, media_type: &str, example: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    let content = content.example(Some(example.into())).build();
    ResponseBuilder::new().description(description).content(media_type, content).build()
}

fn stream() -> Response {
    let description = "Server-sent events, one for each change: `id:` is its number, `event:` an EventName, `data:` an \
                       EventMessage in one line";
    let data = json!({ "seq": 7, "at": SEEN, "lease": lease(), "reason": "released" });
    text(description, "text/event-stream", &format!("id: 7\nevent: ended\ndata: {data}\n\n"))
}

fn metrics() -> Response {
    let example =
        "# TYPE styxy_refused_total counter\nstyxy_refused_total{code=\"forbidden\",rule=\"origin\"} 1\n";
    text("Prometheus' text format", "text/plain; version=0.0.4", example)
}

fn itself() -> Response {
    let content = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Object)));
    let content = content.example(Some(json!({ "openapi": "3.1.0" }))).build();
    ResponseBuilder::new().description("OpenAPI 3.1").content("application/json", content).build()
}
