//! `'…'`, `$'…'` and `"…"`.

use super::super::cursor::Cursor;
use super::super::script::Unreachable;
use super::Parser;

impl Parser {
    /// `'…'`, after the opening quote.
    pub(super) fn literal(&mut self, cursor: &mut Cursor<'_>) {
        self.word.get_or_insert_default();
        loop {
            match cursor.next() {
                Some('\'') => return,
                Some(other) => self.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }

    /// `$'…'`, after the opening quote. Finds its end; escapes are not decoded.
    pub(super) fn escaped(&mut self, cursor: &mut Cursor<'_>) {
        self.expanded();
        loop {
            match cursor.next() {
                Some('\'') => return,
                Some('\\') => drop(cursor.next()),
                Some(other) => self.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }

    /// `"…"`, after the opening quote.
    pub(super) fn quoted(&mut self, cursor: &mut Cursor<'_>) {
        self.word.get_or_insert_default();
        loop {
            match cursor.next() {
                Some('"') => return,
                Some('\\') => match cursor.next() {
                    Some('\n') | None => {}
                    Some(letter @ ('$' | '`' | '"' | '\\')) => self.push(letter),
                    Some(other) => {
                        self.push('\\');
                        self.push(other);
                    }
                },
                Some('$') => self.dollar(cursor),
                Some('`') => self.backticks(cursor),
                Some(other) => self.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }
}
