//! `styxy allocate`: leases one port, or several, all or none.

use std::io::{self, Write};
use std::path::PathBuf;

use styxy_client::{Caller, Client, Error, PortRequest, Terms};
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, AllocationsQuery, Code, Grant, Lease, OwnerKind, Refusal, State,
};
use styxy_core::{InstanceId, Pid, Port, RequestId, ServiceName, ServiceType};

use crate::here::caller::{self, caller};
use crate::here::context::Context;
use crate::here::near;
use crate::say::age::span;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, Format, STRONG, one_line};
use crate::up::typed;

/// Get a port that nobody else has
///
/// You get the preferred port if it is free, else the port that this project had last, else another port of the service
/// type; the answer says why. The port stays yours while the process of --pid lives, or while something listens on it.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[command(after_help = examples!("  styxy allocate --service dev
  PORT=$(styxy allocate -s dev -q) npm start
  styxy allocate -s dev -p 8000 --exact      port 8000, or fail
  styxy allocate -s api -n admin --pid $$    yours until this shell ends
  styxy allocate -s dev --block 3 -q         three consecutive ports, such as 8000 to 8002
  styxy allocate -s dev -s api -s storybook  three ports, all or none"))]
pub(crate) struct Args {
    /// What the port is for: dev, api, storybook, …; repeat it for several ports, all or none
    #[arg(short, long = "service", value_name = "TYPE", required = true)]
    service: Vec<ServiceType>,
    /// Preferred port; another one is used if it is taken
    #[arg(short, long, allow_negative_numbers = true)]
    port: Option<Port>,
    /// Fail instead of falling back to another port
    #[arg(long, requires = "port")]
    exact: bool,
    /// Lease so many consecutive ports, all or none; the preferred port is the first one (2 to 16)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = styxy_core::api::block)]
    block: Option<u8>,
    /// Which of several servers of that type: web, admin, …
    #[arg(short, long)]
    name: Option<ServiceName>,
    /// The agent session that the port is for [default: the one named by the environment]
    #[arg(long, value_name = "ID")]
    instance: Option<InstanceId>,
    /// The project that the port is for [default: the git worktree of the current folder]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    project: Option<PathBuf>,
    /// The process that owns the lease: the lease ends when the process does
    #[arg(long, allow_negative_numbers = true)]
    pid: Option<Pid>,
    /// Reuse the port that this project already has for this service, if nothing uses it
    #[arg(long)]
    reuse: bool,
    /// Print only the port numbers, one per line
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Show what would be granted, without leasing anything
    #[arg(long)]
    dry_run: bool,
    /// An id for this request: repeating the request with the same id gets the same answer
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let quiet = self.quiet;
        let caller = caller();
        let nowhere = if self.project.is_none() { caller::nowhere(&caller) } else { None };
        let request = self.request(&caller)?;
        if let Some(warning) = nowhere {
            output::warning(&warning);
        }
        let dry_run = request.dry_run == Some(true);
        let in_words = !quiet && !dry_run && context.output.format() == Format::Human;
        let (answer, wait) = context.ask(async |client| {
            let answer = match client.allocate(&request).await {
                Err(Error::Refused(refusal)) => {
                    return Err(Error::Refused(again(client, &request, refusal).await));
                }
                answer => answer?,
            };
            // How long a lease waits for its listener is a setting of the daemon; only people read it.
            let config = if in_words && waits(&answer) { client.config().await.ok() } else { None };
            Ok((answer, config.map(|answer| answer.config.bind_ttl.millis() / 1000)))
        })?;
        if let Some(problem) = facts::no_block(request.block, answer.grants().len()) {
            output::warning(&problem);
        }
        if quiet {
            output::text(numbers(&answer).as_bytes())?;
        } else {
            let said = if dry_run { Said::DryRun } else { Said::Granted { wait } };
            context.output.answer(&answer, |out| show(&answer, &said, out))?;
        }
        Ok(Exit::Done)
    }

    /// # Errors
    /// `--port` or `--name` with several services, no such project, or a mistake in its file.
    fn request(self, caller: &Caller) -> Result<AllocateRequest, Failure> {
        if self.service.len() > 1 {
            let alone = [
                ("--port", self.port.is_some()),
                ("--name", self.name.is_some()),
                ("--block", self.block.is_some()),
            ];
            if let Some((option, _)) = alone.iter().find(|(_, given)| *given) {
                return Err(Failure::usage(
                    format!(
                        "{option} cannot be used with several --service: it does not say which of them it is for"
                    ),
                    "allocate that service separately",
                ));
            }
        }
        let there = self.project.as_ref().map(|folder| caller.at(folder));
        let there = there.as_ref().unwrap_or(caller);
        let file = caller::file(there)?;
        let words = typed::words_of_ports(file.as_ref(), there, &self.service, self.name.as_ref())?;
        near::warn(&self.service, &words);
        let set = |asked: bool| asked.then_some(true);
        let (name, port, exact, block) = (self.name, self.port, set(self.exact), self.block);
        let request =
            |service| PortRequest { name: name.clone(), port, exact, block, ..PortRequest::new(service) };
        let project = self.project.map(|folder| caller.project_at(&folder)).transpose()?;
        let reuse = set(self.reuse);
        let terms = Terms { project, instance: self.instance, pid: self.pid, reuse, ..Terms::default() };
        let ports = self.service.into_iter().map(|service| words.request(request(service)).request);
        let request = terms.or(caller)?.request(ports.collect());
        let request_id = self.request_id.or(request.request_id);
        Ok(AllocateRequest { dry_run: set(self.dry_run), request_id, ..request })
    }
}

