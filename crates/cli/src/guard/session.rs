//! The start of an agent's session, its changes of folder, and its end.
//!
//! The leases belong to the session for as long as the agent's process lives, even if these events get lost: the daemon
//! watches the process.

use std::env;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use styxy_client::agents::Agent;
use styxy_client::leases::{self, Accepted, Leased};
use styxy_client::{Caller, Client, Error, PortRequest, Session, Terms};
use styxy_core::api::{AllocationsQuery, OwnerKind, RegisterRequest, State};

#[cfg(target_os = "linux")]
use super::cover;
use crate::here::context::{self, Autostart};
use crate::here::requests;
use crate::here::variables::{Served, variables};
use crate::say::facts;
use crate::say::output::one_line;

/// How long the daemon may take if it may have to start first.
const START: Duration = Duration::from_secs(1);
/// How long a running daemon may take: the agent waits, and its leases end without this too.
const PATIENCE: Duration = Duration::from_millis(150);

/// What a session gets at its beginning.
#[derive(Debug)]
pub(super) struct Began {
    /// Facts for the agent to read.
    pub(super) said: String,
    pub(super) variables: Vec<(String, String)>,
}

/// Registers the session, leases the project's ports for it, exports them, and lists them.
///
/// None if that cannot be done: the agent then works as it would without Styxy.
pub(super) fn begin(agent: Agent, caller: &Caller, session: Option<&Session>) -> Option<Began> {
    let requests = requests(caller)?;
    let terms = terms(caller, session);
    let leased = context::ask_within(START, Autostart::FromEnvironment, async |client| {
        if let Some(Session { instance, pid: Some(pid) }) = session {
            let request = RegisterRequest {
                instance_id: instance.clone(),
                working_directory: terms.project.clone(),
                pid: Some(*pid),
                metadata: None,
            };
            match client.register(&request).await {
                // An agent inside an agent uses the session of the outer one.
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        leases::present_or_new(client, &requests, &terms, Accepted::Own).await
    });
    let leased = leased.ok()?.ok()?;
    let variables = exported(&requests, &leased, session);
    let exports = write_env_file(agent, &variables);
    #[cfg(target_os = "linux")]
    let variables = cover::covered(agent, env_file(agent).as_deref(), variables);
    Some(Began { said: said(&requests, &leased, caller.known_root().is_some(), exports), variables })
}

/// Exports the ports of the worktree that the agent works in now, if it is another one. Outside of any worktree it keeps
/// those that it has: it will come back.
pub(super) fn moved(from: &Path, to: &Caller, session: Option<&Session>) {
    let terms = terms(to, session);
    let is_another = to.known_root().is_some() && to.at(from).root() != to.root();
    if !is_another || env_file(Agent::Claude).is_none() {
        return;
    }
    let Some(requests) = requests(to) else { return };
    let leased = context::try_ask(PATIENCE, async |client| {
        leases::present_or_new(client, &requests, &terms, Accepted::Own).await
    });
    if let Ok(Ok(leased)) = leased {
        write_env_file(Agent::Claude, &exported(&requests, &leased, session));
    }
}

/// Releases what the session leased and nothing uses. A cleared or resumed session continues.
pub(super) fn end(why: &str, session: Option<&Session>) {
    let Some(session) = session.filter(|_| !matches!(why, "clear" | "resume")) else { return };
    // If this fails, the leases end with the agent's process.
    let _ = context::try_ask(PATIENCE, async |client| {
        tokio::time::timeout(PATIENCE, release(client, session)).await.unwrap_or(Ok(()))
    });
}

async fn release(client: &Client, session: &Session) -> Result<(), Error> {
    let query =
        AllocationsQuery { instance_id: Some(session.instance.clone()), ..AllocationsQuery::default() };
    for lease in client.allocations(&query).await?.allocations {
        // A process that owns a lease may be about to listen.
        if lease.state == State::Granted && lease.owner.kind != OwnerKind::Process {
            match client.release(lease.lock_id).await {
                // It has ended since.
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// For whom the ports are: the session, in the worktree that it works in, if leases can name that.
fn terms(caller: &Caller, session: Option<&Session>) -> Terms {
    let instance = session.map(|session| session.instance.clone());
    let project = caller.project().ok().flatten();
    let project_id = project.as_ref().and_then(Caller::id_of);
    Terms { project, project_id, instance, ..Terms::default() }
}

fn requests(caller: &Caller) -> Option<Vec<PortRequest>> {
    // Every typed command reports a mistake in the file.
    let file = caller.file().ok().flatten();
    let services = requests::services(file.as_ref());
    requests::requests(services, None, file.as_ref(), caller).ok()
}

fn exported(requests: &[PortRequest], leased: &[Leased], session: Option<&Session>) -> Vec<(String, String)> {
    let served = requests.iter().zip(leased).map(|(request, leased)| Served::new(request, leased.port));
    let served: Vec<Served> = served.collect();
    let instance = session.map(|session| ("STYXY_INSTANCE".to_owned(), session.instance.to_string()));
    instance.into_iter().chain(variables(&served)).collect()
}

/// The file whose lines the agent's shell reads before each command.
fn env_file(agent: Agent) -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    match agent {
        Agent::Claude => named("CLAUDE_ENV_FILE"),
        Agent::Codex => named("CODEX_ENV_FILE").or_else(|| named("CLAUDE_ENV_FILE")),
        Agent::Cursor | Agent::Gemini => None,
    }
}

/// Whether the agent's shell has the variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exports {
    Yes,
    No,
}

fn write_env_file(agent: Agent, variables: &[(String, String)]) -> Exports {
    let Some(path) = env_file(agent) else {
        return if agent == Agent::Cursor { Exports::Yes } else { Exports::No };
    };
    // Names and values contain no character that is special to a shell.
    let mut lines = String::new();
    for (name, value) in variables {
        lines.extend(["export ", name, "='", value, "'\n"]);
    }
    let written = File::options().append(true).create(true).open(path);
    match written.and_then(|mut file| file.write_all(lines.as_bytes())) {
        Ok(()) => Exports::Yes,
        Err(_) => Exports::No,
    }
}

/// The facts, one sentence each.
fn said(requests: &[PortRequest], leased: &[Leased], in_checkout: bool, exports: Exports) -> String {
    let list = requests.iter().zip(leased);
    let list: Vec<String> = list
        .map(|(request, leased)| {
            format!("{} {}", facts::label(&request.service, leased.name.as_ref()), leased.port)
        })
        .collect();
    let whom = if in_checkout { "checkout" } else { "session" };
    let mut said = format!("Ports that Styxy has leased for this {whom}: {}.", list.join(", "));
    for reason in leased.iter().filter_map(|leased| leased.reason.as_deref()) {
        said.extend([" The ", &*one_line(reason), "."]);
    }
    if exports == Exports::Yes {
        said.push_str(" The shell has them as PORT (the first one) and STYXY_<SERVICE>_PORT.");
    }
    said.push_str(
        " `styxy run -- COMMAND` runs a server on its port, `styxy who PORT` shows whose server is on a port, and `styxy kill PORT` \
         ends a server of this checkout. Other checkouts and sessions on this machine have servers of their own.",
    );
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};
    use styxy_core::Port;

    #[test]
    fn a_session_learns_its_ports_and_how_to_use_them() {
        let request = |service: &str| PortRequest::new(service.parse().unwrap());
        let leased = |port, reason: Option<&str>| Leased {
            port: Port::new(port).unwrap(),
            name: None,
            reason: reason.map(str::to_owned),
        };
        let two = [request("dev"), request("api")];
        let ports =
            [leased(8001, Some("preferred port 8000 is leased by claude-2 (/w/b\nx)")), leased(4000, None)];
        snapshot!(
            "session",
            each([
                ("a checkout with two services", said(&two, &ports, true, Exports::Yes) + "\n"),
                ("no checkout, no variables", said(&two[..1], &ports[..1], false, Exports::No) + "\n"),
            ])
        );
    }
}
