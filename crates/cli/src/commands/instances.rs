//! `styxy instances`: the live agent sessions.

use std::io;
use std::path::Path;

use styxy_core::WallTime;
use styxy_core::api::InstanceView;

use crate::here::caller::user_home;
use crate::here::context::Context;
use crate::here::worktrees::{self, Worktrees};
use crate::say::age::{ago, now};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::say::table::{Column, Table, UNKNOWN};

/// List the live agent sessions and their ports
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy instances
  styxy instances --json"))]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let answer = context.ask(async |client| client.instances().await)?;
        context.output.answer(&answer, |out| {
            if answer.instances.is_empty() {
                return io::Write::write_all(out, NOTHING.as_bytes());
            }
            let worktrees = Worktrees::at(answer.instances.iter().flat_map(|one| &one.working_directory));
            table(&answer.instances, &worktrees, now(), user_home().as_deref()).print(output::width(), out)
        })?;
        Ok(Exit::Done)
    }
}

const NOTHING: &str = "No agent session is registered. To see all leases: styxy list\n";

const COLUMNS: [Column; 8] = {
    let [project, branch, folder] = worktrees::COLUMNS;
    [
        Column::new("INSTANCE").at_least(12).better(16),
        Column::new("LIVES BY").leaves(5),
        Column::new("PORTS").at_least(9).leaves(7),
        project,
        branch,
        folder,
        Column::new("HEARTBEAT").leaves(2).if_known(),
        Column::new("SINCE").leaves(3),
    ]
};

fn table(instances: &[InstanceView], worktrees: &Worktrees, now: WallTime, home: Option<&Path>) -> Table<8> {
    let mut table = Table::new(COLUMNS);
    for instance in instances {
        let ports: Vec<String> =
            instance.active_allocations.iter().map(|lease| lease.port.to_string()).collect();
        let (lives_by, heartbeat) = match instance.pid {
            Some(pid) => (format!("pid {pid}"), UNKNOWN.to_owned()),
            None => ("heartbeat".to_owned(), ago(instance.last_heartbeat, now)),
        };
        let [project, branch, folder] = worktrees.cells(instance.working_directory.as_ref(), home);
        table.row([
            instance.instance_id.to_string().into(),
            lives_by.into(),
            if ports.is_empty() { UNKNOWN.into() } else { ports.join(" ").into() },
            project,
            branch,
            folder,
            heartbeat.into(),
            ago(instance.registered_at, now).into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{at_widths, snapshot};
    use serde_json::json;

    #[test]
    #[cfg_attr(windows, ignore = "no folder has such a name there")]
    fn a_session_shows_what_it_lives_by_and_its_ports() {
        let has_no_pid = json!({
            "instance_id": "claude-1", "working_directory": "/home/ada/shop", "pid": null,
            "registered_at": "2026-11-22T17:00:00Z", "last_heartbeat": "2026-11-22T17:59:50Z",
            "active_allocations": [lease(3000, |_| {}), lease(8000, |_| {})], "metadata": null,
        });
        let has_a_pid = json!({
            "instance_id": "ci", "working_directory": null, "pid": 42,
            "registered_at": "2026-11-22T17:58:00Z", "last_heartbeat": "2026-11-22T17:58:00Z",
            "active_allocations": [], "metadata": null,
        });
        let long = json!({
            "instance_id": "claude-0b1c5a0e-7f3e-4b5e-9a55-0d9f3a6f6f10", "pid": null,
            "working_directory": "/srv/店舗/🦀🦀/cafe\u{301}/a\nb\u{1b}[2J",
            "registered_at": "2026-11-22T17:58:00Z", "last_heartbeat": "2026-11-22T17:58:00Z",
            "active_allocations": [], "metadata": null,
        });
        let instances = [has_no_pid, has_a_pid, long].map(|wire| serde_json::from_value(wire).unwrap());
        let now = "2026-11-22T18:00:00Z".parse().unwrap();
        let worktrees = Worktrees::known(&[("/home/ada/shop", "shop", Some("main"))]);
        snapshot!("instances", at_widths(&table(&instances, &worktrees, now, Some(Path::new("/home/ada")))));
    }
}
