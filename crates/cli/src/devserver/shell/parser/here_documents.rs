//! Here-documents: their text is data, not commands.

use super::super::cursor::Cursor;
use super::Parser;

/// How the text of a here-document is read.
#[derive(Clone, Copy)]
pub(super) struct Document {
    /// Leading tabs before its delimiter are ignored.
    pub(super) tabs: bool,
    /// A line that ends with a backslash continues on the next one, since the delimiter is not quoted.
    pub(super) joins: bool,
}

impl Parser {
    /// Skips the text of here-documents.
    pub(super) fn skip_documents(&mut self, cursor: &mut Cursor<'_>) {
        for (end, document) in std::mem::take(&mut self.awaited) {
            let mut line = String::new();
            while !cursor.is_at_end() {
                line.push_str(cursor.line());
                let backslashes = line.len() - line.trim_end_matches('\\').len();
                if document.joins && backslashes % 2 == 1 {
                    line.pop();
                    continue;
                }
                if end == if document.tabs { line.trim_start_matches('\t') } else { &line } {
                    break;
                }
                line.clear();
            }
        }
    }
}
