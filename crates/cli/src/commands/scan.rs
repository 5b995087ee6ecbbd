//! `styxy scan`: every listener and every lease in a range.

use std::io::Write;
use std::path::Path;

use styxy_core::PortRange;
use styxy_core::api::{PortInUse, ScanAnswer, ScanQuery};

use crate::here::caller::user_home;
use crate::here::context::Context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output;
use crate::say::table::{Cell, Table, UNKNOWN, tilde};

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
                return writeln!(out, "Nothing listens on {scan_range}, and no port of it is leased.");
            }
            table(ports_in_use, user_home().as_deref()).print(output::width(), out)
        })?;
        Ok(Exit::Done)
    }
}

fn table(ports: &[PortInUse], home: Option<&Path>) -> Table<6> {
    let mut table = Table::new(["PORT", "PROCESS", "PID", "USER", "PROJECT", "LEASE"]);
    for PortInUse { port, allocated_to, system_usage, others } in ports {
        let usage = system_usage.as_ref();
        let known = |text: Option<String>| -> Cell { text.unwrap_or_else(|| UNKNOWN.to_owned()).into() };
        let listens_in = usage.and_then(|usage| usage.project_path.as_ref());
        let leased_in = allocated_to.as_ref().and_then(|lease| lease.project_path.as_ref());
        table.row([
            port.to_string().into(),
            match usage {
                Some(usage) => known(usage.process.clone()),
                None => "(nothing listens)".into(),
            },
            known(usage.and_then(|usage| usage.pid).map(|pid| match others.len() {
                0 => pid.to_string(),
                more => format!("{pid} +{more}"),
            })),
            known(usage.and_then(|usage| usage.user.clone())),
            Cell::Path(listens_in.or(leased_in).map_or(UNKNOWN.into(), |path| tilde(path.as_str(), home))),
            known(allocated_to.as_ref().map(|lease| {
                let marked = if lease.conflict.is_some() { " (conflict)" } else { "" };
                format!("{}, {}{marked}", facts::service(lease), facts::who(lease))
            })),
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
    fn a_scan_shows_listeners_and_leases_side_by_side() {
        let answer: ScanAnswer = serde_json::from_value(json!({
            "scan_range": "3000-3099",
            "ports_in_use": [
                {"port": 3000, "allocated_to": null, "system_usage": {"pid": 42, "process": "node", "command": null,
                    "user": "ada", "addresses": ["::"], "project_path": "/home/ada/shop", "branch": null,
                    "started_at": null}, "others": [{"pid": 43, "addresses": ["::"]}, {"addresses": ["127.0.0.1"]}]},
                {"port": 3001, "allocated_to": lease(3001, |_| {}), "system_usage": null},
                {"port": 3002, "allocated_to": null, "system_usage": {"addresses": ["127.0.0.1"]}},
                {"port": 3003, "allocated_to": lease(3003, |wire| wire["conflict"] = json!({"pid": 9})),
                    "system_usage": {"pid": 9, "process": "a\nb\u{1b}[2J", "user": "店舗", "addresses": ["::1"],
                    "project_path": "/srv/店舗/🦀🦀/cafe\u{301}/frontend"}},
            ],
        }))
        .unwrap();
        snapshot!("scan", at_widths(&table(&answer.ports_in_use, Some(Path::new("/home/ada")))));
    }
}
