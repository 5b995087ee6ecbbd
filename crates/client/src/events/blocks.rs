//! The blocks of a stream of server-sent events. It depends on nothing, so that it can be fuzzed alone (`fuzz/targets/events.rs`).

use std::collections::VecDeque;

/// The `event:` and `data:` of one block.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block {
    pub(super) name: String,
    pub(super) data: String,
}

/// Cuts a stream of bytes, in pieces of any size, into blocks. Lines end in LF or CR LF, as axum and others write them.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    block: Block,
    pub(super) ready: VecDeque<Block>,
}

impl Parser {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
            }
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let block = std::mem::take(&mut self.block);
            // By the standard a block without data is not an event, but a `reset` has a name only.
            if !block.name.is_empty() || !block.data.is_empty() {
                self.ready.push_back(block);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.block.name),
            "data" if self.block.data.is_empty() => value.clone_into(&mut self.block.data),
            "data" => self.block.data.extend(["\n", value]),
            // The id is in the data too; an empty field is a comment, sent to keep the connection.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\n\nevent: reset\n\nid: 7\r\nevent: granted\r\ndata: {\"seq\":\r\ndata:7}\r\n\r\nevent: x";

    fn blocks(parser: Parser) -> Vec<(String, String)> {
        parser.ready.into_iter().map(|block| (block.name, block.data)).collect()
    }

    #[test]
    fn blocks_are_the_same_however_the_bytes_are_cut() {
        let expected = [("reset", ""), ("granted", "{\"seq\":\n7}")];
        let expected = expected.map(|(name, data)| (name.to_owned(), data.to_owned()));
        for size in 1..=STREAM.len() {
            let mut parser = Parser::default();
            STREAM.as_bytes().chunks(size).for_each(|piece| parser.feed(piece));
            assert_eq!(blocks(parser), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_character_cut_in_two_stays_whole() {
        let mut parser = Parser::default();
        "data: ü\n\n".as_bytes().chunks(1).for_each(|piece| parser.feed(piece));
        assert_eq!(blocks(parser), [(String::new(), "ü".to_owned())]);
    }
}
