//! Clients that take whatever they are given, against the quotas; and others who want one port at the same time.
//!
//! The quotas are those of the configuration: so many live leases for a checkout, so many waiting ones for an owner (a
//! checkout's session), so many instances, so many bytes of metadata. What is beyond one is refused with
//! `details.rule = "quota"` and a hint.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::journal::{HEADER, newest};
use super::{Context, Stops};
use crate::clients::{Ask, Client, Raw, Reply};
use crate::daemon::{Home, Port, SERVICE};
use crate::options::Form;
use crate::processes::{Idle, Process};
use crate::report::{Report, Times, mib, slowness};

const LEASES: usize = 256;
const WAITING: usize = 64;
const INSTANCES: usize = 1_024;
const METADATA: usize = 1_024;
/// A runaway client gives up after so many calls, granted or not.
const CALLS: usize = 3_000;
/// Groups of 60 leases under a request id each, in the short and in the full form: more than the daemon remembers
/// answers of in the latter.
const GROUPS: (usize, usize) = (900, 5_000);
const OTHERS: usize = 4;
const PROMPT: Duration = Duration::from_millis(10);
/// Far more registrations than a generation of the journal has room for.
const FOLDS: usize = 100_000;
/// What a snapshot of the whole state may come to, and the daemon's memory with all that it does with one.
const SNAPSHOT: u64 = 64 << 20;
const MEMORY: u64 = 256 << 20;

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    for _ in 0..context.rounds {
        let home = Home::new(Port::Fixed, &json!({}));
        let daemon = match home.start() {
            Ok(daemon) => daemon,
            Err(error) => {
                report.none("starts", &[error]);
                return report;
            }
        };
        let groups = match context.form {
            Form::Short => GROUPS.0,
            Form::Full => GROUPS.1,
        };
        attack(&mut report, &home, daemon, groups);
        configured(&mut report);
    }
    report.count(format!("{} rounds of {CALLS} calls of each kind", context.rounds));
    report
}

/// Every kind of runaway client, one after the other, with others beside them all the while.
fn attack(report: &mut Report, home: &Home, daemon: Process, groups: usize) {
    let (done, owner) = (AtomicBool::new(false), Idle::start());
    let slow = slowness();
    let (times, errors) = thread::scope(|scope| {
        let others: Vec<_> = (0..OTHERS)
            .map(|who| {
                let (client, done) = (home.client(), &done);
                scope.spawn(move || other(client, who, done))
            })
            .collect();
        let stops = Stops(&done);
        let mut client = home.client();
        leases(report, &mut client, "waiting leases of one owner", WAITING, None);
        leases(report, &mut client, "live leases of one checkout", LEASES, Some(owner.pid()));
        instances(report, &mut client);
        metadata(report, &mut client);
        answers(report, &mut client, groups);
        drop(stops);
        others.into_iter().filter_map(|other| other.join().ok()).fold(
            (Vec::new(), Vec::new()),
            |(mut times, mut errors), (took, failed)| {
                times.extend(took);
                errors.extend(failed);
                (times, errors)
            },
        )
    });
    let times: Times = times.into_iter().collect();
    report.count(format!("others {}", times.summary()));
    report.none("others without a port", &errors);
    report.timed("others have a port, p99", PROMPT, times.percentile(99), slow);
    let resident = daemon.usage().map_or(u64::MAX, |usage| usage.resident);
    report.check("memory of the daemon", "≤ 256 MiB", mib(resident), resident <= MEMORY);
    let snapshot = fold(home).then(|| snapshot(home.root())).flatten();
    let shown = snapshot.map_or("none".to_owned(), |bytes| format!("{} KiB", bytes >> 10));
    report.check("the last snapshot", "< 64 MiB", shown, snapshot.is_some_and(|bytes| bytes < SNAPSHOT));
    // The journal must not have come to its end either.
    let trouble = home.client().get("/status").map(|status| status["journal"]["trouble"].clone());
    let holds = trouble.as_ref().is_ok_and(Value::is_null);
    report.check(
        "the journal's trouble",
        "none",
        trouble.map_or_else(|error| error, |trouble| trouble.to_string()),
        holds,
    );
}

