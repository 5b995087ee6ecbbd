//! The text of a script or of a command line, read as a shell would split it. Nothing is run or expanded.

mod cursor;
mod parser;
mod script;

use cursor::Cursor;
use parser::Parser;
pub(crate) use script::{After, Script, Simple, Unreachable, Word, is_keyword};

/// Reads the text of a script, in a time that grows with its length and no faster.
///
/// The words of compound commands stay what they are, each as the first of a command: `if`, `then`, `{`, `done`. Patterns
/// of a `case` are left out, and a function of any spelling begins with a command `function NAME`.
pub(crate) fn read(text: &str) -> Script {
    let mut cursor = Cursor::new(text, 0);
    let mut parser = Parser::default();
    parser.all(&mut cursor);
    parser.script()
}

#[cfg(test)]
mod tests;
