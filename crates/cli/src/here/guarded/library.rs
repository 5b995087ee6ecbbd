//! The library that `LD_PRELOAD` loads.

use std::path::{Path, PathBuf};

use super::{Cannot, files};

/// The library, as `build.rs` made it; none where the system has no such thing.
#[cfg(has_guard_library)]
pub(super) const LIBRARY: Option<&[u8]> = Some(include_bytes!(env!("STYXY_GUARD_LIBRARY")));
#[cfg(not(has_guard_library))]
pub(super) const LIBRARY: Option<&[u8]> = None;

/// Its name says what is in it, so that a newer one never changes what a running program has loaded.
pub(super) fn install(folder: &Path) -> Result<PathBuf, Cannot> {
    let bytes = LIBRARY.ok_or(Cannot::System)?;
    let path = folder.join(format!("libstyxy-{}-{:08x}.so", env!("CARGO_PKG_VERSION"), digest(bytes)));
    files::folder(folder)?;
    files::write(&path, bytes)?;
    Ok(path)
}

/// FNV-1a: the same in every build and on every run.
fn digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
