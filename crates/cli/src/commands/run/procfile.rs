//! A Procfile that is nowhere on the disk: a file without a name, which the command inherits.

use std::fs::{self, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::{env, process};

use rustix::io::{FdFlags, fcntl_setfd};

/// The path under which this process, and what it becomes, reads `text`.
///
/// # Errors
/// Files cannot be made in the temporary folder, or inherited ones have no path.
pub(super) fn inherited(text: &str) -> io::Result<String> {
    let path = env::temp_dir().join(format!("styxy-procfile-{}", process::id()));
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    fcntl_setfd(&file, FdFlags::empty())?;
    let path = format!("/dev/fd/{}", file.into_raw_fd());
    if !Path::new(&path).is_file() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(path)
}
