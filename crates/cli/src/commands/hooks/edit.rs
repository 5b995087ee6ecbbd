//! Settings with and without Styxy's entries. Pure: texts in, texts out; what is not ours keeps every byte.

use serde_json::Value;

use super::agents::{Entry, Form, is_ours};
use super::text::{Kind, Mistake, Node, parse, skip_blank};

/// `text` with every one of `entries`, each running `program`.
///
/// # Errors
/// It is no JSON, or something else stands where hooks belong.
pub(super) fn with(text: &str, entries: &[Entry], form: Form, program: &str) -> Result<String, Mistake> {
    let mut text = text.to_owned();
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mark = if text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
        text = match form {
            Form::Groups => format!("{mark}{{}}{end}"),
            Form::Flat => format!("{mark}{{{end}  \"version\": 1{end}}}{end}"),
        };
    }
    for entry in entries {
        let root = parse(&text)?;
        let Some(hooks) = root.get("hooks") else {
            let value = serde_json::json!({ entry.event: [entry.element(form, program)] });
            text = add_member(&text, &root, "hooks", &value)?;
            continue;
        };
        let Some(list) = hooks.get(entry.event) else {
            text = add_member(&text, hooks, entry.event, &serde_json::json!([entry.element(form, program)]))?;
            continue;
        };
        if !matches!(list.kind, Kind::Array(_)) {
            return Err(Mistake { at: list.start, expected: "a list" });
        }
        match ours(list).next() {
            // The program may have moved.
            Some(command) => {
                let wanted = Value::from(entry.command(program)).to_string();
                if text[command.start..command.end] != wanted {
                    text = replaced(&text, command.start, command.end, &wanted);
                }
            }
            None => text = add_item(&text, list, &entry.element(form, program))?,
        }
    }
    Ok(text)
}

/// `text` without any entry of Styxy's, and without the lists and objects that held nothing else.
///
/// # Errors
/// It is no JSON.
pub(super) fn without(text: &str) -> Result<String, Mistake> {
    let mut text = text.to_owned();
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Ok(text);
    }
    loop {
        let root = parse(&text)?;
        let Some((start, end)) = removable(&text, &root) else { return Ok(text) };
        text = removed(&text, start, end);
    }
}

/// The command values of ours in an event's list.
fn ours(list: &Node) -> impl Iterator<Item = &Node> {
    let groups = list.items().iter().filter_map(|item| item.get("hooks")).flat_map(Node::items);
    list.items()
        .iter()
        .chain(groups)
        .filter_map(|hook| hook.get("command"))
        .filter(|command| command.text().is_some_and(is_ours))
}

/// The widest thing that holds an entry of ours and nothing else.
fn removable(text: &str, root: &Node) -> Option<(usize, usize)> {
    // A comment beside it is something else.
    let only = |around: &Node, start: usize, end: usize| {
        let count = match &around.kind {
            Kind::Object(members) => members.len(),
            Kind::Array(items) => items.len(),
            Kind::Text(_) | Kind::Other => 0,
        };
        let blank = |text: &str| text.chars().all(|letter| letter.is_whitespace() || letter == ',');
        count == 1 && blank(&text[around.start + 1..start]) && blank(&text[end..around.end - 1])
    };
    let Kind::Object(members) = &root.kind else { return None };
    let (_, hooks_at, hooks) = members.iter().find(|(name, ..)| name == "hooks")?;
    let Kind::Object(events) = &hooks.kind else { return None };
    for (_, event_at, list) in events {
        for item in list.items() {
            let inner = item.get("hooks").map_or(&[][..], Node::items);
            let is_mine = |hook: &Node| hook.get("command").and_then(Node::text).is_some_and(is_ours);
            let whole = is_mine(item) || inner.len() == 1 && is_mine(&inner[0]);
            if !whole {
                if let Some(hook) = inner.iter().find(|hook| is_mine(hook)) {
                    return Some((hook.start, hook.end));
                }
                continue;
            }
            return Some(match (only(list, item.start, item.end), only(hooks, *event_at, list.end)) {
                (true, true) => (*hooks_at, hooks.end),
                (true, false) => (*event_at, list.end),
                (false, _) => (item.start, item.end),
            });
        }
    }
    None
}

fn replaced(text: &str, start: usize, end: usize, by: &str) -> String {
    format!("{}{by}{}", &text[..start], &text[end..])
}

/// Leaves out `start..end`, its comma, and the line if nothing else is on it.
fn removed(text: &str, start: usize, end: usize) -> String {
    let (mut start, mut end) = (start, end);
    let behind = skip_blank(text, end);
    if text.as_bytes().get(behind) == Some(&b',') {
        end = behind + 1;
        let rest = &text[end..];
        let line = rest.trim_start_matches([' ', '\t']);
        if line.starts_with(['\n', '\r']) {
            end = text.len() - line.len();
        }
    } else if let Some(comma) = comma_before(text, start) {
        // The last one: the comma before it goes too, and a comment between the two stays.
        let between = text[comma + 1..start].trim_end_matches([' ', '\t', '\r', '\n']);
        let kept = comma + 1 + between.len();
        let rest = format!("{}{}", &text[comma + 1..kept], &text[end..]);
        return format!("{}{rest}", &text[..comma]);
    }
    let before = text[..start].trim_end_matches([' ', '\t']);
    let begins_line = before.is_empty() || before.ends_with('\n');
    if begins_line && text[end..].starts_with(['\n', '\r']) {
        start = before.len();
        end += if text[end..].starts_with("\r\n") { 2 } else { 1 };
    } else if begins_line && text[end..].trim_start_matches([' ', '\t']).starts_with(['}', ']']) {
        end = text.len() - text[end..].trim_start_matches([' ', '\t']).len();
    }
    let rest = &text[end..];
    // The only one: what held it closes as it opened.
    let opens = text[..start].trim_end();
    if opens.ends_with(['{', '[']) && rest.trim_start().starts_with(['}', ']']) {
        return format!("{opens}{}", rest.trim_start());
    }
    format!("{}{rest}", &text[..start])
}

