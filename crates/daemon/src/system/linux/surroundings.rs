//! The control group and the network namespace that this process was started in.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::system::Inherited;

const GROUPS: &str = "/sys/fs/cgroup";

/// Adds what the control group and the network namespace say. Reads some files of /proc and /sys.
pub(in crate::system) fn with_surroundings(inherited: Inherited) -> Inherited {
    let groups = groups(&fs::read_to_string("/proc/self/cgroup").unwrap_or_default());
    let read = |name: &str| {
        let files = groups.iter().filter_map(|group| fs::read_to_string(group.join(name)).ok());
        files.collect::<Vec<_>>()
    };
    Inherited {
        memory: read("memory.max").iter().filter_map(|text| text.trim().parse().ok()).min(),
        processor: read("cpu.max").iter().filter_map(|text| percent(text)).min(),
        network: is_apart("net"),
        ..inherited
    }
}

/// The folder of this process' group and those above it, whose limits hold too.
fn groups(own: &str) -> Vec<PathBuf> {
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let top = Path::new(GROUPS);
    top.join(path).ancestors().take_while(|folder| *folder != top).map(Path::to_owned).collect()
}

/// `50000 100000` is 50: so many microseconds of each period. `max 100000` is no limit.
fn percent(text: &str) -> Option<u64> {
    let (most, period) = text.trim().split_once(' ')?;
    let (most, period): (u64, u64) = (most.parse().ok()?, period.parse().ok()?);
    (most * 100).checked_div(period)
}

/// Whether this process is in another namespace than the first one; false if that cannot be seen.
fn is_apart(namespace: &str) -> bool {
    let inode = |of: &str| fs::metadata(format!("/proc/{of}/ns/{namespace}")).map(|found| found.ino());
    matches!((inode("self"), inode("1")), (Ok(own), Ok(first)) if own != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_a_group_and_those_above_it_count() {
        let paths = groups("1:name=systemd:/x\n0::/user.slice/a.scope\n");
        let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/sys/fs/cgroup/user.slice/a.scope", "/sys/fs/cgroup/user.slice"]);
        assert!(groups("0::/\n").is_empty() && groups("").is_empty());
    }

    #[test]
    fn a_share_of_a_processor_is_a_percentage() {
        assert_eq!(percent("50000 100000\n"), Some(50));
        assert_eq!(percent("200000 100000"), Some(200));
        for unlimited in ["max 100000", "", "1 0"] {
            assert_eq!(percent(unlimited), None, "{unlimited}");
        }
    }
}
