//! What the command does not say on its own: its port, if a person reads it, and what goes wrong.

use styxy_client::PortRequest;
use styxy_core::Port;
use styxy_core::api::Lease;

use super::ask::{Asked, Ports};
use super::environment::{SEEN, SHELLS};
use super::more;
use super::wishes::Wishes;
use crate::devserver::frameworks::{Framework, Way};
use crate::devserver::passing::Lost;
use crate::devserver::plan::{Obstacle, Plan};
use crate::here::variables::url;
use crate::say::facts;
use crate::say::output;
use crate::say::shell_word::variable;

/// How much to print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verbosity {
    Everything,
    ProblemsOnly,
}

/// Prints on stderr what the command does not say: its port, if a person reads it, and what goes wrong.
pub(super) fn tell(plan: &Plan, wishes: &Wishes, asked: &Asked, verbosity: Verbosity) {
    let Asked { ports, preferred, running, siblings: _, problems } = asked;
    for problem in problems {
        output::warning(problem);
    }
    if let Some(running) = running.as_ref().filter(|_| verbosity == Verbosity::Everything) {
        output::note(&another_one(running));
    }
    if let Some(problem) = not_leased(ports) {
        output::warning(&problem);
    }
    if let Some(problem) = no_block(&wishes.requests, ports) {
        output::warning(&problem);
    }
    let is_wanted = match verbosity {
        Verbosity::Everything => output::is_seen() || is_passed_on() || is_missed(*preferred, ports),
        Verbosity::ProblemsOnly => is_wish_of_now_missed(*preferred, ports),
    };
    if is_wanted {
        for line in lines(&wishes.requests, *preferred, ports) {
            output::note(&line);
        }
    }
    for (request, port) in wishes.requests.iter().zip(ports.numbers()) {
        let more = plan.more.iter().find(|more| more.second.service == request.service.as_str());
        if let Some(sentence) = more.and_then(|more| more::in_the_way(more, port)) {
            output::warning(&sentence);
        }
    }
    if let (Some(obstacle), Some(port)) = (&plan.obstacle, ports.numbers().next())
        && let Some(sentence) = in_the_way(obstacle, plan.framework, port, &in_a_script())
    {
        output::warning(&sentence);
    }
}

/// Whether a person sees what a runner reads of this one.
fn is_passed_on() -> bool {
    std::env::var_os(SEEN).is_some()
}

/// That a server of the same key runs already.
fn another_one(running: &Lease) -> String {
    let pid = running.owner.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    let (label, url) = (facts::service(running), url(running.port));
    format!("styxy: {label} already runs at {url}{pid}; this is another one")
}

/// Why there is no lease.
fn not_leased(ports: &Ports) -> Option<String> {
    match ports {
        Ports::Leased(_) | Ports::Exported(_) => None,
        Ports::Probed { why, .. } => {
            Some(format!("{why}; the port is free now but not leased; another program may take it"))
        }
        Ports::Unknown { why } => Some(format!("{why}; no free port was found, so the command gets none")),
    }
}

/// What is missing of a block.
fn no_block(requests: &[PortRequest], ports: &Ports) -> Option<String> {
    let block = requests.first().and_then(|request| request.block);
    match ports {
        Ports::Leased(grants) => facts::no_block(block, grants.len()),
        Ports::Exported(_) | Ports::Probed { .. } => {
            block.map(|_| "only the first port of the block was looked for".to_owned())
        }
        Ports::Unknown { .. } => None,
    }
}

/// Whether the port that somebody wishes for now is another one.
fn is_wish_of_now_missed(preferred: Option<Port>, ports: &Ports) -> bool {
    preferred.zip(ports.numbers().next()).is_some_and(|(preferred, port)| preferred != port)
}

/// Whether a port that somebody or a file wishes for is another one; not that of a server that had one already.
fn is_missed(preferred: Option<Port>, ports: &Ports) -> bool {
    let first = match ports {
        Ports::Leased(grants) => grants.first(),
        Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
    };
    is_wish_of_now_missed(preferred, ports)
        || first.is_some_and(|grant| grant.reason.is_some() && !grant.reused)
}