/// The comma right before `at`, but for blanks and comments.
fn comma_before(text: &str, at: usize) -> Option<usize> {
    text[..at]
        .match_indices(',')
        .map(|(comma, _)| comma)
        .rev()
        .find(|comma| skip_blank(text, comma + 1) == at)
}

/// Adds `"key": value` as the last member of `object`.
fn add_member(text: &str, object: &Node, key: &str, value: &Value) -> Result<String, Mistake> {
    let Kind::Object(members) = &object.kind else {
        return Err(Mistake { at: object.start, expected: "an object" });
    };
    let last = members.last().map(|(_, at, node)| (*at, node.end));
    let written = |style: &Style| format!("{}: {}", Value::from(key), style.write(value));
    Ok(add(text, object, last, written))
}

/// Adds `value` as the last item of `list`.
fn add_item(text: &str, list: &Node, value: &Value) -> Result<String, Mistake> {
    let Kind::Array(items) = &list.kind else { return Err(Mistake { at: list.start, expected: "a list" }) };
    Ok(add(text, list, items.last().map(|node| (node.start, node.end)), |style| style.write(value)))
}

/// How the lines around a place are written.
struct Style {
    newline: &'static str,
    /// One step.
    unit: String,
    /// Before the new line.
    indent: String,
}

impl Style {
    fn write(&self, value: &Value) -> String {
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(self.unit.as_bytes());
        let mut writer = serde_json::Serializer::with_formatter(&mut out, formatter);
        // Writing to memory does not fail, and neither does writing a value.
        let _ = serde::Serialize::serialize(&Ordered(value), &mut writer);
        let text = String::from_utf8_lossy(&out).into_owned();
        text.replace('\n', &format!("{}{}", self.newline, self.indent))
    }
}

/// A value whose keys come in the order in which people write them.
struct Ordered<'v>(&'v Value);

impl serde::Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let rank = |key: &str| {
                    ["matcher", "type", "command", "timeout"].iter().position(|known| *known == key)
                };
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(key, _)| rank(key).unwrap_or(usize::MAX));
                to.collect_map(members.into_iter().map(|(key, value)| (key, Ordered(value))))
            }
            Value::Array(items) => to.collect_seq(items.iter().map(Ordered)),
            other => other.serialize(to),
        }
    }
}

fn add(text: &str, around: &Node, last: Option<(usize, usize)>, write: impl Fn(&Style) -> String) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let unit = unit(text);
    let outer = indent_of(text, around.start);
    let close = around.end - 1;
    let Some((start, end)) = last else {
        let indent = format!("{outer}{unit}");
        let style = Style { newline, unit, indent };
        let new = write(&style);
        let inside = &text[around.start + 1..close];
        let comment = inside.trim_end();
        return format!(
            "{}{comment}{newline}{}{new}{newline}{outer}{}",
            &text[..=around.start],
            style.indent,
            &text[close..]
        );
    };
    // As deep as the last one, or one step in if that one stands behind the bracket.
    let own_line = text[..start].trim_end_matches([' ', '\t']).ends_with('\n');
    let indent = if own_line { indent_of(text, start) } else { format!("{outer}{unit}") };
    let style = Style { newline, unit, indent };
    let new = write(&style);
    let behind = skip_blank(text, end);
    let trailing = text.as_bytes().get(behind) == Some(&b',');
    let (comma, from) = if trailing { ("", behind + 1) } else { (",", end) };
    // A comment on the same line stays with what it is about.
    let line = text[from..close].find('\n').map_or(close, |at| from + at);
    let line = if text[..line].ends_with('\r') { line - 1 } else { line };
    let (stays, rest) = (text[from..line].trim_end(), &text[line..close]);
    let stays = if stays.contains("*/")
        || stays.starts_with("//")
        || stays.trim_start().starts_with("//")
        || stays.is_empty()
    {
        stays
    } else {
        ""
    };
    let tail = rest.trim_end_matches([' ', '\t', '\r', '\n']);
    let after = if trailing { "," } else { "" };
    format!(
        "{}{comma}{stays}{tail}{newline}{}{new}{after}{newline}{outer}{}",
        &text[..from],
        style.indent,
        &text[close..]
    )
}

/// The blanks at the beginning of the line that `at` is on.
fn indent_of(text: &str, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..at].chars().take_while(|letter| matches!(letter, ' ' | '\t')).collect()
}

/// One step of the text's indentation: that of the first line that has one, else two blanks.
fn unit(text: &str) -> String {
    let lines =
        text.lines().skip(1).map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    lines.into_iter().find(|indent| !indent.is_empty()).map_or_else(|| "  ".to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests;
