//! Whether a changed text has the right content, before it is written: everything except ours is the same, in the same order.

use styxy_core::json::{Kind, Member, Node, without_mark};

use super::super::entry::{Entry, Nesting};
use super::super::text::parse;
use super::step::{self, Wanted};
use super::{entries, variable};

/// Whether `after` is `before` with each of the entries once.
pub(super) fn is_installed(before: &str, after: &str, wanted: Wanted) -> bool {
    let settled = |entry| step::next(after, entry, wanted) == Ok(None);
    let has_variable = || wanted.shell.is_none_or(|shell| variable::next(after, shell) == Ok(None));
    is_kept(before, after) && wanted.entries.iter().all(settled) && has_variable()
}

/// Whether `text` has entries of ours, but not all that are wanted now: an older version of Styxy made them. Which program they run
/// does not matter.
pub(crate) fn is_older(text: &str, wanted: &[Entry], nesting: Nesting) -> bool {
    let Ok(root) = parse(without_mark(text)) else { return false };
    let Some(hooks) = root.get("hooks") else { return false };
    let is_there =
        |entry: &Entry| hooks.get(entry.event).is_some_and(|list| step::is_there(list, entry, nesting));
    let has_ours = hooks.members().iter().any(|event| !entries::all(&event.value).is_empty());
    has_ours && !wanted.iter().all(is_there)
}

/// Whether `after` is `before` without any of ours.
pub(super) fn is_uninstalled(before: &str, after: &str) -> bool {
    let none = |root: &Node| {
        let hooks = root.members().iter().filter(|member| member.key == "hooks");
        let mut lists = hooks.flat_map(|hooks| hooks.value.members()).map(|event| &event.value);
        lists.all(|list| entries::all(list).is_empty())
    };
    is_kept(before, after)
        && parse(after).is_ok_and(|root| none(&root) && variable::taken(after, &root).is_none())
}

fn is_kept(before: &str, after: &str) -> bool {
    let others = |text: &str| parse(text).map(|root| others(&root));
    matches!((others(before), others(after)), (Ok(before), Ok(after)) if before == after)
}

/// The settings on one line, without ours and without hooks that are then empty.
fn others(root: &Node) -> String {
    let Kind::Object(members) = &root.kind else { return plain(root) };
    let mut parts = Vec::new();
    for member in members {
        match &member.value.kind {
            Kind::Object(events) if member.key == "hooks" => {
                let events: Vec<_> = events.iter().filter_map(others_of_event).collect();
                if !events.is_empty() {
                    parts.push(format!("hooks{events:?}"));
                }
            }
            Kind::Object(variables) if variable::has(&member.key) => {
                let others = variables.iter().filter(|member| !variable::is_ours(&member.key, &member.value));
                let others: Vec<_> =
                    others.map(|member| format!("{:?}:{}", member.key, plain(&member.value))).collect();
                if !others.is_empty() {
                    parts.push(format!("{:?}{others:?}", member.key));
                }
            }
            _ => parts.push(format!("{:?}:{}", member.key, plain(&member.value))),
        }
    }
    format!("{parts:?}")
}

fn others_of_event(event: &Member) -> Option<String> {
    let Kind::List(items) = &event.value.kind else {
        return Some(format!("{:?}:{}", event.key, plain(&event.value)));
    };
    let mut parts = Vec::new();
    for item in items {
        let hooks = entries::hooks(item);
        let others: Vec<_> = hooks.iter().filter(|hook| !entries::is_own(hook)).collect();
        if entries::is_bare(item) || !hooks.is_empty() && others.is_empty() {
            continue;
        }
        if hooks.is_empty() {
            parts.push(plain(item));
            continue;
        }
        let members = item.members().iter().map(|member| match &*member.key {
            "hooks" => others.iter().map(|hook| plain(hook)).collect(),
            key => format!("{key:?}:{}", plain(&member.value)),
        });
        parts.push(members.collect());
    }
    (!parts.is_empty()).then(|| format!("{:?}:{parts:?}", event.key))
}

/// A value in one line: its keys as they read, everything else as it is written.
fn plain(node: &Node) -> String {
    let member = |member: &Member| format!("{:?}:{}", member.key, plain(&member.value));
    match &node.kind {
        Kind::Object(members) => format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(",")),
        Kind::List(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(",")),
        Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Text(_) => node.text.to_owned(),
    }
}
