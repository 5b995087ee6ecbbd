//! An agent's shell under the guard (R94): by the file that it reads before each command, else by the variables of the answer.

use std::env;

use styxy_client::agents::Agent;

use super::shell;
use crate::here::{context, guarded};
use crate::say::shell_word::quoted;

/// Puts the agent's shell under the guard. Returns `variables` with those of the guard that belong in the hook's answer.
pub(super) fn covered(agent: Agent, mut variables: Vec<(String, String)>) -> Vec<(String, String)> {
    let set = |name: &str| env::var_os(name);
    let install = || guarded::Guard::install(&context::layout().ok()?, set).ok();
    let Some(guard) = guarded::off().is_none().then(install).flatten() else { return variables };
    let Some(path) = shell::file(agent) else {
        // As a value a PATH would be that of this hook, and not that of the shell. Every bash adds the shims itself.
        let others = guard.variables(set).into_iter().filter(|(name, _)| *name != "PATH");
        variables.extend(others.map(|(name, value)| (name.to_owned(), value)));
        return variables;
    };
    // In some versions of the agent `PATH` is not set yet when the file is read.
    let usual = env::var("PATH").unwrap_or_default();
    let file = quoted(&guard.shell.to_string_lossy());
    let usual = quoted(&usual);
    let lines =
        format!("[ -n \"${{PATH-}}\" ] || export PATH={usual}\nif [ -r {file} ]; then . {file}; fi\n");
    // Without it every bash still has the guard by `BASH_ENV` of the settings.
    let _ = shell::append(&path, &lines);
    variables
}
