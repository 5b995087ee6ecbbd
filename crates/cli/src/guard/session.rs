//! The start of an agent's session, of its sub-agents and in a worktree that it enters, its changes of folder, and its end.
//!
//! The leases belong to the session for as long as the agent's process lives, even if these events get lost: the daemon
//! watches the process. A session that shares its process with others (Codex' app-server) lives by its commands.

use std::time::Duration;

use styxy_client::agents::Agent;
use styxy_client::leases::{self, Accepted, Leased};
use styxy_client::{Caller, Client, Error, PortRequest, ProjectFile, Session, Terms};
use styxy_core::ProjectPath;
use styxy_core::api::{AllocationsQuery, BeatRequest, OwnerKind, RegisterRequest, State};
use styxy_core::config::Seconds;

use super::beside;
use super::cover;
use super::event::Source;
use super::patience::Patience;
use super::shell::{self, TEXTS};
use super::stack;
use crate::here::agent_settings::installed::{Age, Installed};
use crate::here::context::{self, Autostart};
use crate::here::texts::Texts;
use crate::here::variables::{Served, with_texts};
use crate::say::facts;
use crate::say::voice::{self, Exports, PortOf, Server, Whom};
use crate::up::ports;

/// How long the daemon may take where work begins, and where it may have to start first.
const START: Duration = Duration::from_secs(1);
/// How long a session without a process may be silent: its person may have a break, or a command of it may take as long.
const PAUSE: Seconds = Seconds::new(12 * 3600);

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
    let here = Here::new(caller, session);
    let cover = cover::of(agent, shell::file(agent).as_deref());
    let found = context::ask_within(START, Autostart::FromEnvironment, async |client| {
        if let Some(session) = session {
            let folder = began_in(client, source, session).await.or_else(|| here.terms.project.clone());
            register(client, session, folder, cover.is_some().then(cover::mark)).await?;
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
    let here = Here::new(caller, session);
    let found = context::try_ask(START, async |client| here.look(client).await);
    let (leased, servers) = found.ok()?.ok()?;
    Some(here.said(
        &leased,
        &servers,
        if agent == Agent::Claude { Exports::OfFolder } else { Exports::No },
        &[],
    ))
}

/// The folder that a session which goes on began in: where it is now says nothing of that (R147).
async fn began_in(client: &Client, source: Source, session: &Session) -> Option<ProjectPath> {
    match source {
        Source::New => None,
        Source::Continued => {
            let known = client.instances().await.ok()?.instances;
            known.into_iter().find(|known| known.instance_id == session.instance)?.working_directory
        }
    }
}

async fn register(
    client: &Client,
    session: &Session,
    folder: Option<ProjectPath>,
    metadata: Option<serde_json::Value>,
) -> Result<(), Error> {
    let Session { instance, pid } = session.clone();
    let expires_in = pid.is_none().then_some(PAUSE);
    let request =
        RegisterRequest { instance_id: instance, working_directory: folder, pid, expires_in, metadata };
    match client.register(&request).await {
        // An agent inside an agent uses the session of the outer one; and an older daemon would let a session without a process
        // end within a minute.
        Ok(_) | Err(Error::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A sign of life of a session that has no process; one that the daemon has lost is registered again. None if the session needs none.
pub(super) async fn heartbeat(
    client: &Client,
    caller: &Caller,
    session: Option<&Session>,
) -> Option<Result<(), Error>> {
    let session = session.filter(|session| session.pid.is_none())?;
    let beat = BeatRequest { instance_id: session.instance.clone() };
    Some(match client.heartbeat(&beat).await {
        Ok(_) => Ok(()),
        Err(Error::Refused(_)) => register(client, session, caller.project().ok().flatten(), None).await,
        Err(error) => Err(error),
    })
}

/// Releases what the session leased and nothing uses, and ends the session if it has no process. A cleared or resumed session
/// continues.
pub(super) fn end(why: &str, session: Option<&Session>) {
    let Some(session) = session.filter(|_| !matches!(why, "clear" | "resume")) else { return };
    // If this fails, the leases end with the agent's process, or when the session has been silent for long.
    let _ = Patience::begin().ask(async |client| {
        release(client, session).await?;
        if session.pid.is_none() {
            client.end_instance(&session.instance).await?;
        }
        Ok(())
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
    file: Option<ProjectFile>,
}

impl<'c> Here<'c> {
    pub(super) fn new(caller: &'c Caller, session: Option<&'c Session>) -> Self {
        // Every typed command reports a mistake in the file.
        let file = caller.named_file().ok().flatten();
        let requests = ports::requests(file.as_ref().map(|file| &file.project), caller);
        let instance = session.map(|session| session.instance.clone());
        let project = caller.project().ok().flatten();
        let project_id = project.as_ref().and_then(Caller::id_of);
        let terms = Terms { project, project_id, instance, ..Terms::default() };
        Self { caller, requests, terms, session, file }
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
        let served = served
            .map(|(request, leased)| Served::new(request, leased.port).called(leased.named_url.as_ref()));
        let served: Vec<Served> = served.collect();
        let instance =
            self.session.map(|session| ("STYXY_INSTANCE".to_owned(), session.instance.to_string()));
        let texts = Texts::of(self.file.as_ref(), &served, &served).set;
        let names: Vec<&str> = texts.iter().map(|(name, _)| name.as_str()).collect();
        let names = (!names.is_empty()).then(|| (TEXTS.to_owned(), names.join(",")));
        instance.into_iter().chain(with_texts(&served, texts)).chain(names).collect()
    }

    fn said(&self, leased: &[Leased], servers: &[Server], exports: Exports, renew: &[String]) -> String {
        let list = self.requests.iter().zip(leased).map(|(request, leased)| PortOf {
            label: facts::label(&request.service, leased.name.as_ref()),
            port: leased.port,
            named_url: leased.named_url.clone(),
            reason: leased.reason.clone(),
        });
        let whom = if self.caller.known_root().is_some() { Whom::Checkout } else { Whom::Session };
        let services = stack::services(self.caller);
        let ports = list.collect::<Vec<_>>();
        voice::session(&voice::Session { ports: &ports, servers, services: &services, whom, exports, renew })
    }
}
