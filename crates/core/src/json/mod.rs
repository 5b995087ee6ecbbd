//! JSON with the place of every key and value, so that a mistake in it can be pointed at: the one reader of config.json,
//! `.styxy.json`, `package.json` and agents' settings.
//!
//! `jsonc-parser` reads a text after `check` has found no mistake in it. A key that is there twice stays visible.

mod check;
pub(crate) mod de;
pub(crate) mod fields;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, ParseResult, parse_to_ast};

use crate::printable::one_line;

/// What a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON as `serde_json` takes it, up to 32 levels deep.
    Strict,
    /// The same, up to as many levels as `serde_json` takes.
    Message,
    /// Comments and trailing commas too, as settings have them, up to 64 levels deep.
    Settings,
}

/// A value and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// The byte it begins at.
    pub at: usize,
    /// As it is written.
    pub text: &'a str,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Its digits are the node's text.
    Number,
    /// Without quotes and escapes.
    Text(Cow<'a, str>),
    /// `[ … ]`
    List(Vec<Node<'a>>),
    /// `{ … }`, with keys that are there twice.
    Object(Vec<Member<'a>>),
}

/// A key, where it is, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Without quotes and escapes.
    pub key: Cow<'a, str>,
    /// The byte that the key begins at.
    pub at: usize,
    /// Its value.
    pub value: Node<'a>,
}

/// What is wrong at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The byte.
    pub at: usize,
    /// What was found and what is allowed.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake without a hint.
    pub fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Form {
    const fn depth(self) -> usize {
        match self {
            Self::Strict => 32,
            Self::Settings => 64,
            Self::Message => 127,
        }
    }

    /// What a text is.
    const fn whole(self) -> &'static str {
        match self {
            Self::Strict | Self::Settings => "the file",
            Self::Message => "it",
        }
    }
}

impl<'a> Node<'a> {
    fn new(text: &'a str, value: Value<'a>) -> Self {
        let range = value.range();
        let kind = match value {
            Value::NullKeyword(_) => Kind::Null,
            Value::BooleanLit(literal) => Kind::Bool(literal.value),
            Value::NumberLit(_) => Kind::Number,
            Value::StringLit(literal) => Kind::Text(literal.value),
            Value::Array(list) => {
                Kind::List(list.elements.into_iter().map(|item| Self::new(text, item)).collect())
            }
            Value::Object(object) => {
                let members = object.properties.into_iter().map(|property| Member {
                    at: property.range.start,
                    key: match property.name {
                        ObjectPropName::String(name) => name.value,
                        ObjectPropName::Word(name) => name.value.into(),
                    },
                    value: Self::new(text, property.value),
                });
                Kind::Object(members.collect())
            }
        };
        Self { at: range.start, text: &text[range.start..range.end], kind }
    }

    /// The byte behind it.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// The value of `key` in an object: of a key that is there twice the last one, as every reader of JSON has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().rfind(|member| member.key == key).map(|member| &member.value)
    }

    /// The members of an object; none of any other value.
    #[must_use]
    pub fn members(&self) -> &[Member<'a>] {
        if let Kind::Object(members) = &self.kind { members } else { &[] }
    }

    /// The items of a list; none of any other value.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// The text that the value is, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// What came, for a sentence: as written if that is short, else what it is.
    #[must_use]
    pub fn found(&self) -> String {
        match &self.kind {
            Kind::List(items) if self.text.len() > 60 || self.text.contains('\n') => {
                format!("a list of {}", items.len())
            }
            Kind::Object(_) => "an object".to_owned(),
            Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Text(_) | Kind::List(_) => shortened(self.text),
        }
    }
}

/// At most 60 characters of `text`, on one line: what somebody sent is not to control the terminal that shows it.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", one_line(&text[..end])),
        None => one_line(text).into_owned(),
    }
}

/// Line and column of the byte `at`, both from 1. Columns count characters; a line ends in `\n`, `\r\n` or `\r`.
#[must_use]
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let ends = before.matches(['\n', '\r']).count() - before.matches("\r\n").count();
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    (ends + 1, line.chars().count() + 1)
}

/// Line and column of the value that `keys` lead to in an object, or of the last of these keys that is there, and how many are; none if
/// none is, or if this is not JSON.
#[must_use]
pub fn place_of(text: &str, keys: &[&str]) -> Option<((usize, usize), usize)> {
    let text = without_mark(text);
    let root = read(text, Form::Strict).ok()?;
    let (mut node, mut at, mut found) = (&root, None, 0);
    for key in keys {
        let Some(member) = node.members().iter().find(|member| member.key == *key) else { break };
        (node, found) = (&member.value, found + 1);
        at = Some(if found == keys.len() { member.value.at } else { member.at });
    }
    Some((place(text, at?), found))
}

/// `text` without the byte order mark that it may begin with.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads one value that is all there is in `text`, without a byte order mark.
///
/// # Errors
/// The first mistake.
pub fn read(text: &str, form: Form) -> Result<Node<'_>, Mistake> {
    check::check(text, form)?;
    match parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()) {
        Ok(ParseResult { value: Some(value), .. }) => Ok(Node::new(text, value)),
        Ok(_) | Err(_) => Err(Mistake::new(0, "this is not JSON; allowed: one value")),
    }
}
