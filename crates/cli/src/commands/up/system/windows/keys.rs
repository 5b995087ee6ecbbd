//! What is typed while `styxy up` is attached, key by key.
#![expect(unsafe_code, reason = "the console's mode is set by its handle")]

use std::io::{self, IsTerminal as _, Read as _};
use std::os::windows::io::AsRawHandle as _;
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use windows_sys::Win32::System::Console::{
    CONSOLE_MODE, ENABLE_ECHO_INPUT, ENABLE_LINE_INPUT, GetConsoleMode, SetConsoleMode,
};

/// Keys reach this program one by one until this is dropped; Ctrl-C stays an event.
pub(in super::super::super) struct Keys {
    before: Option<CONSOLE_MODE>,
    typed: UnboundedReceiver<Vec<u8>>,
}

impl Keys {
    /// # Errors
    /// The console is gone, or there is no room for a thread.
    pub(in super::super::super) fn new() -> io::Result<Self> {
        let (send, typed) = unbounded_channel();
        let Some(before) = mode().filter(|_| io::stdin().is_terminal()) else {
            return Ok(Self { before: None, typed });
        };
        set_mode(before & !(ENABLE_ECHO_INPUT | ENABLE_LINE_INPUT))?;
        let read = move || {
            let mut bytes = [0; 256];
            while let Ok(count) = io::stdin().read(&mut bytes) {
                if count == 0 || send.send(bytes[..count].to_vec()).is_err() {
                    return;
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
        if let Some(before) = self.before {
            // A console that is gone needs nothing.
            let _ = set_mode(before);
        }
    }
}

/// How the console of standard input treats keys; none if that is not a console.
fn mode() -> Option<CONSOLE_MODE> {
    let mut mode = 0;
    // SAFETY: the handle is a standard one or none, which the call refuses; the mode is writable.
    (unsafe { GetConsoleMode(io::stdin().as_raw_handle(), &raw mut mode) } != 0).then_some(mode)
}

fn set_mode(mode: CONSOLE_MODE) -> io::Result<()> {
    // SAFETY: as above.
    match unsafe { SetConsoleMode(io::stdin().as_raw_handle(), mode) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
