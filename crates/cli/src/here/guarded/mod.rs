//! What puts a program under the guard: the library, the shims, the shell's file, and the variables that name them (R94, R95).

mod files;
mod layers;
mod library;
mod shell;
mod shims;
mod users;

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use styxy_core::api::{Code, Refusal};
use styxy_core::layout::{Layout, runtime_folder};

use super::agent_settings::recognised::is_shell_file;
use crate::here::context::Context;
use crate::say::output;
pub(crate) use files::is_ours;
pub(crate) use layers::{Layer, Layers};
pub(crate) use shims::MARKER;
pub(crate) use users::users;

/// Where a program under the guard asks.
pub(crate) const SOCKET: &str = "STYXY_GUARD_SOCKET";
/// What loads the library.
pub(crate) const PRELOAD: &str = "LD_PRELOAD";
/// What names the file that every bash reads before its script.
pub(crate) const BASH_ENV: &str = "BASH_ENV";
/// The address sanitizer refuses to start behind another library unless it is told to.
const SANITIZER: (&str, &str) = ("ASAN_OPTIONS", "verify_asan_link_order=0");

/// Why programs cannot be put under the guard here.
#[derive(Debug)]
pub(crate) enum Cannot {
    /// No library is made for this system.
    System,
    /// `LD_PRELOAD` is a list whose parts end at a blank and a colon.
    Path(PathBuf),
    Write {
        path: PathBuf,
        source: io::Error,
    },
}

/// The files of the guard, which are all in place.
#[derive(Debug)]
pub(crate) struct Guard {
    socket: PathBuf,
    library: PathBuf,
    /// The folder of the shims.
    pub(crate) shims: PathBuf,
    /// What a shell reads.
    pub(crate) shell: PathBuf,
}

impl Guard {
    /// Writes what is not there.
    ///
    /// It goes to the daemon's folder, or to the runtime folder if `LD_PRELOAD` could not name it there, or nothing can be
    /// written there.
    ///
    /// # Errors
    /// See [`Cannot`].
    pub(crate) fn install(layout: &Layout, set: impl Fn(&str) -> Option<OsString>) -> Result<Self, Cannot> {
        let runtime = runtime_folder(&set, rustix::process::geteuid().as_raw());
        let socket = layout.guard_socket(&runtime);
        let folders = folders(layout, &runtime);
        let mut cannot = Cannot::Path(layout.guard());
        for folder in folders.iter().filter(|folder| can_be_named(folder)) {
            match Self::install_in(folder, socket.clone()) {
                Ok(guard) => return Ok(guard),
                Err(error) => cannot = error,
            }
        }
        Err(cannot)
    }

    fn install_in(folder: &Path, socket: PathBuf) -> Result<Self, Cannot> {
        let library = library::install(folder)?;
        let shims = shims::install(folder)?;
        let shell =
            shell::install(folder, &shell::Names { library: &library, shims: &shims, socket: &socket })?;
        Ok(Self { socket, library, shims, shell })
    }

    /// The variables that put a program under this guard, as they are to be set where they are read by `set`.
    pub(crate) fn variables(&self, set: impl Fn(&str) -> Option<OsString>) -> Vec<(&'static str, String)> {
        let text =
            |name| set(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
        let preload = joined(&self.library.to_string_lossy(), text(PRELOAD).as_deref(), &[':', ' ']);
        let (sanitizer, option) = SANITIZER;
        let options = text(sanitizer);
        let options = match options.as_deref() {
            Some(own) if own.contains("verify_asan_link_order") => own.to_owned(),
            Some(own) => format!("{own}:{option}"),
            None => option.to_owned(),
        };
        let shell = self.shell.to_string_lossy().into_owned();
        let mut all = vec![
            (SOCKET, self.socket.to_string_lossy().into_owned()),
            (PRELOAD, preload),
            (sanitizer, options),
        ];
        // Without a PATH programs are found in the usual folders; one of a single folder would hide those.
        if let Some(path) = text("PATH") {
            all.push(("PATH", joined(&self.shims.to_string_lossy(), Some(&path), &[':'])));
        }
        // Ours reads the user's own file. That of another guard around this one would take its place again.
        all.extend(text(BASH_ENV).filter(|own| !is_shell_file(own)).map(|own| (shell::USERS, own)));
        all.push((BASH_ENV, shell));
        all
    }
}

/// Where the shell's file will be, if nothing keeps it from being written.
pub(crate) fn shell_file(layout: &Layout) -> Option<PathBuf> {
    let runtime = runtime_folder(|name| env::var_os(name), rustix::process::geteuid().as_raw());
    let folder = folders(layout, &runtime).into_iter().find(|folder| can_be_named(folder))?;
    Some(folder.join(shell::FILE))
}

/// Where the guard's files may be.
fn folders(layout: &Layout, runtime: &Path) -> [PathBuf; 2] {
    [layout.guard(), runtime.join(format!("{}-guard", layout.name()))]
}

/// The folders of the guard that are there, for whoever removes them.
pub(crate) fn installed(layout: &Layout) -> Vec<PathBuf> {
    let runtime = runtime_folder(|name| env::var_os(name), rustix::process::geteuid().as_raw());
    folders(layout, &runtime).into_iter().filter(|folder| folder.is_dir()).collect()
}

/// Whether lists of paths can have this one in it.
fn can_be_named(folder: &Path) -> bool {
    let is_end = |byte: &u8| *byte == b':' || byte.is_ascii_whitespace();
    folder.to_str().is_some() && !folder.as_os_str().as_encoded_bytes().iter().any(is_end)
}

/// `first` in front of the other parts of a list.
fn joined(first: &str, others: Option<&str>, ends: &[char]) -> String {
    let others = others.unwrap_or_default().split(ends).filter(|other| !other.is_empty() && *other != first);
    std::iter::once(first).chain(others).collect::<Vec<_>>().join(":")
}

impl From<Cannot> for Refusal {
    fn from(error: Cannot) -> Self {
        let (sentence, hint) = match error {
            Cannot::System => ("the guard needs Linux on x86-64 or arm64".to_owned(), "styxy kill --help"),
            Cannot::Path(path) => {
                let sentence =
                    format!("LD_PRELOAD cannot name {}: its path has a blank or a colon", path.display());
                (sentence, "export XDG_RUNTIME_DIR=/a/folder/of/yours")
            }
            Cannot::Write { path, source } => {
                (format!("could not write {}: {source}", path.display()), "styxy doctor")
            }
        };
        Self::new(Code::StorageUnavailable, sentence).hint(hint)
    }
}

/// Warns if no daemon answers: programs start all the same.
pub(crate) fn warn_without_daemon(context: &Context) {
    if let Err(failure) = context.ask(async |client| client.status().await) {
        let why = failure.into_refusal().error;
        output::warning(&format!("{why}; nothing is refused until a daemon runs"));
    }
}

/// Whether a daemon's guard listens there.
pub(crate) fn answers(socket: &Path) -> bool {
    let connected = || {
        let own = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        connect(&own, &SocketAddrUnix::new(socket)?)
    };
    connected().is_ok()
}

/// Where the guard of this folder listens.
pub(crate) fn socket(layout: &Layout) -> PathBuf {
    layout.guard_socket(&runtime_folder(|name| env::var_os(name), rustix::process::geteuid().as_raw()))
}

/// Whether this program runs with the library of the guard.
fn has_library() -> bool {
    std::fs::read_to_string("/proc/self/maps").is_ok_and(|maps| maps.contains("/libstyxy-"))
}

#[cfg(test)]
mod tests;
