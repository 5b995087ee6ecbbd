//! One call, one answer.

use std::time::{Duration, Instant};

use serde_json::json;
use styxy_client::{Client, Error, Options, Start};
use styxy_core::api::{
    AllocateRequest, AllocationsQuery, BeatRequest, CleanupRequest, Code, Refusal, RegisterRequest, ScanQuery,
};
use styxy_core::{InstanceId, LockId, Pid, Port, ProjectPath, RequestId, ServiceType};

use crate::fake::{Fake, Home, Reply, block_on, http, nothing_here, refuse, status, wait_until};

const ID: &str = "4f5e0b54-0b3c-4a4b-9d6e-0c8f4d2f8f11";

fn dev() -> ServiceType {
    ServiceType::new("dev").unwrap()
}

fn allocate() -> AllocateRequest {
    AllocateRequest { service_type: Some(dev()), ..AllocateRequest::default() }
}

fn grant() -> Reply {
    let owner = json!({"kind": "listener"});
    let grant = json!({
        "success": true, "port": 3001, "lock_id": ID, "service_type": "dev", "service_name": null,
        "state": "granted", "owner": owner, "url": "http://localhost:3001", "reused": false, "existing": false,
        "reason": null, "displaced_from": null, "message": "Port 3001 allocated for dev service",
    });
    Reply::Json(200, grant.to_string())
}

