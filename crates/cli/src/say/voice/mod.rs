//! What coding agents read, in one voice: facts, one sentence each, and never an order. Here for a session that begins, a
//! sub-agent, and a worktree that is entered; in [`answers`] for the tools of the MCP server, and in
//! [`refusals`] for commands.

pub(crate) mod answers;
pub(crate) mod refusals;

use styxy_core::{InstanceId, Port};

use crate::say::output::one_line;

/// At most so many servers are named: the agent pays for every word.
const NAMED: usize = 8;

/// What a session has, where it works.
#[derive(Debug)]
pub(crate) struct Session<'s> {
    pub(crate) ports: &'s [PortOf],
    pub(crate) servers: &'s [Server],
    /// The services that `styxy up` would start.
    pub(crate) services: &'s [ServiceOf],
    pub(crate) whom: Whom,
    pub(crate) exports: Exports,
    /// The commands that make hooks of an older version those of this one.
    pub(crate) renew: &'s [String],
}

/// A service's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortOf {
    /// `api/web`
    pub(crate) label: String,
    pub(crate) port: Port,
    /// Its address by name, for browsers.
    pub(crate) named_url: Option<String>,
    /// Why it is not the preferred one.
    pub(crate) reason: Option<String>,
}

/// A server that runs where the session works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// The service of its lease.
    pub(crate) label: Option<String>,
    pub(crate) ports: Vec<Port>,
    /// `node (4242)`
    pub(crate) process: Option<String>,
    pub(crate) by: By,
}

/// A service of the worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceOf {
    pub(crate) label: String,
    /// Where it is reached, if it runs; empty if it does not serve.
    pub(crate) runs: Option<String>,
}

/// Who has started a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// This session or a person; nothing is said of it.
    Here,
    /// Another session, which lives.
    Session(InstanceId),
    EndedSession,
}

/// Whose the ports are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    Checkout,
    /// There is no checkout.
    Session,
}

/// Whether the agent's shell has the ports in variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exports {
    /// Those of the folder that a command runs in.
    OfFolder,
    /// Always the session's.
    OfSession,
    No,
}

/// The ports of a session, what already runs, and how to use them.
pub(crate) fn session(session: &Session) -> String {
    let whom = match session.whom {
        Whom::Checkout => "checkout",
        Whom::Session => "session",
    };
    let ports: Vec<String> = session.ports.iter().map(port).collect();
    let mut said = format!("Ports that Styxy has leased for this {whom}: {}.", ports.join(", "));
    for reason in session.ports.iter().filter_map(|port| port.reason.as_deref()) {
        said.extend([" The ", &*one_line(reason), "."]);
    }
    said.push_str(match session.exports {
        Exports::OfFolder => {
            " The shell has them as PORT (the first one) and STYXY_<SERVICE>_PORT; in another checkout it has the ports of that \
             one."
        }
        Exports::OfSession => " The shell has them as PORT (the first one) and STYXY_<SERVICE>_PORT.",
        Exports::No => "",
    });
    if !session.servers.is_empty() {
        said.extend([" ", &*running(session.servers)]);
    }
    if !session.services.is_empty() {
        said.extend([" ", &*services(session.services)]);
    }
    said.push_str(
        " `styxy run -- COMMAND` runs a server on its port, `styxy who PORT` shows whose server is on a port, and `styxy kill PORT` \
         ends a server of this checkout. Other checkouts and sessions on this machine have servers of their own.",
    );
    for command in session.renew {
        said.extend([" The hooks of this session are an older version's: `", command, "` renews them."]);
    }
    said
}

/// What `styxy up` is for: `The services of this checkout are web and css; web runs at http://localhost:3000. …`
fn services(services: &[ServiceOf]) -> String {
    let shown = services.iter().take(NAMED).map(|service| service.label.clone());
    let more = services.len().saturating_sub(NAMED);
    let shown: Vec<String> = shown.chain((more > 0).then(|| format!("{more} more"))).collect();
    let running = services.iter().take(NAMED).filter_map(|service| {
        Some(match service.runs.as_deref()? {
            "" => format!("{} runs", service.label),
            url => format!("{} runs at {url}", service.label),
        })
    });
    let running: Vec<String> = running.collect();
    let now = if running.is_empty() { "none of them runs".to_owned() } else { running.join(", ") };
    format!(
        "The services of this checkout are {}; {now}. `styxy up -d` starts those that do not run, and `styxy logs SERVICE` shows what \
         one prints.",
        shown.join(", ")
    )
}

