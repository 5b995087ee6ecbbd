//! Telling the process that started the daemon how the start went: one line, once.

use std::io::{self, Write};

use styxy_core::handshake::Handshake;

/// The one line, not written yet.
#[derive(Debug)]
pub(super) struct Report<W> {
    to: W,
}

impl Report<io::Stdout> {
    /// To standard output, where a client that starts the daemon reads it.
    pub(super) fn to_starter() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Report<W> {
    /// To anything.
    pub(super) fn new(to: W) -> Self {
        Self { to }
    }

    /// Writes the line.
    ///
    /// # Errors
    /// Any except `BrokenPipe`: the daemon does not stop because its starter has gone.
    pub(super) fn send(mut self, handshake: &Handshake) -> io::Result<()> {
        let line = handshake.to_line()?;
        match self.to.write_all(line.as_bytes()).and_then(|()| self.to.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line() {
        let mut said = Vec::new();
        Report::new(&mut said).send(&Handshake::Lost).unwrap();
        assert_eq!(said, b"{\"handshake\":\"lost\"}\n");
    }

    #[test]
    fn a_starter_that_has_gone_is_not_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        Report::new(writer).send(&Handshake::Lost).unwrap();
    }
}
