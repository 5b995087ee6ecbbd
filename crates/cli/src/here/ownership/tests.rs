use std::path::Path;

use serde_json::{Value, json};
use styxy_core::api::{CheckAnswer, WhoAnswer, Whose};
use styxy_core::{InstanceId, ProjectId, ProjectPath};

use super::{Caller, Disk, Here, Kinship, adopt, belongs, classify};
use crate::say::facts::tests::lease;

/// `/w/app` is ours, `/w/app-*` and `/w/app/.worktrees/*` its siblings, and nothing called `gone` is there.
#[expect(clippy::needless_pass_by_value, reason = "each call makes its own")]
fn judged(usage: Value, lease: Value, instance: Option<&str>) -> WhoAnswer {
    let answer: CheckAnswer = serde_json::from_value(json!({
        "port": 3000, "available": false, "allocated_to": lease, "system_usage": usage, "reason": null,
    }))
    .unwrap();
    judged_answer(answer, instance)
}

fn judged_answer(answer: CheckAnswer, instance: Option<&str>) -> WhoAnswer {
    let caller = Caller::new(None, None, |_| None, || None);
    let here = Here::new(caller, instance.map(|id| InstanceId::new(id).unwrap()));
    let kinship = |path: &Path| match path.to_str().unwrap() {
        "/w/app" => Kinship::Same,
        path if path.starts_with("/w/app-") || path.starts_with("/w/app/.worktrees/") => Kinship::Sibling,
        _ => Kinship::Unrelated,
    };
    let is_there = |path: &Path| !path.to_str().unwrap().contains("gone");
    let mut answer = answer;
    adopt(&mut answer);
    // What is called `remade` was made again: the folder of a lease for it, and every server, is older.
    let id = |path: &ProjectPath| {
        ProjectId::new(match path.as_str() {
            "/w/app-moved" | "/h/moved" => "1:1:1",
            "/w/app" => "1:2:1",
            _ => "1:3:1",
        })
        .ok()
    };
    let is_older = |path: &ProjectPath, _| !path.as_str().contains("remade");
    let is_known = |path: &Path| path.starts_with("/w");
    let disk = Disk {
        belongs: belongs::Disk { is_there: &is_there, id: &id, is_older: &is_older, is_known: &is_known },
        kinship: &kinship,
        ground: "worktree",
    };
    classify(answer, &here, &disk)
}

fn usage(change: impl FnOnce(&mut Value)) -> Value {
    let mut wire = json!({"pid": 42, "process": "node", "command": null, "user": "ada", "same_user": true,
        "addresses": ["127.0.0.1"], "working_directory": "/w/app/web", "working_directory_deleted": false,
        "project_path": "/w/app", "branch": "main", "started_at": null});
    change(&mut wire);
    wire
}

fn in_worktree(path: &str) -> Value {
    usage(|wire| {
        wire["project_path"] = json!(path);
        wire["working_directory"] = json!(path);
    })
}

fn leased(change: impl FnOnce(&mut Value)) -> Value {
    serde_json::to_value(lease(3000, |wire| {
        wire["state"] = json!("active");
        wire["owner"] = json!({"kind": "listener", "pid": 42});
        change(wire);
    }))
    .unwrap()
}

#[track_caller]
fn is(answer: &WhoAnswer, whose: Whose, worktree: Option<&str>) {
    let theirs = answer.worktree.as_ref().map(styxy_core::ProjectPath::as_str);
    assert_eq!((answer.whose, theirs), (whose, worktree), "{answer:?}");
}

#[test]
fn a_server_is_its_worktrees() {
    let mine = judged(usage(|_| {}), Value::Null, None);
    is(&mine, Whose::Mine, Some("/w/app"));
    assert_eq!(mine.branch.as_deref(), Some("main"));
    is(&judged(in_worktree("/w/app-fix"), Value::Null, None), Whose::Sibling, Some("/w/app-fix"));
    is(&judged(in_worktree("/w/other"), Value::Null, None), Whose::Foreign, Some("/w/other"));
}

#[test]
fn nobody_listens_on_a_free_or_merely_leased_port() {
    is(&judged(Value::Null, Value::Null, None), Whose::Nobody, None);
    let waiting = judged(Value::Null, leased(|wire| wire["state"] = json!("granted")), None);
    is(&waiting, Whose::Nobody, None);
    assert!(waiting.reason.contains("leased for dev"), "{}", waiting.reason);
}

