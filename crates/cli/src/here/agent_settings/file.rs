//! Reads and writes a settings file, following the links that lead to it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use styxy_core::api::{Code, Refusal};
use styxy_core::json::{place, without_mark};

use super::edit::Trouble;
use crate::say::failure::Failure;

/// The longest settings file that is read, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The text of the file; empty if it does not exist.
///
/// # Errors
/// It cannot be read, is too long or is not text.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let text = || -> io::Result<String> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        let mut text = String::new();
        File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
        if text.len() as u64 > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is too long for settings"));
        }
        Ok(text)
    };
    match text() {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(refused(path, &format!("cannot be read: {error}"))),
    }
}

/// Writes the whole file or nothing; its permissions and owner stay, and links still lead to it.
///
/// `before` is what was read.
///
/// # Errors
/// It cannot be written, or somebody else has written it since.
pub(crate) fn write(path: &Path, before: &str, text: &str) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let target = target(path)?;
        let folder = target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let found = match fs::metadata(&target) {
            // A read-only file is not replaced either.
            Ok(found) if found.permissions().readonly() => return Err(io::ErrorKind::PermissionDenied.into()),
            Ok(found) => Some(found),
            Err(_) => None,
        };
        if found.is_some() && fs::read(&target)? != before.as_bytes() {
            return Err(io::Error::other("it has changed since it was read"));
        }
        // Replacing it would leave its other hard links with the old content.
        if found.as_ref().is_some_and(has_other_names) {
            return overwrite(&target, before, text);
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let beside = folder.join(format!(".{name}.styxy-{}", std::process::id()));
        let written: io::Result<bool> = (|| {
            let mut file = create(&beside)?;
            file.write_all(text.as_bytes())?;
            if let Some(found) = &found {
                if !is_given_away(&file, found) {
                    return Ok(false);
                }
                file.set_permissions(found.permissions())?;
            }
            file.sync_all()?;
            fs::rename(&beside, &target)?;
            Ok(true)
        })();
        if !matches!(written, Ok(true)) {
            let _ = fs::remove_file(&beside);
        }
        if written? { Ok(()) } else { overwrite(&target, before, text) }
    };
    write().map_err(|error| refused(path, &format!("cannot be written: {error}")))
}

/// Removes the file. `before` is what was read.
///
/// # Errors
/// It cannot be removed, or somebody else has written it since.
pub(crate) fn remove(path: &Path, before: &str) -> Result<(), Failure> {
    let remove = || {
        if fs::read(path)? != before.as_bytes() {
            return Err(io::Error::other("it has changed since it was read"));
        }
        fs::remove_file(path)
    };
    remove().map_err(|error| refused(path, &format!("cannot be removed: {error}")))
}

/// Writes into the file itself; restores the old content if that fails.
fn overwrite(path: &Path, before: &str, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let mut put = |text: &str| {
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)?;
        file.sync_all()
    };
    put(text).inspect_err(|_| {
        let _ = put(before);
    })
}

#[cfg(unix)]
fn has_other_names(found: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) > 1
}

/// Whether a new file belongs to the owner and group of the one that it replaces; changes them if possible.
#[cfg(unix)]
fn is_given_away(file: &File, found: &Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is_theirs = |new: Metadata| (new.uid(), new.gid()) == (found.uid(), found.gid());
    file.metadata().is_ok_and(is_theirs) || fchown(file, Some(found.uid()), Some(found.gid())).is_ok()
}

#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn is_given_away(_: &File, _: &Metadata) -> bool {
    true
}

/// Creates a file that only this user can read: settings contain secrets.
fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// Where the links lead, even if nothing is there.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many links as operating systems follow.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "its links lead nowhere"))
}

fn refused(path: &Path, why: &str) -> Failure {
    let refusal = Refusal::new(Code::Forbidden, format!("{} {why}; nothing was changed", path.display()));
    refusal.hint("styxy hooks install AGENT --dry-run").detail("path", path.to_string_lossy()).into()
}

/// The refusal of a file that cannot be changed; `text` is its content.
pub(crate) fn unfit(path: &Path, text: &str, trouble: &Trouble) -> Failure {
    let shown = path.display();
    let mistake = match trouble {
        Trouble::Mistaken(mistake) => mistake,
        Trouble::Unsure => {
            let sentence = format!("the change would damage {shown}; nothing was changed");
            return Refusal::new(Code::InvalidRequest, sentence)
                .hint("change the layout of the file, and try again")
                .detail("path", path.to_string_lossy())
                .into();
        }
    };
    let (line, column) = place(without_mark(text), mistake.at);
    let sentence = format!("{shown}:{line}:{column}: {}; nothing was changed", mistake.message);
    let hint = mistake.hint.as_deref().unwrap_or("fix the file, and try again");
    let refusal = Refusal::new(Code::InvalidRequest, sentence).hint(hint);
    refusal.detail("path", path.to_string_lossy()).detail("line", line).detail("column", column).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, snapshot};
    use styxy_core::json::Mistake;

    #[test]
    fn a_refusal_says_why_the_settings_were_not_changed() {
        let path = Path::new("/home/ada/.claude/settings.json");
        let text = "{\n  \"hooks\": []\n}";
        let mistake = Mistake::new(13, "this is not an object; allowed: { … }");
        snapshot!(
            "settings_refused",
            each([
                ("a mistake", failed(unfit(path, text, &Trouble::Mistaken(mistake)))),
                ("unsure", failed(unfit(path, text, &Trouble::Unsure))),
                ("not readable", failed(refused(path, "cannot be read: permission denied"))),
            ])
        );
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        write(&path, "", "{}").unwrap();
        assert!(write(&path, "{ }", "{ \"a\": 1 }").is_err());
        assert!(write(&path, "", "{ \"a\": 1 }").is_err());
        assert_eq!(read(&path).unwrap(), "{}");
        write(&path, "{}", "{ \"a\": 1 }").unwrap();
        assert_eq!(read(&path).unwrap(), "{ \"a\": 1 }");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_whole_file_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        fs::write(&path, "a long text").unwrap();
        overwrite(&path, "a long text", "short").unwrap();
        assert_eq!(read(&path).unwrap(), "short");
        overwrite(&path, "short", "a longer text again").unwrap();
        assert_eq!(read(&path).unwrap(), "a longer text again");
    }
}
