//! Adds a value to a text, in the layout of its surroundings.
//!
//! Nothing is moved or left out, and the result shows what was there before, so that [`super::take`] can reverse it:
//!
//! - After another value comes a comma, if there is none; after the comments that follow it comes the new value, on its own
//!   line if the other one is.
//! - In an empty object or list the new value gets its own line, and so does the closing bracket; what was inside stays in
//!   front. A blank line before the closing bracket marks one that existed before.
//! - In an empty one with a comment followed by one line end, the closing bracket stays on its line.

use serde_json::Value;
use styxy_core::json::{Kind, Mistake, Node};
use styxy_core::order::Order as _;

use super::super::text::{Comment, LINE_ENDS, begin, last_comment, line_ends, parse, slots};

/// Adds `"key": value` as the last member of `object`.
///
/// # Errors
/// It is not an object.
pub(super) fn member(text: &str, object: &Node, key: &str, value: &Value) -> Result<String, Mistake> {
    let Kind::Object(_) = &object.kind else {
        return Err(Mistake::new(object.at, "this is not an object; allowed: { … }"));
    };
    Ok(add(text, object, |style| format!("{}: {}", Value::from(key), style.write(value))))
}

/// Adds `value` as the last item of `list`.
pub(super) fn item(text: &str, list: &Node, value: &Value) -> String {
    add(text, list, |style| style.write(value))
}

fn add(text: &str, around: &Node, write: impl Fn(&Style) -> String) -> String {
    let end = line_end(text);
    let unit = unit(text, around);
    let outer = indent_of(text, around.at);
    let close = around.end() - 1;
    let Some(last) = slots(around).pop() else {
        let style = Style { end, indent: format!("{outer}{unit}"), unit };
        let new = format!("{end}{}{}", style.indent, write(&style));
        let (inside, rest) = (&text[around.at + 1..close], &text[close..]);
        let opened = &text[..=around.at];
        return match last_comment(inside).map(Comment::end) {
            Some(at) if line_ends(&inside[at..]) == 1 => {
                format!("{opened}{}{new}{}{rest}", &inside[..at], &inside[at..])
            }
            comment => {
                // The outermost one always existed before.
                let mark = if comment.is_none() && begin(text) == around.at { "" } else { end };
                format!("{opened}{inside}{new}{mark}{end}{outer}{rest}")
            }
        };
    };
    let (from, comma, trailing) = match last.comma(text) {
        Some(comma) => (comma + 1, "", ","),
        None => (last.value.end(), ",", ""),
    };
    // A comment stays with the value before it.
    let comment = last_comment(&text[from..close]);
    let at = from + comment.map_or(0, Comment::end);
    let (before, indent) = if begins_line(text, last.start) {
        let indent = indent_of(text, last.start);
        (format!("{end}{indent}"), indent)
    } else {
        let indent = indent_of(text, last.value.end());
        match comment {
            Some(Comment::Line { .. }) => (format!("{end}{indent}"), indent),
            Some(Comment::Block { .. }) | None => (" ".to_owned(), indent),
        }
    };
    let new = write(&Style { end, unit, indent });
    format!("{}{comma}{}{before}{new}{trailing}{}", &text[..from], &text[from..at], &text[at..])
}

/// The layout of the lines around a position.
struct Style {
    end: &'static str,
    /// One step of indentation.
    unit: String,
    /// The indentation of the new line.
    indent: String,
}

impl Style {
    fn write(&self, value: &Value) -> String {
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(self.unit.as_bytes());
        let mut writer = serde_json::Serializer::with_formatter(&mut out, formatter);
        // Writing a value to memory cannot fail.
        let _ = serde::Serialize::serialize(&Ordered(value), &mut writer);
        let text = String::from_utf8_lossy(&out).into_owned();
        text.replace('\n', &format!("{}{}", self.end, self.indent))
    }
}

/// A value with its keys in the order in which people write them.
struct Ordered<'v>(&'v Value);

impl serde::Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let rank = |key: &str| {
                    ["matcher", "type", "command", "timeout"].iter().position(|known| *known == key)
                };
                let mut members: Vec<_> = members.iter().collect();
                members.order_by_key(|(key, _)| rank(key).unwrap_or(usize::MAX));
                to.collect_map(members.into_iter().map(|(key, value)| (key, Ordered(value))))
            }
            Value::Array(items) => to.collect_seq(items.iter().map(Ordered)),
            other => other.serialize(to),
        }
    }
}

/// The line end of `text`.
pub(super) fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") {
        "\r\n"
    } else if text.contains('\r') {
        "\r"
    } else {
        "\n"
    }
}

/// Whether there is only white space before `at` on its line.
fn begins_line(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with(LINE_ENDS)
}

/// The white space at the beginning of the line of `at`.
fn indent_of(text: &str, at: usize) -> String {
    let line = text[..at].rfind(LINE_ENDS).map_or(0, |end| end + 1);
    text[line..at].chars().take_while(|letter| matches!(letter, ' ' | '\t')).collect()
}

/// One step of indentation: that of the values in `node`, else of the first values in the text with their own lines, else
/// two spaces.
fn unit(text: &str, node: &Node) -> String {
    let step = |node: &Node| {
        let first = slots(node).into_iter().find(|slot| begins_line(text, slot.start))?;
        let (outer, inner) = (indent_of(text, node.at), indent_of(text, first.start));
        inner.strip_prefix(&outer).filter(|step| !step.is_empty()).map(str::to_owned)
    };
    step(node).or_else(|| any(&parse(text).ok()?, &step)).unwrap_or_else(|| "  ".to_owned())
}

/// The first answer of `step` for `node` or a value inside it.
fn any(node: &Node, step: &impl Fn(&Node) -> Option<String>) -> Option<String> {
    step(node).or_else(|| slots(node).iter().find_map(|slot| any(slot.value, step)))
}
