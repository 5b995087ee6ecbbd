//! Which agent session a server is of that nobody asked a port for: as its environment and the agents above it say (R61), else the
//! one whose process is above it.

use styxy_core::{InstanceId, Listener, ProcessKey};

use super::Daemon;

/// What shows of which session the process of a listener is. Some of it can be read only while the process runs.
#[derive(Debug)]
pub(super) struct Signs {
    process: ProcessKey,
    /// The session that its environment or the nearest agent names.
    named: Option<InstanceId>,
    /// The process and those above it.
    line: Vec<ProcessKey>,
}

impl Signs {
    /// Those of each listener; `line` are the processes from one up.
    pub(super) fn of<L: Iterator<Item = ProcessKey>>(
        listeners: &[Listener],
        line: impl Fn(ProcessKey) -> L,
    ) -> Vec<Self> {
        let keys = listeners.iter().filter_map(Listener::key);
        keys.map(|process| {
            let line: Vec<ProcessKey> = line(process).collect();
            Self { process, named: named(process, &line), line }
        })
        .collect()
    }
}

impl Daemon {
    /// The sessions of these processes.
    pub(super) fn sessions(&self, signs: &[Signs]) -> Vec<(ProcessKey, InstanceId)> {
        let engine = self.engine();
        let registered = |signs: &Signs| {
            let above = |process: &ProcessKey| {
                let mut instances = engine.registry().instances();
                let is_its = |key| key == *process;
                let its = instances.find(|instance| {
                    instance.process.as_ref().map(|process| process.key).is_some_and(is_its)
                });
                its.map(|instance| instance.id.clone())
            };
            signs.line.iter().find_map(above)
        };
        let session = |signs: &Signs| {
            let named = signs.named.clone().or_else(|| registered(signs));
            Some((signs.process, named?))
        };
        signs.iter().filter_map(session).collect()
    }
}

#[cfg(target_os = "linux")]
fn named(process: ProcessKey, line: &[ProcessKey]) -> Option<InstanceId> {
    use std::path::Path;

    use styxy_core::session::{self, Running, VARIABLES};

    use crate::system;

    let values = system::variables(process.pid, VARIABLES);
    let value = |name: &str| values[VARIABLES.iter().position(|known| *known == name)?].clone();
    let agent = || {
        line.iter().skip(1).find_map(|above| {
            let words = system::command_line(above.pid)?;
            Running::of_command_line(above.pid.get(), &words, |path| Path::new(path).exists())
        })
    };
    session::instance(value, agent).ok().flatten()
}

/// Only Linux shows the environment of another process at a price that each server is worth.
#[cfg(not(target_os = "linux"))]
const fn named(_: ProcessKey, _: &[ProcessKey]) -> Option<InstanceId> {
    None
}
