//! `$(…)`, `` `…` ``, `${…}` and `((…))`: what a shell expands.

use super::super::cursor::Cursor;
use super::super::script::{Script, Unreachable};
use super::Parser;

impl Parser {
    /// Reads `((…))` after its first parenthesis. False if it is not an arithmetic expression.
    pub(super) fn arithmetic(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let from = cursor.at();
        cursor.next();
        if cursor.arithmetic().is_none() {
            cursor.back_to(from);
            return false;
        }
        if cursor.is_at_end() && !cursor.since(from).ends_with("))") {
            self.fail(Unreachable::Brackets);
        }
        self.expanded();
        self.push('(');
        self.text(cursor.since(from));
        true
    }

    /// What follows a `$`: a variable is kept as written, the command in `$(…)` is parsed as well.
    pub(super) fn dollar(&mut self, cursor: &mut Cursor<'_>) {
        self.push('$');
        self.expanded();
        if cursor.next_if_eq('(').is_some() {
            self.stop(Unreachable::Subshell);
            if cursor.peek() == Some('(') && self.arithmetic(cursor) {
                return;
            }
            self.substitution(cursor);
        } else if cursor.next_if_eq('{').is_some() {
            self.parameter(cursor);
        }
    }

    /// `$(…)` and `<(…)`, after the opening parenthesis.
    pub(super) fn substitution(&mut self, cursor: &mut Cursor<'_>) {
        let (script, text) = nested(cursor);
        self.accept(&script);
        self.expanded();
        self.push('(');
        self.text(text);
    }

    /// `${…}`, after the opening brace. Commands in it may not run, so they are not looked at.
    pub(super) fn parameter(&mut self, cursor: &mut Cursor<'_>) {
        let from = cursor.at();
        let mut aside = Self::default();
        if !cursor.enter() {
            cursor.skip_to_end();
            self.fail(Unreachable::Depth);
        }
        while self.end != Some(Unreachable::Depth) {
            match cursor.next() {
                Some('}') => break,
                Some('\\') => drop(cursor.next()),
                Some('"') => aside.quoted(cursor),
                Some('`') => aside.backticks(cursor),
                Some('$') => aside.dollar(cursor),
                Some(_) => {}
                None => {
                    self.fail(Unreachable::Brackets);
                    break;
                }
            }
            if let Some(why) = aside.end.filter(|why| why.is_unreadable()) {
                self.fail(why);
                break;
            }
        }
        cursor.leave();
        self.push('{');
        self.text(cursor.since(from));
    }

    pub(super) fn backticks(&mut self, cursor: &mut Cursor<'_>) {
        self.stop(Unreachable::Subshell);
        let from = cursor.at();
        let mut inner = String::new();
        loop {
            match cursor.next() {
                Some('`') => break,
                Some('\\') => match cursor.next() {
                    Some(letter @ ('`' | '\\' | '$')) => inner.push(letter),
                    other => inner.extend(std::iter::once('\\').chain(other)),
                },
                Some(letter) => inner.push(letter),
                None => return self.fail(Unreachable::Quotes),
            }
        }
        let mut aside = Cursor::new(&inner, cursor.depth());
        if !aside.enter() {
            return self.fail(Unreachable::Depth);
        }
        let mut reader = Self::default();
        reader.all(&mut aside);
        let script = reader.script();
        self.accept(&script);
        self.expanded();
        self.push('`');
        self.text(cursor.since(from));
    }
}

/// The commands up to the matching closing parenthesis, and their text including it.
pub(super) fn nested<'a>(cursor: &mut Cursor<'a>) -> (Script, &'a str) {
    let from = cursor.at();
    let mut reader = Parser { closes: Some(false), ..Parser::default() };
    if cursor.enter() {
        reader.all(cursor);
    } else {
        cursor.skip_to_end();
        reader.fail(Unreachable::Depth);
    }
    cursor.leave();
    (reader.script(), cursor.since(from))
}
