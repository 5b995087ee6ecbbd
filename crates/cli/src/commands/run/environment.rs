//! The variables of the command: its ports, those that its tool reads, and the lease.

use std::process::Command;

use styxy_client::PortRequest;

use super::ask::{Asked, Ports};
use crate::devserver::plan::Plan;
use crate::here::variables::{Served, variables};

/// The changes to the environment that the command inherits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    set: Vec<(String, String)>,
    removed: Vec<&'static str>,
}

impl Environment {
    pub(super) fn apply(&self, command: &mut Command) {
        for name in &self.removed {
            command.env_remove(name);
        }
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
    }
}

/// The variable that leads a plugin inside the command to its lease.
pub(super) const LOCK_ID: &str = "STYXY_LOCK_ID";

pub(super) fn environment(plan: &Plan, requests: &[PortRequest], asked: &Asked) -> Environment {
    let ports = &asked.ports;
    let own = requests.iter().zip(ports.numbers()).map(|(request, port)| Served::new(request, port));
    let served: Vec<Served> = own.chain(asked.siblings.iter().cloned()).collect();
    let mut all = Vec::new();
    if let (Some(row), Some(first)) = (plan.framework, served.first()) {
        let port = first.port.to_string();
        all.extend(row.env.iter().map(|(name, value)| ((*name).to_owned(), value.replace("{port}", &port))));
    }
    all.extend(variables(&served));
    let lock_id = match ports {
        Ports::Leased(grants) => grants.first().and_then(|grant| grant.lock_id),
        Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
    };
    // An inherited one belongs to another port, unless the port is inherited too.
    let removed = match ports {
        Ports::Probed { .. } => vec![LOCK_ID],
        Ports::Leased(_) if lock_id.is_none() => vec![LOCK_ID],
        Ports::Leased(_) | Ports::Exported(_) | Ports::Unknown { .. } => Vec::new(),
    };
    all.extend(lock_id.map(|lock_id| (LOCK_ID.to_owned(), lock_id.to_string())));
    Environment { set: all, removed }
}
