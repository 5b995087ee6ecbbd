//! Who calls, and from where: what an option means that is not given.

use std::path::{Path, PathBuf};

use napi_derive::napi;
use styxy_client::{place, project};
use styxy_core::project::Project;
use styxy_core::{InstanceId, Invalid, Pid, ProjectPath};

use crate::error::{Result, invalid, refused, wrong};

/// What the calling thread knows of itself. Read in JavaScript at each call: a worker has its own environment, and
/// reading the process' own from another thread would race with whoever changes it.
#[napi(object)]
pub struct Caller {
    /// `process.cwd()`, unless it is gone.
    pub cwd: Option<String>,
    /// The user's home folder, which is no project even if it has a `.git`.
    pub home: Option<String>,
    /// The values of `instanceVariables()`, in their order.
    pub instance: Vec<Option<String>>,
}

/// The variables that name an agent session, the first that is set first.
#[napi]
pub fn instance_variables() -> Vec<String> {
    place::INSTANCE_VARIABLES.map(str::to_owned).to_vec()
}

const EXISTS: &str = "a folder that exists";

impl Caller {
    pub(crate) fn pid() -> Result<Pid> {
        Pid::new(std::process::id())
            .ok_or_else(|| invalid("pid", "this process has no pid", "a process with one"))
    }

    pub(crate) fn instance(&self) -> Result<Option<InstanceId>> {
        let value = |name: &str| {
            let index = place::INSTANCE_VARIABLES.iter().position(|variable| *variable == name)?;
            self.instance.get(index)?.clone()
        };
        place::instance_id(value).map_err(|value| wrong("instance", value))
    }

    /// The worktree around the caller's folder; none outside of one.
    pub(crate) fn project(&self) -> Result<Option<ProjectPath>> {
        let Some(here) = self.cwd.as_deref() else { return Ok(None) };
        place::project_root(Path::new(here), self.home()).map(|root| key(&root)).transpose()
    }

    /// What the project file says that counts in `folder`, or where the caller is.
    pub(crate) fn wishes(&self, folder: Option<&ProjectPath>) -> Result<Project> {
        let Some(folder) = folder.map(ProjectPath::as_str).or(self.cwd.as_deref()) else {
            return Ok(Project::default());
        };
        let found = project::around(Path::new(folder), self.home());
        found.map(Option::unwrap_or_default).map_err(|error| refused(error.refusal()))
    }

    /// The folder `given` as leases name it: canonical.
    pub(crate) fn existing_project(&self, given: &str) -> Result<ProjectPath> {
        if given.is_empty() {
            return Err(wrong("project", Invalid::text(given, "is not a path", EXISTS)));
        }
        let path = self.absolute(given);
        let found = place::canonical(&path)
            .map_err(|error| invalid("project", &format!("{given:?}: {error}"), EXISTS))?;
        key(&found)
    }

    /// The folder `given` as leases name it, also if it is gone by now.
    pub(crate) fn known_project(&self, given: &str) -> Result<ProjectPath> {
        let path = self.absolute(given);
        key(&place::canonical(&path).unwrap_or(path))
    }

    fn home(&self) -> Option<&Path> {
        self.home.as_deref().filter(|home| !home.is_empty()).map(Path::new)
    }

    fn absolute(&self, given: &str) -> PathBuf {
        self.cwd.as_deref().map_or_else(|| given.into(), |here| Path::new(here).join(given))
    }
}

fn key(path: &Path) -> Result<ProjectPath> {
    let text =
        path.to_str().ok_or_else(|| invalid("project", &path.display().to_string(), "a path in Unicode"))?;
    ProjectPath::new(text).map_err(|value| wrong("project", value))
}
