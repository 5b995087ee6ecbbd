//! The text of a script or a command line, parsed as a shell would. Nothing is run or expanded.

mod cursor;
mod expansions;
mod parser;
mod script;
mod words;

use parser::Parser;
pub(crate) use script::{AndOr, Command, List, Script, Unreachable, Word, each};

/// Parses the text of a script, in a time that grows linearly with its length.
pub(crate) fn read(text: &str) -> Script {
    read_nested(text, 0)
}

/// The commands of a text; none if no shell would run any of it.
pub(crate) fn list(text: &str) -> Option<List> {
    let Script { list, end } = read(text);
    (!end.is_err_and(Unreachable::is_unreadable)).then_some(list)
}

/// The words of a text that is one simple command and nothing else.
pub(crate) fn only_command(text: &str) -> Option<Vec<Word>> {
    let Script { list, end: Ok(()) } = read(text) else { return None };
    let [AndOr { pipelines, is_background: false }] = &list[..] else { return None };
    let [pipeline] = &pipelines[..] else { return None };
    let [Command::Simple(words)] = &pipeline[..] else { return None };
    Some(words.clone())
}

/// Parses a text that is nested in others that deep.
fn read_nested(text: &str, depth: usize) -> Script {
    let mut parser = Parser::new(text, depth);
    let list = parser.list_until("");
    Script { list, end: parser.end.map_or(Ok(()), Err) }
}

#[cfg(test)]
mod tests;
