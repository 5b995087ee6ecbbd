//! The text of a `package.json` script, read as a shell would split it. Nothing is run or expanded.

use super::words::Word;

/// A script, split into its simple commands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// The words of each command, in order; what follows is complete only if `end` is in reach.
    pub(super) commands: Vec<Vec<Word>>,
    /// Whether words appended to the text become arguments of the last command.
    pub(super) end: Result<(), Unreachable>,
}

/// Why words at the end of a script do not reach its server, for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreachable {
    Background,
    Pipe,
    Redirection,
    Subshell,
    Control,
    Ends,
    Comment,
    Quotes,
    /// Another command comes behind it.
    NotLast,
}

impl Unreachable {
    /// What the script does, for a sentence.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "puts a command into the background",
            Self::Pipe => "has a pipe",
            Self::Redirection => "has a redirection",
            Self::Subshell => "has a subshell or a substitution",
            Self::Control => "has a compound command",
            Self::Ends => "ends with an operator",
            Self::Comment => "has a comment",
            Self::Quotes => "has a quote that is not closed",
            Self::NotLast => "has another command behind it",
        }
    }
}

/// Reads the text of a script.
pub(super) fn read(text: &str) -> Script {
    let mut reader = Reader { commands: vec![Vec::new()], word: None, end: Ok(()) };
    reader.all(text);
    reader.finish_word();
    // What only turns the exit code around takes no part in anything else.
    for command in &mut reader.commands {
        let turned = command.iter().take_while(|word| word.text == "!").count();
        command.drain(..turned);
    }
    if reader.commands.last().is_none_or(Vec::is_empty) {
        reader.stop(Unreachable::Ends);
    }
    if reader.commands.iter().any(|command| command.first().is_some_and(|word| is_keyword(&word.text))) {
        reader.stop(Unreachable::Control);
    }
    reader.commands.retain(|command| !command.is_empty());
    Script { commands: reader.commands, end: reader.end }
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "for" | "while" | "until" | "case" | "{" | "}" | "function" | "[[" | "fi" | "done" | "esac"
    )
}

struct Reader {
    commands: Vec<Vec<Word>>,
    word: Option<Word>,
    end: Result<(), Unreachable>,
}

impl Reader {
    fn all(&mut self, text: &str) {
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                ' ' | '\t' | '\r' => self.finish_word(),
                '\n' | ';' => self.finish_command(),
                '&' if letters.next_if_eq(&'&').is_some() => self.finish_command(),
                '|' if letters.next_if_eq(&'|').is_some() => self.finish_command(),
                '&' => {
                    self.stop(Unreachable::Background);
                    self.finish_command();
                }
                '|' => {
                    self.stop(Unreachable::Pipe);
                    self.finish_command();
                }
                '<' | '>' => {
                    self.stop(Unreachable::Redirection);
                    self.finish_word();
                }
                '(' | ')' | '`' => {
                    self.stop(Unreachable::Subshell);
                    self.finish_command();
                }
                '#' if self.word.is_none() => {
                    self.stop(Unreachable::Comment);
                    while letters.next_if(|next| *next != '\n').is_some() {}
                }
                '\'' => self.quoted(&mut letters, '\''),
                '"' => self.quoted(&mut letters, '"'),
                '\\' => {
                    // A newline after it joins two lines; anything else is itself.
                    if let Some(next) = letters.next().filter(|next| *next != '\n') {
                        self.push(next);
                    }
                }
                '$' => {
                    if letters.peek() == Some(&'(') {
                        self.stop(Unreachable::Subshell);
                    }
                    self.expanded();
                    self.push('$');
                }
                other => self.push(other),
            }
        }
    }

    fn quoted(&mut self, letters: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char) {
        self.word.get_or_insert_default();
        while let Some(letter) = letters.next() {
            match letter {
                _ if letter == quote => return,
                '\\' if quote == '"' => {
                    if let Some(next) = letters.next() {
                        self.push(next);
                    }
                }
                '$' | '`' if quote == '"' => {
                    self.expanded();
                    self.push(letter);
                }
                other => self.push(other),
            }
        }
        self.stop(Unreachable::Quotes);
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().text.push(letter);
    }

    fn expanded(&mut self) {
        self.word.get_or_insert_default().expanded = true;
    }

    fn finish_word(&mut self) {
        if let (Some(word), Some(command)) = (self.word.take(), self.commands.last_mut()) {
            command.push(word);
        }
    }

    fn finish_command(&mut self) {
        self.finish_word();
        self.commands.push(Vec::new());
    }

    /// The first reason is told.
    fn stop(&mut self, why: Unreachable) {
        self.end = self.end.and(Err(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        read(text)
            .commands
            .into_iter()
            .map(|command| command.into_iter().map(|word| word.text).collect())
            .collect()
    }

    #[test]
    fn a_script_is_split_at_its_operators_and_quotes_hold_words_together() {
        assert_eq!(words("tsc -b && vite --host"), [vec!["tsc", "-b"], vec!["vite", "--host"]]);
        assert_eq!(words("a; b || c\nd"), [["a"], ["b"], ["c"], ["d"]]);
        assert_eq!(
            words(r#"vite --base "/a b/" 'c d' e\ f """#),
            [["vite", "--base", "/a b/", "c d", "e f", ""]]
        );
        assert_eq!(words("vite # not --this"), [["vite"]]);
        assert_eq!(words("vite \\\n  --host"), [["vite", "--host"]]);
    }

    #[test]
    fn words_reach_the_last_command_of_a_plain_list_only() {
        for plain in [
            "vite",
            "a && vite",
            "a; vite",
            "a || vite",
            "A=b vite --x=$Y",
            "echo 'a & b' && vite",
            "vite a#b",
            "! vite",
        ] {
            assert_eq!(read(plain).end, Ok(()), "{plain}");
        }
        for (text, why) in [
            ("vite & tsc -w", Unreachable::Background),
            ("vite &", Unreachable::Background),
            ("vite | tee log", Unreachable::Pipe),
            ("vite > log 2>&1", Unreachable::Redirection),
            ("(cd web && vite)", Unreachable::Subshell),
            ("vite --port $(port)", Unreachable::Subshell),
            ("vite --port `port`", Unreachable::Subshell),
            ("if true; then vite; fi", Unreachable::Control),
            ("{ vite; }", Unreachable::Control),
            ("vite;", Unreachable::Ends),
            ("vite && !", Unreachable::Ends),
            ("", Unreachable::Ends),
            ("vite # dev", Unreachable::Comment),
            ("vite 'x", Unreachable::Quotes),
        ] {
            assert_eq!(read(text).end, Err(why), "{text}");
        }
    }

    #[test]
    fn a_word_that_the_shell_expands_is_known_as_such() {
        let expanded =
            |text: &str| read(text).commands[0].iter().map(|word| word.expanded).collect::<Vec<_>>();
        assert_eq!(expanded("vite --port $PORT"), [false, false, true]);
        assert_eq!(
            expanded("vite --port \"${PORT:-3000}\" '$PORT' \\$PORT"),
            [false, false, true, false, false]
        );
    }
}
