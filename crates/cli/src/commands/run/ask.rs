//! Gets the ports for `styxy run`: from the daemon, or by probing if that grants none.

use std::process::{Command, Stdio, id};
use std::time::Duration;

use styxy_client::leases::{self, Of};
use styxy_client::{Caller, Client, Error, OURS, PortRequest, Terms};
use styxy_core::api::{AllocationsQuery, Code, Grant, Lease, Refusal, Rule};
use styxy_core::{Pid, Port};

use super::wishes::{Now, Rank, Services, Source, Wishes};
use crate::here::context::{self, Context};
use crate::here::fallback::{self, Candidates};
use crate::here::older;
use crate::here::sandbox;
use crate::here::variables::exported;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line};

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
}

/// Why nothing was leased.
#[derive(Debug)]
enum Unleased {
    /// The daemon has refused; others have these leases.
    Refused { refusal: Refusal, leased: Vec<Port> },
    /// No daemon has answered.
    Unanswered(Error),
    /// None could be asked.
    Unasked(Refusal),
}

impl Unleased {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Refused { refusal, .. } | Self::Unasked(refusal) => refusal.clone(),
            Self::Unanswered(error) => error.refusal(),
        }
    }

    fn wall(&self) -> Option<String> {
        match self {
            Self::Refused { refusal, .. } => sandbox::wall(&Error::Refused(refusal.clone())),
            Self::Unanswered(error) => sandbox::wall(error),
            Self::Unasked(_) => sandbox::known(),
        }
    }
}

/// A port for each request, leased by this process or by one it descends from, or else free; none if there is none.
///
/// # Errors
/// `--exact` cannot be granted, or the daemon does not know a service type that was typed.
pub(super) fn ask(context: &Context, caller: &Caller, wishes: &Wishes) -> Result<Asked, Failure> {
    let (terms, problems) = terms(caller);
    let wished = wishes.now.map(|now| now.port);
    let (ports, wished) = match leased(context, wishes, &terms) {
        Ok(Granted { grants, wished }) => (Ports::Leased(grants), wished),
        Err(Unleased::Refused { refusal, .. }) if is_of_the_user(wishes, &refusal) => {
            return Err(refusal.into());
        }
        Err(unleased) => (without_a_lease(wishes, &unleased)?, wished),
    };
    Ok(Asked { ports, wished, problems })
}

/// What came of asking.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ports: Ports,
    /// The first one's port that somebody wishes for now.
    pub(super) wished: Option<Port>,
    /// What keeps a lease from being this project's or session's.
    pub(super) problems: Vec<String>,
}

/// What the daemon has leased.
struct Granted {
    grants: Vec<Grant>,
    wished: Option<Port>,
}

/// For whom the ports are, as far as that can be named, and what cannot.
fn terms(caller: &Caller) -> (Terms, Vec<String>) {
    let mut problems = Vec::new();
    let project = caller.project().unwrap_or_else(|error| {
        problems.push(format!("{error}; the port is not kept for this project"));
        None
    });
    if caller.folder().is_none() {
        problems.push("the current folder was deleted; the port is not kept for a project".to_owned());
    }
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
    let told = wall.as_ref().and_then(|_| sandbox::told(&requests));
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
            .chain(exported(&request.service))
            .collect(),
        near: None,
    };
    requests.iter().map(candidates).collect()
}

fn leased(context: &Context, wishes: &Wishes, terms: &Terms) -> Result<Granted, Unleased> {
    if let Ok(Some(older)) = context.older()
        && started().is_ok()
    {
        output::note(&older::replaced(&older, OURS));
    }
    let ask = || {
        let asked = context::try_ask(PATIENCE, async |client| Ok(granted(client, wishes, terms).await))
            .and_then(|asked| asked.map_err(Failure::from));
        asked.unwrap_or_else(|failure| Err(Unleased::Unasked(failure.into_refusal())))
    };
    let may_start = || context.may_start().unwrap_or(false);
    match ask() {
        Err(Unleased::Unanswered(
            error @ (Error::NotRunning { .. } | Error::Unreachable { .. } | Error::BrokenOff { .. }),
        )) if sandbox::wall(&error).is_none() && may_start() => match started() {
            Ok(()) => ask(),
            Err(said) => Err(Unleased::Unanswered(Error::StartFailed { said })),
        },
        answer => answer,
    }
}

