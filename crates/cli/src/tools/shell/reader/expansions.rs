//! `$(…)`, `` `…` ``, `${…}` and `((…))`: what a shell puts something else in the place of.

use super::super::letters::Letters;
use super::super::{Script, Unreachable};
use super::Reader;

impl Reader {
    /// Reads `((…))`, whose first bracket is read and whose second one is next. False if it is none.
    pub(super) fn arithmetic(&mut self, letters: &mut Letters<'_>) -> bool {
        let from = letters.at();
        letters.next();
        if letters.arithmetic().is_none() {
            letters.back_to(from);
            return false;
        }
        if letters.is_at_end() && !letters.since(from).ends_with("))") {
            self.fail(Unreachable::Brackets);
        }
        self.expanded();
        self.text(letters.since(from));
        true
    }

    /// What follows a `$`: a variable stays as it is written, a command in `$(…)` is read besides.
    pub(super) fn dollar(&mut self, letters: &mut Letters<'_>) {
        self.push('$');
        self.expanded();
        if letters.next_if_eq('(').is_some() {
            self.stop(Unreachable::Subshell);
            if letters.peek() == Some('(') && self.arithmetic(letters) {
                return;
            }
            self.substitution(letters);
        } else if letters.next_if_eq('{').is_some() {
            self.parameter(letters);
        }
    }

    /// `$(…)` and `<(…)`, behind the bracket.
    pub(super) fn substitution(&mut self, letters: &mut Letters<'_>) {
        let (script, text) = nested(letters);
        self.accept(&script);
        self.expanded();
        self.push('(');
        self.text(text);
        self.word.get_or_insert_default().inner.push(script);
    }

    /// `${…}`, behind the brace. Commands in it run perhaps, which is to say that they are not looked at.
    pub(super) fn parameter(&mut self, letters: &mut Letters<'_>) {
        let from = letters.at();
        let mut aside = Self::default();
        if !letters.enter() {
            letters.skip_to_end();
            self.fail(Unreachable::Depth);
        }
        while self.end != Some(Unreachable::Depth) {
            match letters.next() {
                Some('}') => break,
                Some('\\') => drop(letters.next()),
                Some('"') => aside.quoted(letters),
                Some('`') => aside.backticks(letters),
                Some('$') => aside.dollar(letters),
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
        letters.leave();
        self.push('{');
        self.text(letters.since(from));
    }

    pub(super) fn backticks(&mut self, letters: &mut Letters<'_>) {
        self.stop(Unreachable::Subshell);
        let from = letters.at();
        let mut inner = String::new();
        loop {
            match letters.next() {
                Some('`') => break,
                Some('\\') => match letters.next() {
                    Some(letter @ ('`' | '\\' | '$')) => inner.push(letter),
                    other => inner.extend(std::iter::once('\\').chain(other)),
                },
                Some(letter) => inner.push(letter),
                None => return self.fail(Unreachable::Quotes),
            }
        }
        let mut aside = Letters::new(&inner, letters.depth());
        if !aside.enter() {
            return self.fail(Unreachable::Depth);
        }
        let mut reader = Self::default();
        reader.all(&mut aside);
        let script = reader.script();
        self.accept(&script);
        self.expanded();
        self.push('`');
        self.text(letters.since(from));
        self.word.get_or_insert_default().inner.push(script);
    }
}

/// The commands up to the parenthesis that closes the one just read, and the text with that parenthesis.
pub(super) fn nested<'a>(letters: &mut Letters<'a>) -> (Script, &'a str) {
    let from = letters.at();
    let mut reader = Reader { closes: Some(false), ..Reader::default() };
    if letters.enter() {
        reader.all(letters);
    } else {
        letters.skip_to_end();
        reader.fail(Unreachable::Depth);
    }
    letters.leave();
    (reader.script(), letters.since(from))
}
