//! The variables of the command: its ports, those that its tool reads, and the lease.

use std::env;
use std::path::Path;
use std::process::Command;

use styxy_client::{PortRequest, ProjectFile};

use super::ask::{Asked, Ports};
use super::more;
use crate::devserver::plan::Plan;
use crate::here::texts::Texts;
use crate::here::variables::{NAMED_URL, Served, named_variable, with_texts};
use crate::process::table::MARK;

/// The changes to the environment that the command inherits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    set: Vec<(String, String)>,
    removed: Vec<String>,
}

/// What a package manager has in its variables about the shell that runs scripts: npm and yarn 1, pnpm.
pub(super) const SHELLS: [&str; 2] = ["npm_config_script_shell", "pnpm_config_script_shell"];

/// How that shell begins servers, if it is this program.
pub(super) const SCRIPT_SHELL: &str = "STYXY_SCRIPTS";

/// A warning that the runs inside of this one do not repeat.
pub(super) const TOLD: &str = "STYXY_TOLD";

/// That a person sees the command's output, although a runner reads that of the runs inside of this one.
pub(super) const SEEN: &str = "STYXY_SEEN";

impl Environment {
    /// For a command whose servers have their own ports: without one that this command inherited from another run.
    pub(super) fn without_port() -> Self {
        let port = env::var("PORT").ok();
        let is_ours = port.is_some() && port == env::var("STYXY_PORT").ok();
        let ours = ["PORT", "STYXY_PORT", "STYXY_URL", NAMED_URL, LOCK_ID];
        let removed = if is_ours { &ours[..] } else { &[LOCK_ID] };
        Self { set: Vec::new(), removed: removed.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// With a warning that was given already.
    pub(super) fn with_told(mut self, warning: Option<String>) -> Self {
        self.set.extend(warning.map(|warning| (TOLD.to_owned(), warning)));
        self
    }

    /// With word for the runs inside of this one that a person sees what they say.
    pub(super) fn with_seen(mut self) -> Self {
        self.set.push((SEEN.to_owned(), "1".to_owned()));
        self
    }

    /// With `program` as the shell for scripts, which reads `how` to begin their servers.
    pub(super) fn with_script_shell(mut self, program: &Path, how: &str) -> Self {
        let program = program.to_string_lossy();
        self.set.extend(SHELLS.map(|name| (name.to_owned(), program.clone().into_owned())));
        self.set.push((SCRIPT_SHELL.to_owned(), how.to_owned()));
        self
    }

    pub(super) fn apply(&self, command: &mut Command) {
        for name in &self.removed {
            command.env_remove(name);
        }
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
    }
}

/// The variable that leads a plugin inside the command to its lease, and `styxy kill --tree` to what runs under it (R97).
pub(super) const LOCK_ID: &str = MARK;

/// The changes for the command of `plan`, and what to say of the variables that are not among them.
pub(super) fn environment(
    plan: &Plan,
    requests: &[PortRequest],
    asked: &Asked,
    file: Option<&ProjectFile>,
) -> (Environment, Option<String>) {
    let ports = &asked.ports;
    let own = requests.iter().zip(ports.numbers()).enumerate();
    let own = own.map(|(at, (request, port))| Served::new(request, port).called(ports.named_url(at)));
    let own: Vec<Served> = own.collect();
    let served: Vec<Served> = own.iter().chain(&asked.siblings).cloned().collect();
    let mut all = Vec::new();
    if let (Some(row), Some(first)) = (plan.framework, served.first()) {
        let port = first.port.to_string();
        all.extend(row.env.iter().map(|(name, value)| ((*name).to_owned(), value.replace("{port}", &port))));
    }
    for served in &served {
        let more = plan.more.iter().filter(|more| more.second.service == served.service.as_str());
        all.extend(
            more.flat_map(|more| more::variables_of(more, served.port, |name| std::env::var(name).ok())),
        );
    }
    let texts = Texts::of(file, &own, &served);
    let held = texts.told();
    all.extend(with_texts(&served, texts.set));
    let lock_id = match ports {
        Ports::Leased(grants) => grants.first().and_then(|grant| grant.lock_id),
        Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
    };
    // An inherited one belongs to another port, unless the port is inherited too.
    let mut removed = match ports {
        Ports::Probed { .. } => vec![LOCK_ID.to_owned()],
        Ports::Leased(_) if lock_id.is_none() => vec![LOCK_ID.to_owned()],
        Ports::Leased(_) | Ports::Exported(_) | Ports::Unknown { .. } => Vec::new(),
    };
    // So does its name.
    if let Ports::Leased(_) | Ports::Probed { .. } = ports {
        let names = served.iter().map(|one| named_variable(&one.label));
        let names = names.chain(served.first().map(|_| NAMED_URL.to_owned()));
        removed.extend(names.filter(|name| all.iter().all(|(set, _)| set != name)));
    }
    removed.extend([TOLD, SEEN].map(str::to_owned));
    // The command has its port: what it runs with npm is its own affair.
    if env::var_os(SCRIPT_SHELL).is_some() {
        removed.extend(SHELLS.map(str::to_owned));
        removed.push(SCRIPT_SHELL.to_owned());
    }
    all.extend(lock_id.map(|lock_id| (LOCK_ID.to_owned(), lock_id.to_string())));
    (Environment { set: all, removed }, held)
}
