//! Splits a text into commands: one pass over its cursor, one parser for each level of `$(…)`.

mod expansions;
mod here_documents;
mod quotes;

use super::cursor::Cursor;
use super::script::{After, Script, Simple, Unreachable, Word, is_keyword};
use expansions::nested;
use here_documents::Document;

#[derive(Default)]
pub(super) struct Parser {
    commands: Vec<Simple>,
    words: Vec<Word>,
    word: Option<Word>,
    before: Option<After>,
    /// What is open, outermost first.
    open: Vec<Open>,
    groups: Vec<usize>,
    opened: usize,
    /// Between `[[` and `]]`, where operators are words of the test.
    tests: bool,
    /// The next word names a file.
    redirected: bool,
    /// Delimiters of here-documents whose text begins on the next line.
    awaited: Vec<(String, Document)>,
    /// The next word is such a delimiter.
    here: Option<Document>,
    end: Option<Unreachable>,
    /// Parses up to the matching closing parenthesis; whether that was read.
    closes: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Group,
    /// `case`, where a pattern comes next.
    Patterns,
    /// `case`, after the `)` of a pattern.
    Branch,
}

impl Parser {
    /// What was parsed.
    pub(super) fn script(mut self) -> Script {
        self.finish_word();
        if self.words.is_empty() {
            self.stop(Unreachable::Ends);
        }
        self.finish_command(After::End);
        if self.tests || !self.open.is_empty() || self.closes == Some(false) {
            self.fail(Unreachable::Brackets);
        }
        // `!` only inverts the exit code; it does not keep words from the command after it.
        let first = |command: &Simple| command.words.iter().find(|word| word.text != "!").cloned();
        if self.commands.last().is_some_and(|last| first(last).is_none()) {
            self.stop(Unreachable::Ends);
        }
        let starts = |command: &Simple| first(command).is_some_and(|word| is_keyword(&word.text));
        if self.commands.iter().any(starts) {
            self.stop(Unreachable::Control);
        }
        Script { commands: self.commands, end: self.end.map_or(Ok(()), Err) }
    }

    pub(super) fn all(&mut self, cursor: &mut Cursor<'_>) {
        while let Some(letter) = cursor.next() {
            let (at, is_new) = (cursor.at() - letter.len_utf8(), self.word.is_none());
            self.letter(letter, cursor);
            if let Some(word) = self.word.as_mut().filter(|_| is_new) {
                word.at = at;
            }
            if self.end.is_some_and(Unreachable::is_unreadable) {
                cursor.skip_to_end();
            }
            if self.closes == Some(true) {
                return;
            }
        }
    }

    fn letter(&mut self, letter: char, cursor: &mut Cursor<'_>) {
        if self.tests && self.word.as_ref().is_some_and(|word| word.text == "]]") {
            self.finish_word();
        }
        if self.tests && matches!(letter, '&' | '|' | '<' | '>' | '(' | ')' | ';') {
            return self.push(letter);
        }
        if self.is_of_pattern(letter) {
            return;
        }
        if let Some(document) = self.here.as_mut().filter(|_| matches!(letter, '\'' | '"' | '\\')) {
            document.joins = false;
        }
        match letter {
            ' ' | '\t' | '\r' => self.finish_word(),
            '\n' if self.tests => self.finish_word(),
            '\n' | ';' | '&' | '|' => self.operator(letter, cursor),
            '<' | '>' => self.redirection(letter, cursor),
            '(' => self.parenthesis(cursor),
            ')' => self.close(),
            '`' => self.backticks(cursor),
            '#' if self.word.is_none() => {
                self.stop(Unreachable::Comment);
                while cursor.next_if(|next| next != '\n').is_some() {}
            }
            '\'' => self.literal(cursor),
            '"' => self.quoted(cursor),
            '\\' => {
                // Before a newline it joins two lines; any other character stands for itself.
                if let Some(next) = cursor.next().filter(|next| *next != '\n') {
                    self.push(next);
                }
            }
            '$' if cursor.next_if_eq('\'').is_some() => self.escaped(cursor),
            '$' => self.dollar(cursor),
            other => self.push(other),
        }
    }

