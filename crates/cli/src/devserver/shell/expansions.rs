//! Quotes, and what a shell expands: `$(…)`, `` `…` ``, `${…}` and `((…))`.

use super::parser::Parser;
use super::script::{Unreachable, Word};

impl Parser<'_> {
    /// `'…'`, after the opening quote.
    pub(super) fn literal(&mut self, word: &mut Word) {
        let from = self.cursor.at;
        self.cursor.skip(|letter| letter != '\'');
        word.text.push_str(self.cursor.since(from));
        if !self.cursor.accept("'") {
            self.fail(Unreachable::Quotes);
        }
    }

    /// `$'…'`, after the opening quote. Finds its end; escapes are not decoded.
    pub(super) fn escaped(&mut self, word: &mut Word) {
        word.expanded = true;
        loop {
            match self.cursor.next() {
                Some('\'') => return,
                Some('\\') => drop(self.cursor.next()),
                Some(other) => word.text.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }

    /// `"…"`, after the opening quote.
    pub(super) fn quoted(&mut self, word: &mut Word) {
        loop {
            match self.cursor.next() {
                Some('"') => return,
                Some('\\') => match self.cursor.next() {
                    Some('\n') | None => {}
                    Some(letter @ ('$' | '`' | '"' | '\\')) => word.text.push(letter),
                    Some(other) => word.text.extend(['\\', other]),
                },
                Some('$') => self.dollar(word),
                Some('`') => self.backticks(word),
                Some(other) => word.text.push(other),
                None => return self.fail(Unreachable::Quotes),
            }
        }
    }

    /// What follows a `$`. It is kept as written.
    pub(super) fn dollar(&mut self, word: &mut Word) {
        word.text.push('$');
        word.expanded = true;
        if self.cursor.accept("(") {
            self.substitution(word);
        } else if self.cursor.accept("{") {
            self.parameter(word);
        } else if self.cursor.accept("$") {
            // `$$` is the shell's own id, whatever follows.
            word.text.push('$');
        }
    }

    /// `$(…)`, `$((…))` and `<(…)`, after the opening parenthesis.
    pub(super) fn substitution(&mut self, word: &mut Word) {
        let from = self.cursor.at - 1;
        word.expanded = true;
        self.stop(Unreachable::Subshell);
        if !self.arithmetic() {
            let (awaited, end) = (std::mem::take(&mut self.awaited), self.end.take());
            self.deeper(|parser| {
                parser.advance();
                parser.list_until(")");
            });
            self.awaited = awaited;
            self.end = self.end.filter(|why| why.is_unreadable()).or(end);
        }
        word.text.push_str(self.cursor.since(from));
    }

    /// Reads the rest of `((…))` after its first parenthesis; false if the two are not closed together.
    pub(super) fn arithmetic(&mut self) -> bool {
        let before = self.cursor;
        if !self.cursor.accept("(") {
            return false;
        }
        let mut open = 2;
        while let Some(letter) = self.cursor.next() {
            match letter {
                '\\' => drop(self.cursor.next()),
                '\'' => self.cursor.skip_quoted('\'', None),
                '"' => self.cursor.skip_quoted('"', Some('\\')),
                '$' if self.cursor.accept("'") => self.cursor.skip_quoted('\'', Some('\\')),
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 1 {
                let is_closed = self.cursor.accept(")");
                self.cursor = if is_closed { self.cursor } else { before };
                return is_closed;
            }
        }
        self.fail(Unreachable::Brackets);
        true
    }

    /// `${…}`, after the opening brace. Commands in it may not run, so they are not looked at.
    fn parameter(&mut self, word: &mut Word) {
        let from = self.cursor.at - 1;
        let end = self.end.take();
        let mut aside = Word::default();
        self.deeper(|parser| {
            loop {
                match parser.cursor.next() {
                    Some('}') => return,
                    Some('\\') => drop(parser.cursor.next()),
                    Some('"') => parser.quoted(&mut aside),
                    Some('`') => parser.backticks(&mut aside),
                    Some('$') => parser.dollar(&mut aside),
                    Some(_) => {}
                    None => return parser.fail(Unreachable::Brackets),
                }
            }
        });
        self.end = self.end.filter(|why| why.is_unreadable()).or(end);
        word.text.push_str(self.cursor.since(from));
    }

    /// `` `…` ``, after the opening backtick.
    pub(super) fn backticks(&mut self, word: &mut Word) {
        let from = self.cursor.at - 1;
        word.expanded = true;
        self.stop(Unreachable::Subshell);
        let mut inner = String::new();
        loop {
            match self.cursor.next() {
                Some('`') => break,
                Some('\\') => match self.cursor.next() {
                    Some(letter @ ('`' | '\\' | '$')) => inner.push(letter),
                    other => inner.extend(std::iter::once('\\').chain(other)),
                },
                Some(letter) => inner.push(letter),
                None => return self.fail(Unreachable::Quotes),
            }
        }
        let why = self.deeper(|parser| super::read_nested(&inner, parser.depth).end.err());
        if let Some(why) = why.filter(|why| why.is_unreadable()) {
            self.fail(why);
        }
        word.text.push_str(self.cursor.since(from));
    }
}
