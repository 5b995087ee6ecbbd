//! Who calls, and from where: the values of options that are not given.
#![expect(clippy::needless_pass_by_value, reason = "what crosses from JavaScript is made for this call")]

use std::path::{Path, PathBuf};

use napi_derive::napi;
use styxy_client::agents;
use styxy_core::layout::HOME;

use crate::error::{Result, unplaced};

/// What the calling thread knows about itself. JavaScript reads it at each call: a worker has its own environment, and
/// reading the process' own from another thread would race with code that changes it.
#[napi(object)]
pub struct Caller {
    /// `process.cwd()`, unless that folder was deleted.
    pub cwd: Option<String>,
    /// The values of the variables that `callerVariables()` names, in their order.
    pub variables: Vec<Option<String>>,
}

/// The environment variables that say where and for whom a call is.
#[napi]
pub fn caller_variables() -> Vec<String> {
    names().map(str::to_owned).collect()
}

/// The root of the checkout or project around `folder`; null in a home folder, or if there is no such folder.
#[napi(catch_unwind)]
pub fn project_root(folder: String, caller: Caller) -> Result<Option<String>> {
    let project = caller.look().at(Path::new(&folder)).project();
    project.map(|root| root.map(Into::into)).map_err(|error| unplaced(&error))
}

/// The root of the checkout or project around `folder`; where there is none, the folder itself, canonical if it exists.
#[napi(catch_unwind)]
pub fn project_around(folder: String, caller: Caller) -> Result<String> {
    caller.look().project_around(Path::new(&folder)).map(Into::into).map_err(|error| unplaced(&error))
}

/// The name that servers have by default in the package around `folder`; null at the root of its project.
#[napi(catch_unwind)]
pub fn package_name(folder: String, caller: Caller) -> Option<String> {
    caller.look().at(Path::new(&folder)).package().map(Into::into)
}

impl Caller {
    /// The caller, with the checkout that it is in, which is read from the disk.
    pub(crate) fn look(&self) -> styxy_client::Caller {
        let value = |name: &str| {
            let index = names().position(|variable| variable == name)?;
            self.variables.get(index)?.clone()
        };
        let folder = self.cwd.as_deref().map(Path::new);
        styxy_client::Caller::new(folder, value(HOME).map(PathBuf::from), value, agents::nearest)
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    std::iter::once(HOME).chain(styxy_client::Caller::VARIABLES.iter().copied())
}
