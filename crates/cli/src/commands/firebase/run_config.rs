//! The configuration of one run: a file beside the original, so that relative paths in it stay valid. It is removed at the
//! end of the run; files of killed runs are removed by the next run.
//!
//! Its name says to which process it belongs: `firebase.styxy-PID-START.json`. Files with other names are not touched.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use styxy_core::Pid;

use crate::process;

/// Between the original's name and the numbers in the file name.
const MARK: &str = ".styxy-";

/// A file that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct RunConfig {
    path: PathBuf,
}

impl RunConfig {
    /// Writes `text` beside `original`, for this process.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(super) fn write(original: &Path, text: &str) -> io::Result<Self> {
        let pid = Pid::new(std::process::id()).ok_or(io::ErrorKind::InvalidInput)?;
        let started = process::started(pid).unwrap_or_default();
        let name = format!("{}{MARK}{pid}-{started}.json", stem(original));
        let path = original.with_file_name(name);
        // A file with that name can only be left from a dead process.
        let _ = fs::remove_file(&path);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let file_at_path = Self { path };
        file.write_all(text.as_bytes())?;
        Ok(file_at_path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunConfig {
    fn drop(&mut self) {
        // If it cannot be removed now, the next run removes it.
        let _ = fs::remove_file(&self.path);
    }
}

fn stem(original: &Path) -> String {
    original.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Removes the files that ended runs of the same `original` have left beside it.
pub(super) fn sweep(original: &Path) {
    let folder = original.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let whose = name.to_str().filter(|_| is_file).and_then(|name| owner(name, &stem(original)));
        if whose.is_some_and(|(pid, started)| !process::runs(pid, started)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process that the file belongs to, if it is one of ours.
fn owner(name: &str, stem: &str) -> Option<(Pid, u64)> {
    let numbers = name.strip_prefix(stem)?.strip_prefix(MARK)?.strip_suffix(".json")?;
    let (pid, started) = numbers.split_once('-')?;
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    Some((Pid::new(u32::try_from(number(pid)?).ok()?)?, number(started)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_with_our_form_of_name_is_ours() {
        assert_eq!(owner("firebase.styxy-42-7.json", "firebase"), Some((Pid::new(42).unwrap(), 7)));
        for name in [
            "firebase.json",
            "firebase.styxy.json",
            "firebase.styxy-42.json",
            "firebase.styxy-0-7.json",
            "firebase.styxy-42-x.json",
            "firebase.styxy--7.json",
            "firebase.styxy-42-7.json.bak",
            "other.styxy-42-7.json",
        ] {
            assert_eq!(owner(name, "firebase"), None, "{name}");
        }
    }

    #[test]
    fn the_file_is_beside_the_original_and_is_removed_with_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("firebase.test.json");
        let file = RunConfig::write(&original, "{}").unwrap();
        let path = file.path().to_owned();
        assert_eq!(path.parent(), Some(folder.path()));
        assert!(owner(path.file_name().unwrap().to_str().unwrap(), "firebase.test").is_some());
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn the_sweep_removes_files_of_dead_processes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let original = at("firebase.json");
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .arg("--list")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        child.wait().unwrap();
        let dead = at(&format!("firebase.styxy-{}-1.json", child.id()));
        let others = [at("firebase.styxy-notes.json"), original.clone(), at("other.styxy-1-1.json")];
        for path in others.iter().chain([&dead]) {
            fs::write(path, "{}").unwrap();
        }
        let live = RunConfig::write(&original, "{}").unwrap();
        sweep(&original);
        assert!(!dead.exists() && live.path().exists());
        assert!(others.iter().all(|path| path.exists()));
    }
}