/// The refusal; if the port that was insisted on waits for a server of this very service, with what gets it again. It is not
/// given again unasked: whoever asked before may be about to start that server.
async fn again(client: &Client, request: &AllocateRequest, refusal: Refusal) -> Refusal {
    let AllocateRequest { service_type, service_name, project_path, instance_id, preferred_port, .. } =
        request;
    let insists = request.exact == Some(true) && request.reuse.is_none() && project_path.is_some();
    let (true, Some(port), Some(service)) =
        (insists && refusal.code == Code::PortUnavailable, preferred_port, service_type)
    else {
        return refusal;
    };
    let query = AllocationsQuery { port: Some(*port), ..AllocationsQuery::default() };
    let leases = client.allocations(&query).await.map(|answer| answer.allocations).unwrap_or_default();
    let is_own = |lease: &Lease| {
        let key = (&lease.service_type, &lease.service_name, &lease.project_path, &lease.instance_id);
        let waits = lease.state == State::Granted && lease.owner.kind == OwnerKind::Listener;
        waits && key == (service, service_name, project_path, instance_id)
    };
    let name = service_name.as_ref().map(|name| format!(" --name {name}")).unwrap_or_default();
    let hint = format!("styxy allocate --service {service}{name} --port {port} --exact --reuse");
    if leases.iter().any(is_own) { refusal.hint(hint) } else { refusal }
}

/// What the answer is about.
enum Said {
    DryRun,
    Granted {
        /// How many seconds a lease waits for its listener, where the daemon says so.
        wait: Option<u64>,
    },
}

fn waits(answer: &AllocateAnswer) -> bool {
    answer.grants().iter().any(waits_for_listener)
}

fn waits_for_listener(grant: &Grant) -> bool {
    grant.owner.kind == OwnerKind::Listener && grant.owner.pid.is_none()
}

fn numbers(answer: &AllocateAnswer) -> String {
    answer.grants().iter().flat_map(|grant| [grant.port.to_string(), "\n".to_owned()]).collect()
}

