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
    /// Key, where the key begins, value.
    Object(Vec<(String, usize, Node)>),
    Array(Vec<Node>),
    Text(String),
    Other,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Object(members) => members.iter().find(|(name, ..)| name == key).map(|(_, _, node)| node),
            Kind::Array(_) | Kind::Text(_) | Kind::Other => None,
        }
    }
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Object(_) | Kind::Array(_) | Kind::Other => None,
        }
    }
    pub(super) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Array(items) => items,
            Kind::Object(_) | Kind::Text(_) | Kind::Other => &[],
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

/// Reads `text`.
///
/// # Errors
/// It is no JSON, comments and trailing commas aside.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let mut reader = Reader { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    let node = reader.value(0)?;
    reader.blank();
    if reader.at < text.len() { Err(reader.mistake("nothing more")) } else { Ok(node) }
}

/// The first byte from `at` on that is neither blank nor in a comment.
pub(super) fn skip_blank(text: &str, at: usize) -> usize {
    let mut reader = Reader { text, at };
    reader.blank();
    reader.at
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
            let skipped = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len()
            };
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
                members.push((key, at, self.value(depth + 1)?));
                if !self.take(',') && self.text.as_bytes().get(self.at) != Some(&b'}') {
                    return Err(self.mistake("a comma or a brace"));
                }
            }
            Kind::Object(members)
        } else if self.take('[') {
            let mut items = Vec::new();
            while !self.take(']') {
                items.push(self.value(depth + 1)?);
                if !self.take(',') && self.text.as_bytes().get(self.at) != Some(&b']') {
                    return Err(self.mistake("a comma or a bracket"));
                }
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
            if serde_json::from_str::<serde_json::Value>(&self.rest()[..length]).is_err() {
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