/// Makes the daemon fold everything that it remembers into a snapshot: one instance is registered again and again, until
/// the journal has another file.
fn fold(home: &Home) -> bool {
    let mut client = home.client();
    let body = json!({ "instance_id": "folds", "metadata": "x".repeat(METADATA - 2) });
    let mut generation = None;
    (0..FOLDS).any(|number| {
        let _ = client.ask("POST", "/instance/register", Some(&body));
        if number % 100 != 0 {
            return false;
        }
        let Ok(now) = client.get("/status").map(|status| status["journal"]["generation"].clone()) else {
            return false;
        };
        let before = generation.replace(now.clone());
        before.is_some_and(|before| before != now)
    })
}

/// How long the snapshot at the head of the newest generation is, as the word in front of it says.
fn snapshot(root: &Path) -> Option<u64> {
    let mut word = [0; 8];
    File::open(newest(root)?).ok()?.read_exact_at(&mut word, HEADER as u64).ok()?;
    Some(u64::from_le_bytes(word) & 0x0FFF_FFFF)
}

/// Somebody with a checkout of their own, who asks for one port at a time.
fn other(mut client: Raw, who: usize, done: &AtomicBool) -> (Vec<Duration>, Vec<String>) {
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    for number in 0.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let begun = Instant::now();
        match client.allocate(&ask(&format!("/other/{who}"), &format!("{who}-{number}"), None)) {
            Reply::Granted { lock, .. } => {
                times.push(begun.elapsed());
                let _ = client.release(lock);
            }
            other => errors.push(format!("{other:?}")),
        }
        thread::sleep(Duration::from_millis(2));
    }
    (times, errors)
}

fn ask(project: &str, request_id: &str, pid: Option<u32>) -> Ask {
    let (service, request_id) = (SERVICE.to_owned(), request_id.to_owned());
    Ask { service, name: None, project: project.to_owned(), pid, exact: None, request_id }
}

/// One owner takes leases until it has made all its calls.
fn leases(report: &mut Report, client: &mut Raw, what: &str, quota: usize, pid: Option<u32>) {
    let (mut granted, mut wrong) = (Vec::new(), Vec::new());
    for number in 0..CALLS {
        let body = ask(&format!("/runaway/{}", pid.is_some()), &format!("{quota}-{number}"), pid).body();
        match client.ask("POST", "/allocate", Some(&body)).map(|(answer, ..)| (answer.status, answer.json()))
        {
            Ok((200, Ok(json))) => granted.push(json["lock_id"].as_str().unwrap_or_default().to_owned()),
            Ok((_, Ok(json))) => wrong.extend(not_a_quota(&json)),
            Ok((status, Err(error))) => wrong.push(format!("{status}: {error}")),
            Err(error) => wrong.push(error),
        }
    }
    report.check(what, &quota.to_string(), granted.len().to_string(), granted.len() == quota);
    report.none(&format!("{what}: refusals that are no quota"), &wrong);
    for lock in granted {
        let _ = client.ask("DELETE", &format!("/allocate/{lock}"), None);
    }
}

/// What is wrong with a refusal that should say that a quota is used up.
fn not_a_quota(json: &Value) -> Option<String> {
    let is_quota =
        json["code"] == "no_free_port" && json["details"]["rule"] == "quota" && json["hint"].is_string();
    (!is_quota)
        .then(|| format!("{} {} {}: {}", json["code"], json["details"]["rule"], json["hint"], json["error"]))
}