/// `dev 8001 (in a browser http://dev.shop.localhost:9876)`
fn port(PortOf { label, port, named_url, .. }: &PortOf) -> String {
    match named_url {
        Some(named) => format!("{label} {port} (in a browser {named})"),
        None => format!("{label} {port}"),
    }
}

/// What already runs: `Already running in this checkout: web on 3000, node (42), of a session that has ended.`
fn running(servers: &[Server]) -> String {
    let shown: Vec<String> = servers.iter().take(NAMED).map(server).collect();
    let more = match servers.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more, which `styxy scan` lists"),
    };
    let usable = if servers.len() == 1 { "It can be used as it is" } else { "They can be used as they are" };
    format!(
        "Already running in this checkout: {}{more}. {usable}; `styxy run` starts another one beside it.",
        shown.join("; ")
    )
}

fn server(server: &Server) -> String {
    let ports: Vec<String> = server.ports.iter().map(Port::to_string).collect();
    let ports = ports.join(" and ");
    let process = server.process.as_deref().map(one_line);
    let what = match (&server.label, process) {
        (Some(label), Some(process)) => format!("{label} on {ports}, {process}"),
        (Some(label), None) => format!("{label} on {ports}"),
        (None, Some(process)) => format!("{process} on {ports}"),
        (None, None) => format!("a server on {ports}"),
    };
    match &server.by {
        By::Here => what,
        By::Session(session) => format!("{what}, of session {session}"),
        By::EndedSession => format!("{what}, of a session that has ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    fn server(label: Option<&str>, ports: &[u16], process: Option<&str>, by: By) -> Server {
        Server {
            label: label.map(str::to_owned),
            ports: ports.iter().copied().map(port).collect(),
            process: process.map(str::to_owned),
            by,
        }
    }

    #[test]
    fn a_session_learns_its_ports_what_runs_already_and_how_to_use_them() {
        let of = |label: &str, number: u16, reason: Option<&str>| PortOf {
            label: label.to_owned(),
            port: Port::new(number).unwrap(),
            named_url: (label == "dev").then(|| "http://dev.shop.localhost:9876".to_owned()),
            reason: reason.map(str::to_owned),
        };
        let ports = [
            of("dev", 8001, Some("preferred port 8000 is leased by claude-2 (/w/b\nx)")),
            of("api", 4000, None),
        ];
        let left = server(Some("dev"), &[8001], Some("node (42)"), By::EndedSession);
        let several = [
            left.clone(),
            server(Some("api/web"), &[4000], None, By::Session(InstanceId::new("claude-7").unwrap())),
            server(None, &[5173, 24678], Some("no\nde (77)"), By::Here),
        ];
        let many: Vec<Server> = (0..10).map(|at| server(None, &[9000 + at], None, By::Here)).collect();
        let said = |ports: &[PortOf], servers: &[Server], whom, exports| {
            let renew = if servers.len() == 1 { &["styxy hooks install claude".to_owned()][..] } else { &[] };
            session(&Session { ports, servers, services: &[], whom, exports, renew }) + "\n"
        };
        let with_services = |runs: Option<&str>| {
            let service = |label: &str, runs: Option<&str>| ServiceOf {
                label: label.to_owned(),
                runs: runs.map(str::to_owned),
            };
            let services = [service("web", runs), service("css", runs.map(|_| ""))];
            let whom = Whom::Checkout;
            session(&Session {
                ports: &ports[1..],
                servers: &[],
                services: &services,
                whom,
                exports: Exports::No,
                renew: &[],
            }) + "\n"
        };
        snapshot!(
            "session",
            each([
                ("a checkout with two services", said(&ports, &[], Whom::Checkout, Exports::OfFolder)),
                ("no checkout, no variables", said(&ports[..1], &[], Whom::Session, Exports::No)),
                ("one runs", said(&ports[1..], &[left], Whom::Checkout, Exports::OfSession)),
                ("several run", said(&ports[1..], &several, Whom::Checkout, Exports::No)),
                ("many run", said(&ports[1..], &many, Whom::Checkout, Exports::No)),
                ("services", with_services(None)),
                ("services that run", with_services(Some("http://localhost:3000"))),
            ])
        );
    }
}
