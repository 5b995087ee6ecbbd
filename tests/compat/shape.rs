//! What of an old answer is not in a new one. More may be in it: fields are added, and none goes.
//!
//! The crates' own tests read this file too, for the records of the journal and for the wire types.

use serde_json::Value;

/// How much must be as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// Every value: it was read, and written again.
    Same,
    /// What programs branch on: the type of each value, truth values, and texts that look like one word of a closed list
    /// (`port_unavailable`). The situation is the same, so these are; numbers and sentences may differ.
    Shape,
}

/// What of `kept` is gone in `today`, or has changed.
pub(crate) fn missing(likeness: Likeness, kept: &Value, today: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(likeness, kept, today, "", &mut found);
    found
}

fn check(likeness: Likeness, kept: &Value, today: &Value, at: &str, found: &mut Vec<String>) {
    match (kept, today) {
        (Value::Object(kept), Value::Object(today)) => {
            for (name, kept) in kept {
                match today.get(name) {
                    Some(today) => check(likeness, kept, today, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at}.{name} is gone, it was {kept}")),
                }
            }
        }
        (Value::Array(kept), Value::Array(today)) => {
            for (index, kept) in kept.iter().enumerate() {
                let at = format!("{at}[{index}]");
                // New ones may have come in between.
                let moved = || today.iter().any(|today| missing(likeness, kept, today).is_empty());
                match today.get(index) {
                    _ if likeness == Likeness::Shape && moved() => {}
                    Some(today) => check(likeness, kept, today, &at, found),
                    None => found.push(format!("{at} is gone, it was {kept}")),
                }
            }
        }
        (kept, today) if is_like(likeness, kept, today, at) => {}
        (kept, today) => found.push(format!("{at} was {kept} and is {today}")),
    }
}

fn is_like(likeness: Likeness, kept: &Value, today: &Value, at: &str) -> bool {
    if likeness == Likeness::Same || kept == today {
        return kept == today;
    }
    match (kept, today) {
        // What was unknown may be known by now.
        (Value::Null, _) => true,
        (Value::Number(kept), Value::Number(today)) => kept.is_u64() <= today.is_u64(),
        (Value::String(kept), Value::String(_)) => !is_word(kept, at),
        (_, _) => false,
    }
}

/// Whether programs branch on this text.
fn is_word(text: &str, at: &str) -> bool {
    // What `styxy doctor` finds depends on the machine.
    !at.ends_with(".verdict") && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[test]
fn what_is_gone_or_has_changed_is_found() {
    use serde_json::json;

    let kept = json!({
        "port": 3000, "code": "forbidden", "error": "a sentence", "hint": null, "uptime": 0.5,
        "leases": [{ "state": "active", "reused": false }],
    });
    let with = |change: fn(&mut Value)| {
        let mut today = kept.clone();
        change(&mut today);
        [Likeness::Shape, Likeness::Same].map(|likeness| missing(likeness, &kept, &today).len())
    };
    assert_eq!(with(|_| {}), [0, 0]);
    assert_eq!(with(|today| today["new"] = json!(1)), [0, 0]);
    assert_eq!(with(|today| today["error"] = json!("Another sentence")), [0, 1]);
    assert_eq!(with(|today| today["port"] = json!(3001)), [0, 1]);
    assert_eq!(with(|today| today["hint"] = json!("styxy list")), [0, 1]);
    assert_eq!(with(|today| today["leases"] = json!([{}, today["leases"][0]])), [0, 2]);
    assert_eq!(with(|today| today["port"] = json!("3000")), [1, 1]);
    assert_eq!(with(|today| today["port"] = json!(3000.5)), [1, 1]);
    assert_eq!(with(|today| today["code"] = json!("not_allowed")), [1, 1]);
    assert_eq!(with(|today| today["error"] = json!(null)), [1, 1]);
    assert_eq!(with(|today| today["leases"] = json!([])), [1, 1]);
    assert_eq!(with(|today| today["leases"][0]["reused"] = json!(true)), [1, 1]);
    assert_eq!(with(|today| drop(today.as_object_mut().unwrap().remove("hint"))), [1, 1]);
}
