//! Which program this process runs, for one that starts the same program again.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// What Linux appends to the path of a program whose file was removed or replaced.
const DELETED: &str = " (deleted)";
/// This process' program, whatever became of its file. Only this process can run it by this name.
const ITSELF: &str = "/proc/self/exe";

/// The program that this process runs, by a path that can be run now.
///
/// An upgrade replaces the file while the process runs; then the new one is meant. If there is none, the path names the
/// old program as the kernel keeps it.
///
/// # Errors
/// The system does not say which program it is, and its starter did not call it by a path.
pub fn own_program() -> io::Result<PathBuf> {
    match std::env::current_exe() {
        Ok(found) => Ok(runnable(found, Path::exists)),
        Err(error) => called().ok_or(error),
    }
}

/// The path by which this process was started: all that is known without /proc.
fn called() -> Option<PathBuf> {
    let called = PathBuf::from(std::env::args_os().next()?);
    let is_path = called.parent().is_some_and(|folder| !folder.as_os_str().is_empty());
    std::path::absolute(called).ok().filter(|path| is_path && path.exists())
}

fn runnable(found: PathBuf, exists: impl Fn(&Path) -> bool) -> PathBuf {
    if !cfg!(target_os = "linux") {
        return found;
    }
    let bytes = found.as_os_str().as_encoded_bytes();
    let Some(replaced) =
        bytes.strip_suffix(DELETED.as_bytes()).and_then(|path| std::str::from_utf8(path).ok())
    else {
        return found;
    };
    let replaced = Path::new(OsStr::new(replaced));
    if exists(replaced) { replaced.to_owned() } else { ITSELF.into() }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_replaced_is_run_by_the_path_of_its_successor() {
        let run = |found: &str, there: &[&str]| {
            runnable(found.into(), |path| there.iter().any(|there| Path::new(there) == path))
        };
        assert_eq!(run("/u/bin/styxy", &["/u/bin/styxy"]), Path::new("/u/bin/styxy"));
        assert_eq!(run("/u/bin/styxy (deleted)", &["/u/bin/styxy"]), Path::new("/u/bin/styxy"));
        assert_eq!(run("/u/bin/styxy (deleted)", &[]), Path::new("/proc/self/exe"));
        assert_eq!(run("/u/bin/styxy (deleted)", &["/u/bin/styxy (deleted)"]), Path::new("/proc/self/exe"));
    }

    #[test]
    fn our_own_program_can_be_run() {
        let own = own_program().unwrap();
        assert!(own.is_absolute() && own.exists());
    }
}