#[test]
fn every_method_asks_its_route_as_the_contract_says() {
    let home = Home::new();
    let fake = Fake::serve(&home.socket(), |_| nothing_here());
    let client = home.client(Start::Never);
    let instance_id = InstanceId::new("claude:1").unwrap();
    block_on(async {
        let register = RegisterRequest {
            expires_in: None,
            instance_id: instance_id.clone(),
            working_directory: None,
            pid: Pid::new(7),
            metadata: None,
        };
        let mine = AllocationsQuery {
            service_type: Some(dev()),
            instance_id: Some(instance_id.clone()),
            project_path: Some(ProjectPath::new("/w/a b&c/ü").unwrap()),
            port: Port::new(3000).ok(),
        };
        let range = ScanQuery { start: Port::new(3000).ok(), end: None };
        let unknown = |result: Result<(), Error>| {
            assert!(matches!(result, Err(Error::Refused(refusal)) if refusal.code == Code::UnknownRoute));
        };
        unknown(client.allocate(&allocate()).await.map(drop));
        unknown(client.release(LockId::parse(ID).unwrap()).await.map(drop));
        unknown(client.check(Port::new(3000).unwrap()).await.map(drop));
        unknown(client.suggest(&dev(), Some(3)).await.map(drop));
        unknown(client.suggest(&dev(), None).await.map(drop));
        unknown(client.allocations(&mine).await.map(drop));
        unknown(client.scan(&range).await.map(drop));
        unknown(client.instances().await.map(drop));
        unknown(client.register(&register).await.map(drop));
        unknown(client.heartbeat(&BeatRequest { instance_id: instance_id.clone() }).await.map(drop));
        unknown(client.end_instance(&instance_id).await.map(drop));
        unknown(client.cleanup(&CleanupRequest { force: Some(true) }).await.map(drop));
        unknown(client.status().await.map(drop));
        unknown(client.config().await.map(drop));
        unknown(client.metrics().await.map(drop));
        unknown(client.openapi().await.map(drop));
        unknown(client.events(None).await.map(drop));
    });
    let asked: Vec<_> = fake.asked().into_iter().map(|asked| (asked.line, asked.body)).collect();
    let asked: Vec<_> = asked.iter().map(|(line, body)| (line.as_str(), body.as_str())).collect();
    let release = format!("DELETE /allocate/{ID}");
    assert_eq!(
        asked,
        [
            ("POST /allocate", r#"{"service_type":"dev"}"#),
            (release.as_str(), ""),
            ("GET /check/3000", ""),
            ("GET /suggest/dev?count=3", ""),
            ("GET /suggest/dev", ""),
            (
                "GET /allocations?instance_id=claude%3A1&port=3000&project_path=%2Fw%2Fa+b%26c%2F%C3%BC&service_type=dev",
                ""
            ),
            ("GET /scan?start=3000", ""),
            ("GET /instance/list", ""),
            ("POST /instance/register", r#"{"instance_id":"claude:1","pid":7}"#),
            ("POST /instance/heartbeat", r#"{"instance_id":"claude:1"}"#),
            ("DELETE /instance/claude:1", ""),
            ("POST /cleanup", r#"{"force":true}"#),
            ("GET /status", ""),
            ("GET /config", ""),
            ("GET /metrics", ""),
            ("GET /openapi.json", ""),
            ("GET /events", ""),
        ]
    );
}

#[test]
fn an_answer_comes_as_its_type_and_a_refusal_as_it_was_said() {
    let home = Home::new();
    let said =
        Refusal::new(Code::NoFreePort, "all of 3000-3099 are taken").hint("styxy list").detail("leased", 3);
    let refusal = said.clone();
    let _fake = Fake::serve(&home.socket(), move |asked| match asked.line.as_str() {
        "POST /allocate" => grant(),
        "GET /metrics" => Reply::Json(200, "styxy_leases 0\n".into()),
        _ => refuse(409, &refusal),
    });
    let client = home.client(Start::Never);
    block_on(async {
        let answer = client.allocate(&allocate()).await.unwrap();
        assert_eq!(answer.grants()[0].port.get(), 3001);
        assert_eq!(client.metrics().await.unwrap(), "styxy_leases 0\n");
        assert_eq!(client.status().await.unwrap_err().refusal(), said);
    });
}

#[test]
fn calls_share_one_connection() {
    let home = Home::new();
    let fake = Fake::serve(&home.socket(), |_| status());
    let client = home.client(Start::Never);
    block_on(async {
        for _ in 0..5 {
            client.clone().status().await.unwrap();
        }
    });
    assert_eq!((fake.lines().len(), fake.connections()), (5, 1));
}

#[test]
fn any_number_of_calls_at_once_share_sixteen_connections_which_are_closed_when_they_are_idle() {
    let home = Home::new();
    let fake = Fake::serve(&home.socket(), |_| status());
    let client = home.client(Start::Never);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            let calls: Vec<_> = (0..300)
                .map(|_| {
                    let client = client.clone();
                    tokio::spawn(async move { client.status().await })
                })
                .collect();
            for call in calls {
                call.await.unwrap().unwrap();
            }
            assert!(fake.most_open() <= 16, "{} connections were open at once", fake.most_open());
        }
        assert_eq!(fake.lines().len(), 900);
    });
    wait_until("the idle connections are closed", || fake.open() == 0);
}

#[test]
fn a_call_waits_for_its_turn_within_its_own_time() {
    let home = Home::new();
    let _fake = Fake::serve(&home.socket(), |_| Reply::Silence);
    let options = Options { timeout: Duration::from_millis(500), ..home.options(Start::Never) };
    let client = Client::new(options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let begun = Instant::now();
    runtime.block_on(async {
        // Ten times as many as there are connections, none of which is ever answered.
        let calls: Vec<_> = (0..160)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.status().await })
            })
            .collect();
        for call in calls {
            let error = call.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::Silent { .. }), "{error:?}");
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_connection_that_a_killed_daemon_left_behind_is_replaced_even_for_a_request_that_must_not_be_sent_twice()
{
    let home = Home::new();
    let client = home.client(Start::Never);
    block_on(async {
        let first = Fake::serve(&home.socket(), |_| grant());
        client.allocate(&allocate()).await.unwrap();
        first.kill();
        std::fs::remove_file(home.socket()).unwrap();
        let second = Fake::serve(&home.socket(), |_| grant());
        client.allocate(&allocate()).await.unwrap();
        assert_eq!(second.lines(), ["POST /allocate"]);
    });
}

#[test]
fn without_a_daemon_and_a_start_the_hint_is_to_start_one() {
    let home = Home::new();
    let check = |when: &str| {
        let client = home.client(Start::Never);
        let error = block_on(client.status()).unwrap_err();
        assert!(matches!(error, Error::NotRunning { .. }), "{when}: {error:?}");
        let refusal = error.refusal();
        assert_eq!(refusal.code, Code::DaemonUnreachable);
        assert_eq!(refusal.hint.as_deref(), Some("styxy daemon start"));
        assert_eq!(block_on(client.running()).unwrap(), None);
    };
    check("no socket");
    Fake::serve(&home.socket(), |_| status()).kill();
    assert!(home.socket().exists());
    check("a stale socket");
    assert!(home.starts().is_empty());
}

