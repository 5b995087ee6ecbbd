//! Today's daemon continues with a journal that an old version wrote. The reader alone is tested in the daemon's crate.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::durable::durable;
use super::exchange::{read, write};
use super::history::{Shown, compact, history, shown};
use super::{to_keep, versions};
use crate::restart::crc32c;
use crate::support::{Home, Request};

/// A journal as records, and one that begins with a snapshot.
const FORMS: [&str; 2] = ["records", "snapshot"];
/// Where the first frame of a generation begins.
const HEADER: usize = 64;

#[test]
fn a_daemon_continues_with_a_journal_of_everything() {
    let home = Home::new();
    let history = history(&home, crate::support::program().as_ref());
    for form in FORMS {
        if form == "snapshot" {
            compact(&home);
        }
        let mut before = shown(&home, &history);
        if form == "snapshot" {
            // Events from before the snapshot end with the daemon that told them.
            before.events.clear();
        }
        home.kill_daemon();
        if let Some(version) = to_keep() {
            keep(&home, &version.join("journal").join(form), &before);
        }
        home.start();
        same(&before, &shown(&home, &history));
    }
}

/// Copies the journal, without the room it has left, and what was shown of it.
fn keep(home: &Home, folder: &Path, shown: &Shown) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    let path = crate::restart::journal(home);
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
    write(&folder.join("shown.json"), shown);
}

/// Another daemon shows the same, and every event that was told before.
#[track_caller]
pub(super) fn same(before: &Shown, after: &Shown) {
    let facts = |value: &Value| durable(value.clone());
    assert_eq!(facts(&after.allocations), facts(&before.allocations));
    assert_eq!(facts(&after.instances), facts(&before.instances));
    let answers = |shown: &Shown| -> Vec<(Value, i32, Value)> {
        let all = shown.affinity.iter().chain(&shown.requests).chain(&shown.ended);
        all.map(|kept| (kept.asked.clone(), kept.code, facts(&kept.answer))).collect()
    };
    assert_eq!(answers(after), answers(before));
    for (before, after) in before.events.iter().zip(&after.events) {
        assert_eq!(facts(after), facts(before));
    }
    assert!(after.events.len() >= before.events.len(), "events are lost");
}

/// Every journal that is kept, with what was shown of it; none while another test writes them.
fn kept() -> impl Iterator<Item = (PathBuf, Shown)> {
    let versions = if to_keep().is_none() { versions() } else { Vec::new() };
    let folders =
        versions.into_iter().flat_map(|version| FORMS.map(|form| version.join("journal").join(form)));
    folders.map(|folder| {
        let shown = read(&folder.join("shown.json"));
        (folder, shown)
    })
}

/// A home with the journal of `folder` in it, as if it had been written in the boot named `boot_id`.
fn home_with(folder: &Path, boot_id: &str) -> Home {
    let home = Home::new();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let journals = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("journal."));
    for path in journals {
        let mut bytes = fs::read(&path).unwrap();
        set_boot_id(&mut bytes, boot_id);
        fs::write(home.root().join(path.file_name().unwrap()), bytes).unwrap();
    }
    home
}

/// Writes another boot's name, of the same length, into every frame of a generation.
fn set_boot_id(bytes: &mut [u8], boot_id: &str) {
    const FIELD: &[u8] = b"\"boot_id\":\"";
    let (mut at, mut found) = (HEADER, 0);
    while let Some(word) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(word.try_into().unwrap());
        if word == 0 {
            break;
        }
        let length = usize::try_from(word & 0x0FFF_FFFF).unwrap();
        let payload = at + 8..at + 8 + length;
        for start in payload.clone() {
            if bytes[start..].starts_with(FIELD) {
                let value = start + FIELD.len();
                bytes[value..value + boot_id.len()].copy_from_slice(boot_id.as_bytes());
                assert_eq!(bytes[value + boot_id.len()], b'"', "the names of boots have one length");
                found += 1;
            }
        }
        let sum = crc32c(&[&bytes[at..at + 4], &bytes[payload.clone()]].concat());
        bytes[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
        at = payload.end.next_multiple_of(8);
    }
    assert!(found > 0, "the journal names its boot");
}

#[test]
fn a_daemon_continues_with_an_old_journal_of_this_boot() {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for (folder, shown) in kept() {
        let home = home_with(&folder, boot_id.trim());
        assert_eq!(home.start().notes, Vec::<String>::new(), "{}", folder.display());
        let way = home.socket();
        // Processes that owned something are another machine's. What an instance owns that lives by its heartbeats is left.
        let of_instances = |answer: &Value| -> Vec<Value> {
            let all =
                answer["instances"].as_array().unwrap().iter().filter(|instance| instance["pid"].is_null());
            let leases = all.flat_map(|instance| instance["active_allocations"].as_array().unwrap());
            leases.filter(|lease| lease["owner"]["kind"] == "instance").cloned().collect()
        };
        let now = durable(way.get("/instance/list").json());
        let (kept, leases) = (of_instances(&durable(shown.instances.clone())), of_instances(&now));
        assert!(kept.len() >= 3, "{kept:?}");
        assert!(kept.iter().all(|lease| leases.contains(lease)), "{leases:#?}");
        let metadata = |answer: &Value| answer["instances"][0]["metadata"].clone();
        assert_eq!((metadata(&now), metadata(&now).is_object()), (metadata(&shown.instances), true));
        // The answer to a request is remembered as long as its lease lives.
        let of_instances = shown.requests.iter().filter(|kept| kept.asked["body"]["instance_id"].is_string());
        let mut asked = 0;
        for kept in of_instances {
            let again = way.post("/allocate", &kept.asked["body"]);
            assert_eq!((i32::from(again.status), again.json()), (kept.code, kept.answer.clone()));
            asked += 1;
        }
        assert_eq!(asked, 2);
        for kept in &shown.ended {
            let again = way.delete(kept.asked["path"].as_str().unwrap());
            assert_eq!((i32::from(again.status), again.json()), (kept.code, kept.answer.clone()));
        }
    }
}

#[test]
fn the_leases_of_an_old_journal_end_with_its_boot() {
    for (folder, shown) in kept() {
        let home = home_with(&folder, "00000000-0000-4000-8000-000000000000");
        let status = home.start();
        assert_eq!(
            (status.notes, status.allocations, status.instances),
            (vec![], 0, 0),
            "{}",
            folder.display()
        );
        for lease in shown.allocations["allocations"].as_array().unwrap() {
            let path = format!("/allocate/{}", lease["lock_id"].as_str().unwrap());
            let refusal = home.socket().send(&Request::new("DELETE", &path)).refused(410, "lease_ended");
            assert_eq!(refusal.details["reason"], json!("reboot"), "{path}");
        }
    }
}
