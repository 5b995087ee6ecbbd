//! What is typed while `styxy up` is attached, key by key.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::thread;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Keys reach this program one by one until this is dropped; Ctrl-C and Ctrl-Z stay signals.
pub(in super::super::super) struct Keys {
    before: Option<Termios>,
    typed: UnboundedReceiver<Vec<u8>>,
}

impl Keys {
    /// # Errors
    /// The terminal is gone, or there is no room for a thread.
    pub(in super::super::super) fn new() -> io::Result<Self> {
        let (send, typed) = unbounded_channel();
        let keys = io::stdin();
        // In the background of a shell, whoever changes the terminal is stopped.
        let is_seen = || tcgetpgrp(&keys).is_ok_and(|group| group == rustix::process::getpgrp());
        if !keys.is_terminal() || !is_seen() {
            return Ok(Self { before: None, typed });
        }
        let before = tcgetattr(&keys)?;
        let mut one_by_one = before.clone();
        one_by_one.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        one_by_one.special_codes[SpecialCodeIndex::VMIN] = 1;
        one_by_one.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&keys, OptionalActions::Now, &one_by_one)?;
        let read = move || {
            loop {
                let mut bytes = [0; 256];
                match rustix::io::retry_on_intr(|| rustix::io::read(io::stdin().as_fd(), &mut bytes)) {
                    Ok(0) | Err(_) => return,
                    Ok(count) => {
                        if send.send(bytes[..count].to_vec()).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        // It ends with the program.
        thread::Builder::new().name("keys".to_owned()).spawn(read)?;
        Ok(Self { before: Some(before), typed })
    }

    /// The next bytes; never, if nobody types. May be dropped and called again.
    pub(in super::super::super) async fn next(&mut self) -> Vec<u8> {
        match self.typed.recv().await {
            Some(bytes) => bytes,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