#[test]
fn a_daemon_of_another_major_version_is_refused_with_the_command_that_mends_it() {
    for (theirs, mend) in [("0", "styxy daemon restart"), ("2", "npm install -g styxy@latest")] {
        let home = Home::new();
        let answer = String::from_utf8(http(200, "{}")).unwrap();
        let answer =
            answer.replace("styxy-api: 1", &format!("styxy-api: {theirs}")).replace("0.1.0", "7.8.9");
        let _fake = Fake::serve(&home.socket(), move |_| Reply::Raw(answer.clone().into_bytes()));
        let error = block_on(home.client(Start::Auto).status()).unwrap_err();
        assert!(matches!(error, Error::OtherApi { .. }), "{error:?}");
        assert!(error.to_string().contains("7.8.9"), "{error}");
        assert_eq!(error.refusal().hint.as_deref(), Some(mend));
    }
}

#[test]
fn what_is_not_of_the_contract_is_said_to_be_so() {
    let home = Home::new();
    let _fake = Fake::serve(&home.socket(), |asked| match asked.line.as_str() {
        "GET /status" => Reply::Json(200, "{}".into()),
        _ => Reply::Json(500, "<html>".into()),
    });
    let client = home.client(Start::Never);
    for error in [block_on(client.status()).unwrap_err(), block_on(client.config()).unwrap_err()] {
        assert!(matches!(error, Error::Unintelligible { .. }), "{error:?}");
        assert_eq!(error.refusal().hint.as_deref(), Some("styxy daemon logs"));
    }
}

#[test]
fn a_daemon_that_does_not_know_request_ids_is_asked_without() {
    let home = Home::new();
    let unknown = |field: &str| {
        refuse(
            400,
            &Refusal::new(Code::InvalidRequest, "unknown").detail("field", field).detail("unknown", true),
        )
    };
    let fake = Fake::serve(&home.socket(), move |asked| match asked.body.as_str() {
        body if body.contains("request_id") => unknown("request_id"),
        body if body.contains("reuse") => unknown("reuse"),
        _ => grant(),
    });
    let client = home.client(Start::Never);
    let request = AllocateRequest { request_id: RequestId::new("r1").ok(), ..allocate() };
    assert!(block_on(client.allocate(&request)).is_ok());
    assert_eq!(fake.lines().len(), 2);
    // A field that the meaning hangs on is never left out.
    let refused =
        block_on(client.allocate(&AllocateRequest { reuse: Some(true), ..allocate() })).unwrap_err();
    assert_eq!(refused.refusal().details["field"], "reuse");
    assert_eq!(fake.lines().len(), 3);
}

#[test]
fn a_silent_daemon_is_given_up_after_the_timeout() {
    let home = Home::new();
    let _fake = Fake::serve(&home.socket(), |_| Reply::Silence);
    let options = Options { timeout: Duration::from_millis(30), ..home.options(Start::Auto) };
    let client = Client::new(options).unwrap();
    block_on(async {
        assert!(matches!(client.status().await.unwrap_err(), Error::Silent { .. }));
        let error = client.events(None).await.unwrap_err();
        assert!(matches!(error, Error::Silent { .. }), "{error:?}");
        assert_eq!(error.refusal().hint.as_deref(), Some("styxy daemon logs"));
    });
    assert!(home.starts().is_empty(), "it runs, so none is started");
}

#[test]
fn a_socket_that_is_not_in_the_folder_is_found_by_the_daemons_file() {
    let home = Home::new();
    let socket = home.path().join("elsewhere.sock");
    let _fake = Fake::serve(&socket, |_| status());
    home.publish(Pid::new(1).unwrap(), &socket, None);
    assert!(block_on(home.client(Start::Never).running()).unwrap().is_some());
}

#[test]
fn a_socket_that_is_named_is_the_one_and_nothing_is_started_for_it() {
    let home = Home::new();
    let socket = home.path().join("named.sock");
    let client = Client::new(Options { socket: Some(socket.clone()), ..home.options(Start::Auto) }).unwrap();
    let error = block_on(client.status()).unwrap_err();
    assert_eq!(error.refusal().code, Code::DaemonUnreachable);
    assert!(error.to_string().contains("named.sock"), "{error}");
    assert!(home.starts().is_empty());
    let _fake = Fake::serve(&socket, |_| status());
    assert_eq!(block_on(client.status()).unwrap().version, "0.1.0");
}

#[test]
fn a_relative_folder_is_refused() {
    let home = Home::new();
    let options = Options { home: "here".into(), ..home.options(Start::Never) };
    assert_eq!(Client::new(options).unwrap_err().refusal().details["field"], "STYXY_HOME");
}
