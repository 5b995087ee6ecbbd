//! Where and for whom the command runs: the project and the agent session that a lease is asked for.

use std::env;
use std::path::{Path, PathBuf};

use styxy_client::place;
use styxy_core::{InstanceId, ProjectPath};

use crate::say::failure::Failure;

/// The user's home folder.
pub(crate) fn user_home() -> Option<PathBuf> {
    env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// The worktree the command runs in; none outside of one.
///
/// # Errors
/// Its path is not Unicode: it could not be told from another.
pub(crate) fn current_project() -> Result<Option<ProjectPath>, Failure> {
    let Some(here) = env::current_dir().and_then(|here| here.canonicalize()).ok() else { return Ok(None) };
    place::project_root(&here, user_home().as_deref()).map(|root| key(&root)).transpose()
}

/// The agent session the command runs in; none for a person's shell.
///
/// # Errors
/// The environment names one that cannot be a name.
pub(crate) fn current_instance() -> Result<Option<InstanceId>, Failure> {
    place::instance_id(|name| env::var(name).ok())
        .map_err(|error| Failure::usage(error.to_string(), "set STYXY_INSTANCE to such a name, or unset it"))
}

/// The folder `given` as leases name it: canonical.
///
/// # Errors
/// There is no such folder, or its path is not Unicode.
pub(crate) fn existing_project(given: &Path) -> Result<ProjectPath, Failure> {
    let found = given.canonicalize().map_err(|error| {
        Failure::usage(format!("--project {}: {error}", given.display()), "give a folder that exists")
    })?;
    key(&found)
}

/// The folder `given` as leases name it, also if it is gone by now.
///
/// # Errors
/// Its path is not Unicode.
pub(crate) fn known_project(given: &Path) -> Result<ProjectPath, Failure> {
    let found = given.canonicalize().or_else(|_| std::path::absolute(given));
    key(found.as_deref().unwrap_or(given))
}

/// `path` as leases name it.
///
/// # Errors
/// It is not Unicode.
pub(crate) fn key(path: &Path) -> Result<ProjectPath, Failure> {
    let text = path.to_str().ok_or_else(|| {
        Failure::usage(
            format!("the path {} is not Unicode", path.display()),
            "give another folder with --project DIR",
        )
    })?;
    ProjectPath::new(text)
        .map_err(|error| Failure::usage(error.to_string(), "give a folder with --project DIR"))
}
