//! What is typed at the terminal, key by key.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::sync::mpsc;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    Escape,
    /// The letter to the left goes.
    Erase,
    /// Ctrl-D, where a signal does not say it.
    End,
    Letter(char),
}

/// Bytes of a terminal, on their way to become keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The beginning of a key.
    open: Vec<u8>,
}

impl Keys {
    /// The keys that are whole with `bytes`.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.open.extend(bytes);
        let mut keys = Vec::new();
        loop {
            match first(&self.open) {
                First::Nothing => return keys,
                First::Key(key, length) => {
                    keys.extend(key);
                    self.open.drain(..length);
                }
            }
        }
    }

    /// Whether the next byte says which key it is: the key Escape is the first byte of others.
    pub(super) const fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Nothing follows soon: what is there is all.
    pub(super) fn close(&mut self) -> Option<Key> {
        let is_escape = self.open == [ESCAPE];
        self.open.clear();
        is_escape.then_some(Key::Escape)
    }
}

const ESCAPE: u8 = 0x1b;

enum First {
    /// There is no whole key.
    Nothing,
    /// So many bytes are a key, or one that means nothing here.
    Key(Option<Key>, usize),
}

/// The first key of `bytes`.
fn first(bytes: &[u8]) -> First {
    match bytes {
        [] | [ESCAPE] => First::Nothing,
        [ESCAPE, b'[' | b'O', rest @ ..] => sequence(rest),
        // Two of them, or a letter with Alt: the first one is the key Escape.
        [ESCAPE, ..] => First::Key(Some(Key::Escape), 1),
        [b'\r' | b'\n', ..] => First::Key(Some(Key::Enter), 1),
        [0x7f | 0x08, ..] => First::Key(Some(Key::Erase), 1),
        [0x03 | 0x04, ..] => First::Key(Some(Key::End), 1),
        [0..=0x1f, ..] => First::Key(None, 1),
        _ => letter(bytes),
    }
}

fn sequence(rest: &[u8]) -> First {
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        // Nothing that is sent is that long.
        return if rest.len() > 16 { First::Key(None, 2) } else { First::Nothing };
    };
    let key = match (&rest[..end], rest[end]) {
        (_, b'A') => Some(Key::Up),
        (_, b'B') => Some(Key::Down),
        (_, b'H') | (b"1" | b"7", b'~') => Some(Key::First),
        (_, b'F') | (b"4" | b"8", b'~') => Some(Key::Last),
        (b"5", b'~') => Some(Key::PageUp),
        (b"6", b'~') => Some(Key::PageDown),
        (b"3", b'~') => Some(Key::Erase),
        _ => None,
    };
    First::Key(key, 2 + end + 1)
}

fn letter(bytes: &[u8]) -> First {
    let most = &bytes[..bytes.len().min(4)];
    let whole = match std::str::from_utf8(most) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() == 0 => {
            return match error.error_len() {
                // More of it may come.
                None => First::Nothing,
                Some(length) => First::Key(None, length),
            };
        }
        Err(error) => std::str::from_utf8(&most[..error.valid_up_to()]).unwrap_or_default(),
    };
    let letter = whole.chars().next();
    let key = letter.filter(|letter| !letter.is_control()).map(Key::Letter);
    First::Key(key, letter.map_or(1, char::len_utf8))
}

/// Reads what is typed, on a thread of its own, when it is asked to and not before: what is typed for a program that has the
/// terminal in between is that program's.
#[derive(Debug)]
pub(super) struct Typed {
    ask: Sender<()>,
    bytes: mpsc::UnboundedReceiver<Vec<u8>>,
    is_asked: bool,
}

impl Typed {
    /// # Errors
    /// There is no room for a thread.
    pub(super) fn new() -> io::Result<Self> {
        let (ask, asked) = channel();
        let (send, read_bytes) = mpsc::unbounded_channel();
        let read = move || {
            while asked.recv().is_ok() {
                let mut bytes = [0; 256];
                match rustix::io::retry_on_intr(|| rustix::io::read(io::stdin().as_fd(), &mut bytes)) {
                    // Nobody types there any more.
                    Ok(0) | Err(_) => return,
                    Ok(count) => drop(send.send(bytes[..count].to_vec())),
                }
            }
        };
        // It ends with the program.
        thread::Builder::new().spawn(read)?;
        Ok(Self { ask, bytes: read_bytes, is_asked: false })
    }

    /// The next bytes; never, if nobody types there. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Vec<u8> {
        if !self.is_asked {
            let _ = self.ask.send(());
            self.is_asked = true;
        }
        match self.bytes.recv().await {
            Some(bytes) => {
                self.is_asked = false;
                bytes
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        Keys::default().feed(bytes)
    }

    #[test]
    fn keys_are_read_as_terminals_send_them() {
        for (bytes, key) in [
            (&b"\x1b[A"[..], Key::Up),
            (b"\x1bOA", Key::Up),
            (b"\x1b[1;5B", Key::Down),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[H", Key::First),
            (b"\x1b[4~", Key::Last),
            (b"\r", Key::Enter),
            (b"\x7f", Key::Erase),
            (b"\x04", Key::End),
            (b"q", Key::Letter('q')),
            ("ü".as_bytes(), Key::Letter('ü')),
            ("🦀".as_bytes(), Key::Letter('🦀')),
        ] {
            assert_eq!(keys(bytes), [key], "{bytes:?}");
        }
        assert_eq!(keys(b"\x1b[24~\x01\xff"), [], "what means nothing here");
        assert_eq!(keys(b"ab"), [Key::Letter('a'), Key::Letter('b')]);
    }

    #[test]
    fn the_key_escape_is_one_if_nothing_follows() {
        let mut alone = Keys::default();
        assert_eq!((alone.feed(b"\x1b"), alone.is_open()), (vec![], true));
        assert_eq!((alone.close(), alone.is_open()), (Some(Key::Escape), false));
        let mut arrow = Keys::default();
        assert_eq!(arrow.feed(b"\x1b"), []);
        assert_eq!((arrow.feed(b"[B"), arrow.is_open()), (vec![Key::Down], false));
        assert_eq!(keys(b"\x1b\x1b[A"), [Key::Escape, Key::Up]);
    }

    proptest! {
        #[test]
        fn however_bytes_arrive_they_are_the_same_keys(
            bytes in prop::collection::vec(prop_oneof![Just(0x1b), Just(b'['), Just(b'A'), any::<u8>()], 0..40),
            at in any::<prop::sample::Index>(),
        ) {
            let at = at.index(bytes.len() + 1);
            let mut in_parts = Keys::default();
            let mut found = in_parts.feed(&bytes[..at]);
            found.extend(in_parts.feed(&bytes[at..]));
            prop_assert_eq!(found, keys(&bytes));
        }
    }
}
