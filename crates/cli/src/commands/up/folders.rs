//! Whether the folders are there that services are to run in.

use styxy_client::Caller;

use crate::say::failure::Failure;
use crate::up::stack::{Source, Stack};

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
            return Err(Failure::usage(
                format!("{}: its folder {shown} does not exist", service.label),
                hint,
            ));
        };
        if !real.is_dir() {
            return Err(Failure::usage(format!("{}: {shown} is not a folder", service.label), hint));
        }
        if !real.starts_with(&stack.root) {
            let error =
                format!("{}: its folder {shown} is outside of {}", service.label, stack.root.display());
            return Err(Failure::usage(error, "services run in their own worktree"));
        }
    }
    Ok(())
}