#[test]
fn another_users_server_is_foreign_even_in_this_worktree() {
    is(
        &judged(usage(|wire| wire["same_user"] = json!(false)), Value::Null, None),
        Whose::Foreign,
        Some("/w/app"),
    );
    // Nothing but the socket's user is seen of it.
    let unseen = json!({"pid": null, "process": null, "command": null, "user": "33", "same_user": false,
        "addresses": ["0.0.0.0"], "project_path": null, "branch": null, "started_at": null});
    let unseen = judged(unseen, Value::Null, None);
    is(&unseen, Whose::Foreign, None);
    assert!(unseen.reason.ends_with(" is another user's, user 33"), "{}", unseen.reason);
}

#[test]
fn a_worktree_inside_ours_is_a_sibling_whatever_the_lease_says() {
    // The daemon lets a nested worktree's server have the lease: the paths are related.
    let answer = judged(in_worktree("/w/app/.worktrees/fix"), leased(|_| {}), None);
    is(&answer, Whose::Sibling, Some("/w/app/.worktrees/fix"));
}

#[test]
fn a_process_that_its_lease_names_is_its_leases_projects() {
    let by_name = leased(|wire| wire["owner"] = json!({"kind": "process", "pid": 42}));
    let works_elsewhere = judged(in_worktree("/w/other"), by_name.clone(), None);
    is(&works_elsewhere, Whose::Mine, Some("/w/app"));
    assert_eq!(works_elsewhere.reason, "node (42) runs for this worktree");
    assert_eq!(judged(in_worktree("/w/app"), by_name, None).reason, "node (42) runs in this worktree");
    let of_another = leased(|wire| wire["owner"] = json!({"kind": "process", "pid": 7}));
    is(&judged(in_worktree("/w/other"), of_another, None), Whose::Foreign, Some("/w/other"));
}

#[test]
fn the_lease_tells_where_the_folder_cannot() {
    let hidden = || {
        usage(|wire| {
            for unknown in ["project_path", "working_directory", "working_directory_deleted", "branch"] {
                wire[unknown] = Value::Null;
            }
        })
    };
    is(&judged(hidden(), leased(|_| {}), None), Whose::Mine, Some("/w/app"));
    is(&judged(hidden(), Value::Null, None), Whose::Foreign, None);
    // A stranger's port: the lease is not about it.
    let conflict = leased(|wire| wire["conflict"] = json!({"pid": 42, "process": "node"}));
    is(&judged(hidden(), conflict, None), Whose::Foreign, None);
    // The session is all that is known.
    let of_session = || {
        leased(|wire| {
            wire["project_path"] = Value::Null;
            wire["instance_id"] = json!("claude-1");
        })
    };
    is(&judged(hidden(), of_session(), Some("claude-1")), Whose::Mine, None);
    is(&judged(hidden(), of_session(), Some("claude-2")), Whose::Foreign, None);
    is(&judged(hidden(), of_session(), None), Whose::Foreign, None);
}

#[test]
fn a_server_in_a_deleted_folder_is_an_orphan() {
    let deleted = || {
        usage(|wire| {
            wire["working_directory"] = json!("/w/gone");
            wire["working_directory_deleted"] = json!(true);
            wire["project_path"] = Value::Null;
        })
    };
    is(&judged(deleted(), Value::Null, None), Whose::Orphan, Some("/w/gone"));
    let of_gone = leased(|wire| wire["project_path"] = json!("/w/gone"));
    is(&judged(deleted(), of_gone, None), Whose::Orphan, Some("/w/gone"));
    // Only the folder was replaced, not the worktree.
    is(&judged(deleted(), leased(|_| {}), None), Whose::Mine, Some("/w/app"));
}

#[test]
fn a_server_whose_leases_worktree_was_deleted_is_an_orphan() {
    let at_root = usage(|wire| {
        wire["working_directory"] = json!("/");
        wire["project_path"] = Value::Null;
    });
    let of_gone = leased(|wire| wire["project_path"] = json!("/w/gone"));
    is(&judged(at_root, of_gone, None), Whose::Orphan, Some("/w/gone"));
}

