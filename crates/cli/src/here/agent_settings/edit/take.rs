//! Removes values from a text: the reverse of [`super::put`]. Comments around them stay.

use styxy_core::json::{Kind, Node};

use super::super::text::{Comment, LINE_ENDS, Slot, last_comment, line_ends, slots};
use super::put::line_end;
use super::{entries, variable};

/// `text` without our first entry, and without what was created for it and contains nothing else.
pub(super) fn next(text: &str, root: &Node) -> Option<String> {
    let Kind::Object(members) = &root.kind else { return None };
    // It was added last.
    if let Some(taken) = variable::taken(text, root) {
        return Some(taken);
    }
    // Of two members with the same name a reader sees the last; entries may be in both.
    for (hooks_at, hooks) in members.iter().enumerate().filter(|(_, slot)| slot.key == "hooks") {
        let Kind::Object(events) = &hooks.value.kind else { continue };
        for (event_at, event) in events.iter().enumerate() {
            let list = &event.value;
            let Some(first) = entries::all(list).into_iter().next() else { continue };
            let (around, at) = first.widest_place(list);
            return Some(match around {
                _ if around != list || !was_made(text, list) => removed(text, around, at),
                _ if was_made(text, &hooks.value) => removed(text, root, hooks_at),
                _ => removed(text, &hooks.value, event_at),
            });
        }
    }
    None
}

/// Whether `around` was created for the only value in it.
pub(super) fn was_made(text: &str, around: &Node) -> bool {
    let [only] = slots(around)[..] else { return false };
    let front = opening(&text[around.at + 1..only.start]);
    let behind = behind(text, &only, around.end() - 1);
    front.is_empty() && behind.trim().is_empty() && line_ends(&behind) < 2
}

/// `text` without a member of an object or an item of a list, its comma, and its line if nothing else is on it.
pub(super) fn removed(text: &str, around: &Node, at: usize) -> String {
    let slots = slots(around);
    let slot = &slots[at];
    let behind = behind(text, slot, around.end() - 1);
    let (opened, closed) = (&text[..=around.at], &text[around.end() - 1..]);
    if let Some(previous) = at.checked_sub(1).map(|at| &slots[at]) {
        let comma = previous.comma(text).unwrap_or_else(|| previous.value.end());
        let between = &text[comma + 1..slot.start];
        let comments = &between[..last_comment(between).map_or(0, Comment::end)];
        // Without the last value, the comma before it is not needed, unless trailing commas are used.
        let kept = if slot.comma(text).is_some() { &text[..=comma] } else { &text[..comma] };
        return joined(kept, comments, &format!("{behind}{closed}"));
    }
    let inside = &text[around.at + 1..slot.start];
    let front = opening(inside);
    if slots.len() > 1 {
        // The next value on the same line takes its place.
        let (front, behind) = if inside[front.len()..].contains(LINE_ENDS) {
            (front, behind.as_str())
        } else {
            (inside, behind.trim_start_matches([' ', '\t']))
        };
        return joined(opened, front, &format!("{behind}{closed}"));
    }
    let closes_as_before = last_comment(front).is_some() && line_ends(&behind) == 1;
    let behind = if behind.trim().is_empty() && !closes_as_before { "" } else { behind.as_str() };
    joined(opened, front, &format!("{behind}{closed}"))
}

/// What is before the line of a first value that was added.
fn opening(inside: &str) -> &str {
    let line = inside.trim_end_matches([' ', '\t']);
    line.strip_suffix("\r\n").or_else(|| line.strip_suffix(LINE_ENDS)).unwrap_or(line)
}

/// What is between `slot` and `close`, without the slot's comma.
fn behind(text: &str, slot: &Slot, close: usize) -> String {
    let end = slot.value.end();
    let Some(comma) = slot.comma(text) else { return text[end..close].to_owned() };
    let comments = &text[end..comma];
    let comments = &comments[..last_comment(comments).map_or(0, Comment::end)];
    joined("", comments, &text[comma + 1..close])
}

/// `before`, the `comments` after it and `after`, with a line end where a comment would swallow what follows.
fn joined(before: &str, comments: &str, after: &str) -> String {
    let is_open = matches!(last_comment(comments), Some(Comment::Line { end }) if end == comments.len());
    let is_ended = after.trim_start_matches([' ', '\t']).starts_with(LINE_ENDS);
    let end = if is_open && !is_ended { line_end(after) } else { "" };
    format!("{before}{comments}{end}{after}")
}
