//! Where values are in settings, beyond what the reader of JSON says: their commas, and the comments between them.

use styxy_core::json::{self, Form, Kind, Mistake, Node};

/// A member of an object or an item of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'n> {
    /// Where the key begins, or the value in a list.
    pub(super) start: usize,
    pub(super) value: &'n Node<'n>,
}

impl Slot<'_> {
    /// Where the comma behind it is.
    pub(super) fn comma(&self, text: &str) -> Option<usize> {
        let at = skip(text, self.value.end());
        text[at..].starts_with(',').then_some(at)
    }
}

/// The members of an object or the items of a list.
pub(super) fn slots<'n>(node: &'n Node<'n>) -> Vec<Slot<'n>> {
    match &node.kind {
        Kind::Object(members) => {
            members.iter().map(|member| Slot { start: member.at, value: &member.value }).collect()
        }
        Kind::List(items) => items.iter().map(|value| Slot { start: value.at, value }).collect(),
        Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Text(_) => Vec::new(),
    }
}

/// Where the member `key` of an object is in [`slots`]: the last one of that name, which [`Node::get`] gives.
pub(super) fn find(node: &Node, key: &str) -> Option<usize> {
    node.members().iter().rposition(|member| member.key == key)
}

pub(super) const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// How many lines end in `text`.
pub(super) fn line_ends(text: &str) -> usize {
    text.matches(LINE_ENDS).count() - text.matches("\r\n").count()
}

/// Reads settings, without a byte order mark.
///
/// # Errors
/// It is not JSON, comments and trailing commas aside.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Mistake> {
    json::read(text, Form::Settings)
}

/// Where the blanks and comments end that begin at `at`.
fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let blank = || rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        match comment(rest).unwrap_or_else(blank) {
            0 => return at,
            skipped => at += skipped,
        }
    }
}

/// Where the outermost value of `text` begins.
pub(super) fn begin(text: &str) -> usize {
    skip(text, 0)
}

/// A comment in a stretch of a text that has nothing else but blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comment {
    /// `// …`, which takes in whatever is put behind it on its line. It ends before the line's end.
    Line { end: usize },
    /// `/* … */`
    Block { end: usize },
}

impl Comment {
    pub(super) fn end(self) -> usize {
        match self {
            Self::Line { end } | Self::Block { end } => end,
        }
    }
}

/// The last comment in `gap`, which has blanks and comments only. A comma is a blank.
pub(super) fn last_comment(gap: &str) -> Option<Comment> {
    let (mut at, mut last) = (0, None);
    while let Some(slash) = gap[at..].find('/') {
        let rest = &gap[at + slash..];
        let begins_line = rest.starts_with("//");
        at += slash + comment(rest).unwrap_or(rest.len());
        last = Some(if begins_line { Comment::Line { end: at } } else { Comment::Block { end: at } });
    }
    last
}

/// How long the comment is that `text` begins with; none if there is none, or it does not end.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        Some(text.find(LINE_ENDS).unwrap_or(text.len()))
    } else {
        text.strip_prefix("/*")?.find("*/").map(|end| end + 4)
    }
}
