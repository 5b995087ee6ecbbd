//! The keeper's own process: how it is started, and how it leaves whoever has started it.
#![expect(unsafe_code, reason = "the standard handles can only be changed by number")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, PipeReader};
use std::os::windows::io::IntoRawHandle as _;
use std::path::Path;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::System::Console::{
    GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle,
};

/// A keeper that was started.
pub(in crate::up) struct Begun(BufReader<PipeReader>);

/// Starts `program` with these words as the keeper, and `log` as its output for errors: outside of the jobs of a terminal or an agent's
/// shell, which would end it.
///
/// # Errors
/// There is no such program, or no room for a process.
pub(in crate::up) fn start_keeper(
    program: &Path,
    words: &[&str],
    root: &Path,
    log: File,
) -> io::Result<Begun> {
    let mut environment: styxy_client::Environment = std::env::vars_os().collect();
    environment.retain(|name, _| !name.eq_ignore_ascii_case("NO_COLOR"));
    environment.insert("NO_COLOR".into(), "1".into());
    let words: Vec<OsString> = words.iter().map(OsString::from).chain([root.into()]).collect();
    styxy_client::start_detached(program, &words, &environment, log).map(BufReader::new).map(Begun)
}

impl Begun {
    /// The first line that it says; empty if it has ended without one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::up) fn first_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line)
    }

    /// Nothing has to be waited for here.
    pub(in crate::up) fn wait(self) {
        drop(self);
    }
}

/// What this process was given is for itself: a service inherits none of it. To be called before anything is opened.
pub(in crate::up) fn close_inherited() {
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: a standard handle is open, or refused by the call.
        unsafe { SetHandleInformation(GetStdHandle(which), HANDLE_FLAG_INHERIT, 0) };
    }
}

/// Leaves the folder of whoever has started this process: a folder that some process works in cannot be removed, Styxy's own included.
pub(in crate::up) fn leave_starter(_: &Path) {
    let system = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    let _ = std::env::set_current_dir(system);
}

/// Whoever waits for this process' output has read all of it.
pub(in crate::up) fn close_output() {
    let Ok(null) = File::options().write(true).open("NUL") else { return };
    // SAFETY: the new handle is nobody else's from here on; the old one was a standard handle of this process, and is none any more.
    // std looks it up again for every write and keeps it nowhere.
    unsafe {
        let before = GetStdHandle(STD_OUTPUT_HANDLE);
        if SetStdHandle(STD_OUTPUT_HANDLE, null.into_raw_handle()) != 0 {
            CloseHandle(before);
        }
    }
}
