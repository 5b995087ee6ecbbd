//! Whether the disk has room for the journal's next file, without which the daemon soon refuses every change.

use std::path::Path;

use super::finding::Finding;

/// With less than this, in bytes, not even a journal of a few leases can be made.
const LEAST: u64 = 128 * 1024;
/// What the daemon would like to have: a file of 4 MiB and its successor.
const ENOUGH: u64 = 8 << 20;

/// What a file system says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Space {
    /// In bytes, for this user.
    free: u64,
    /// How many files more can be made; none where there is no such limit.
    files: Option<u64>,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(all(windows, not(test)), expect(dead_code, reason = "the system does not say it"))]
enum Access {
    Write,
    ReadOnly,
}

/// Whether the disk that `folder` is on, or will be, has room; none where the system does not say.
pub(super) fn space(folder: &Path) -> Option<Finding> {
    let there = folder.ancestors().find(|there| there.metadata().is_ok())?;
    Some(judge(folder, of(there)?))
}

fn judge(folder: &Path, space: Space) -> Finding {
    let shown = folder.display();
    let Space { free, files, access } = space;
    if access == Access::ReadOnly {
        let message = format!("{shown} is on a file system that is read-only: nothing can be leased");
        return Finding::wrong("disk", message, "export STYXY_HOME=/a/folder/of/yours");
    }
    if files == Some(0) {
        let message =
            format!("no file can be made on the disk of {shown}: the daemon will refuse every lease");
        return Finding::wrong("disk", message, format!("remove files that are not needed: df -i {shown}"));
    }
    let left = format!("{} KiB are free on the disk of {shown}", free / 1024);
    let hint = format!("make room: df -h {shown}");
    match free {
        ..LEAST => Finding::wrong("disk", format!("{left}: the daemon will refuse every lease"), hint),
        LEAST..ENOUGH => Finding::warn("disk", format!("{left}: the daemon may soon refuse leases"), hint),
        ENOUGH.. => Finding::ok("disk", format!("{} MiB are free", free >> 20)),
    }
}

#[cfg(unix)]
fn of(folder: &Path) -> Option<Space> {
    use rustix::fs::StatVfsMountFlags;

    let said = rustix::fs::statvfs(folder).ok()?;
    // A file system that knows no blocks knows no limit either.
    let blocks = match (said.f_blocks, rustix::process::geteuid().is_root()) {
        (0, _) => return None,
        (_, true) => said.f_bfree,
        (_, false) => said.f_bavail,
    };
    Some(Space {
        free: blocks.saturating_mul(said.f_frsize),
        files: (said.f_files != 0).then_some(said.f_favail),
        access: if said.f_flag.contains(StatVfsMountFlags::RDONLY) {
            Access::ReadOnly
        } else {
            Access::Write
        },
    })
}

#[cfg(not(unix))]
fn of(_folder: &Path) -> Option<Space> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_disk_without_room_is_wrong_and_one_with_little_a_warning() {
        let good = Space { free: 1 << 30, files: Some(1000), access: Access::Write };
        for (space, verdict) in [
            (good, Verdict::Ok),
            (Space { files: None, ..good }, Verdict::Ok),
            (Space { free: 0, ..good }, Verdict::Wrong),
            (Space { free: LEAST - 1, ..good }, Verdict::Wrong),
            (Space { free: LEAST, ..good }, Verdict::Warn),
            (Space { files: Some(0), ..good }, Verdict::Wrong),
            (Space { access: Access::ReadOnly, ..good }, Verdict::Wrong),
        ] {
            assert_eq!(judge(Path::new("/home/ada/.styxy"), space).verdict, verdict, "{space:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_not_made_yet_has_the_room_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let of_missing = space(&folder.path().join("a/b")).map(|finding| finding.verdict);
        assert_eq!(of_missing, space(folder.path()).map(|finding| finding.verdict));
    }
}
