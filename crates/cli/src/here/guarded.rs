//! What puts a program under the guard: the library, and the variables that load it and say where it asks (R94).

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use styxy_core::api::{Code, Refusal};
use styxy_core::layout::{Layout, runtime_folder};

/// The library, as `build.rs` made it; none where the system has no such thing.
#[cfg(has_guard_library)]
const LIBRARY: Option<&[u8]> = Some(include_bytes!(env!("STYXY_GUARD_LIBRARY")));
#[cfg(not(has_guard_library))]
const LIBRARY: Option<&[u8]> = None;

/// Where a program under the guard asks.
pub(crate) const SOCKET: &str = "STYXY_GUARD_SOCKET";
/// What loads the library.
pub(crate) const PRELOAD: &str = "LD_PRELOAD";
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

/// The variables that put a program under the guard of this folder's daemon, as they are to be set where they are read by
/// `set`. The library is written if it is not there.
pub(crate) fn variables(
    layout: &Layout,
    set: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<(&'static str, String)>, Cannot> {
    let runtime = runtime_folder(&set, rustix::process::geteuid().as_raw());
    let library = library(layout, &runtime)?;
    let text = |name| set(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
    let preload = joined(&library.to_string_lossy(), text(PRELOAD).as_deref(), &[':', ' ']);
    let (sanitizer, option) = SANITIZER;
    let options = text(sanitizer);
    let options = match options.as_deref() {
        Some(own) if own.contains("verify_asan_link_order") => own.to_owned(),
        Some(own) => format!("{own}:{option}"),
        None => option.to_owned(),
    };
    let socket = layout.guard_socket(&runtime);
    Ok(vec![(SOCKET, socket.to_string_lossy().into_owned()), (PRELOAD, preload), (sanitizer, options)])
}

/// `first` in front of the other parts of a list.
fn joined(first: &str, others: Option<&str>, ends: &[char]) -> String {
    let others = others.unwrap_or_default().split(ends).filter(|other| !other.is_empty() && *other != first);
    std::iter::once(first).chain(others).collect::<Vec<_>>().join(":")
}

/// The library of this program, in the daemon's folder, or in `runtime` if `LD_PRELOAD` could not name it there. Its name says
/// what is in it, so that a newer one never changes what a running program has loaded.
fn library(layout: &Layout, runtime: &Path) -> Result<PathBuf, Cannot> {
    let bytes = LIBRARY.ok_or(Cannot::System)?;
    let folders = [layout.guard(), runtime.to_owned()];
    let can_be_named = |folder: &&PathBuf| {
        let is_end = |byte: &u8| *byte == b':' || byte.is_ascii_whitespace();
        folder.to_str().is_some() && !folder.as_os_str().as_encoded_bytes().iter().any(is_end)
    };
    let folder = folders.iter().find(can_be_named).ok_or_else(|| Cannot::Path(layout.guard()))?;
    let path = folder.join(format!("libstyxy-{}-{:08x}.so", env!("CARGO_PKG_VERSION"), digest(bytes)));
    let is_there = || fs::read(&path).is_ok_and(|found| found == bytes);
    if !is_there() {
        write(folder, &path, bytes).map_err(|source| Cannot::Write { path: path.clone(), source })?;
    }
    Ok(path)
}

/// Writes the file in one step: a program may load it at any time.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = path.with_extension(std::process::id().to_string());
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    fs::rename(&unfinished, path)
}

/// FNV-1a: the same in every build and on every run.
fn digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
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

/// Whether something listens on the guard's socket of this folder.
pub(crate) fn answers(layout: &Layout) -> bool {
    let runtime = runtime_folder(|name| env::var_os(name), rustix::process::geteuid().as_raw());
    let connected = || {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        connect(&socket, &SocketAddrUnix::new(layout.guard_socket(&runtime))?)
    };
    connected().is_ok()
}

/// Whether this program runs with the library of the guard.
pub(crate) fn has_library() -> bool {
    fs::read_to_string("/proc/self/maps").is_ok_and(|maps| maps.contains("/libstyxy-"))
}

/// The variable that turns the guard off, if one does.
pub(crate) fn off() -> Option<&'static str> {
    ["STYXY", "STYXY_GUARD"].into_iter().find(|name| env::var_os(name).is_some_and(|value| value == "off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(home: &Path, set: &[(&str, &str)]) -> Result<Vec<String>, Cannot> {
        let set =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Ok(variables(&Layout::new(home.to_owned()), set)?.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    #[cfg(has_guard_library)]
    fn the_library_comes_first_and_only_once_and_others_stay() {
        let top = tempfile::tempdir().unwrap();
        let once = values(top.path(), &[]).unwrap();
        assert!(Path::new(&once[1]).is_file() && once[2] == "verify_asan_link_order=0", "{once:?}");
        let own = format!("/lib/mine.so {}", once[1]);
        let twice = values(top.path(), &[("LD_PRELOAD", &own), ("ASAN_OPTIONS", "detect_leaks=0")]).unwrap();
        assert_eq!(twice[1], format!("{}:/lib/mine.so", once[1]));
        assert_eq!(twice[2], "detect_leaks=0:verify_asan_link_order=0");
    }

    #[test]
    #[cfg(has_guard_library)]
    fn a_folder_that_a_list_cannot_name_is_avoided() {
        let top = tempfile::tempdir().unwrap();
        let (home, runtime) = (top.path().join("my home"), top.path().join("run"));
        let given = values(&home, &[("XDG_RUNTIME_DIR", runtime.to_str().unwrap())]).unwrap();
        assert!(given[1].starts_with(runtime.join("styxy").to_str().unwrap()), "{given:?}");
        let blank = top.path().join("a b");
        let refused = values(&home, &[("XDG_RUNTIME_DIR", blank.to_str().unwrap())]).unwrap_err();
        assert!(matches!(refused, Cannot::Path(_)));
    }

    #[test]
    #[cfg(has_guard_library)]
    fn a_library_that_was_changed_is_written_again() {
        let top = tempfile::tempdir().unwrap();
        let path = values(top.path(), &[]).unwrap().remove(1);
        fs::write(&path, "broken").unwrap();
        assert_eq!(values(top.path(), &[]).unwrap()[1], path);
        assert_eq!(Some(&fs::read(&path).unwrap()[..]), LIBRARY);
    }
}
