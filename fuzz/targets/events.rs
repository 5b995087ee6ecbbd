//! The reader of server-sent events gives the same blocks, however the bytes are cut.

#![no_main]

use libfuzzer_sys::fuzz_target;

/// The client's own file, which depends on nothing.
#[path = "../../crates/client/src/events/blocks.rs"]
mod blocks;

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<blocks::Block> {
    let mut parser = blocks::Parser::default();
    pieces.into_iter().for_each(|piece| parser.feed(piece));
    parser.ready.into()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = read([bytes]);
    assert_eq!(whole, read(bytes.chunks(usize::from(size).max(1))));
});
