//! JSON read with the place of every key and value, so that a mistake in it can be pointed at.
//!
//! It accepts what `serde_json` accepts, down to [`DEPTH`] levels, and keeps keys that come twice.

pub(crate) mod fields;

/// No file nests as deep as this by intent.
const DEPTH: usize = 32;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    /// The byte it begins at.
    pub(crate) at: usize,
    /// As it is written.
    pub(crate) text: &'a str,
    pub(crate) kind: Kind<'a>,
}

#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

/// A key, where it stands, and its value.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: String,
    pub(crate) at: usize,
    pub(crate) value: Node<'a>,
}

/// What is wrong at which byte.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Mistake {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Node<'_> {
    /// What came, for a sentence: as written if that is short, else what it is.
    pub(crate) fn found(&self) -> String {
        match &self.kind {
            Kind::List(items) if self.text.len() > 60 || self.text.contains('\n') => {
                format!("a list of {}", items.len())
            }
            Kind::Object(_) => "an object".to_owned(),
            Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Text(_) | Kind::List(_) => shortened(self.text),
        }
    }
}

/// At most 60 characters of `text`.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Line and column of the byte `at`, both from 1; columns count characters.
pub(crate) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Reads one value that is all there is in `text`.
pub(crate) fn read(text: &str) -> Result<Node<'_>, Mistake> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(DEPTH)?;
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.expected("nothing after the value")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no white space, not taken.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes the next byte if it is `wanted`.
    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    /// The longest run of such characters from here on.
    fn run(&self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        &rest[..rest.find(|letter| !belongs(letter)).unwrap_or(rest.len())]
    }

    /// What stands here is not what must.
    fn expected(&self, allowed: &str) -> Mistake {
        let word = self.run(|letter| letter.is_alphanumeric() || letter == '_');
        let Some(first) = self.text[self.at..].chars().next() else {
            let end = self.text.trim_end_matches([' ', '\t', '\r', '\n']).len();
            return Mistake::new(end, format!("the file ends here; allowed: {allowed}"));
        };
        let found = match first {
            _ if !word.is_empty() => shortened(word),
            _ if first.is_control() => first.escape_debug().to_string(),
            _ => first.to_string(),
        };
        let mistake = Mistake::new(self.at, format!("found {found}; allowed: {allowed}"));
        match first {
            '/' | '#' => mistake.hint("JSON has no comments"),
            '\'' => mistake.hint("write texts and keys in double quotes"),
            _ if !word.is_empty() && allowed.contains("key") => mistake.hint(format!("write \"{found}\"")),
            _ => mistake,
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Mistake> {
        let Some(first) = self.peek() else { return Err(self.expected("a value")) };
        let at = self.at;
        let kind = match first {
            b'{' | b'[' if depth == 0 => {
                return Err(Mistake::new(at, format!("nested too deep; allowed: {DEPTH} levels")));
            }
            b'{' => self.object(depth - 1)?,
            b'[' => self.list(depth - 1)?,
            b'"' => Kind::Text(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { at, text: &self.text[at..self.at], kind })
    }

    fn word(&mut self) -> Result<Kind<'a>, Mistake> {
        let word = self.run(|letter| letter.is_alphanumeric() || letter == '_');
        let kind = match word {
            "null" => Kind::Null,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            _ => return Err(self.expected("a value")),
        };
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> Result<Kind<'a>, Mistake> {
        let number = self.run(|letter| letter.is_alphanumeric() || ['+', '-', '.', '_'].contains(&letter));
        if serde_json::from_str::<serde_json::Number>(number).is_err() {
            return Err(Mistake::new(self.at, format!("{} is not a number", shortened(number))));
        }
        self.at += number.len();
        Ok(Kind::Number)
    }

    fn string(&mut self) -> Result<String, Mistake> {
        let start = self.at;
        let mut escaped = false;
        for (offset, letter) in self.text[start + 1..].char_indices() {
            match letter {
                '\n' => break,
                '"' if !escaped => {
                    self.at = start + 1 + offset + 1;
                    let text = &self.text[start..self.at];
                    return serde_json::from_str(text).map_err(|error| not_a_text(start, text, &error));
                }
                _ => escaped = letter == '\\' && !escaped,
            }
        }
        Err(Mistake::new(start, "this text is not closed; allowed: \"…\" on one line"))
    }

    fn list(&mut self, depth: usize) -> Result<Kind<'a>, Mistake> {
        let mut items = Vec::new();
        self.at += 1;
        if self.take(b']') {
            return Ok(Kind::List(items));
        }
        loop {
            if !items.is_empty() && self.peek() == Some(b']') {
                return Err(self.expected("another value").hint("remove the comma before it"));
            }
            items.push(self.value(depth)?);
            if self.take(b']') {
                return Ok(Kind::List(items));
            }
            if !self.take(b',') {
                return Err(self.expected("a comma or ]"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Kind<'a>, Mistake> {
        let mut members = Vec::new();
        self.at += 1;
        if self.take(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            let at = match self.peek() {
                Some(b'"') => self.at,
                Some(b'}') => return Err(self.expected("another key").hint("remove the comma before it")),
                _ => return Err(self.expected("a key in double quotes")),
            };
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.expected("a colon"));
            }
            members.push(Member { key, at, value: self.value(depth)? });
            if self.take(b'}') {
                return Ok(Kind::Object(members));
            }
            if !self.take(b',') {
                return Err(self.expected("a comma or }"));
            }
        }
    }
}

/// serde's word for what is wrong inside the quotes, without its own idea of the place.
fn not_a_text(start: usize, text: &str, error: &serde_json::Error) -> Mistake {
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or_default();
    Mistake::new(start, format!("{} is not a text: {why}", shortened(text)))
}
