//! JSON as a text: where its values are. Comments and trailing commas are let through, since settings have them.

/// A value and where it stands: `text[start..end]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Object(Vec<Slot>),
    Array(Vec<Slot>),
    Text(String),
    Other,
}

/// A member of an object or an item of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// Empty in a list.
    pub(super) key: String,
    /// Where the key begins, or the value in a list.
    pub(super) start: usize,
    pub(super) value: Node,
    /// Where the comma behind it is.
    pub(super) comma: Option<usize>,
}

impl Node {
    /// Where the member `key` is in [`Self::slots`]: the last one of that name, as every reader of JSON has it.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        match &self.kind {
            Kind::Object(members) => members.iter().rposition(|slot| slot.key == key),
            Kind::Array(_) | Kind::Text(_) | Kind::Other => None,
        }
    }
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.find(key).map(|at| &self.slots()[at].value)
    }
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Object(_) | Kind::Array(_) | Kind::Other => None,
        }
    }
    pub(super) fn items(&self) -> &[Slot] {
        match &self.kind {
            Kind::Array(items) => items,
            Kind::Object(_) | Kind::Text(_) | Kind::Other => &[],
        }
    }
    pub(super) fn slots(&self) -> &[Slot] {
        match &self.kind {
            Kind::Object(slots) | Kind::Array(slots) => slots,
            Kind::Text(_) | Kind::Other => &[],
        }
    }
}

/// Where a text is no JSON, in bytes, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

/// Deeper than any settings.
const DEEP: usize = 64;

pub(super) const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// How many lines end in `text`.
pub(super) fn line_ends(text: &str) -> usize {
    text.matches(LINE_ENDS).count() - text.matches("\r\n").count()
}

/// Reads `text`.
///
/// # Errors
/// It is no JSON, comments and trailing commas aside.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let mut reader = Reader { text, at: begin(text) };
    let node = reader.value(0)?;
    reader.blank();
    if reader.at < text.len() { Err(reader.mistake("nothing more")) } else { Ok(node) }
}

/// Where the outermost value of `text` begins.
pub(super) fn begin(text: &str) -> usize {
    let mut reader = Reader { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    reader.blank();
    reader.at
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
    let mut reader = Reader { text: gap, at: 0 };
    let mut last = None;
    while reader.at < gap.len() {
        let rest = reader.rest();
        if rest.starts_with('/') {
            let begins_line = rest.starts_with("//");
            let length = comment(rest).unwrap_or(rest.len());
            let end = reader.at + length;
            last = Some(if begins_line { Comment::Line { end } } else { Comment::Block { end } });
            reader.at = end;
        } else {
            reader.at += rest.chars().next().map_or(1, char::len_utf8);
        }
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

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }
    fn mistake(&self, expected: &'static str) -> Mistake {
        Mistake { at: self.at, expected }
    }
    fn blank(&mut self) {
        loop {
            let rest = self.rest();
            let skipped = comment(rest)
                .unwrap_or_else(|| rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len());
            if skipped == 0 {
                return;
            }
            self.at += skipped;
        }
    }
    fn take(&mut self, letter: char) -> bool {
        self.blank();
        let found = self.rest().starts_with(letter);
        self.at += usize::from(found);
        found
    }
    /// Where the comma is that stands before another value or, as a trailing one, before `close`.
    fn comma(&mut self, close: char, expected: &'static str) -> Result<Option<usize>, Mistake> {
        if self.take(',') {
            Ok(Some(self.at - 1))
        } else if self.rest().starts_with(close) {
            Ok(None)
        } else {
            Err(self.mistake(expected))
        }
    }
    fn value(&mut self, depth: usize) -> Result<Node, Mistake> {
        self.blank();
        let start = self.at;
        if depth > DEEP {
            return Err(self.mistake("less depth"));
        }
        let kind = if self.take('{') {
            let mut members = Vec::new();
            while !self.take('}') {
                self.blank();
                let at = self.at;
                let key = self.string()?;
                if !self.take(':') {
                    return Err(self.mistake("a colon"));
                }
                let value = self.value(depth + 1)?;
                let comma = self.comma('}', "a comma or a brace")?;
                members.push(Slot { key, start: at, value, comma });
            }
            Kind::Object(members)
        } else if self.take('[') {
            let mut items = Vec::new();
            while !self.take(']') {
                let value = self.value(depth + 1)?;
                let comma = self.comma(']', "a comma or a bracket")?;
                items.push(Slot { key: String::new(), start: value.start, value, comma });
            }
            Kind::Array(items)
        } else if self.rest().starts_with('"') {
            Kind::Text(self.string()?)
        } else {
            let length = self
                .rest()
                .bytes()
                .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
                .count();
            if serde_json::from_str::<serde::de::IgnoredAny>(&self.rest()[..length]).is_err() {
                return Err(self.mistake("a value"));
            }
            self.at += length;
            Kind::Other
        };
        Ok(Node { start, end: self.at, kind })
    }
    fn string(&mut self) -> Result<String, Mistake> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == '"' && !escaped;
            escaped = *letter == '\\' && !escaped;
            ends
        });
        let (true, Some((end, _))) = (rest.starts_with('"'), end) else {
            return Err(self.mistake("a string"));
        };
        let text = serde_json::from_str(&rest[..=end]).map_err(|_| self.mistake("a string"))?;
        self.at += end + 1;
        Ok(text)
    }
}
