//! `'…'`, `$'…'` and `"…"`.

use super::super::Unreachable;
use super::super::letters::Letters;
use super::Reader;

impl Reader {
    /// `'…'`, behind the quote.
    pub(super) fn literal(&mut self, letters: &mut Letters<'_>) {
        self.word.get_or_insert_default();
        loop {
            match letters.next() {
                Some('\'') => return,
                Some(other) => self.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }

    /// `$'…'`, behind the quote: what its escapes mean is not told, but where it ends.
    pub(super) fn escaped(&mut self, letters: &mut Letters<'_>) {
        self.expanded();
        loop {
            match letters.next() {
                Some('\'') => return,
                Some('\\') => drop(letters.next()),
                Some(other) => self.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }

    /// `"…"`, behind the quote.
    pub(super) fn quoted(&mut self, letters: &mut Letters<'_>) {
        self.word.get_or_insert_default();
        loop {
            match letters.next() {
                Some('"') => return,
                Some('\\') => match letters.next() {
                    Some('\n') | None => {}
                    Some(letter @ ('$' | '`' | '"' | '\\')) => self.push(letter),
                    Some(other) => {
                        self.push('\\');
                        self.push(other);
                    }
                },
                Some('$') => self.dollar(letters),
                Some('`') => self.backticks(letters),
                Some(other) => self.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }
}
