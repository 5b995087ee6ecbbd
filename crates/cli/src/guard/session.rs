//! The start of an agent's session, of its sub-agents and in a worktree that it enters, its changes of folder, and its end.
//!
//! The leases belong to the session for as long as the agent's process lives, even if these events get lost: the daemon
//! watches the process.

use std::time::Duration;

use styxy_client::agents::Agent;
use styxy_client::leases::{self, Accepted, Leased};
use styxy_client::{Caller, Client, Error, PortRequest, Session, Terms};
use styxy_core::api::{AllocationsQuery, OwnerKind, RegisterRequest, State};

use super::beside;
use super::cover;
use super::event::Source;
use super::shell;
use crate::here::agent_settings::installed::{Age, Installed};
use crate::here::context::{self, Autostart};
use crate::here::requests;
use crate::here::variables::{Served, variables};
use crate::say::facts;
use crate::say::voice::{self, Exports, PortOf, Server, Whom};

/// How long the daemon may take where work begins, and where it may have to start first.
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

/// Registers the session, finds or leases the project's ports for it, exports them, and lists them with what already runs.
///
/// None if that cannot be done: the agent then works as it would without Styxy.
pub(super) fn begin(
    agent: Agent,
    source: Source,
    caller: &Caller,
    session: Option<&Session>,
) -> Option<Began> {
    let here = Here::new(caller, session)?;
    let cover = cover::of(agent, shell::file(agent).as_deref());
    let found = context::ask_within(START, Autostart::FromEnvironment, async |client| {
        if let Some(Session { instance, pid: Some(pid) }) = session {
            let request = RegisterRequest {
                instance_id: instance.clone(),
                working_directory: here.terms.project.clone(),
                pid: Some(*pid),
                metadata: cover.is_some().then(cover::mark),
            };
            match client.register(&request).await {
                // An agent inside an agent uses the session of the outer one.
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        here.look(client).await
    });
    let (leased, servers) = found.ok()?.ok()?;
    let variables = here.exported(&leased);
    let exports = shell::begin(agent, caller, &leased, &variables);
    let variables = match cover {
        Some(cover) => cover.put(variables),
        None => variables,
    };
    let older = |found: &Installed| found.age == Age::Older;
    let renew: Vec<String> = match source {
        Source::New => {
            Installed::of(agent).iter().filter(|found| older(found)).map(Installed::command).collect()
        }
        // It was said when the session began.
        Source::Continued => Vec::new(),
    };
    Some(Began { said: here.said(&leased, &servers, exports, &renew), variables })
}

/// The same for a sub-agent, or for a worktree that the session enters: it has a folder, and the session's other facts.
pub(super) fn join(agent: Agent, caller: &Caller, session: Option<&Session>) -> Option<String> {
    let here = Here::new(caller, session)?;
    let found = context::try_ask(START, async |client| here.look(client).await);
    let (leased, servers) = found.ok()?.ok()?;
    Some(here.said(
        &leased,
        &servers,
        if agent == Agent::Claude { Exports::OfFolder } else { Exports::No },
        &[],
    ))
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

/// Which ports a session asks for in a folder, and for whom.
pub(super) struct Here<'c> {
    caller: &'c Caller,
    pub(super) requests: Vec<PortRequest>,
    pub(super) terms: Terms,
    session: Option<&'c Session>,
}

impl<'c> Here<'c> {
    pub(super) fn new(caller: &'c Caller, session: Option<&'c Session>) -> Option<Self> {
        // Every typed command reports a mistake in the file.
        let file = caller.file().ok().flatten();
        let services = requests::services(file.as_ref());
        let requests = requests::requests(services, None, file.as_ref(), caller).ok()?;
        let instance = session.map(|session| session.instance.clone());
        let project = caller.project().ok().flatten();
        let project_id = project.as_ref().and_then(Caller::id_of);
        let terms = Terms { project, project_id, instance, ..Terms::default() };
        Some(Self { caller, requests, terms, session })
    }

    /// The ports, and what runs in the checkout.
    async fn look(&self, client: &Client) -> Result<(Vec<Leased>, Vec<Server>), Error> {
        let leased = leases::present_or_new(client, &self.requests, &self.terms, Accepted::Running).await?;
        let servers = match self.caller.known_root().zip(self.terms.project.as_ref()) {
            Some((_, project)) => beside::servers(client, self.caller, project, self.session).await?,
            None => Vec::new(),
        };
        Ok((leased, servers))
    }

    /// Names and values for the agent's shell.
    pub(super) fn exported(&self, leased: &[Leased]) -> Vec<(String, String)> {
        let served = self.requests.iter().zip(leased);
        let served: Vec<Served> = served.map(|(request, leased)| Served::new(request, leased.port)).collect();
        let instance =
            self.session.map(|session| ("STYXY_INSTANCE".to_owned(), session.instance.to_string()));
        instance.into_iter().chain(variables(&served)).collect()
    }

    fn said(&self, leased: &[Leased], servers: &[Server], exports: Exports, renew: &[String]) -> String {
        let list = self.requests.iter().zip(leased).map(|(request, leased)| PortOf {
            label: facts::label(&request.service, leased.name.as_ref()),
            port: leased.port,
            reason: leased.reason.clone(),
        });
        let whom = if self.caller.known_root().is_some() { Whom::Checkout } else { Whom::Session };
        voice::session(&voice::Session { ports: &list.collect::<Vec<_>>(), servers, whom, exports, renew })
    }
}
