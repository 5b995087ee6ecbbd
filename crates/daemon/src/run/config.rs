//! Reading `config.json`.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use styxy_core::config::{self, Parsed};

use super::error::StartError;
use crate::files;
use crate::place::{Cannot, Expected, PlaceError};

/// More than any configuration has, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The configuration in force: the file's, or the built-in one if there is no file.
///
/// # Errors
/// The file cannot be read, is not a regular file of ours, or has a mistake. A link of ours to one is followed: people
/// keep their settings in other folders.
pub(super) fn read(path: &Path) -> Result<Parsed, StartError> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(PlaceError::Kind { path: path.to_owned(), expected: Expected::Config }.into());
    }
    let mut text = String::new();
    match files::open_linked(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)) {
        Ok(_) => config::parse(&text).map_err(|source| StartError::Config { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Parsed::default()),
        Err(error) => Err(Cannot::Read.at(path)(error).into()),
    }
}
