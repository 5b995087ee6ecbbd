//! What 0.1.0 said on the wire is kept in `tests/fixtures`: today's types read it, and write it back without loss.

#[path = "../../../../tests/compat/shape.rs"]
mod shape;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, AllocationsAnswer, BeatAnswer, BeatRequest, CheckAnswer, CleanupAnswer,
    CleanupRequest, ConfigAnswer, EndInstanceAnswer, EventMessage, InstancesAnswer, KillAnswer, OpenAnswer,
    Refusal, RegisterAnswer, RegisterRequest, ReleaseAnswer, ScanAnswer, StatusAnswer, SuggestAnswer,
    WaitAnswer, WhoAnswer,
};

use shape::{Likeness, missing};

/// The files of each version: answers of the REST API, of the commands, and what was shown of two journals.
const KEPT: [[&str; 4]; 1] = [[
    include_str!("../../../../tests/fixtures/0.1.0/rest.json"),
    include_str!("../../../../tests/fixtures/0.1.0/commands.json"),
    include_str!("../../../../tests/fixtures/0.1.0/journal/records/shown.json"),
    include_str!("../../../../tests/fixtures/0.1.0/journal/snapshot/shown.json"),
]];

/// What is lost when `kept` is read as a `T` and written again.
fn lost<T: DeserializeOwned + Serialize>(kept: &Value) -> Vec<String> {
    match serde_json::from_value::<T>(kept.clone()) {
        Ok(read) => missing(Likeness::Same, kept, &serde_json::to_value(read).unwrap()),
        Err(error) => vec![format!("is no longer understood: {error}")],
    }
}

/// Whether the request of 0.1.0 is still one.
fn refused<T: DeserializeOwned>(request: &Value) -> Vec<String> {
    let read = serde_json::from_value::<T>(request["body"].clone());
    read.err().map(|error| format!("is no longer accepted: {error}")).into_iter().collect()
}

/// What of one answer of the REST API, and of the request for it, today's types do not keep.
fn wrong_in_rest(exchange: &Value) -> Vec<String> {
    let (asked, answer) = (&exchange["asked"], &exchange["answer"]);
    if exchange["code"] != 200 {
        return lost::<Refusal>(answer);
    }
    let Some(path) = asked["path"].as_str() else { return lost::<EventMessage>(answer) };
    let first = path.split(['/', '?']).nth(1).unwrap();
    match (asked["method"].as_str().unwrap(), first) {
        ("POST", "allocate") => [refused::<AllocateRequest>(asked), lost::<AllocateAnswer>(answer)].concat(),
        ("DELETE", "allocate") => lost::<ReleaseAnswer>(answer),
        ("GET", "allocations") => lost::<AllocationsAnswer>(answer),
        ("GET", "check") => lost::<CheckAnswer>(answer),
        ("GET", "suggest") => lost::<SuggestAnswer>(answer),
        ("GET", "scan") => lost::<ScanAnswer>(answer),
        ("POST", "instance") if path.ends_with("/register") => {
            [refused::<RegisterRequest>(asked), lost::<RegisterAnswer>(answer)].concat()
        }
        ("POST", "instance") => [refused::<BeatRequest>(asked), lost::<BeatAnswer>(answer)].concat(),
        ("PUT", "instance") => lost::<BeatAnswer>(answer),
        ("GET", "instance") => lost::<InstancesAnswer>(answer),
        ("DELETE", "instance") => lost::<EndInstanceAnswer>(answer),
        ("GET", "status") => lost::<StatusAnswer>(answer),
        ("GET", "config") => lost::<ConfigAnswer>(answer),
        ("POST", "cleanup") => [refused::<CleanupRequest>(asked), lost::<CleanupAnswer>(answer)].concat(),
        // Prometheus' text format.
        ("GET", "metrics") => Vec::new(),
        (method, path) => panic!("{method} {path} has no type here"),
    }
}

/// What of a command's output today's types do not keep.
fn wrong_in_command(exchange: &Value) -> Vec<String> {
    let answer = &exchange["answer"];
    if answer["success"] == false {
        return lost::<Refusal>(answer);
    }
    let word = |index: usize| exchange["asked"]["command"][index].as_str().unwrap_or_default();
    match (word(0), word(1)) {
        ("allocate", _) => lost::<AllocateAnswer>(answer),
        ("list", _) => lost::<AllocationsAnswer>(answer),
        ("check", _) => lost::<CheckAnswer>(answer),
        ("suggest", _) => lost::<SuggestAnswer>(answer),
        ("scan", _) => lost::<ScanAnswer>(answer),
        ("instances", _) => lost::<InstancesAnswer>(answer),
        ("release", _) if answer.is_array() => lost::<Vec<Refusal>>(answer),
        ("release", _) => lost::<ReleaseAnswer>(answer),
        ("cleanup", _) => lost::<CleanupAnswer>(answer),
        ("who" | "verify", _) => lost::<WhoAnswer>(answer),
        ("wait", _) => lost::<WaitAnswer>(answer),
        ("open", _) => lost::<OpenAnswer>(answer),
        ("kill", _) => lost::<KillAnswer>(answer),
        ("daemon", _) => lost::<Option<StatusAnswer>>(answer),
        ("config", "show" | "validate") => lost::<ConfigAnswer>(answer),
        // A path, variables, and the findings of the command line itself.
        ("config" | "env" | "run" | "doctor", _) => Vec::new(),
        (command, more) => panic!("{command} {more} has no type here"),
    }
}

/// What of a journal's leases, instances and events today's types do not keep.
fn wrong_in_journal(shown: &Value) -> Vec<String> {
    let mut wrong = lost::<AllocationsAnswer>(&shown["allocations"]);
    for event in shown["events"].as_array().unwrap() {
        wrong.extend(lost::<EventMessage>(&event["data"]));
    }
    for exchange in ["affinity", "requests", "ended"].iter().flat_map(|part| shown[part].as_array().unwrap())
    {
        wrong.extend(wrong_in_rest(exchange));
    }
    wrong
}

#[test]
fn todays_types_keep_what_an_old_daemon_and_command_said() {
    let mut wrong = Vec::new();
    for [rest, commands, journals @ ..] in KEPT {
        for (file, check) in
            [(rest, wrong_in_rest as fn(&Value) -> Vec<String>), (commands, wrong_in_command)]
        {
            let exchanges: Vec<Value> = serde_json::from_str(file).unwrap();
            for exchange in &exchanges {
                wrong.extend(check(exchange).into_iter().map(|what| format!("{}: {what}", exchange["name"])));
            }
        }
        for journal in journals {
            wrong.extend(wrong_in_journal(&serde_json::from_str(journal).unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