fn show(answer: &AllocateAnswer, said: &Said, out: &mut impl Write) -> io::Result<()> {
    let grants = answer.grants();
    for grant in grants {
        let kind = if grants.len() > 1 { format!(" ({})", grant.service_type) } else { String::new() };
        writeln!(out, "{STRONG}{}{kind}: {}{STRONG:#}", headline(grant, said), grant.url)?;
        for (row, said) in [("why", &grant.reason), ("name", &grant.named_url)] {
            if let Some(said) = said {
                writeln!(out, "  {row:<5}  {}", one_line(said))?;
            }
        }
        if let Some(port) = grant.displaced_from {
            writeln!(out, "  moved  from {port}, which another process has taken")?;
        }
        if let Some(lock_id) = grant.lock_id {
            writeln!(out, "  lease  {lock_id}")?;
        }
        if let Said::Granted { wait } = said {
            writeln!(out, "  ends   {}", end(grant, *wait))?;
        }
    }
    Ok(())
}

fn headline(grant: &Grant, said: &Said) -> String {
    let port = grant.port;
    match said {
        Said::DryRun => format!("Port {port} would be yours"),
        Said::Granted { .. } if grant.existing => {
            format!(
                "Port {port} is the only {} port of this machine, and shared with you",
                grant.service_type
            )
        }
        Said::Granted { .. } if grant.reused => format!("Port {port} is still yours"),
        Said::Granted { .. } => format!("Port {port} is yours"),
    }
}