#[test]
fn a_child_that_went_elsewhere_with_its_parents_socket_is_the_parents() {
    let gone_to = |folder: &str, address: &str| {
        usage(|wire| {
            wire["pid"] = json!(43);
            wire["working_directory"] = json!(folder);
            wire["project_path"] = Value::Null;
            wire["addresses"] = json!([address]);
        })
    };
    let with = |other: Value| {
        let answer: CheckAnswer = serde_json::from_value(json!({
            "port": 3000, "available": false, "allocated_to": null, "system_usage": other,
            "others": [usage(|_| {})], "reason": null,
        }))
        .unwrap();
        judged_answer(answer, None)
    };
    is(&with(gone_to("/", "127.0.0.1")), Whose::Mine, Some("/w/app"));
    is(&with(gone_to("/", "::1")), Whose::Foreign, Some("/"));
}

#[test]
fn a_port_that_another_server_has_too_is_not_mine() {
    let answer: CheckAnswer = serde_json::from_value(json!({
        "port": 3000, "available": false, "allocated_to": null, "system_usage": usage(|_| {}),
        "others": [usage(|_| {}), in_worktree("/w/app-fix")], "reason": null,
    }))
    .unwrap();
    is(&judged_answer(answer, None), Whose::Sibling, Some("/w/app-fix"));
}

#[test]
fn another_session_of_this_worktree_is_named_and_mine() {
    let answer =
        judged(usage(|_| {}), leased(|wire| wire["instance_id"] = json!("claude-2")), Some("claude-1"));
    is(&answer, Whose::Mine, Some("/w/app"));
    assert!(answer.reason.contains("claude-2"), "{}", answer.reason);
}

/// A lease for the folder with this id, which was at this path.
fn of_folder(path: &str, id: &str) -> Value {
    leased(|wire| {
        wire["project_path"] = json!(path);
        wire["project_id"] = json!(id);
        wire["owner"] = json!({"kind": "process", "pid": 42});
    })
}

fn in_deleted(path: &str) -> Value {
    usage(|wire| {
        wire["working_directory"] = json!(path);
        wire["working_directory_deleted"] = json!(true);
        wire["project_path"] = Value::Null;
        wire["started_at"] = json!("2026-11-22T17:40:00Z");
    })
}

#[test]
fn a_server_of_a_worktree_that_was_made_again_is_an_orphan() {
    is(&judged(in_deleted("/w/app"), of_folder("/w/app", "1:9:1"), None), Whose::Orphan, Some("/w/app"));
    is(
        &judged(in_deleted("/w/app/web"), of_folder("/w/app", "1:9:1"), None),
        Whose::Orphan,
        Some("/w/app/web"),
    );
    let replaced = judged(in_deleted("/w/app/dist"), of_folder("/w/app", "1:2:1"), None);
    is(&replaced, Whose::Mine, Some("/w/app"));
    // Without an id the start of the server tells.
    for (path, expected) in [("/w/app-remade", Whose::Orphan), ("/w/app-fix", Whose::Sibling)] {
        let lease = leased(|wire| wire["project_path"] = json!(path));
        assert_eq!(judged(in_deleted(&format!("{path}/dist")), lease, None).whose, expected, "{path}");
    }
}

#[test]
fn a_server_whose_folder_moved_is_where_the_folder_is_now() {
    let moved = judged(in_worktree("/w/app-moved"), of_folder("/w/gone", "1:1:1"), None);
    is(&moved, Whose::Sibling, Some("/w/app-moved"));
    // Another one is at the old path by now.
    let replaced = judged(in_worktree("/w/app-moved"), of_folder("/w/app", "1:1:1"), None);
    is(&replaced, Whose::Sibling, Some("/w/app-moved"));
    let plain = usage(|wire| {
        wire["working_directory"] = json!("/h/moved");
        wire["project_path"] = Value::Null;
    });
    is(&judged(plain, of_folder("/h/gone", "1:1:1"), None), Whose::Foreign, Some("/h/moved"));
}

#[test]
fn of_two_folders_that_stand_for_themselves_each_has_its_own_server() {
    let plain = || {
        usage(|wire| {
            wire["working_directory"] = json!("/h/two");
            wire["project_path"] = Value::Null;
        })
    };
    let of_one = leased(|wire| wire["project_path"] = json!("/h/one"));
    is(&judged(plain(), of_one, None), Whose::Foreign, Some("/h/two"));
    is(&judged(plain(), leased(|_| {}), None), Whose::Mine, Some("/w/app"));
}
