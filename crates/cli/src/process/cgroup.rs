//! Linux: a control group (version 2) that has nothing but one tree in it can be killed as a whole, and no fork outruns that.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A control group of this user's.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// The one that a process is in, if it is this user's and can be killed as a whole (Linux 5.14).
    pub(crate) fn around(pid: u32) -> Option<Self> {
        let of_process = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let folder = folder(&of_process, &mounts)?;
        let is_own = |path: &Path| {
            path.metadata().is_ok_and(|found| found.uid() == rustix::process::geteuid().as_raw())
        };
        (is_own(&folder) && is_own(&folder.join("cgroup.kill"))).then_some(Self { folder })
    }

    /// The processes in it, and in the groups below; 0 for one of another pid namespace.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn processes(&self) -> io::Result<Vec<u32>> {
        processes(&self.folder)
    }

    /// Kills all of them at once.
    ///
    /// # Errors
    /// The kernel refuses it: a group of threads, or the file is not this user's any more.
    pub(crate) fn kill(&self) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.kill"), "1")
    }
}

/// Where the group of a process is, by its line of version 2 and the mounts that this process sees. Never the root's.
fn folder(of_process: &str, mounts: &str) -> Option<PathBuf> {
    let path = of_process.lines().find_map(|line| line.strip_prefix("0::"))?;
    // `/../x` is outside of this process' own namespace.
    if path == "/" || path.starts_with("/..") {
        return None;
    }
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        // A blank would be written as `\040`.
        if after.split(' ').next() != Some("cgroup2") || place.contains('\\') {
            return None;
        }
        let below = Path::new(path).strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty())?;
        Some(Path::new(place).join(below))
    })
}

fn processes(folder: &Path) -> io::Result<Vec<u32>> {
    let text = fs::read_to_string(folder.join("cgroup.procs"))?;
    let mut all: Vec<u32> = text.lines().map(|line| line.parse().unwrap_or_default()).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            all.extend(processes(&entry.path())?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_below_the_mount_and_the_root_is_none() {
        let mounts = "30 24 0:26 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro\n\
                      31 30 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = |lines: &str| folder(lines, mounts).map(|path| path.to_str().unwrap().to_owned());
        let expected = "/sys/fs/cgroup/unified/user.slice/web.scope";
        assert_eq!(found("2:cpu:/x\n0::/user.slice/web.scope\n").as_deref(), Some(expected));
        for none in ["0::/\n", "0::/../other\n", "2:cpu:/x\n", ""] {
            assert_eq!(found(none), None, "{none:?}");
        }
        let part = mounts.replace("0:27 / ", "0:27 /user.slice ");
        assert_eq!(folder("0::/user.slice/a", &part), Some("/sys/fs/cgroup/unified/a".into()));
        assert_eq!(folder("0::/user.slice", &part), None, "the whole mount");
        assert_eq!(folder("0::/system.slice/a", &part), None, "it is not mounted");
    }
}
