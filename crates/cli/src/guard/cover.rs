//! Puts the shell of an agent's session under the guard (R94).

use std::env;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use styxy_client::agents::Agent;

use crate::here::context;
use crate::here::guarded::{self, Guard};
use crate::say::shell_word::quoted;

/// The variables of a session, and those of the guard if the agent takes them as values. Else its file of variables, if it has
/// one, gets the guard's lines.
pub(super) fn covered(
    agent: Agent,
    file: Option<&Path>,
    mut variables: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let set = |name: &str| env::var_os(name);
    let install = || Guard::install(&context::layout().ok()?, set).ok();
    let Some(guard) = guarded::off().is_none().then(install).flatten() else { return variables };
    match file {
        // Without it every bash still has the guard by `BASH_ENV` of the settings.
        Some(file) => {
            let appended = File::options().append(true).create(true).open(file);
            let _ = appended.and_then(|mut file| file.write_all(lines(&guard).as_bytes()));
        }
        // As a value a PATH would be that of this hook, and not that of the shell. Every bash adds the shims itself.
        None if agent == Agent::Cursor => {
            let others = guard.variables(set).into_iter().filter(|(name, _)| *name != "PATH");
            variables.extend(others.map(|(name, value)| (name.to_owned(), value)));
        }
        None => {}
    }
    variables
}

/// In some versions of the agent `PATH` is not set yet when its file is read.
fn lines(guard: &Guard) -> String {
    let usual = quoted(&env::var("PATH").unwrap_or_default());
    let file = quoted(&guard.shell.to_string_lossy());
    format!("[ -n \"${{PATH-}}\" ] || export PATH={usual}\nif [ -r {file} ]; then . {file}; fi\n")
}
