//! What an attached `styxy up` needs of the terminal: its signals and its keys. One folder per system, with the same names in each.

#[cfg(unix)]
#[path = "unix/mod.rs"]
mod native;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod native;

pub(super) use native::{Interrupts, Keys, Signals};

/// What the system says to this command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// It is to end once what it has started has ended, with this code.
    #[cfg_attr(windows, expect(dead_code, reason = "a program is not asked to end there"))]
    Terminate(u8),
    /// It ends now, with this code.
    End(u8),
    /// The terminal has another size.
    #[cfg_attr(windows, expect(dead_code, reason = "no service has a terminal of its own there"))]
    Size,
}
