//! The tool that a shim stands for: the next one of its name in `PATH` that is not a shim, of whatever installation.

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::fs::{Access, access};

use crate::here::guarded::MARKER;
use crate::say::output;

/// Where to look if `PATH` is not set, as the C library does.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").filter(|path| !path.is_empty()).unwrap_or_else(|| USUAL.into());
    find_in(&path, name)
}

fn find_in(path: &OsStr, name: &str) -> Option<PathBuf> {
    let is_tool = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    let mut folders = env::split_paths(path).filter(|folder| !folder.join(MARKER).exists());
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| is_tool(file)))
}

/// Becomes the tool; returns only if that fails.
pub(super) fn become_it(name: &str, words: &[impl AsRef<OsStr>]) -> ExitCode {
    let Some(tool) = find(name) else {
        output::note(&format!("{name}: command not found"));
        return ExitCode::from(127);
    };
    let error = Command::new(&tool).args(words).exec();
    output::note(&format!("{}: {error}", tool.display()));
    ExitCode::from(126)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn no_installations_shim_is_the_tool() {
        let top = tempfile::tempdir().unwrap();
        let folders = ["one", "two", "real"].map(|name| top.path().join(name));
        for folder in &folders {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("kill"), "").unwrap();
            fs::set_permissions(folder.join("kill"), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for shims in &folders[..2] {
            fs::write(shims.join(MARKER), "").unwrap();
        }
        fs::write(folders[2].join("pkill"), "").unwrap();
        let path = env::join_paths(&folders).unwrap();
        assert_eq!(find_in(&path, "kill"), Some(folders[2].join("kill")));
        assert_eq!(find_in(&path, "pkill"), None, "it is not executable");
        assert_eq!(find_in(&env::join_paths(&folders[..2]).unwrap(), "kill"), None);
    }
}
