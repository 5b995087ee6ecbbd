//! The name of a package: its folder below the root.

use std::path::{Component, Path};

use super::{Files, Kind, manifests};
use crate::names::ServiceName;

/// The most characters of a name (`ServiceName`).
const MOST: usize = 100;

/// The name that servers have by default in `folder`, which lies in the checkout or project with this root (R60): the
/// folder of the nearest manifest below the root, relative, with `.` for `/`. None if no manifest is below the root.
///
/// A character that names do not have becomes `-`. Where that or the length would make two folders alike, a hash of the
/// path is behind it.
#[must_use]
pub fn package(folder: &Path, root: &Path, files: &impl Files) -> Option<ServiceName> {
    let package = package_folder(folder, root, files)?;
    let relative = package.strip_prefix(root).ok()?;
    let parts = relative.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    });
    let dotted = parts.collect::<Vec<_>>().join(".");
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let plain: String = dotted.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).collect();
    // `a.b` beside `a/b`.
    let is_another = || {
        let other = root.join(dotted.replace('.', "/"));
        other != package && files.kind(&other) == Some(Kind::Folder)
    };
    let is_exact = plain == dotted && plain.len() <= MOST && !is_another();
    ServiceName::new(&if is_exact { plain } else { with_hash(&plain, relative) }).ok()
}

/// The folder of that package.
#[must_use]
pub fn package_folder<'a>(folder: &'a Path, root: &Path, files: &impl Files) -> Option<&'a Path> {
    let mut below = folder.ancestors().take_while(|folder| *folder != root && folder.starts_with(root));
    below.find(|folder| manifests::is_package(folder, files))
}

/// The end of `name`, which says most, and a hash of the path: FNV-1a, the same in every version.
fn with_hash(name: &str, relative: &Path) -> String {
    let hash = relative
        .to_string_lossy()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let hash = format!("-{:06x}", hash & 0xff_ffff);
    let from = name.len().saturating_sub(MOST - hash.len());
    format!("{}{hash}", name[from..].trim_start_matches('.'))
}
