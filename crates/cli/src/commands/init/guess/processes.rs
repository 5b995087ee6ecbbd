//! The processes of a Procfile that are servers.

use std::path::Path;

use styxy_core::ServiceType;

use super::{Guess, found_in};
use crate::devserver::folder::{Folder, read};
use crate::devserver::inward::procfile_servers;

/// The servers of the repository's Procfile: of the one for development, else of the one for all, where nothing else says what is
/// to be run.
pub(super) fn find(root: &Path, is_only: bool) -> Vec<Guess> {
    let files: &[&str] = if is_only { &["Procfile.dev", "Procfile"] } else { &["Procfile.dev"] };
    let Some((file, text)) = files.iter().find_map(|file| Some((file, read(&root.join(file))?))) else {
        return Vec::new();
    };
    let around = Folder::alone(root);
    let guess = |(name, command): (String, String)| {
        let service = ServiceType::new(&name).ok()?;
        Some(found_in(&around, &command, service, &format!("the process {name} of {file}")))
    };
    procfile_servers(&text, &around).into_iter().filter_map(guess).collect()
}
