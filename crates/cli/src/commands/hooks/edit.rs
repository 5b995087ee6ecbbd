//! Settings with and without Styxy's entries. Pure: texts in, texts out; what is not ours keeps every byte.
//!
//! One change at a time: the text is read anew after each, until nothing is left to be changed. Taking out is the exact
//! reverse of putting in, so a file that nobody else changed is again what it was.

mod check;
mod own;
mod put;
mod take;

use serde_json::{Value, json};
use styxy_core::json::{Kind, Mistake, Node, without_mark};

use super::agents::{Entry, Form, is_ours};
use super::text::{find, parse};
use own::Own;

/// Why a text is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is no JSON, or something else stands where hooks belong.
    Mistaken(Mistake),
    /// The changed text would not read as it should.
    Unsure,
}

impl From<Mistake> for Trouble {
    fn from(mistake: Mistake) -> Self {
        Self::Mistaken(mistake)
    }
}

/// What an agent's settings should have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub(super) entries: &'w [Entry],
    pub(super) form: Form,
    /// As a shell reads it.
    pub(super) program: &'w str,
}

/// `text` with each of the entries once.
///
/// # Errors
/// See [`Trouble`].
pub(super) fn with(text: &str, wanted: Wanted) -> Result<String, Trouble> {
    // What is not known as ours would be put in again and again.
    if !wanted.entries.iter().all(|entry| is_ours(&entry.command(wanted.program), &[])) {
        return Err(Trouble::Unsure);
    }
    let (mark, text) = marked(text);
    let seed = seed(text, wanted.form);
    let mut text = seed.clone();
    for entry in wanted.entries {
        while let Some(next) = step(&text, entry, wanted)? {
            text = next;
        }
    }
    if check::is_installed(&seed, &text, wanted) { Ok(mark.to_owned() + &text) } else { Err(Trouble::Unsure) }
}

/// `text` without any entry of Styxy's, and without the lists and objects that were made for them.
///
/// # Errors
/// See [`Trouble`].
pub(super) fn without(text: &str) -> Result<String, Trouble> {
    let (mark, before) = marked(text);
    if before.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let mut text = before.to_owned();
    while let Some(next) = take::next(&text, &parse(&text)?) {
        text = next;
    }
    if check::is_uninstalled(before, &text) { Ok(mark.to_owned() + &text) } else { Err(Trouble::Unsure) }
}

/// A byte order mark, which stays, and what is behind it.
fn marked(text: &str) -> (&str, &str) {
    text.split_at(text.len() - without_mark(text).len())
}

/// The text to begin with: a file without anything is one without settings.
fn seed(text: &str, form: Form) -> String {
    let end = put::line_end(text);
    match form {
        _ if !text.trim().is_empty() => text.to_owned(),
        Form::Groups => format!("{{}}{end}"),
        Form::Flat => format!("{{{end}  \"version\": 1{end}}}{end}"),
    }
}

/// The next change on the way to one right `entry`; none if it is there.
fn step(text: &str, entry: &Entry, wanted: Wanted) -> Result<Option<String>, Mistake> {
    let root = parse(text)?;
    let element = || entry.element(wanted.form, wanted.program);
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
    let all = own::all(list);
    let Some(kept) = all.iter().find(|own| is_usable(own, entry, wanted.form)) else {
        return Ok(Some(put::item(text, list, &element())));
    };
    if let Some(spare) = all.iter().rfind(|own| *own != kept) {
        let (around, at) = spare.place(list);
        return Ok(Some(take::removed(text, around, at)));
    }
    corrected(text, kept, entry, wanted)
}

/// Whether an entry is where the agent looks, and can be corrected without a change for other hooks of its group.
fn is_usable(own: &Own, entry: &Entry, form: Form) -> bool {
    match (form, own.group) {
        (Form::Flat, None) => true,
        (Form::Groups, Some(group)) => own.is_alone() || has_matcher(group, entry),
        (Form::Flat, Some(_)) | (Form::Groups, None) => false,
    }
}

fn has_matcher(holder: &Node, entry: &Entry) -> bool {
    match (holder.get("matcher"), entry.matcher) {
        (found, Some(matcher)) => found.and_then(Node::as_text) == Some(matcher),
        (None, None) => true,
        // Both mean all of them.
        (Some(found), None) => matches!(found.as_text(), Some("" | "*")),
    }
}

/// The next thing in an entry that has to be corrected.
fn corrected(text: &str, own: &Own, entry: &Entry, wanted: Wanted) -> Result<Option<String>, Mistake> {
    let set = |holder: &Node, key: &str, value: &Value| {
        let Some(found) = holder.get(key) else { return put::member(text, holder, key, value).map(Some) };
        let (written, value) = (found.text, value.to_string());
        let changed = || format!("{}{value}{}", &text[..found.at], &text[found.end()..]);
        Ok((written != value).then(changed))
    };
    // The program may have moved.
    let command = entry.command(wanted.program);
    if own.hook.get("command").and_then(Node::as_text) != Some(command.as_str()) {
        return set(own.hook, "command", &Value::from(command));
    }
    if let Some(at) = find(own.hook, "args") {
        return Ok(Some(take::removed(text, own.hook, at)));
    }
    if let Some(timeout) = entry.timeout
        && let Some(text) = set(own.hook, "timeout", &timeout.into())?
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

#[cfg(test)]
mod tests;
