//! `config.json` on the disk: read, checked, and refused with the position of the first mistake.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use styxy_core::api::{Code, Refusal};
use styxy_core::config::{self, Config, ConfigError, Parsed};
use styxy_core::layout::Layout;

use crate::say::failure::Failure;

/// At most so many bytes of a file are read; the parser's own limit is lower.
const MOST: u64 = 2 * 1024 * 1024;

/// The settings in `path`; the defaults if there is no such file.
///
/// # Errors
/// It cannot be read, or has a mistake; `details` has `path`, `line` and `column`.
pub(crate) fn read_or_default(path: &Path) -> Result<Parsed, Refusal> {
    match text(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Parsed::default())
        }
        read => checked(path, read),
    }
}

/// The settings in use, for a command that goes by them.
///
/// # Errors
/// Those of [`read_or_default`]: a mistake of whoever has written the file.
pub(crate) fn settings(layout: &Layout) -> Result<Config, Failure> {
    let read = read_or_default(&layout.config());
    read.map(|parsed| parsed.config).map_err(|refusal| Failure::Usage(Box::new(refusal)))
}

/// The settings in `path`.
///
/// # Errors
/// Those of [`read_or_default`], and that there is no such file.
pub(crate) fn read(path: &Path) -> Result<Parsed, Refusal> {
    checked(path, text(path))
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

fn checked(path: &Path, read: io::Result<String>) -> Result<Parsed, Refusal> {
    let shown = path.display();
    let text = read.map_err(|error| {
        Refusal::new(Code::InvalidRequest, format!("{shown}: {error}"))
            .hint("styxy config path")
            .detail("path", shown.to_string())
    })?;
    config::parse(&text).map_err(|mistake| refusal(path, &mistake))
}

fn refusal(path: &Path, mistake: &ConfigError) -> Refusal {
    let ConfigError { line, column, message, hint } = mistake;
    let shown = path.display();
    Refusal::new(Code::InvalidRequest, format!("{shown}:{line}:{column}: {message}"))
        .hint(hint.as_deref().unwrap_or("styxy config schema"))
        .detail("path", shown.to_string())
        .detail("line", *line)
        .detail("column", *column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, moved, snapshot};
    use std::fs;

    #[test]
    fn a_mistake_is_refused_with_its_position() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let refused = |text: &str| {
            fs::write(&path, text).unwrap();
            let refusal = read(&path).unwrap_err();
            assert_eq!(refusal.details["path"], path.to_str().unwrap());
            moved(&failed(refusal), folder.path(), "/home/ada/.styxy")
        };
        snapshot!(
            "config_mistakes",
            each([
                ("an unknown key", refused("{\n  \"listenport\": 9000\n}")),
                ("a wrong value", refused("{\"bind_ttl\": -1}")),
            ])
        );
    }

    #[test]
    fn a_missing_file_means_the_defaults_unless_it_was_named() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("config.json");
        assert_eq!(read_or_default(&absent).unwrap(), Parsed::default());
        assert!(read(&absent).is_err());
    }

    #[test]
    fn a_folder_instead_of_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_or_default(folder.path()).unwrap_err().code, Code::InvalidRequest);
    }
}
