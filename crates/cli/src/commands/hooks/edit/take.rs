//! Taking values out of a text: the reverse of [`super::put`]. Comments around them stay.

use super::super::text::{Comment, Kind, LINE_ENDS, Node, Slot, last_comment, line_ends};
use super::entries;
use super::put::line_end;

/// `text` without the first entry of ours, and without what was made for it and held nothing else.
pub(super) fn next(text: &str, root: &Node) -> Option<String> {
    let Kind::Object(members) = &root.kind else { return None };
    // Of two members with one name a reader sees the last; entries may be in any.
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

/// Whether `around` was made for the only value in it.
fn was_made(text: &str, around: &Node) -> bool {
    let [only] = around.slots() else { return false };
    let front = opening(&text[around.start + 1..only.start]);
    let behind = behind(text, only, around.end - 1);
    front.is_empty() && behind.trim().is_empty() && line_ends(&behind) < 2
}

/// `text` without a member of an object or an item of a list, its comma, and its line if nothing else is on it.
pub(super) fn removed(text: &str, around: &Node, at: usize) -> String {
    let slots = around.slots();
    let slot = &slots[at];
    let behind = behind(text, slot, around.end - 1);
    let (opened, closed) = (&text[..=around.start], &text[around.end - 1..]);
    if let Some(previous) = at.checked_sub(1).map(|at| &slots[at]) {
        let comma = previous.comma.unwrap_or(previous.value.end);
        let between = &text[comma + 1..slot.start];
        let comments = &between[..last_comment(between).map_or(0, Comment::end)];
        // The last one needs the comma before it no more, unless it has one itself.
        let kept = if slot.comma.is_some() { &text[..=comma] } else { &text[..comma] };
        return joined(kept, comments, &format!("{behind}{closed}"));
    }
    let inside = &text[around.start + 1..slot.start];
    let front = opening(inside);
    if slots.len() > 1 {
        // With another one on the same line, that one comes to its place.
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

/// What is before the line on which a first value was put.
fn opening(inside: &str) -> &str {
    let line = inside.trim_end_matches([' ', '\t']);
    line.strip_suffix("\r\n").or_else(|| line.strip_suffix(LINE_ENDS)).unwrap_or(line)
}

/// What is between `slot` and `close`, without the slot's comma.
fn behind(text: &str, slot: &Slot, close: usize) -> String {
    let Some(comma) = slot.comma else { return text[slot.value.end..close].to_owned() };
    let comments = &text[slot.value.end..comma];
    let comments = &comments[..last_comment(comments).map_or(0, Comment::end)];
    joined("", comments, &text[comma + 1..close])
}

/// `before`, the `comments` behind it and `after`, with a line's end where a comment would take in what follows it.
fn joined(before: &str, comments: &str, after: &str) -> String {
    let is_open = matches!(last_comment(comments), Some(Comment::Line { end }) if end == comments.len());
    let is_ended = after.trim_start_matches([' ', '\t']).starts_with(LINE_ENDS);
    let end = if is_open && !is_ended { line_end(after) } else { "" };
    format!("{before}{comments}{end}{after}")
}