    /// Whether `letter` separates or ends the patterns of a `case`; if so it is handled.
    fn is_of_pattern(&mut self, letter: char) -> bool {
        let in_patterns = |parser: &Self| parser.open.last() == Some(&Open::Patterns);
        if !in_patterns(self) || !matches!(letter, '|' | '(' | '\n' | ';' | ')') {
            return false;
        }
        self.finish_word();
        // Unless it was `esac`.
        let is_one = in_patterns(self);
        if is_one && letter == ')' {
            self.words.clear();
            self.before = Some(After::End);
            self.turn(Open::Branch);
        }
        is_one
    }

    /// A control operator: a new line, `;`, `&`, `&&`, `|` or `||`.
    fn operator(&mut self, letter: char, cursor: &mut Cursor<'_>) {
        match letter {
            '&' if cursor.next_if_eq('&').is_some() => self.finish_command(After::And),
            '|' if cursor.next_if_eq('|').is_some() => self.finish_command(After::Or),
            '&' if cursor.peek() == Some('>') => self.finish_word(),
            '&' => {
                self.stop(Unreachable::Background);
                self.finish_command(After::Background);
            }
            '|' => {
                cursor.next_if_eq('&');
                self.stop(Unreachable::Pipe);
                self.finish_command(After::Pipe);
            }
            ';' => {
                self.finish_command(After::End);
                if self.open.last() == Some(&Open::Branch)
                    && cursor.next_if(|next| matches!(next, ';' | '&')).is_some()
                {
                    cursor.next_if_eq('&');
                    self.turn(Open::Patterns);
                }
            }
            _ => {
                self.finish_command(After::End);
                self.skip_documents(cursor);
            }
        }
    }

    /// `)`: the end of a subshell or of a substitution.
    fn close(&mut self) {
        self.stop(Unreachable::Subshell);
        self.finish_command(After::End);
        match self.open.pop() {
            Some(Open::Group) => drop(self.groups.pop()),
            None if self.closes == Some(false) => self.closes = Some(true),
            Some(Open::Patterns | Open::Branch) | None => self.fail(Unreachable::Brackets),
        }
    }

    /// A subshell where a command may begin; otherwise a function, an array, a pattern or arithmetic.
    fn parenthesis(&mut self, cursor: &mut Cursor<'_>) {
        self.stop(Unreachable::Subshell);
        let begins = self.word.is_none()
            && self.words.iter().all(|word| {
                matches!(
                    word.text.as_str(),
                    "if" | "then" | "elif" | "else" | "while" | "until" | "do" | "{" | "!"
                )
            });
        if cursor.peek() == Some('(') && self.word.is_none() && self.arithmetic(cursor) {
            self.stop(Unreachable::Control);
        } else if begins {
            let defines = self.commands.last().is_some_and(|last| names_function(&last.words).is_some());
            if self.words.is_empty() && defines && empty(cursor) {
                return;
            }
            let turned = self.words.last().is_some_and(|word| word.text == "!").then_some(self.before);
            if !self.words.is_empty() {
                self.finish_command(After::End);
                self.before = turned.unwrap_or(self.before);
            }
            if self.open.len() + cursor.depth() >= super::cursor::DEPTH {
                return self.fail(Unreachable::Depth);
            }
            self.opened += 1;
            self.groups.push(self.opened);
            self.open.push(Open::Group);
        } else {
            self.stop(Unreachable::Control);
            let is_value = self.word.as_ref().is_some_and(|word| word.text.ends_with('='));
            if !is_value && empty(cursor) {
                self.finish_word();
                self.define();
                return;
            }
            // What is inside does not run here.
            let (inner, _) = nested(cursor);
            self.accept(&inner);
            self.expanded();
        }
    }

    /// `NAME ()` was read: `function NAME`.
    fn define(&mut self) {
        let Some(name) = self.words.pop() else { return };
        self.words.retain(|word| is_keyword(&word.text));
        self.words.push(Word { text: "function".to_owned(), ..Word::default() });
        self.words.push(name);
        self.finish_command(After::End);
    }

