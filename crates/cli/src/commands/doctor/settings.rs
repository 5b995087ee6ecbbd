//! The daemon's folder and its configuration, as they lie on the disk.

#[cfg(unix)]
use std::io;
use std::path::Path;

use styxy_core::api::Refusal;
use styxy_core::config::Parsed;

use super::finding::Finding;

/// Whether `config.json` may be put in force.
pub(super) fn file(path: &Path, parsed: &Result<Parsed, Refusal>) -> Finding {
    match parsed {
        Err(refusal) => {
            let hint = refusal.hint.clone().unwrap_or_else(|| format!("mend {}", path.display()));
            Finding::wrong("config", refusal.error.as_str(), hint)
        }
        Ok(parsed) if parsed.from_file.is_empty() => Finding::ok("config", "the defaults"),
        Ok(parsed) => Finding::ok("config", format!("valid; sets {}", parsed.from_file.join(", "))),
    }
}

/// Whether the folder is this user's and nobody else's.
#[cfg(unix)]
pub(super) fn folder(path: &Path) -> Finding {
    use std::os::unix::fs::MetadataExt;

    let shown = path.display();
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return to_be_made(path);
        }
        Err(error) => {
            return Finding::wrong(
                "folder",
                format!("{shown}: {error}"),
                format!("ls -ld {shown}   # or export STYXY_HOME=/a/folder/of/yours"),
            );
        }
    };
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
    if !metadata.is_dir() {
        Finding::wrong("folder", format!("{shown} is not a folder"), format!("mv {shown} {shown}.old"))
    } else if owner != rustix::process::geteuid().as_raw() {
        Finding::wrong(
            "folder",
            format!("{shown} belongs to another user (uid {owner})"),
            "run styxy as that user (without sudo), or export STYXY_HOME=/a/folder/of/yours",
        )
    } else if mode & 0o077 != 0 {
        Finding::wrong(
            "folder",
            format!("others may look into {shown} (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        )
    } else if mode & 0o700 != 0o700 {
        Finding::wrong(
            "folder",
            format!("{shown} cannot be written to (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        )
    } else {
        Finding::ok("folder", format!("{shown} is yours alone"))
    }
}

/// Whether a folder that is missing could be made: whoever makes it writes to the nearest folder that is there.
#[cfg(unix)]
fn to_be_made(path: &Path) -> Finding {
    use rustix::fs::Access;

    let shown = path.display();
    let above = path.ancestors().skip(1).find(|above| above.metadata().is_ok());
    let above = above.unwrap_or_else(|| Path::new("."));
    match rustix::fs::access(above, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok("folder", format!("{shown} will be made when it is needed")),
        Err(error) => {
            let (above, error) = (above.display(), io::Error::from(error));
            Finding::wrong(
                "folder",
                format!("{shown} is missing and cannot be made in {above}: {error}"),
                format!("ls -ld {above}   # make it writable, or export STYXY_HOME=/a/folder/of/yours"),
            )
        }
    }
}

/// Access lists come with the user's profile folder.
#[cfg(not(unix))]
pub(super) fn folder(path: &Path) -> Finding {
    match path.metadata() {
        Ok(metadata) if !metadata.is_dir() => {
            Finding::wrong("folder", format!("{} is not a folder", path.display()), "rename it")
        }
        Ok(_) | Err(_) => Finding::ok("folder", path.display().to_string()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::snapshot;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_and_a_file_say_whether_they_are_right() {
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
        snapshot!("doctor_settings", shown(&found).replace(top.path().to_str().unwrap(), "/home/ada"));
    }
}
