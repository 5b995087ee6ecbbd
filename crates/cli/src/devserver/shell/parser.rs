//! A parser by recursive descent, with a method for each rule of the grammar.
//!
//! A reserved word that is missing counts as there, and one too many as absent: other shells have compound commands that
//! bash does not have, and make has functions that look like some.

use super::cursor::Cursor;
use super::script::{AndOr, Branch, Command, List, Unreachable, Word};
use super::words::{Among, Document};

/// How many levels of compound commands, brackets and quotes are followed; real texts stay far below.
const DEPTH: usize = 32;

/// The tokens that end a list of commands.
const ENDS: [&str; 13] =
    ["", ")", "}", "then", "elif", "else", "fi", "do", "done", "esac", ";;", ";&", ";;&"];

pub(super) struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    /// The current token as it is written: a word, an operator, a line end, or nothing at the end of the text.
    pub(super) token: &'a str,
    /// The token, if it is a word.
    pub(super) word: Option<Word>,
    /// A redirection stands before the token.
    pub(super) is_redirected: bool,
    /// The here-documents whose text begins on the next line.
    pub(super) awaited: Vec<Document>,
    /// Why words appended to the text do not become arguments of its last command.
    pub(super) end: Option<Unreachable>,
    pub(super) depth: usize,
}

impl<'a> Parser<'a> {
    /// At the first token of `text`, which is nested in others that deep.
    pub(super) fn new(text: &'a str, depth: usize) -> Self {
        let mut parser = Self {
            cursor: Cursor::new(text),
            token: "\n",
            word: None,
            is_redirected: false,
            awaited: Vec::new(),
            end: None,
            depth,
        };
        parser.advance();
        parser
    }

    /// The AND-OR lists up to the token `close`.
    pub(super) fn list_until(&mut self, close: &str) -> List {
        let mut list = Vec::new();
        loop {
            list.extend(self.list());
            match self.token {
                token if token == close => return list,
                "" | ")" => {
                    self.fail(Unreachable::Brackets);
                    return list;
                }
                _ => {
                    self.stop(Unreachable::Control);
                    self.advance();
                }
            }
        }
    }

    fn list(&mut self) -> List {
        let mut list = Vec::new();
        while !ENDS.contains(&self.token) {
            let mut pipelines = vec![self.pipeline()];
            while self.accept("&&") || self.accept("||") {
                self.skip_lines();
                pipelines.push(self.pipeline());
            }
            let is_background = self.token == "&";
            if is_background {
                self.stop(Unreachable::Background);
            }
            if matches!(self.token, "&" | ";" | "\n") {
                self.advance();
            }
            pipelines.retain(|pipeline| !pipeline.is_empty());
            if !pipelines.is_empty() {
                list.push(AndOr { pipelines, is_background });
            }
        }
        list
    }

    fn pipeline(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        loop {
            while self.token == "!" || self.token == "time" && !self.is_before(&["-"]) {
                self.advance();
                if self.token.is_empty() {
                    self.stop(Unreachable::Ends);
                }
            }
            commands.extend(self.command());
            if !matches!(self.token, "|" | "|&") {
                return commands;
            }
            self.stop(Unreachable::Pipe);
            self.advance();
            self.skip_lines();
        }
    }

    fn command(&mut self) -> Option<Command> {
        let compound: fn(&mut Self) -> Command = match self.token {
            "{" => Self::group,
            "(" => Self::parenthesis,
            "[[" => Self::test,
            "for" | "select" => Self::for_loop,
            "while" | "until" => Self::while_loop,
            "if" => Self::conditional,
            "case" => Self::case,
            "function" => Self::function,
            "coproc" => Self::coprocess,
            _ => return self.simple(),
        };
        let command = self.deeper(|parser| Some(compound(parser)));
        self.stop(Unreachable::Control);
        command
    }

    /// A simple command or, after `NAME ()`, the definition of a function; none if there is no word.
    fn simple(&mut self) -> Option<Command> {
        let mut words = Vec::new();
        loop {
            if let Some(word) = self.word.take() {
                words.push(word);
                self.advance();
            } else if self.accept("(") {
                self.stop(Unreachable::Control);
                if self.accept(")") {
                    let name = words.pop()?;
                    return Some(self.define(name.text));
                }
                self.skip_parentheses();
                self.advance();
            } else {
                return (!words.is_empty()).then_some(Command::Simple(words));
            }
        }
    }

    /// The definition of the function `name`, whose body comes next.
    fn define(&mut self, name: String) -> Command {
        self.skip_lines();
        let body = self.deeper(Self::command);
        Command::Function { name, body: alone(body) }
    }

