//! The text of a script or a command line, parsed as a shell would. Nothing is run or expanded.

mod cursor;
mod parser;
mod script;

use cursor::Cursor;
use parser::Parser;
pub(crate) use script::{After, Script, Simple, Unreachable, Word, is_keyword};

/// Parses the text of a script, in a time that grows linearly with its length.
///
/// The reserved words of compound commands are kept, each as the first word of a command: `if`, `then`, `{`, `done`.
/// Patterns of a `case` are left out, and every function definition begins with a command `function NAME`.
pub(crate) fn read(text: &str) -> Script {
    let mut cursor = Cursor::new(text, 0);
    let mut parser = Parser::default();
    parser.all(&mut cursor);
    parser.script()
}

#[cfg(test)]
mod tests;
