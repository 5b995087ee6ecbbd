//! Signals.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

use super::super::Signal;

/// Ctrl-C, and what ends this command or changes its terminal.
pub(in super::super::super) struct Signals {
    interrupts: Interrupts,
    terminate: unix::Signal,
    hangup: unix::Signal,
    sizes: unix::Signal,
}

impl Signals {
    /// # Errors
    /// There is no room for a handler.
    pub(in super::super::super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupts: Interrupts::new()?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            sizes: signal(SignalKind::window_change())?,
        })
    }

    /// The next one. May be dropped and called again.
    pub(in super::super::super) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = self.interrupts.next() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate(143),
            _ = self.hangup.recv() => Signal::End(129),
            _ = self.sizes.recv() => Signal::Size,
        }
    }
}

/// Ctrl-C alone.
pub(in super::super::super) struct Interrupts(unix::Signal);

impl Interrupts {
    /// # Errors
    /// There is no room for a handler.
    pub(in super::super::super) fn new() -> io::Result<Self> {
        signal(SignalKind::interrupt()).map(Self)
    }

    /// The next one. May be dropped and called again.
    pub(in super::super::super) async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