fn instances(report: &mut Report, client: &mut Raw) {
    let (mut registered, mut wrong) = (0, Vec::new());
    let owner = Idle::start();
    for number in 0..CALLS {
        let body = json!({ "instance_id": format!("runaway-{number}"), "pid": owner.pid() });
        match client
            .ask("POST", "/instance/register", Some(&body))
            .map(|(answer, ..)| (answer.status, answer.json()))
        {
            Ok((200, _)) => registered += 1,
            Ok((_, Ok(json))) if json["details"]["rule"] == "quota" => {}
            Ok((status, json)) => wrong.push(format!("{status}: {json:?}")),
            Err(error) => wrong.push(error),
        }
    }
    report.check("instances", &INSTANCES.to_string(), registered.to_string(), registered == INSTANCES);
    report.none("instances: refusals that are no quota", &wrong);
    // They end with their process, so that the next has room.
    drop(owner);
    let gone = crate::daemon::within(Duration::from_secs(10), || {
        client.get("/instance/list").ok()?["instances"].as_array()?.is_empty().then_some(())
    });
    report.check(
        "instances end with their process",
        "within 10 s",
        if gone.is_some() { "yes" } else { "no" },
        gone.is_some(),
    );
}

/// Sessions that lease a group under a request id and end: what is remembered of their answers is bounded too.
fn answers(report: &mut Report, client: &mut Raw, groups: usize) {
    let mut wrong = Vec::new();
    let owner = Idle::start();
    let mut call = |method: &str, path: &str, body: Option<&Value>| {
        let failed = match client.ask(method, path, body) {
            Ok((answer, ..)) if answer.status == 200 => return,
            Ok((answer, ..)) => String::from_utf8_lossy(&answer.body).into_owned(),
            Err(error) => error,
        };
        wrong.push(format!("{method} {path}: {failed}"));
    };
    for number in 0..groups {
        call("POST", "/instance/register", Some(&json!({ "instance_id": "grouped", "pid": owner.pid() })));
        let services = vec![json!({ "service_type": SERVICE }); 60];
        let request_id = format!("grouped-{number}");
        let body = json!({ "services": services, "project_path": "/grouped", "instance_id": "grouped", "request_id": request_id });
        call("POST", "/allocate", Some(&body));
        call("DELETE", "/instance/grouped", None);
    }
    report.none("sessions with groups: errors", &wrong);
}

fn metadata(report: &mut Report, client: &mut Raw) {
    let mut taken = |length: usize| {
        // A text of so many bytes with its quotes.
        let body = json!({ "instance_id": "wordy", "metadata": "x".repeat(length - 2) });
        client.ask("POST", "/instance/register", Some(&body)).is_ok_and(|(answer, ..)| answer.status == 200)
    };
    report.check(
        "metadata of 1 KiB",
        "taken",
        if taken(METADATA) { "taken" } else { "refused" },
        taken(METADATA),
    );
    let more = [METADATA + 1, 15 * 1024].map(&mut taken).contains(&true);
    report.check("metadata of more", "refused", if more { "taken" } else { "refused" }, !more);
}

/// The same with quotas of the user's own.
fn configured(report: &mut Report) {
    let what = "quotas of config.json";
    let quotas =
        json!({ "leases_per_checkout": 3, "waiting_per_owner": 2, "instances": 2, "metadata_bytes": 16 });
    let home = Home::new(Port::Fixed, &json!({ "quotas": quotas }));
    if let Err(error) = home.start() {
        return report.none(&format!("{what}: the daemon starts"), &[error]);
    }
    let (mut client, owner) = (home.client(), Idle::start());
    let mut count = |pid: Option<u32>| {
        let asks =
            (0..8).map(|number| ask(&format!("/few/{}", pid.is_some()), &format!("{pid:?}-{number}"), pid));
        asks.filter(|ask| matches!(client.allocate(ask), Reply::Granted { .. })).count()
    };
    let (waiting, live) = (count(None), count(Some(owner.pid())));
    report.check(&format!("{what}: waiting leases"), "2", waiting.to_string(), waiting == 2);
    report.check(&format!("{what}: live leases"), "3", live.to_string(), live == 3);
}