    fn redirection(&mut self, letter: char, cursor: &mut Cursor<'_>) {
        self.stop(Unreachable::Redirection);
        if cursor.next_if_eq('(').is_some() {
            // `<(…)` runs a command and stands for a file.
            self.substitution(cursor);
            return;
        }
        // In `2>` the digit belongs to the redirection.
        if self.word.as_ref().is_some_and(|word| word.text.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.finish_word();
        if letter == '<' && cursor.next_if_eq('<').is_some() {
            if cursor.next_if_eq('<').is_none() {
                self.here = Some(Document { tabs: cursor.next_if_eq('-').is_some(), joins: true });
                return;
            }
        } else {
            while cursor.next_if(|next| matches!(next, '>' | '&' | '|')).is_some() {}
        }
        self.redirected = true;
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().text.push(letter);
    }

    fn text(&mut self, text: &str) {
        self.word.get_or_insert_default().text.push_str(text);
    }

    fn expanded(&mut self) {
        self.word.get_or_insert_default().expanded = true;
    }

    fn turn(&mut self, to: Open) {
        if let Some(last) = self.open.last_mut() {
            *last = to;
        }
    }

    fn finish_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if let Some(document) = self.here.take() {
            self.awaited.push((word.text, document));
            return;
        }
        if std::mem::take(&mut self.redirected) {
            return;
        }
        self.words.push(word);
        let (text, before) = match self.words.split_last() {
            Some((last, before)) => (last.text.as_str(), before),
            None => return,
        };
        let leads = |before: &[Word]| before.iter().all(|word| is_keyword(&word.text));
        match text {
            "esac" if before.is_empty() && self.open.last() == Some(&Open::Patterns) => {
                self.turn(Open::Branch);
            }
            "[[" if !self.tests && leads(before) => self.tests = true,
            "]]" => self.tests = false,
            "in" => {
                if let [before @ .., case, _] = before
                    && case.text == "case"
                    && leads(before)
                {
                    self.finish_command(After::End);
                    self.open.push(Open::Patterns);
                }
            }
            _ if names_function(&self.words).is_some() => self.finish_command(After::End),
            _ => {}
        }
    }

    /// Ends a command; `then` is the operator after it.
    fn finish_command(&mut self, then: After) {
        self.finish_word();
        self.redirected = false;
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            // A line may end after an operator; then the operator counts.
            let goes_on =
                matches!(self.before, Some(After::And | After::Or | After::Pipe | After::Background))
                    && then == After::End;
            self.before = if goes_on { self.before } else { Some(then) };
            return;
        }
        if words[0].text == "esac" && self.open.last() == Some(&Open::Branch) {
            self.open.pop();
        }
        let after = self.before.replace(then).unwrap_or(After::End);
        self.commands.push(Simple { words, after, groups: self.groups.clone() });
    }

    /// The first reason counts.
    fn stop(&mut self, why: Unreachable) {
        self.end = self.end.or(Some(why));
    }

    /// No shell would run any of it, whatever else it contains.
    fn fail(&mut self, why: Unreachable) {
        self.end = self.end.filter(|end| end.is_unreadable()).or(Some(why));
    }

    /// If a part cannot be parsed, neither can the whole.
    fn accept(&mut self, part: &Script) {
        if let Err(why) = part.end
            && why.is_unreadable()
        {
            self.fail(why);
        }
    }
}

/// The name in `function NAME`, if `words` end with that after other reserved words.
fn names_function(words: &[Word]) -> Option<&str> {
    let [before @ .., function, name] = words else { return None };
    let is_one = function.text == "function" && before.iter().all(|word| is_keyword(&word.text));
    is_one.then_some(name.text.as_str())
}

/// Reads spaces and a closing parenthesis, if that is what follows.
fn empty(cursor: &mut Cursor<'_>) -> bool {
    let from = cursor.at();
    while cursor.next_if(|next| matches!(next, ' ' | '\t')).is_some() {}
    let is_empty = cursor.next_if_eq(')').is_some();
    if !is_empty {
        cursor.back_to(from);
    }
    is_empty
}
