//! A position in a text that is read once, from the beginning to the end.

/// How many levels of brackets and quotes are followed; typed commands stay far below.
pub(super) const DEPTH: usize = 16;

pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, depth: usize) -> Self {
        Self { text, at: 0, depth }
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    pub(super) fn next_if(&mut self, wanted: impl FnOnce(char) -> bool) -> Option<char> {
        self.peek().filter(|letter| wanted(*letter))?;
        self.next()
    }

    pub(super) fn next_if_eq(&mut self, wanted: char) -> Option<char> {
        self.next_if(|letter| letter == wanted)
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// What was read since `from`.
    pub(super) fn since(&self, from: usize) -> &'a str {
        &self.text[from..self.at]
    }

    /// Reads one line and returns it without its line end.
    pub(super) fn line(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let line = rest.split('\n').next().unwrap_or_default();
        self.at = (self.at + line.len() + 1).min(self.text.len());
        line
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn skip_to_end(&mut self) {
        self.at = self.text.len();
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Goes one level deeper; false if that is too deep. [`Cursor::leave`] comes back.
    pub(super) fn enter(&mut self) -> bool {
        self.depth += 1;
        self.depth <= DEPTH
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Reads the rest of `(( … ))` after `((`, to the end of the text if it is not closed; none if the two parentheses are
    /// not closed together.
    pub(super) fn arithmetic(&mut self) -> Option<()> {
        let mut depth = 2_usize;
        while let Some(letter) = self.next() {
            match letter {
                '\\' => drop(self.next()),
                '\'' | '"' => while self.next().is_some_and(|next| next != letter) {},
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 1 {
                return self.next_if_eq(')').map(drop);
            }
        }
        Some(())
    }
}