    /// `[[ … ]]`
    fn test(&mut self) -> Command {
        while self.token != "]]" {
            if self.token.is_empty() {
                self.fail(Unreachable::Brackets);
                return Command::Test;
            }
            self.token(Among::Tests);
        }
        self.advance();
        Command::Test
    }

    fn function(&mut self) -> Command {
        self.advance();
        let name = self.word.take().map(|word| word.text).unwrap_or_default();
        self.advance();
        if self.accept("(") {
            self.accept(")");
        }
        self.define(name)
    }

    fn group(&mut self) -> Command {
        self.advance();
        let list = self.list();
        self.accept("}");
        Command::Group(list)
    }

    /// A subshell, or `((…))`.
    fn parenthesis(&mut self) -> Command {
        if self.arithmetic() {
            self.advance();
            return Command::Test;
        }
        self.stop(Unreachable::Subshell);
        self.advance();
        let list = self.list_until(")");
        self.accept(")");
        Command::Subshell(list)
    }

    fn for_loop(&mut self) -> Command {
        self.advance();
        if self.token == "(" {
            self.arithmetic();
        }
        self.advance();
        self.skip_lines();
        if self.accept("in") {
            while self.word.is_some() {
                self.advance();
            }
        }
        self.accept(";");
        self.skip_lines();
        Command::For(self.body())
    }

    fn while_loop(&mut self) -> Command {
        self.advance();
        let condition = self.list();
        Command::While { condition, body: self.body() }
    }

    /// The body of a loop, which bash also takes in braces.
    fn body(&mut self) -> List {
        let close = if self.token == "{" { "}" } else { "done" };
        if !self.accept("do") && !self.accept("{") {
            return Vec::new();
        }
        let list = self.list();
        self.accept(close);
        list
    }

    fn conditional(&mut self) -> Command {
        let mut branches = Vec::new();
        while self.accept("if") || self.accept("elif") {
            let condition = self.list();
            let body = if self.accept("then") { self.list() } else { Vec::new() };
            branches.push(Branch { condition, body });
        }
        if self.accept("else") {
            branches.push(Branch { condition: Vec::new(), body: self.list() });
        }
        self.accept("fi");
        Command::If(branches)
    }

    fn case(&mut self) -> Command {
        self.advance();
        self.advance();
        self.skip_lines();
        self.accept("in");
        let mut branches = Vec::new();
        loop {
            self.skip_lines();
            if self.accept("esac") {
                return Command::Case(branches);
            }
            // The patterns, perhaps with a parenthesis before them.
            while !matches!(self.token, "" | ")") {
                self.advance();
            }
            if !self.accept(")") {
                self.fail(Unreachable::Brackets);
                return Command::Case(branches);
            }
            branches.push(self.list());
            if matches!(self.token, ";;" | ";&" | ";;&") {
                self.advance();
            }
        }
    }

    fn coprocess(&mut self) -> Command {
        self.advance();
        // `coproc NAME { …; }`
        if !matches!(self.token, "{" | "(") && self.is_before(&["{ ", "{\n", "("]) {
            self.advance();
        }
        let command = self.command();
        Command::Coproc(alone(command))
    }

    /// Goes on to the next command. A redirection alone is one.
    fn skip_lines(&mut self) {
        while !self.is_redirected && self.accept("\n") {}
    }

    /// Goes on behind the token, if it is `wanted`.
    pub(super) fn accept(&mut self, wanted: &str) -> bool {
        let is_wanted = self.token == wanted;
        if is_wanted {
            self.advance();
        }
        is_wanted
    }

    /// Whether one of `texts` stands behind the token and blanks.
    fn is_before(&self, texts: &[&str]) -> bool {
        let rest = self.cursor.rest().trim_start_matches([' ', '\t']);
        texts.iter().any(|text| rest.starts_with(text))
    }

    /// Reads what is one level deeper, unless that is too deep.
    pub(super) fn deeper<T: Default>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth == DEPTH {
            self.fail(Unreachable::Depth);
            return T::default();
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// The first reason counts.
    pub(super) fn stop(&mut self, why: Unreachable) {
        self.end = self.end.or(Some(why));
    }

    /// No shell would run any of it, whatever else it contains.
    pub(super) fn fail(&mut self, why: Unreachable) {
        self.end = self.end.filter(|end| end.is_unreadable()).or(Some(why));
        self.cursor.skip_to_end();
        (self.token, self.word) = ("", None);
    }
}

/// A list of one command.
fn alone(command: Option<Command>) -> List {
    command
        .map(|command| AndOr { pipelines: vec![vec![command]], is_background: false })
        .into_iter()
        .collect()
}
