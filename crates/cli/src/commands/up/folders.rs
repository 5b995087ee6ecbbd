//! Whether the folders are there that services are to run in.

use styxy_client::{Caller, ProjectFile};

use crate::say::failure::Failure;
use crate::up::stack::{Definition, Source, Stack};

/// A service runs in the worktree, also where a link leads.
///
/// # Errors
/// One of the folders does not exist, is not a folder, or is elsewhere.
pub(super) fn check(here: &Caller, stack: &Stack) -> Result<(), Failure> {
    let hint = match stack.source {
        Source::File(_) => "make that folder, or correct cwd, which is relative to the file",
        Source::Procfile(_) | Source::Workspace(_) | Source::Script(_) | Source::Launch(_) => {
            "make that folder"
        }
    };
    for service in &stack.services {
        let shown = service.cwd.display();
        let real = here.at(&service.cwd);
        let Some(real) = real.folder() else {
            return Err(wrong(stack, service, &format!("its folder {shown} does not exist"), hint));
        };
        if !real.is_dir() {
            return Err(wrong(stack, service, &format!("{shown} is not a folder"), hint));
        }
        if !real.starts_with(&stack.root) {
            let error = format!("its folder {shown} is outside of {}", stack.root.display());
            return Err(wrong(stack, service, &error, "services run in their own worktree"));
        }
    }
    Ok(())
}

/// With the place in the project's file, if that names the folder.
fn wrong(stack: &Stack, service: &Definition, error: &str, hint: &str) -> Failure {
    let label = &service.label;
    let file = match &stack.source {
        Source::File(path) => ProjectFile::at(path).ok().flatten(),
        Source::Procfile(_) | Source::Workspace(_) | Source::Script(_) | Source::Launch(_) => None,
    };
    let error = file.map_or_else(|| format!("{label}: {error}"), |file| file.said_of(label, "cwd", error));
    Failure::usage(error, hint)
}
