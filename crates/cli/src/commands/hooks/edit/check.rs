//! Whether a changed text reads as it should, before anybody has it: everything but ours is there as before, in its order.

use super::super::text::{Kind, Node, Slot, parse};
use super::entries;
use super::step::{self, Wanted};

/// Whether `after` is `before` with each of the entries once.
pub(super) fn is_installed(before: &str, after: &str, wanted: Wanted) -> bool {
    let settled = |entry| step::next(after, entry, wanted) == Ok(None);
    is_kept(before, after) && wanted.entries.iter().all(settled)
}

/// Whether `after` is `before` without any of ours.
pub(super) fn is_uninstalled(before: &str, after: &str) -> bool {
    let none = |root: &Node| {
        let hooks = root.slots().iter().filter(|slot| slot.key == "hooks");
        let mut lists = hooks.flat_map(|hooks| hooks.value.slots()).map(|event| &event.value);
        lists.all(|list| entries::all(list).is_empty())
    };
    is_kept(before, after) && parse(after).is_ok_and(|root| none(&root))
}

fn is_kept(before: &str, after: &str) -> bool {
    let others = |text: &str| parse(text).map(|root| others(text, &root));
    matches!((others(before), others(after)), (Ok(before), Ok(after)) if before == after)
}

/// The settings of `text` in one line, without what is ours and without hooks that are empty then.
fn others(text: &str, root: &Node) -> String {
    let Kind::Object(members) = &root.kind else { return plain(text, root) };
    let mut parts = Vec::new();
    for member in members {
        match &member.value.kind {
            Kind::Object(events) if member.key == "hooks" => {
                let events: Vec<_> = events.iter().filter_map(|event| others_of_event(text, event)).collect();
                if !events.is_empty() {
                    parts.push(format!("hooks{events:?}"));
                }
            }
            _ => parts.push(format!("{:?}:{}", member.key, plain(text, &member.value))),
        }
    }
    format!("{parts:?}")
}

fn others_of_event(text: &str, event: &Slot) -> Option<String> {
    let Kind::Array(items) = &event.value.kind else {
        return Some(format!("{:?}:{}", event.key, plain(text, &event.value)));
    };
    let mut parts = Vec::new();
    for item in items {
        let hooks = entries::hooks(&item.value);
        let others: Vec<_> = hooks.iter().filter(|hook| !entries::is_own(hook)).collect();
        if entries::is_bare(&item.value) || !hooks.is_empty() && others.is_empty() {
            continue;
        }
        if hooks.is_empty() {
            parts.push(plain(text, &item.value));
            continue;
        }
        let members = item.value.slots().iter().map(|member| match member.key.as_str() {
            "hooks" => others.iter().map(|hook| plain(text, hook)).collect(),
            key => format!("{key:?}:{}", plain(text, &member.value)),
        });
        parts.push(members.collect());
    }
    (!parts.is_empty()).then(|| format!("{:?}:{parts:?}", event.key))
}

/// A value in one line: its keys as they read, everything else as it is written.
fn plain(text: &str, node: &Node) -> String {
    let slots = || node.slots().iter().map(|slot| format!("{:?}:{}", slot.key, plain(text, &slot.value)));
    match &node.kind {
        Kind::Object(_) => format!("{{{}}}", slots().collect::<Vec<_>>().join(",")),
        Kind::Array(_) => format!("[{}]", slots().collect::<Vec<_>>().join(",")),
        Kind::Text(_) | Kind::Other => text[node.start..node.end].to_owned(),
    }
}