/// What ends the lease.
fn end(grant: &Grant, wait: Option<u64>) -> String {
    if grant.existing {
        return "when its holder's lease does; it is not yours to release".to_owned();
    }
    let wait = wait.filter(|_| waits_for_listener(grant));
    let wait = wait.map(|wait| format!(", after {} without one", span(wait))).unwrap_or_default();
    format!("with {}{wait}, or with: styxy release {}", facts::ends_with(&grant.owner), grant.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, plain, snapshot};
    use clap::Parser;
    use serde_json::json;

    /// The command's arguments as a command line of their own.
    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
        /// `--quiet` excludes it.
        #[arg(long = "json", id = "json")]
        _json: bool,
    }

    fn parse(line: &str) -> Args {
        Line::try_parse_from(line.split(' ')).expect(line).args
    }

    /// Outside of any checkout and session.
    fn nowhere() -> Caller {
        Caller::new(None, None, |_| None, || None)
    }

    fn grant(change: impl FnOnce(&mut serde_json::Value)) -> AllocateAnswer {
        let mut wire = json!({
            "success": true, "port": 3001, "lock_id": "4f5e0000-0000-4000-8000-000000003001", "service_type": "dev",
            "service_name": null, "state": "granted", "owner": {"kind": "listener"},
            "url": "http://localhost:3001", "reused": false, "existing": false, "reason": null,
            "displaced_from": null, "message": "Port 3001 allocated for dev service",
        });
        change(&mut wire);
        serde_json::from_value(wire).unwrap()
    }

    fn shown(answer: &AllocateAnswer, said: &Said) -> String {
        plain(|out| show(answer, said, out))
    }

    #[test]
    fn one_service_is_a_plain_request_with_a_new_id() {
        let line = "allocate -s dev -p 8000 --exact -n web --instance claude-1 --pid 42";
        let request = parse(line).request(&nowhere()).unwrap();
        let wire = serde_json::to_value(&request).unwrap();
        assert_eq!(wire["service_type"], "dev");
        assert_eq!(wire["preferred_port"], 8000);
        assert_eq!(wire["exact"], true);
        assert_eq!(wire["service_name"], "web");
        assert_eq!(wire["instance_id"], "claude-1");
        assert_eq!(wire["pid"], 42);
        assert!(
            wire.get("services").is_none() && wire.get("dry_run").is_none() && wire.get("reuse").is_none()
        );
        let again = parse("allocate -s dev").request(&nowhere()).unwrap();
        assert_ne!(request.request_id, again.request_id);
    }

    #[test]
    fn several_services_are_one_group() {
        let line = "allocate -s dev -s api --service dev --request-id once";
        let request = parse(line).request(&nowhere()).unwrap();
        let wire = serde_json::to_value(&request).unwrap();
        assert_eq!(
            wire["services"],
            json!([{"service_type": "dev"}, {"service_type": "api"}, {"service_type": "dev"}])
        );
        assert_eq!(wire["request_id"], "once");
        assert!(wire.get("service_type").is_none());
    }

    #[test]
    fn the_project_file_completes_what_was_typed() {
        let folder = tempfile::tempdir().unwrap();
        let file = r#"{"services": {"dev": {"name": "web", "port": 3000}, "api": {"port": 4000}}}"#;
        std::fs::write(folder.path().join(".styxy.json"), file).unwrap();
        let caller = nowhere().at(folder.path());
        let wire = |line: &str| serde_json::to_value(parse(line).request(&caller).unwrap()).unwrap();
        let one = wire("allocate -s dev");
        assert_eq!((&one["service_name"], &one["preferred_port"]), (&json!("web"), &json!(3000)));
        let typed = wire("allocate -s dev -n admin -p 5000");
        assert_eq!((&typed["service_name"], &typed["preferred_port"]), (&json!("admin"), &json!(5000)));
        assert!(wire("allocate -s dev -n admin").get("preferred_port").is_none(), "the port is web's");
        let group = wire("allocate -s api -s docs");
        assert_eq!(
            group["services"],
            json!([{"service_type": "api", "preferred_port": 4000}, {"service_type": "docs"}])
        );
    }

    #[test]
    fn a_group_has_neither_a_port_nor_a_name() {
        let lines = ["allocate -s dev -s api -p 3000", "allocate -s dev -s api -n web"];
        let refused = |line| (line, failed(parse(line).request(&nowhere()).unwrap_err()));
        snapshot!("allocate_several", each(lines.map(refused)));
    }

    #[test]
    fn contradictions_are_wrong_usage() {
        let wrong = [
            "allocate",
            "styxy allocate dev",
            "allocate -s dev --exact",
            "allocate -s dev --pid 0",
            "allocate -s dev --pid -5",
            "allocate -s dev -q --json",
        ];
        for line in wrong {
            assert_eq!(Line::try_parse_from(line.split(' ')).expect_err(line).exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn a_granted_port_says_why_it_is_that_one_and_what_ends_it() {
        let granted =
            |wait, change: fn(&mut serde_json::Value)| shown(&grant(change), &Said::Granted { wait });
        let both =
            [grant(|_| {}), grant(|wire| wire["service_type"] = json!("api"))].map(|answer| match answer {
                AllocateAnswer::One(grant) => grant,
                AllocateAnswer::Group(_) => panic!("a group"),
            });
        let group = styxy_core::api::GroupAnswer { success: true, leases: both.into() };
        snapshot!(
            "allocate",
            each([
                ("it waits for a listener", granted(Some(900), |_| {})),
                (
                    "another than the preferred port",
                    granted(None, |wire| wire["reason"] =
                        json!("preferred port 3000 is leased by a\u{1b}[2J")),
                ),
                (
                    "a process owns it",
                    granted(None, |wire| {
                        wire["owner"] = json!({"kind": "process", "pid": 42, "process": "bash"});
                    }),
                ),
                (
                    "a session's, which has it already",
                    granted(None, |wire| {
                        wire["owner"] = json!({"kind": "instance"});
                        wire["reused"] = json!(true);
                    }),
                ),
                (
                    "another process took the one before",
                    granted(None, |wire| wire["displaced_from"] = json!(3000))
                ),
                ("the one of its type", granted(None, |wire| wire["existing"] = json!(true))),
                ("several", shown(&AllocateAnswer::Group(group), &Said::Granted { wait: None })),
                ("a dry run", shown(&grant(|wire| wire["lock_id"] = json!(null)), &Said::DryRun)),
            ])
        );
    }

    #[test]
    fn quiet_is_one_number_per_line_in_order() {
        let AllocateAnswer::One(first) = grant(|_| {}) else { panic!("a group") };
        let AllocateAnswer::One(second) = grant(|wire| wire["port"] = json!(80)) else { panic!("a group") };
        let group = styxy_core::api::GroupAnswer { success: true, leases: vec![first, second] };
        assert_eq!(numbers(&AllocateAnswer::Group(group)), "3001\n80\n");
    }
}
