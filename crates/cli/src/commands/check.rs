//! `styxy check`: who has a port, leased or not.

use std::io::{self, Write};
use std::path::Path;

use styxy_core::WallTime;
use styxy_core::api::{CheckAnswer, Lease, SystemUsage};

use crate::here::caller::user_home;
use crate::here::context::Context;
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::age::{ago, now};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{STRONG, one_line};
use crate::up::typed;
use styxy_core::printable::tilde;

/// Show who has a port, leased or not
///
/// Exits 0 whether the port is free or taken; with --json, `available` says which.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy check 3000
  styxy check http://localhost:3000/login
  styxy check dev
  styxy check 3000 --json"))]
pub(crate) struct Args {
    #[arg(value_name = "TARGET", help = target::HELP, allow_negative_numbers = true)]
    target: Target,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let named = typed::named(self.target, None, Verb::Check)?;
        let answer = context.ask(async |client| client.check(named.find(client).await?.port()).await)?;
        context.output.answer(&answer, |out| show(&answer, now(), user_home().as_deref(), out))?;
        Ok(Exit::Done)
    }
}

fn show(answer: &CheckAnswer, now: WallTime, home: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{STRONG}Port {} {}.{STRONG:#}", answer.port, headline(answer))?;
    if let Some(reason) =
        answer.reason.as_ref().filter(|_| answer.allocated_to.is_none() && answer.system_usage.is_none())
    {
        writeln!(out, "  why      {}", one_line(reason))?;
    }
    if let Some(usage) = &answer.system_usage {
        listener(usage, now, home, out)?;
    }
    for other in &answer.others {
        also(other, home, out)?;
    }
    if let Some(held) = &answer.allocated_to {
        lease(held, now, home, out)?;
    }
    Ok(())
}

fn headline(answer: &CheckAnswer) -> &'static str {
    match (&answer.allocated_to, &answer.system_usage) {
        (Some(lease), Some(_)) if lease.conflict.is_some() => "is leased, but another process listens on it",
        (Some(_), Some(_)) => "is leased and in use",
        (Some(_), None) => "is leased; nothing listens on it",
        (None, Some(_)) => "is in use, without a lease",
        (None, None) if answer.available => "is free",
        (None, None) => "is unavailable",
    }
}

fn listener(usage: &SystemUsage, now: WallTime, home: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    let process = facts::server(usage);
    writeln!(out, "  process  {}", one_line(process.as_deref().unwrap_or("cannot be identified")))?;
    if let Some(command) = &usage.command {
        writeln!(out, "  command  {}", one_line(command))?;
    }
    if let Some(user) = &usage.user {
        writeln!(out, "  user     {}", one_line(user))?;
    }
    if !usage.addresses.is_empty() {
        writeln!(out, "  on       {}", usage.addresses.join(", "))?;
    }
    if let Some(folder) = usage.container.as_ref().and_then(|container| container.folder.as_ref()) {
        writeln!(out, "  folder   {}", one_line(&tilde(folder, home)))?;
    }
    if let Some(project) = &usage.project_path {
        let branch = usage.branch.as_ref().map(|branch| format!(" (branch {branch})")).unwrap_or_default();
        writeln!(out, "  project  {}{}", one_line(&tilde(project.as_str(), home)), one_line(&branch))?;
    }
    if let Some(started) = usage.started_at {
        writeln!(out, "  since    {} ({started})", ago(started, now))?;
    }
    Ok(())
}

/// Another process that listens, on one line.
fn also(usage: &SystemUsage, home: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    let process = facts::server(usage);
    let process = process.as_deref().unwrap_or("a process that cannot be seen");
    let place = usage.project_path.as_ref().map(|project| format!(", {}", tilde(project.as_str(), home)));
    let place = place.unwrap_or_default();
    writeln!(out, "  also     {} on {}{}", one_line(process), usage.addresses.join(", "), one_line(&place))
}

fn lease(lease: &Lease, now: WallTime, home: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  lease    {}, granted {}", lease.lock_id, ago(lease.allocated_at, now))?;
    writeln!(out, "  for      {}, {}", facts::service(lease), one_line(&facts::who(lease)))?;
    if let Some(name) = lease.named_url.as_ref().or(lease.host.as_ref()) {
        writeln!(out, "  name     {}", one_line(name))?;
    }
    if let Some(project) = &lease.project_path {
        writeln!(out, "  in       {}", one_line(&tilde(project.as_str(), home)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease as a_lease;
    use crate::say::shown::{each, plain, snapshot};
    use serde_json::json;

    fn shown(wire: serde_json::Value) -> String {
        let answer: CheckAnswer = serde_json::from_value(wire).unwrap();
        let now = "2026-11-22T17:50:00Z".parse().unwrap();
        plain(|out| show(&answer, now, Some(Path::new("/home/ada")), out))
    }

    #[test]
    fn a_port_says_who_has_it_where_and_since_when() {
        let nobody = || json!({"port": 3000, "available": false, "allocated_to": null, "system_usage": null, "reason": null});
        let changed = |change: fn(&mut serde_json::Value)| {
            let mut wire = nobody();
            change(&mut wire);
            shown(wire)
        };
        let cards = [
            ("free", changed(|wire| wire["available"] = json!(true))),
            ("not this user's to bind", changed(|wire| wire["reason"] = json!("not this user's to bind"))),
            ("leased", changed(|wire| wire["allocated_to"] = json!(a_lease(3000, |_| {})))),
            (
                "leased, with a name",
                changed(|wire| {
                    wire["allocated_to"] = json!(a_lease(3000, |lease| {
                        lease["host"] = json!("dev.shop.localhost");
                        lease["named_url"] = json!("http://dev.shop.localhost:9876");
                    }));
                }),
            ),
            (
                "in use by a process that cannot be seen",
                changed(|wire| wire["system_usage"] = json!({"addresses": ["0.0.0.0"], "user": "33"})),
            ),
            (
                "a container's",
                changed(|wire| {
                    wire["allocated_to"] = json!(a_lease(3000, |lease| lease["state"] = json!("active")));
                    wire["system_usage"] = json!({"addresses": ["0.0.0.0"], "user": "root", "same_user": false,
                        "project_path": "/home/ada/shop", "branch": "main",
                        "container": {"name": "shop-web-1", "compose_project": "shop", "compose_service": "web",
                            "folder": "/home/ada/shop/deploy"}});
                }),
            ),
            (
                "a stranger's",
                changed(|wire| {
                    let conflict = json!({"pid": 9, "process": "nc"});
                    wire["allocated_to"] = json!(a_lease(3000, |lease| lease["conflict"] = conflict));
                    wire["system_usage"] =
                        json!({"pid": 9, "process": "a\nb\u{1b}[2J", "addresses": ["::1"]});
                }),
            ),
            (
                "leased and in use",
                shown(json!({"port": 3000, "available": false, "allocated_to": a_lease(3000, |wire| {
                    wire["instance_id"] = json!("claude-1");
                    wire["project_path"] = json!("/home/ada/shop");
                    wire["state"] = json!("active");
                }),
                "system_usage": {"pid": 42, "process": "node", "command": "node server.js\nx", "user": "ada",
                    "addresses": ["127.0.0.1", "::1"], "project_path": "/home/ada/shop", "branch": "main",
                    "started_at": "2026-11-22T17:45:00Z"},
                "others": [{"pid": 43, "process": "node", "addresses": ["::1"], "project_path": "/home/ada/fix"}],
                "reason": "leased by claude-1"})),
            ),
        ];
        snapshot!("check", each(cards));
    }
}
