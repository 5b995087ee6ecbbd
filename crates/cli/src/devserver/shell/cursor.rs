//! A position in a text that is read once, from the beginning to the end.

#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let letter = self.rest().chars().next()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// Reads `wanted`, if that is what follows.
    pub(super) fn accept(&mut self, wanted: &str) -> bool {
        let follows = self.rest().starts_with(wanted);
        self.at += if follows { wanted.len() } else { 0 };
        follows
    }

    pub(super) fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        self.at = self.text.len() - self.rest().trim_start_matches(wanted).len();
    }

    /// Skips what is quoted, after the opening quote.
    pub(super) fn skip_quoted(&mut self, quote: char, escape: Option<char>) {
        while let Some(letter) = self.next().filter(|letter| *letter != quote) {
            if Some(letter) == escape {
                self.next();
            }
        }
    }

    /// Reads one line and returns it without its line end.
    pub(super) fn line(&mut self) -> &'a str {
        let line = self.rest().split('\n').next().unwrap_or_default();
        self.at = (self.at + line.len() + 1).min(self.text.len());
        line
    }

    pub(super) fn rest(self) -> &'a str {
        &self.text[self.at..]
    }

    /// What was read since `from`.
    pub(super) fn since(self, from: usize) -> &'a str {
        &self.text[from..self.at]
    }

    pub(super) fn skip_to_end(&mut self) {
        self.at = self.text.len();
    }
}
