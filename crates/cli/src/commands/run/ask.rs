//! Gets the ports for `styxy run`: from the daemon, or by probing if that grants none.

use std::process::{Command, Stdio, id};
use std::time::Duration;

use styxy_client::{Caller, Client, Error, OURS, PortRequest, Terms, leases};
use styxy_core::api::{Code, Grant, Lease, Refusal};
use styxy_core::{Pid, Port};

use super::beside;
use super::grant::{Granted, Unleased};
use super::wishes::{Services, Wishes};
use crate::here::caller::nowhere;
use crate::here::context::{self, Context};
use crate::here::fallback::{self, Candidates};
use crate::here::older;
use crate::here::sandbox;
use crate::here::variables::{Served, exported};
use crate::say::failure::Failure;
use crate::say::output;

/// How long to wait for the daemon: the command has to start.
const PATIENCE: Duration = Duration::from_secs(3);

/// The ports of a command, in the order of the requests.
#[derive(Debug)]
pub(super) enum Ports {
    Leased(Vec<Grant>),
    /// Exported by Styxy, outside of the sandbox that this runs in.
    Exported(Vec<Port>),
    /// Found free, but not leased.
    Probed {
        ports: Vec<Port>,
        why: String,
    },
    /// Neither leased nor found.
    Unknown {
        why: String,
    },
}

impl Ports {
    pub(super) fn numbers(&self) -> impl Iterator<Item = Port> {
        let (grants, ports) = match self {
            Self::Leased(grants) => (grants.as_slice(), [].as_slice()),
            Self::Exported(ports) | Self::Probed { ports, .. } => ([].as_slice(), ports.as_slice()),
            Self::Unknown { .. } => ([].as_slice(), [].as_slice()),
        };
        grants.iter().map(|grant| grant.port).chain(ports.iter().copied())
    }

    /// The address by name of the server with the port at this place.
    pub(super) fn named_url(&self, at: usize) -> Option<&String> {
        match self {
            Self::Leased(grants) => grants.get(at)?.named_url.as_ref(),
            Self::Exported(_) | Self::Probed { .. } | Self::Unknown { .. } => None,
        }
    }
}

/// A port for each request, leased by this process or by one it descends from, or else free; none if there is none.
///
/// # Errors
/// `--exact` cannot be granted, or the daemon does not know a service type that was typed.
pub(super) fn ask(context: &Context, caller: &Caller, wishes: &Wishes) -> Result<Asked, Failure> {
    let (terms, mut problems) = terms(caller);
    match answered(context, &async |client| beside::granted(client, wishes, &terms).await) {
        Ok((Granted { grants, preferred }, beside)) => {
            problems.extend(beside.problem);
            let (running, siblings) = (beside.running, beside.siblings);
            Ok(Asked { ports: Ports::Leased(grants), preferred, running, siblings, problems })
        }
        Err(Unleased::Refused { refusal, .. }) if is_of_the_user(wishes, &refusal) => Err(refusal.into()),
        Err(unleased) => {
            let (ports, preferred) = (without_a_lease(wishes, &unleased)?, wishes.now.map(|now| now.port));
            Ok(Asked { ports, preferred, running: None, siblings: Vec::new(), problems })
        }
    }
}

/// What came of asking.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ports: Ports,
    /// The first one's port that somebody wishes for now.
    pub(super) preferred: Option<Port>,
    /// The server that had the same key before, and listens.
    pub(super) running: Option<Lease>,
    /// The other servers of the project's file.
    pub(super) siblings: Vec<Served>,
    /// What keeps a lease from being this project's or session's.
    pub(super) problems: Vec<String>,
}

/// For whom the ports are, as far as that can be named, and what cannot.
fn terms(caller: &Caller) -> (Terms, Vec<String>) {
    let mut problems = Vec::new();
    let project = caller.project().unwrap_or_else(|error| {
        problems.push(format!("{error}; the port is not kept for this project"));
        None
    });
    problems.extend(nowhere(caller));
    let instance = caller.instance().unwrap_or_else(|error| {
        problems.push(format!("{}; the port is for no session", styxy_core::with_causes(&error)));
        None
    });
    let project_id = project.as_ref().and_then(Caller::id_of);
    (Terms { project, project_id, instance, reuse: Some(true), pid: Pid::new(id()) }, problems)
}

/// Whether the user's own words are refused, and not what Styxy or a file has added to them.
fn is_of_the_user(wishes: &Wishes, refusal: &Refusal) -> bool {
    if refusal.code == Code::DaemonUnreachable {
        return false;
    }
    let is_service = refusal.details.get("field").is_some_and(|field| field == "service_type");
    wishes.exact().is_some() || is_service && wishes.services == Services::Typed
}

