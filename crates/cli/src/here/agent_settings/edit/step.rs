//! One change at a time, towards one correct entry for each event.

use serde_json::{Value, json};
use styxy_core::json::{Kind, Mistake, Node};

use super::super::entry::{Entry, Nesting};
use super::super::text::{find, parse};
use super::entries::{self, OwnEntry};
use super::{put, take};

/// What an agent's settings should have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'w> {
    pub(crate) entries: &'w [Entry],
    pub(crate) nesting: Nesting,
    /// In the form that a shell reads.
    pub(crate) program: &'w str,
    /// What `BASH_ENV` is to name for the agent's shell.
    pub(crate) shell: Option<&'w str>,
}

/// The next change towards one correct `entry`; none if nothing needs to change.
pub(super) fn next(text: &str, entry: &Entry, wanted: Wanted) -> Result<Option<String>, Mistake> {
    let root = parse(text)?;
    let element = || entry.element(wanted.nesting, wanted.program);
    let Some(hooks) = root.get("hooks") else {
        let hooks = json!({ entry.event: [element()] });
        return put::member(text, &root, "hooks", &hooks).map(Some);
    };
    let Some(list) = hooks.get(entry.event) else {
        return put::member(text, hooks, entry.event, &json!([element()])).map(Some);
    };
    if !matches!(list.kind, Kind::List(_)) {
        return Err(Mistake::new(list.at, "this is not a list; allowed: [ … ]"));
    }
    let all = entries::all(list);
    let Some(kept) = all.iter().find(|own| is_usable(own, entry, wanted.nesting)) else {
        return Ok(Some(put::item(text, list, &element())));
    };
    if let Some(spare) = all.iter().rfind(|own| *own != kept) {
        let (around, at) = spare.place(list);
        return Ok(Some(take::removed(text, around, at)));
    }
    corrected(text, kept, entry, wanted)
}

/// Whether the list of the entry's event has it, whichever program it runs and whatever else is in it.
pub(super) fn is_there(list: &Node, entry: &Entry, nesting: Nesting) -> bool {
    let is_it =
        |own: &OwnEntry| is_usable(own, entry, nesting) && has_matcher(own.group.unwrap_or(own.hook), entry);
    entries::all(list).iter().any(is_it)
}

/// Whether an entry is where the agent looks, and can be corrected without affecting other hooks of its group.
fn is_usable(own: &OwnEntry, entry: &Entry, nesting: Nesting) -> bool {
    match (nesting, own.group) {
        (Nesting::Flat, None) => true,
        (Nesting::Groups, Some(group)) => own.is_alone() || has_matcher(group, entry),
        (Nesting::Flat, Some(_)) | (Nesting::Groups, None) => false,
    }
}

fn has_matcher(holder: &Node, entry: &Entry) -> bool {
    match (holder.get("matcher"), entry.matcher) {
        (found, Some(matcher)) => found.and_then(Node::as_text) == Some(matcher),
        (None, None) => true,
        // Both match everything.
        (Some(found), None) => matches!(found.as_text(), Some("" | "*")),
    }
}

/// `text` with the next correction of an entry; none if it is correct.
fn corrected(text: &str, own: &OwnEntry, entry: &Entry, wanted: Wanted) -> Result<Option<String>, Mistake> {
    let set = |holder: &Node, key: &str, value: &Value| {
        let Some(found) = holder.get(key) else { return put::member(text, holder, key, value).map(Some) };
        let (written, value) = (found.text, value.to_string());
        let changed = || format!("{}{value}{}", &text[..found.at], &text[found.end()..]);
        Ok((written != value).then(changed))
    };
    // The program may have moved.
    let command = entry.command(wanted.program);
    let key = entry.command_key(wanted.program);
    if own.hook.get(key).and_then(Node::as_text) != Some(command.as_str()) {
        return set(own.hook, key, &Value::from(command));
    }
    if let Some(at) = find(own.hook, "args") {
        return Ok(Some(take::removed(text, own.hook, at)));
    }
    if let Some(timeout) = entry.timeout
        && let Some(text) = set(own.hook, entry.timeout_key(), &timeout.into())?
    {
        return Ok(Some(text));
    }
    if own.group.is_some() && own.hook.get("type").and_then(Node::as_text) != Some("command") {
        return set(own.hook, "type", &"command".into());
    }
    let holder = own.group.unwrap_or(own.hook);
    if has_matcher(holder, entry) {
        return Ok(None);
    }
    match (entry.matcher, find(holder, "matcher")) {
        (Some(matcher), _) => set(holder, "matcher", &matcher.into()),
        (None, Some(at)) => Ok(Some(take::removed(text, holder, at))),
        (None, None) => Ok(None),
    }
}
