//! Whether a text is JSON, token by token: the first mistake, what is there and what is allowed.
//!
//! The library takes JSON5 and more, and says less of a mistake than its place allows to say. Nothing here recurses, so
//! that a hostile file overflows no stack.

use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::tokens::Token;
use jsonc_parser::{ParseStringErrorKind, Scanner, ScannerOptions};
use serde::de::IgnoredAny;

use super::{Form, Mistake, shortened};
use crate::printable::one_line;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    FirstItem,
    AnotherItem,
    FirstKey,
    AnotherKey,
    Colon,
    CommaOrBracket,
    CommaOrBrace,
    Nothing,
}
use Next::{
    AnotherItem, AnotherKey, Colon, CommaOrBrace, CommaOrBracket, FirstItem, FirstKey, Nothing, Value,
};

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Looks for a mistake.
///
/// # Errors
/// The first one.
pub(super) fn check(text: &str, form: Form) -> Result<(), Mistake> {
    let mut scanner = Scanner::new(text, &ScannerOptions::default());
    let (mut open, mut next, mut end) = (Vec::new(), Value, 0);
    loop {
        let token = scanner.scan();
        let (before, at) = (end, scanner.token_start());
        end = scanner.token_end();
        if let Some(strange) = text[before..at].find(|letter| !BLANKS.contains(&letter)) {
            return Err(unexpected(text, before + strange, next, form));
        }
        let token = match token {
            Ok(Some(Token::CommentLine(_) | Token::CommentBlock(_))) if form == Form::Settings => continue,
            Ok(Some(token)) => token,
            Ok(None) if next == Nothing => return Ok(()),
            Ok(None) => return Err(unexpected(text, text.trim_end_matches(BLANKS).len(), next, form)),
            Err(error) => return Err(unreadable(text, at, error.kind(), next, form)),
        };
        if matches!(token, Token::CloseBrace | Token::CloseBracket) {
            open.pop();
        }
        let behind = open.last().copied().unwrap_or(Nothing);
        next = match (next, token) {
            (Value | FirstItem | AnotherItem, Token::OpenBrace) => {
                open.push(CommaOrBrace);
                FirstKey
            }
            (Value | FirstItem | AnotherItem, Token::OpenBracket) => {
                open.push(CommaOrBracket);
                FirstItem
            }
            (Value | FirstItem | AnotherItem, Token::Number(_)) if is_number(text, at) => {
                check_number(text, at, form)?;
                behind
            }
            (Value | FirstItem | AnotherItem | FirstKey | AnotherKey, Token::String(_))
                if text[at..].starts_with('"') =>
            {
                check_text(at, &text[at..end])?;
                if matches!(next, FirstKey | AnotherKey) { Colon } else { behind }
            }
            (Colon, Token::Colon) => Value,
            (CommaOrBrace, Token::Comma) => AnotherKey,
            (CommaOrBracket, Token::Comma) => AnotherItem,
            (Value | FirstItem | AnotherItem, Token::Boolean(_) | Token::Null)
            | (FirstKey | CommaOrBrace, Token::CloseBrace)
            | (FirstItem | CommaOrBracket, Token::CloseBracket) => behind,
            (AnotherKey, Token::CloseBrace) | (AnotherItem, Token::CloseBracket)
                if form == Form::Settings =>
            {
                behind
            }
            _ => return Err(unexpected(text, at, next, form)),
        };
        if open.len() > form.depth() {
            return Err(Mistake::new(at, format!("nested too deep; allowed: {} levels", form.depth())));
        }
    }
}

fn check_text(at: usize, text: &str) -> Result<(), Mistake> {
    if text.contains('\n') {
        Err(not_closed(at))
    } else if text.contains(|letter| letter < ' ') {
        Err(not_a_text(at, text, "it has a control character; allowed: \\u and four digits"))
    } else {
        serde_json::from_str::<String>(text).map(drop).map_err(|_| not_a_text(at, text, "invalid escape"))
    }
}

