//! `styxy scan`: every listener and every lease in a range of ports.

use std::io::Write;
use std::path::Path;

use styxy_core::api::{Lease, PortInUse, ScanAnswer, ScanQuery, State, SystemUsage};
use styxy_core::{PortRange, ProjectPath};

use crate::here::caller::user_home;
use crate::here::context::Context;
use crate::here::worktrees::{self, Worktrees};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, GOOD, PENDING, WRONG};
use crate::say::table::{Cell, Column, Table, UNKNOWN};

/// List every listener and every lease in a range of ports
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy scan
  styxy scan 3000-3099
  styxy scan 3000"))]
pub(crate) struct Args {
    /// The range, or one port [default: 1024-65535]
    #[arg(value_name = "START-END", allow_negative_numbers = true)]
    range: Option<PortRange>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let query =
            ScanQuery { start: self.range.map(PortRange::first), end: self.range.map(PortRange::last) };
        let answer = context.ask(async |client| client.scan(&query).await)?;
        context.output.answer(&answer, |out| {
            let ScanAnswer { scan_range, ports_in_use } = &answer;
            if ports_in_use.is_empty() {
                return writeln!(out, "Nothing listens on {scan_range}, and none of these ports is leased.");
            }
            let worktrees = Worktrees::at(ports_in_use.iter().flat_map(folders));
            table(ports_in_use, &worktrees, user_home().as_deref()).print(output::width(), out)
        })?;
        Ok(Exit::Done)
    }
}

/// The folders that are shown for a port.
fn folders(port: &PortInUse) -> impl Iterator<Item = &ProjectPath> {
    let listens_in = port.system_usage.as_ref().and_then(|usage| usage.project_path.as_ref());
    listens_in.or(port.allocated_to.as_ref().and_then(|lease| lease.project_path.as_ref())).into_iter()
}

const COLUMNS: [Column; 7] = {
    let [project, branch, folder] = worktrees::COLUMNS;
    [
        Column::new("PORT"),
        Column::new("WHO").at_least(9).better(16).leaves(7),
        Column::new("USER").at_least(6).leaves(2),
        project,
        branch,
        folder,
        Column::new("LEASE").at_least(8).leaves(6),
    ]
};

fn table(ports: &[PortInUse], worktrees: &Worktrees, home: Option<&Path>) -> Table<7> {
    let mut table = Table::new(COLUMNS);
    for PortInUse { port, allocated_to, system_usage, others } in ports {
        let usage = system_usage.as_ref();
        let listens_in = usage.and_then(|usage| usage.project_path.as_ref());
        let [project, branch, folder] = match (usage, listens_in) {
            (Some(usage), Some(path)) => worktrees.with_branch(path, usage.branch.as_deref(), home),
            _ => worktrees.cells(allocated_to.as_ref().and_then(|lease| lease.project_path.as_ref()), home),
        };
        table.row([
            port.to_string().into(),
            who(usage, others.len()),
            usage.and_then(|usage| usage.user.clone()).unwrap_or_else(|| UNKNOWN.to_owned()).into(),
            project,
            branch,
            folder,
            allocated_to.as_ref().map_or_else(|| UNKNOWN.into(), lease),
        ]);
    }
    table
}

/// Who listens, and how many others do.
fn who(usage: Option<&SystemUsage>, others: usize) -> Cell {
    let Some(usage) = usage else { return Cell::from("nobody yet").styled(PENDING) };
    let server = facts::server(usage).unwrap_or_else(|| UNKNOWN.to_owned());
    if others == 0 { Cell::process(server) } else { format!("{server} +{others}").into() }
}

/// For what the port is leased, and for which session.
fn lease(lease: &Lease) -> Cell {
    let session = lease.instance_id.as_ref().map(|session| format!(", {session}")).unwrap_or_default();
    match (&lease.conflict, lease.state) {
        (Some(_), _) => Cell::from(format!("{}: conflict{session}", facts::service(lease))).styled(WRONG),
        (None, State::Active) => Cell::from(format!("{}{session}", facts::service(lease))).styled(GOOD),
        (None, State::Granted) => Cell::from(format!("{}{session}", facts::service(lease))).styled(PENDING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{at_widths, snapshot};
    use serde_json::json;

    #[test]
    fn a_scan_shows_listeners_and_leases_side_by_side() {
        let answer: ScanAnswer = serde_json::from_value(json!({
            "scan_range": "3000-3099",
            "ports_in_use": [
                {"port": 3000, "allocated_to": null, "system_usage": {"pid": 42, "process": "node", "command": null,
                    "user": "ada", "addresses": ["::"], "project_path": "/home/ada/shop", "branch": "fix/cart",
                    "started_at": null}, "others": [{"pid": 43, "addresses": ["::"]}, {"addresses": ["127.0.0.1"]}]},
                {"port": 3001, "allocated_to": lease(3001, |_| {}), "system_usage": null},
                {"port": 3002, "allocated_to": null, "system_usage": {"addresses": ["127.0.0.1"]}},
                {"port": 3003, "allocated_to": lease(3003, |wire| wire["conflict"] = json!({"pid": 9})),
                    "system_usage": {"pid": 9, "process": "a\nb\u{1b}[2J", "user": "店舗", "addresses": ["::1"],
                    "project_path": "/srv/店舗/🦀🦀/cafe\u{301}/frontend"}},
                {"port": 3004, "allocated_to": lease(3004, |wire| wire["state"] = json!("active")), "system_usage": {
                    "addresses": ["::"], "container": {"name": "shop-web-1", "compose_project": "shop", "compose_service": "web"}}},
            ],
        }))
        .unwrap();
        let worktrees = Worktrees::known(&[("/w/app", "app", Some("main"))]);
        snapshot!("scan", at_widths(&table(&answer.ports_in_use, &worktrees, Some(Path::new("/home/ada")))));
    }
}