/// What the daemon grants.
async fn granted(client: &Client, wishes: &Wishes, terms: &Terms) -> Result<Granted, Unleased> {
    let wished = wishes.now.map(|now| now.port);
    let tried = match wishes.now.filter(|now| now.rank == Rank::Now && wishes.exact().is_none()) {
        Some(now) => insisted(client, wishes, terms, now).await?,
        None => Tried::Taken(None),
    };
    let (requests, wished, reason) = match tried {
        Tried::Granted(grants) => return Ok(Granted { grants, wished }),
        Tried::Taken(reason) => (wishes.with_now(), wished, reason),
        Tried::Ours => (wishes.requests.clone(), None, None),
    };
    let mut grants = allocated(client, &requests, terms).await?;
    // The daemon says of a lease that was there before that no other port was tried.
    if let (Some(first), Some(reason)) =
        (grants.first_mut().filter(|first| Some(first.port) != wished), reason)
    {
        first.reason = Some(reason);
    }
    Ok(Granted { grants, wished })
}

/// Whether the port that somebody wishes for now was granted.
enum Tried {
    Granted(Vec<Grant>),
    /// It is not available; why, if that is known.
    Taken(Option<String>),
    /// It is leased for this project, so that it was Styxy that set it, for another server.
    Ours,
}

/// Asks for the port itself, if it is free: with `reuse` alone a lease on another port would be given again.
async fn insisted(client: &Client, wishes: &Wishes, terms: &Terms, now: Now) -> Result<Tried, Unleased> {
    let Now { port, source, rank: _ } = now;
    let checked = client.check(port).await.map_err(Unleased::Unanswered)?;
    let of_project = |lease: &Lease| leases::whose(lease, terms) != Of::Project;
    if source == Source::Parent && checked.allocated_to.as_ref().is_some_and(of_project) {
        return Ok(Tried::Ours);
    }
    if !checked.available {
        let why = |reason| format!("port {port} is {reason}");
        return Ok(Tried::Taken(checked.allocated_to.as_ref().map(holder).or(checked.reason).map(why)));
    }
    let mut requests = wishes.with_now();
    if let Some(first) = requests.first_mut() {
        first.exact = Some(true);
    }
    match allocated(client, &requests, terms).await {
        Ok(grants) => Ok(Tried::Granted(grants)),
        // Somebody was faster.
        Err(Unleased::Refused { refusal, .. }) if refusal.code == Code::PortUnavailable => {
            Ok(Tried::Taken(Some(refusal.error)))
        }
        Err(unleased) => Err(unleased),
    }
}

/// `leased for dev/web in /w/shop`
fn holder(lease: &Lease) -> String {
    let project = lease.project_path.as_ref().map(|path| format!(" in {}", one_line(path.as_str())));
    let project = project.unwrap_or_default();
    format!("leased for {}{project}", facts::service(lease))
}

async fn allocated(client: &Client, requests: &[PortRequest], terms: &Terms) -> Result<Vec<Grant>, Unleased> {
    let grants = async |terms: &Terms| {
        let request = terms.clone().request(requests.to_vec());
        client.allocate(&request).await.map(|answer| answer.grants().to_vec())
    };
    let mut answer = grants(terms).await;
    if let Err(Error::Refused(refusal)) = &answer
        && refusal.broken_rule() == Some(Rule::Pid)
    {
        // The daemon does not see this process. The lease is then for whoever listens.
        answer = grants(&Terms { pid: None, ..terms.clone() }).await;
    }
    match answer {
        Ok(grants) => Ok(grants),
        Err(Error::Refused(refusal)) => {
            // A port that is found free instead must not be another one's.
            let all = client.allocations(&AllocationsQuery::default()).await;
            let leased = all.map(|all| all.allocations.iter().map(|lease| lease.port).collect());
            Err(Unleased::Refused { refusal, leased: leased.unwrap_or_default() })
        }
        Err(error) => Err(Unleased::Unanswered(error)),
    }
}

/// Starts the daemon by a process that ends at once: as a child of this process it would become the command's.
///
/// # Errors
/// Why it does not start, as that process says.
fn started() -> Result<(), String> {
    let program = styxy_client::own_program().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(["daemon", "start"]).env("NO_COLOR", "1");
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let sentence = said.lines().next().unwrap_or_default();
    Err(sentence.strip_prefix("error: ").unwrap_or(sentence).to_owned())
}