fn not_closed(at: usize) -> Mistake {
    Mistake::new(at, "this text is not closed; allowed: \"…\" on one line")
}

fn not_a_text(at: usize, text: &str, why: &str) -> Mistake {
    Mistake::new(at, format!("{} is not a text: {why}", shortened(text)))
}

fn is_number(text: &str, at: usize) -> bool {
    text[at..].starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

fn check_number(text: &str, at: usize, form: Form) -> Result<(), Mistake> {
    // 007 and 1.2.3 are several numbers to the library.
    let number = run(text, at, |letter| letter.is_alphanumeric() || "+-._".contains(letter));
    let checked = match form {
        Form::Strict | Form::Message => serde_json::from_str::<serde_json::Number>(number).map(drop),
        // Of any size, as JavaScript has it.
        Form::Settings => serde_json::from_str::<IgnoredAny>(number).map(drop),
    };
    checked.map_err(|_| Mistake::new(at, format!("{} is not a number", shortened(number))))
}

/// The mistake of a text, a number, a comment or a character at `at` that the library does not read.
fn unreadable(text: &str, at: usize, kind: &ParseErrorKind, next: Next, form: Form) -> Mistake {
    let known = match kind {
        ParseErrorKind::String(_) if !text[at..].starts_with('"') => None,
        ParseErrorKind::String(ParseStringErrorKind::UnterminatedStringLiteral) => Some(not_closed(at)),
        ParseErrorKind::String(_) => {
            let inside = run(text, at + 1, |letter| letter != '"' && letter != '\n');
            Some(not_a_text(at, &format!("\"{inside}\""), "invalid escape"))
        }
        ParseErrorKind::UnterminatedCommentBlock if form == Form::Settings => {
            Some(Mistake::new(at, "this comment is not closed; allowed: /* … */"))
        }
        _ if is_number(text, at) => check_number(text, at, form).err(),
        _ => None,
    };
    known.unwrap_or_else(|| unexpected(text, at, next, form))
}

/// What is at `at` is none of what may be there.
fn unexpected(text: &str, at: usize, next: Next, form: Form) -> Mistake {
    let first = text[at..].trim_end_matches(BLANKS).chars().next();
    let (allowed, hint) = match (next, first) {
        (AnotherKey, Some('}')) => ("another key", "remove the comma before it"),
        (AnotherItem, Some(']')) => ("another value", "remove the comma before it"),
        (Value | FirstItem | AnotherItem, _) => ("a value", ""),
        (FirstKey | AnotherKey, _) => ("a key in double quotes", ""),
        (Colon, _) => ("a colon", ""),
        (CommaOrBrace, _) => ("a comma or }", ""),
        (CommaOrBracket, _) => ("a comma or ]", ""),
        (Nothing, _) => ("nothing after the value", ""),
    };
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let found = match (first, run(text, at, is_word)) {
        (None, _) => return Mistake::new(at, format!("{} ends here; allowed: {allowed}", form.whole())),
        (Some(first), "") => one_line(first.encode_utf8(&mut [0; 4])).into_owned(),
        (Some(_), word) => shortened(word),
    };
    let mistake = Mistake::new(at, format!("found {found}; allowed: {allowed}"));
    match first {
        Some('/' | '#') if form != Form::Settings => mistake.hint("JSON has no comments"),
        Some('\'') => mistake.hint("write texts and keys in double quotes"),
        Some(first) if matches!(next, FirstKey | AnotherKey) && is_word(first) => {
            mistake.hint(format!("write \"{found}\""))
        }
        _ if !hint.is_empty() => mistake.hint(hint),
        _ => mistake,
    }
}

/// The longest run of such characters from `at` on.
fn run(text: &str, at: usize, belongs: impl Fn(char) -> bool) -> &str {
    let rest = &text[at..];
    &rest[..rest.find(|letter| !belongs(letter)).unwrap_or(rest.len())]
}
