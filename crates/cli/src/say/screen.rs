//! The whole screen of a terminal, for an answer that is drawn again and again.
//!
//! It is a page of its own: what was on the terminal before is there again afterwards, and so is the cursor. Keys are not
//! shown while it lasts, and reach the program one by one; Ctrl-C and Ctrl-Z stay signals.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::{Mutex, Once, PoisonError};

use anstream::adapter::strip_str;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use styxy_core::printable::coloured;

use crate::say::output;

const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What is given back; nothing while no screen is taken. It is here and not in the screen, because a panic gives the screen back
/// too, and drops nothing.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

#[derive(Debug)]
struct Taken {
    /// How the terminal treated keys before; none if keys are not from a terminal.
    keys: Option<Termios>,
}

/// The screen, until this is dropped.
#[derive(Debug)]
pub(crate) struct Screen {
    drawn: Vec<String>,
    size: (usize, usize),
}

impl Screen {
    /// Whether stdout is a terminal that can be drawn on.
    pub(crate) fn is_there() -> bool {
        io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Takes the screen.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(crate) fn take() -> io::Result<Self> {
        let keys = io::stdin();
        let before = tcgetattr(&keys).ok();
        if let Some(before) = &before {
            let mut one_by_one = before.clone();
            one_by_one.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            tcsetattr(&keys, OptionalActions::Now, &one_by_one)?;
        }
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Taken { keys: before });
        give_back_on_panic();
        let screen = Self { drawn: Vec::new(), size: (0, 0) };
        output::raw(ENTER.as_bytes())?;
        Ok(screen)
    }

    /// How many columns and rows there are now.
    pub(crate) fn size() -> (usize, usize) {
        output::size()
    }

    /// Draws `lines`, which fit, instead of what was there. Does nothing if they are there already.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(crate) fn draw(&mut self, lines: Vec<String>) -> io::Result<()> {
        let size = Self::size();
        if (&lines, size) == (&self.drawn, self.size) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        // What was drawn for another size may have been wrapped.
        write!(bytes, "{}", if size == self.size { "\x1b[H" } else { "\x1b[H\x1b[2J" })?;
        let with_colours = output::has_colours();
        for (at, line) in lines.iter().enumerate() {
            let line = coloured(line);
            let line = if with_colours { line } else { strip_str(&line).to_string() };
            // Each is cleared before it is written: behind a full line the last letter would be cleared.
            write!(bytes, "{}\x1b[2K{line}", if at == 0 { "" } else { "\r\n" })?;
        }
        if lines.len() < size.1 {
            bytes.extend(b"\x1b[J");
        }
        output::raw(&bytes)?;
        (self.drawn, self.size) = (lines, size);
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // Whoever has it locked is this thread, which takes the screen only now.
    let Some(Taken { keys }) = TAKEN.try_lock().ok().and_then(|mut taken| taken.take()) else { return };
    // A terminal that is gone needs nothing.
    let _ = output::raw(LEAVE.as_bytes());
    if let Some(keys) = keys {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &keys);
    }
}

/// What a panic says is seen where it stays, and the terminal is as it was.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            give_back();
            before(panicked);
        }));
    });
}
