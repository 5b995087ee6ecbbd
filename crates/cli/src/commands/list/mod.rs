//! `styxy list`: the live leases.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use styxy_core::api::{AllocationsQuery, Lease};
use styxy_core::{InstanceId, Port, ServiceType, WallTime};

use crate::here::caller::{caller, user_home};
use crate::here::context::Context;
use crate::say::age::{ago, now};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output;
use crate::say::table::{Cell, Table, UNKNOWN, tilde};

/// List who has which port
///
/// A lease is `granted` while nothing listens on its port, `active` while its server does, and in `conflict` while a
/// process of another project or user does.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy list
  styxy list --service dev
  styxy list --project .
  styxy list --json | jq '.allocations[].port'"))]
pub(crate) struct Args {
    /// Only leases of this service type
    #[arg(short, long, value_name = "TYPE")]
    service: Option<ServiceType>,
    /// Only leases of this project: usually the root of a git worktree
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    project: Option<PathBuf>,
    /// Only leases of this agent session
    #[arg(long, value_name = "ID")]
    instance: Option<InstanceId>,
    /// Only the lease of this port
    #[arg(short, long, allow_negative_numbers = true)]
    port: Option<Port>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let query = AllocationsQuery {
            service_type: self.service,
            instance_id: self.instance,
            project_path: self.project.as_deref().map(|folder| caller().project_named(folder)).transpose()?,
            port: self.port,
        };
        let answer = context.ask(async |client| client.allocations(&query).await)?;
        context.output.answer(&answer, |out| {
            if answer.allocations.is_empty() {
                return nothing(&query, out);
            }
            table(&answer.allocations, now(), user_home().as_deref()).print(output::width(), out)
        })?;
        Ok(Exit::Done)
    }
}

fn table(leases: &[Lease], now: WallTime, home: Option<&Path>) -> Table<6> {
    let mut table = Table::new(["PORT", "SERVICE", "STATE", "WHO", "PROJECT", "SINCE"]);
    for lease in leases {
        table.row([
            lease.port.to_string().into(),
            facts::service(lease).into(),
            facts::state(lease).into(),
            facts::who(lease).into(),
            Cell::Path(lease.project_path.as_ref().map_or(UNKNOWN.into(), |path| tilde(path.as_str(), home))),
            ago(lease.allocated_at, now).into(),
        ]);
    }
    table
}

fn nothing(query: &AllocationsQuery, out: &mut impl Write) -> io::Result<()> {
    if *query == AllocationsQuery::default() {
        writeln!(out, "No port is leased. To get one: styxy allocate --service dev")
    } else {
        writeln!(out, "No lease matches. To see all leases: styxy list")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{at_widths, each, plain, snapshot};
    use serde_json::json;

    #[test]
    fn a_list_shows_port_service_state_who_project_and_age() {
        let leases = [
            lease(80, |wire| wire["project_path"] = json!("/srv/店舗/🦀🦀/cafe\u{301}/frontend")),
            lease(3000, |wire| {
                wire["service_name"] = json!("web");
                wire["state"] = json!("active");
                wire["instance_id"] = json!("claude-1");
                wire["project_path"] = json!("/home/ada/code/shop/packages/web");
            }),
            lease(3001, |wire| wire["conflict"] = json!({"pid": 9, "process": "a\nb\u{1b}[2J"})),
            lease(10000, |wire| {
                wire["owner"] = json!({"kind": "process", "pid": 42, "process": "bash"});
                wire["project_path"] = json!(null);
            }),
        ];
        let now = "2026-11-22T17:43:10Z".parse().unwrap();
        snapshot!("list", at_widths(&table(&leases, now, Some(Path::new("/home/ada")))));
    }

    #[test]
    fn an_empty_list_says_what_to_type_next() {
        let filtered = AllocationsQuery { port: Port::new(3000).ok(), ..AllocationsQuery::default() };
        snapshot!(
            "list_empty",
            each([
                ("no lease", plain(|out| nothing(&AllocationsQuery::default(), out))),
                ("no lease matches", plain(|out| nothing(&filtered, out))),
            ])
        );
    }
}
