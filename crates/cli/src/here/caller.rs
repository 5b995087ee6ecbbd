//! Where and for whom this command runs, as its folder and its environment say.

use std::env;
use std::path::PathBuf;

use styxy_client::{Caller, CallerError, ProjectError, ProjectFile, agents};
use styxy_core::belongs::STACK;
use styxy_core::project::Project;

use crate::say::failure::Failure;
use crate::say::output;

/// The user's home folder.
pub(crate) fn user_home() -> Option<PathBuf> {
    env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// Where and for whom this command runs, as it is now.
pub(crate) fn caller() -> Caller {
    let folder = env::current_dir().ok();
    Caller::new(folder.as_deref(), user_home(), |name| env::var(name).ok(), agents::nearest)
}

/// A test's folder, as leases name it.
#[cfg(test)]
pub(crate) fn canonical(folder: &std::path::Path) -> PathBuf {
    Caller::new(Some(folder), None, |_| None, || None).folder().unwrap().to_owned()
}

/// That the current folder was deleted, with the name that it had, as far as that is known.
pub(crate) fn deleted() -> String {
    #[cfg(target_os = "linux")]
    let link = std::fs::read_link("/proc/self/cwd").ok();
    #[cfg(not(target_os = "linux"))]
    let link = None::<PathBuf>;
    let before = link.as_ref().and_then(|link| link.to_str()?.strip_suffix(" (deleted)").map(str::to_owned));
    match before.or_else(|| env::var("PWD").ok().filter(|before| !before.is_empty())) {
        Some(before) => format!("the current folder {} was deleted", output::one_line(&before)),
        None => "the current folder was deleted".to_owned(),
    }
}

/// That there is no project to keep a port for, because the current folder was deleted.
pub(crate) fn nowhere(caller: &Caller) -> Option<String> {
    caller.folder().is_none().then(|| format!("{}; the port is not kept for a project", deleted()))
}

/// The project's file of `caller`. Keys of it that are not known are one warning.
///
/// # Errors
/// It cannot be read, or has a mistake.
pub(crate) fn file(caller: &Caller) -> Result<Option<Project>, ProjectError> {
    Ok(named_file(caller)?.map(|file| file.project))
}

/// The same with its place.
///
/// # Errors
/// As [`file()`].
pub(crate) fn named_file(caller: &Caller) -> Result<Option<ProjectFile>, ProjectError> {
    let file = caller.named_file()?;
    if let Some(warning) = file.as_ref().and_then(unsaid) {
        warning.lines().for_each(output::warning);
    }
    Ok(file)
}

/// That keys of it are not used, unless `styxy up` has said so, below which this is: it would be in the service's log as if the
/// program had printed it.
pub(crate) fn unsaid(file: &ProjectFile) -> Option<String> {
    env::var_os(STACK).is_none().then(|| file.warning()).flatten()
}

/// What people call the place that servers of this caller's are in.
pub(crate) fn ground(caller: &Caller) -> &'static str {
    match (caller.checkout(), caller.known_root()) {
        (Some(_), _) => "worktree",
        (None, Some(_)) => "project",
        (None, None) => "folder",
    }
}

impl From<CallerError> for Failure {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::InvalidPath { .. } => {
                Self::usage(error.to_string(), "give another folder with --project DIR")
            }
            CallerError::NoFolder { given, source } => {
                Self::usage(format!("--project {}: {source}", given.display()), "give a folder that exists")
            }
            CallerError::InvalidSession { source } => {
                Self::usage(source.to_string(), "set STYXY_INSTANCE to such a name, or unset it")
            }
        }
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        Self::Usage(Box::new(error.refusal()))
    }
}