fn lines(requests: &[PortRequest], preferred: Option<Port>, ports: &Ports) -> Vec<String> {
    let line = |(at, (request, port)): (usize, (&PortRequest, Port))| {
        let grant = match ports {
            Ports::Leased(grants) => grants.get(at),
            Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
        };
        let block = match ports {
            Ports::Leased(grants) if request.block.is_some() && grants.len() > 1 => {
                grants.last().map(|last| format!(" (block {port}-{})", last.port))
            }
            Ports::Leased(_) | Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
        };
        let block = block.unwrap_or_default();
        let missed = preferred.filter(|preferred| at == 0 && *preferred != port);
        let missed = || missed.and_then(|wished| not_granted(ports, wished));
        let why = grant.and_then(|grant| grant.reason.clone()).or_else(missed);
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let name = grant.map_or_else(|| request.full_name(), |grant| grant.service_name.as_ref());
        let named = ports.named_url(at).map(|named| format!(" and {named}")).unwrap_or_default();
        format!("styxy: {} is {}{block}{named}{why}", facts::label(&request.service, name), url(port))
    };
    requests.iter().zip(ports.numbers()).enumerate().map(line).collect()
}

/// Why it is another port than `wished`, if no daemon says so.
fn not_granted(ports: &Ports, wished: Port) -> Option<String> {
    match ports {
        Ports::Leased(_) | Ports::Unknown { .. } => None,
        Ports::Exported(_) => Some(format!("which was leased outside of the sandbox, instead of {wished}")),
        Ports::Probed { .. } => Some(format!("port {wished} is not free")),
    }
}

/// How a script of `package.json` names PORT.
fn in_a_script() -> String {
    let shell = SHELLS.iter().find_map(|name| std::env::var(name).ok().filter(|shell| !shell.is_empty()));
    variable("PORT", shell.as_deref())
}