/// Ports that the environment has, or that are free now.
///
/// # Errors
/// The one that was insisted on is not free.
fn without_a_lease(wishes: &Wishes, unleased: &Unleased) -> Result<Ports, Failure> {
    let requests = wishes.with_now();
    let (wall, exact) = (unleased.wall(), wishes.exact());
    let is_other = |ports: &[Port]| exact.is_some() && exact != ports.first().copied();
    let told = wall.as_ref().and_then(|_| sandbox::told(wishes.needed(&requests)));
    if let Some(ports) = told.filter(|ports| !is_other(ports)) {
        return Ok(Ports::Exported(ports));
    }
    let leased = match unleased {
        Unleased::Refused { leased, .. } => leased.as_slice(),
        Unleased::Unanswered(_) | Unleased::Unasked(_) => &[],
    };
    let candidates = candidates(&requests);
    let free = fallback::ports(&candidates, id(), leased);
    // Where nobody may bind, the command cannot either; it says so itself.
    let found = free.or_else(|| wall.as_ref().and_then(|_| fallback::not_busy(&candidates, id())));
    if let Some(port) = exact.filter(|_| found.as_deref().is_some_and(is_other)) {
        let taken = Refusal::new(Code::PortUnavailable, format!("port {port} is not free"));
        return Err(taken.hint(format!("styxy check {port}")).detail("port", port.get()).into());
    }
    let why = unleased.refusal().error;
    let why = wall.map_or_else(|| why.clone(), |wall| format!("inside {wall}: {why}"));
    Ok(match found {
        Some(ports) => Ports::Probed { ports, why },
        None => Ports::Unknown { why },
    })
}

/// The preferred port, then the one that an outer `styxy run` has set.
fn candidates(requests: &[PortRequest]) -> Vec<Candidates> {
    let candidates = |request: &PortRequest| Candidates {
        service: request.service.clone(),
        preferred: request
            .port
            .or(request.default_port)
            .into_iter()
            .chain(exported(request.label()))
            .collect(),
        near: None,
    };
    requests.iter().map(candidates).collect()
}

/// The server that listens for the first request already, if the daemon knows one. Starts the daemon.
pub(super) fn running(context: &Context, caller: &Caller, wishes: &Wishes) -> Option<Lease> {
    let (terms, _) = terms(caller);
    let first = wishes.requests.first()?;
    let up = async |client: &Client| leases::up(client, first, &terms).await.map_err(Unleased::Unanswered);
    answered(context, &up).ok()?
}

/// What the daemon answers, which is started if none runs.
fn answered<T>(
    context: &Context,
    question: &impl AsyncFn(&Client) -> Result<T, Unleased>,
) -> Result<T, Unleased> {
    let asked = |asked: Result<Result<Result<T, Unleased>, Error>, Failure>| {
        let asked = asked.and_then(|asked| asked.map_err(Failure::from));
        asked.unwrap_or_else(|failure| Err(Unleased::Unasked(failure.into_refusal())))
    };
    let ask = || asked(context::try_ask(PATIENCE, async |client| Ok(question(client).await)));
    let first = match context.try_ask_unless_older(PATIENCE, async |client| Ok(question(client).await)) {
        Ok(context::Asked::Answered(answer)) => asked(Ok(answer)),
        Ok(context::Asked::Older(older)) => {
            if started().is_ok() {
                output::note(&older::replaced(&older, OURS));
            }
            ask()
        }
        Err(failure) => asked(Err(failure)),
    };
    let may_start = || context.may_start().unwrap_or(false);
    match first {
        Err(Unleased::Unanswered(
            error @ (Error::NotRunning { .. } | Error::Unreachable { .. } | Error::BrokenOff { .. }),
        )) if sandbox::wall(&error).is_none() && may_start() => match started() {
            Ok(()) => ask(),
            Err(said) => Err(Unleased::Unasked(Refusal::new(Code::DaemonUnreachable, said))),
        },
        answer => answer,
    }
}

/// Starts the daemon by a process that ends at once: as a child of this process it would become the command's.
///
/// # Errors
/// Why it does not start, as that process says.
fn started() -> Result<(), String> {
    let limited =
        |limit| format!("the daemon cannot be reached, since this process may have only {limit} open files");
    let program = styxy_client::own_program().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(["daemon", "start"]).env("NO_COLOR", "1");
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| context::low_limit().map_or_else(|| error.to_string(), limited))?;
    if output.status.success() {
        return Ok(());
    }
    if let Some(limit) = context::low_limit() {
        return Err(limited(limit));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let sentence = said.lines().next().unwrap_or("the daemon did not start");
    Err(sentence.strip_prefix("error: ").unwrap_or(sentence).to_owned())
}
