//! The daemon's folder and its settings on the disk.

#[cfg(unix)]
use std::io;
use std::path::Path;

use styxy_core::api::Refusal;
use styxy_core::config::Parsed;

use super::finding::Finding;

/// Whether `config.json` is valid.
pub(super) fn file(path: &Path, parsed: &Result<Parsed, Refusal>) -> Finding {
    match parsed {
        Err(refusal) => {
            let hint = refusal.hint.clone().unwrap_or_else(|| format!("fix {}", path.display()));
            Finding::wrong("config", refusal.error.as_str(), hint)
        }
        Ok(parsed) if parsed.from_file.is_empty() => Finding::ok("config", "only defaults"),
        Ok(parsed) => Finding::ok("config", format!("valid; sets {}", parsed.from_file.join(", "))),
    }
}

/// Whether the folder is private to this user.
#[cfg(unix)]
pub(super) fn folder(path: &Path) -> Finding {
    use std::os::unix::fs::MetadataExt;

    let shown = path.display();
    // What the start tries is tried first.
    if let Err(refusal) = styxy_daemon::inspect_home(path) {
        let hint = refusal.hint.unwrap_or_else(|| "export STYXY_HOME=/a/new/folder/of/yours".to_owned());
        return Finding::wrong("folder", refusal.error, hint);
    }
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::ok("folder", format!("{shown} will be created when it is needed"));
        }
        Err(error) => {
            return Finding::wrong(
                "folder",
                format!("{shown}: {error}"),
                format!("ls -ld {shown}   # or export STYXY_HOME=/a/folder/of/yours"),
            );
        }
    };
    let mode = metadata.mode() & 0o777;
    if mode & 0o700 != 0o700 {
        Finding::wrong(
            "folder",
            format!("{shown} is not writable (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        )
    } else if mode & 0o077 != 0 {
        Finding::wrong(
            "folder",
            format!("other users may access {shown} (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        )
    } else {
        Finding::ok("folder", format!("{shown} is private"))
    }
}

/// Whether the folder is one that the daemon would take, and its access list names nobody else.
#[cfg(windows)]
pub(super) fn folder(path: &Path) -> Finding {
    let shown = path.display();
    if let Err(refusal) = styxy_daemon::inspect_home(path) {
        let hint = refusal.hint.unwrap_or_else(|| styxy_core::layout::elsewhere("a/new/folder/of/yours"));
        return Finding::wrong("folder", refusal.error, hint);
    }
    if !path.exists() {
        return Finding::ok("folder", format!("{shown} will be created when it is needed"));
    }
    match styxy_daemon::system::lets_others_in(path) {
        Ok(false) => Finding::ok("folder", format!("{shown} is private")),
        // Not wrong: the next start of the daemon closes it.
        Ok(true) => Finding::warn(
            "folder",
            format!("the access list of {shown} lets other users in, who may read the log and the leases"),
            format!(
                "icacls \"{shown}\" /inheritance:r /grant:r \"{}:(OI)(CI)F\"",
                crate::here::login::user()
            ),
        ),
        Err(error) => Finding::wrong(
            "folder",
            format!("the access list of {shown} cannot be read: {error}"),
            format!("icacls \"{shown}\"   # it must be yours"),
        ),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::{moved, snapshot};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_and_a_file_are_checked() {
        let top = tempfile::tempdir().unwrap();
        let named = |name: &str| top.path().join(name);
        let (path, file) = (named("styxy"), named("config.json"));
        let mut found = vec![folder(&path)];
        fs::create_dir(&path).unwrap();
        for mode in [0o700, 0o755, 0o701, 0o500] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            found.push(folder(&path));
        }
        for text in ["{}", "{\"bind_ttl\": 60}", "{\"listenport\": 1}"] {
            fs::write(&file, text).unwrap();
            found.push(super::file(&file, &crate::here::config_file::read(&file)));
        }
        found.push(folder(&file));
        snapshot!("doctor_settings", moved(&shown(&found), top.path(), "/home/ada"));
    }
}
