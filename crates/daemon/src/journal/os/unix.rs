//! What the journal asks of Linux and macOS.

mod guard;

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use memmap2::MmapRaw;
use rustix::{
    fs::{Access, FallocateFlags, OFlags},
    io::Errno,
};

use crate::system::disk::canonical;

pub(in crate::journal) use guard::{Guard, guard};

/// Which file it is: device and inode, which no other file has as long as this one is open or mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Identity(u64, u64);

/// Which file has this metadata.
#[expect(clippy::unnecessary_wraps, reason = "not every system can say")]
pub(in crate::journal) fn identity(of: &Metadata) -> Option<Identity> {
    Some(Identity(of.dev(), of.ino()))
}

/// Opens a journal that is there, for reading and writing; never through a symlink, never waiting on a pipe.
pub(in crate::journal) fn open(path: &Path) -> io::Result<File> {
    options(OFlags::NOFOLLOW | OFlags::NONBLOCK).open(path)
}

/// Makes a journal that is not there yet, readable to its owner alone.
pub(in crate::journal) fn create(path: &Path) -> io::Result<File> {
    options(OFlags::NOFOLLOW).create_new(true).mode(0o600).open(path)
}

fn options(flags: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    // The standard library sets O_CLOEXEC itself.
    options.read(true).write(true).custom_flags(flags.bits().cast_signed());
    options
}

/// Checks that files can be made in `folder`.
pub(in crate::journal) fn check_folder(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Gives `file` blocks for its first `bytes`, so that no store into the mapped file can find the disk full.
pub(in crate::journal) fn preallocate(file: &File, bytes: u64) -> io::Result<()> {
    // On macOS each call reserves more beyond the end of the file, even if enough is reserved already.
    if cfg!(target_vendor = "apple") && file.metadata()?.len() >= bytes {
        return Ok(());
    }
    Ok(rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes)?)
}

/// Whether `error` from [`preallocate`] means that this file system cannot do it, rather than that it is
/// full.
pub(in crate::journal) fn is_unsupported(error: &io::Error) -> bool {
    const CANNOT: [Errno; 5] = [Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOSYS, Errno::NODEV, Errno::INVAL];
    Errno::from_io_error(error).is_some_and(|errno| CANNOT.contains(&errno))
}

/// The name of the file system that has this file, such as `vfat`; none where /proc does not say it.
pub(in crate::journal) fn file_system(path: &Path) -> Option<String> {
    let path = canonical(path).ok()?;
    kind_of_mount(&path, &std::fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// `36 35 98:0 / /home rw,noatime shared:1 - vfat /dev/sdb1 rw`: the fifth field is where it is mounted. The last line wins,
/// since a later mount covers an earlier one.
fn kind_of_mount(path: &Path, mounts: &str) -> Option<String> {
    let mounts = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        // Blanks in names are escapes.
        let place = place.split(' ').nth(4)?.replace("\\040", " ");
        path.starts_with(&place).then_some((place.len(), kind.split(' ').next()?))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, kind)| kind.to_owned())
}

/// Brings pages into memory, ready to be written. On kernels that cannot, the first store to a page does it.
pub(in crate::journal) fn populate(map: &MmapRaw, from: usize, len: usize) {
    #[cfg(target_os = "linux")]
    let _: io::Result<()> = map.advise_range(memmap2::Advice::PopulateWrite, from, len);
    #[cfg(not(target_os = "linux"))]
    let _ = (map, from, len);
}

/// Reads up to `into.len()` bytes at `offset`.
pub(in crate::journal) fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(into, offset)
}

/// Writes all of `bytes` at `offset`.
pub(in crate::journal) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_names_the_file_system() {
        let mounts = "21 1 254:0 / / rw - ext4 /dev/root rw\n\
                      36 21 8:1 / /home rw,noatime shared:1 - xfs /dev/sda1 rw\n\
                      37 36 8:17 / /home/my\\040stick rw master:1 shared:7 - vfat /dev/sdb1 rw,fmask=0022\n";
        let kind = |path: &str| kind_of_mount(Path::new(path), mounts);
        assert_eq!(kind("/home/my stick/.styxy/journal.0000000001").as_deref(), Some("vfat"));
        assert_eq!(kind("/home/ada/.styxy").as_deref(), Some("xfs"));
        assert_eq!(kind("/homes").as_deref(), Some("ext4"));
        assert_eq!(kind_of_mount(Path::new("/home"), ""), None);
    }
}