/// What keeps the tool from getting `port`, if anything does; a script names it `variable`.
fn in_the_way(obstacle: &Obstacle, row: Option<&Framework>, port: Port, variable: &str) -> Option<String> {
    match obstacle {
        // The script already names this port.
        Obstacle::Fixed(fixed) if *fixed == port => None,
        Obstacle::Fixed(fixed) => Some(format!(
            "the script itself sets port {fixed}, but the lease is for {port}; write {variable} there instead of {fixed}"
        )),
        Obstacle::Elsewhere => Some(format!(
            "scripts of other workspaces are not read: a server there that does not read PORT does not get its port \
             {port}; run it in the folder of that workspace"
        )),
        Obstacle::Lost(Lost::Set { port: fixed, .. }) if *fixed == port => None,
        Obstacle::Lost(Lost::Set { file, port: fixed, write }) => Some(format!(
            "the {file} sets port {fixed}, but the lease is for {port}; write {write} there instead of {fixed}"
        )),
        Obstacle::Lost(Lost::Dropped { by, write }) => Some(format!(
            "{by} drops PORT, so the command does not get its port {port}; write {write} instead of {by}"
        )),
        Obstacle::OutOfReach(why) => {
            let row = row?;
            let flag = match row.port {
                Way::Flag { write, value, .. } => format!("{write} {}", value.replace("{port}", variable)),
                Way::InFlag(flags) => format!("{} localhost:{variable}", flags[0]),
                Way::Word => variable.to_owned(),
                Way::Joined(_) | Way::Env => return None,
            };
            Some(format!("{} does not get its port {port}, because {why}; add {flag} to it", row.name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devserver::inward::around::Told;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, snapshot};
    use serde_json::json;
    use std::ffi::OsString;
    use styxy_core::api::Grant;

    fn grant(port: u16, reason: Option<&str>) -> Grant {
        serde_json::from_value(json!({
            "success": true, "port": port, "lock_id": null, "service_type": "dev", "service_name": null,
            "state": "granted", "owner": {"kind": "process", "pid": 4242}, "url": "", "reused": false,
            "existing": false, "reason": reason, "displaced_from": null, "message": "",
        }))
        .unwrap()
    }

    #[test]
    fn a_port_is_said_and_why_it_is_not_the_one_that_was_wished_for() {
        let port = |port| Port::new(port).unwrap();
        let dev = PortRequest::new("dev".parse().unwrap());
        let said = |request: &PortRequest, preferred: Option<u16>, ports: &Ports| {
            let request = std::slice::from_ref(request);
            let said = lines(request, preferred.map(port), ports).into_iter();
            let problems = [not_leased(ports), no_block(request, ports)].into_iter().flatten();
            let problems = problems.map(|problem| format!("warning: {problem}"));
            problems.chain(said).map(|line| line + "\n").collect::<String>()
        };
        let leased = |reason| Ports::Leased(vec![grant(8000, reason)]);
        let why = || "no daemon runs for /home/ada/.styxy".to_owned();
        let probed = Ports::Probed { ports: vec![port(8000)], why: why() };
        let block = PortRequest { block: Some(3), ..dev.clone() };
        let called = |reason| {
            let named_url = Some("http://dev.shop.localhost:9876".to_owned());
            Ports::Leased(vec![Grant { named_url, ..grant(8000, reason) }])
        };
        let three = Ports::Leased([8000, 8001, 8002].map(|port| grant(port, None)).into());
        let running = lease(3000, |wire| wire["owner"] = json!({"kind": "process", "pid": 4242}));
        let awaited = lease(3000, |wire| wire["service_name"] = json!("web"));
        snapshot!(
            "run_said",
            each([
                ("leased", said(&dev, None, &leased(None))),
                (
                    "another port",
                    said(&dev, Some(3000), &leased(Some("port 3000 is in use by node (pid 9)")))
                ),
                ("with a name", said(&dev, None, &called(None))),
                (
                    "another port, with a name",
                    said(&dev, Some(3000), &called(Some("port 3000 is in use by node (pid 9)")))
                ),
                ("a block", said(&block, None, &three)),
                ("a block of an older daemon", said(&block, None, &leased(None))),
                ("exported, another port", said(&dev, Some(3000), &Ports::Exported(vec![port(8000)]))),
                ("not leased", said(&dev, None, &probed)),
                ("not leased, another port", said(&dev, Some(3000), &probed)),
                ("not leased, a block", said(&block, None, &probed)),
                ("no port", said(&dev, Some(3000), &Ports::Unknown { why: why() })),
                ("another one", another_one(&running) + "\n"),
                ("another one of an unknown process", another_one(&awaited) + "\n"),
            ])
        );
    }

    #[test]
    fn an_obstacle_between_a_port_and_its_tool_is_explained() {
        let port = |port| Port::new(port).unwrap();
        let row = |line: &str| {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            Plan::of(&typed, &Told::NOTHING).framework
        };
        let said = |obstacle: &Obstacle, line: &str| {
            in_the_way(obstacle, row(line), port(8000), "$PORT")
                .map_or("(nothing)\n".to_owned(), |said| said + "\n")
        };
        let behind = Obstacle::OutOfReach("the script dev has a pipe".to_owned());
        snapshot!(
            "run_obstacles",
            each([
                ("the script names another port", said(&Obstacle::Fixed(port(3000)), "vite")),
                ("the script names this port", said(&Obstacle::Fixed(port(8000)), "vite")),
                ("another workspace's script", said(&Obstacle::Elsewhere, "npm -w web run dev")),
                ("a flag out of reach", said(&behind, "vite")),
                ("a word out of reach", said(&behind, "django-admin runserver")),
                (
                    "a Makefile names another port",
                    said(
                        &Obstacle::Lost(Lost::Set {
                            file: "Makefile".to_owned(),
                            port: port(3000),
                            write: "$$PORT"
                        }),
                        "make dev"
                    )
                ),
                (
                    "sudo",
                    said(
                        &Obstacle::Lost(Lost::Dropped { by: "sudo", write: "sudo --preserve-env=PORT" }),
                        "sudo node x.js"
                    )
                ),
                ("an address out of reach", said(&behind, "php -S localhost:3000")),
                ("an address to write out of reach", said(&behind, "mkdocs serve")),
            ])
        );
    }
}
