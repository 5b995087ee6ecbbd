//! Events of the console.

use std::io;

use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

use super::super::Signal;

/// What the console's end is to other programs: that of a killed one.
const CLOSED: u8 = 129;

/// Ctrl-C, and the end of the console.
pub(in super::super::super) struct Signals {
    interrupts: Interrupts,
    close: CtrlClose,
}

impl Signals {
    /// # Errors
    /// There is no room for a handler.
    pub(in super::super::super) fn new() -> io::Result<Self> {
        Ok(Self { interrupts: Interrupts::new()?, close: ctrl_close()? })
    }

    /// The next one. May be dropped and called again.
    pub(in super::super::super) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = self.interrupts.next() => Signal::Interrupt,
            _ = self.close.recv() => Signal::End(CLOSED),
        }
    }
}

/// Ctrl-C and Ctrl-Break alone.
pub(in super::super::super) struct Interrupts {
    c: CtrlC,
    pause: CtrlBreak,
}

impl Interrupts {
    /// # Errors
    /// There is no room for a handler.
    pub(in super::super::super) fn new() -> io::Result<Self> {
        Ok(Self { c: ctrl_c()?, pause: ctrl_break()? })
    }

    /// The next one. May be dropped and called again.
    pub(in super::super::super) async fn next(&mut self) {
        tokio::select! {
            _ = self.c.recv() => {}
            _ = self.pause.recv() => {}
        }
    }
}
