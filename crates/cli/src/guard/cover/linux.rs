//! The guard's lines in the file that an agent's shell reads, or its variables where an agent takes these.

use std::env;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use styxy_client::agents::Agent;

use crate::here::context;
use crate::here::guarded::Guard;
use crate::here::off::off;
use crate::say::shell_word::quoted;

/// The guard, and how it gets into an agent's shell.
pub(in crate::guard) struct Cover {
    guard: Guard,
    way: Way,
}

enum Way {
    File(File),
    Values,
}

/// What puts the shells of `agent` under the guard; none if they have no such way, or the guard is off.
pub(in crate::guard) fn of(agent: Agent, file: Option<&Path>) -> Option<Cover> {
    if off().is_some() {
        return None;
    }
    let way = match file {
        Some(file) => Way::File(File::options().append(true).create(true).open(file).ok()?),
        None if agent == Agent::Cursor => Way::Values,
        None => return None,
    };
    let guard = Guard::install(&context::layout().ok()?, |name| env::var_os(name)).ok()?;
    Some(Cover { guard, way })
}

impl Cover {
    /// Puts the shells under the guard. The variables of a session get those of the guard if the agent takes them as values.
    pub(in crate::guard) fn put(self, mut variables: Vec<(String, String)>) -> Vec<(String, String)> {
        match self.way {
            // Without it every bash still has the guard by `BASH_ENV` of the settings.
            Way::File(mut file) => drop(file.write_all(lines(&self.guard).as_bytes())),
            // As a value a PATH would be that of this hook, and not that of the shell. Every bash adds the shims itself.
            Way::Values => {
                let all = self.guard.variables(|name| env::var_os(name)).into_iter();
                let others = all.filter(|(name, _)| *name != "PATH");
                variables.extend(others.map(|(name, value)| (name.to_owned(), value)));
            }
        }
        variables
    }
}

/// In some versions of the agent `PATH` is not set yet when its file is read.
fn lines(guard: &Guard) -> String {
    let usual = quoted(&env::var("PATH").unwrap_or_default());
    let file = quoted(&guard.shell.to_string_lossy());
    format!("[ -n \"${{PATH-}}\" ] || export PATH={usual}\nif [ -r {file} ]; then . {file}; fi\n")
}
