//! Gets the ports for `styxy run`: from the daemon, or by probing if it cannot be reached.

use std::env;
use std::process::{Command, Stdio, id};
use std::time::Duration;

use styxy_client::Error;
use styxy_core::api::{AllocateRequest, Grant};
use styxy_core::{Pid, Port, RequestId};
use uuid::Uuid;

use crate::here::context::{self, Context};
use crate::here::fallback::{self, Candidates};
use crate::here::place;
use crate::here::variables::variable;
use crate::here::wishes::{self, Wish};
use crate::say::failure::Failure;

/// How long to wait for the daemon: the command has to start.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether another port than the preferred one is acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exact {
    None,
    /// Not for the first service.
    First,
}

/// The ports of a command, in the order of its wishes.
#[derive(Debug)]
pub(super) enum Ports {
    Leased(Vec<Grant>),
    /// Found free, but not leased.
    Probed {
        ports: Vec<Port>,
        why: String,
    },
}

impl Ports {
    pub(super) fn numbers(&self) -> impl Iterator<Item = Port> {
        let (grants, ports) = match self {
            Self::Leased(grants) => (grants.as_slice(), [].as_slice()),
            Self::Probed { ports, .. } => ([].as_slice(), ports.as_slice()),
        };
        grants.iter().map(|grant| grant.port).chain(ports.iter().copied())
    }
}

/// A port for each wish, leased by this process or by one it descends from.
///
/// # Errors
/// The daemon refuses, or it cannot be reached and no port is free.
pub(super) fn ask(context: &Context, wishes: &[Wish], exact: Exact) -> Result<Ports, Failure> {
    let request = request(wishes, exact)?;
    let error = match leased(context, &request)? {
        Ok(grants) => return Ok(Ports::Leased(grants)),
        Err(Error::Refused(refusal)) => return Err(refusal.into()),
        Err(error) => error,
    };
    match fallback::ports(&candidates(wishes), id()) {
        Some(ports) => Ok(Ports::Probed { ports, why: error.refusal().error }),
        None => Err(error.into()),
    }
}

/// The preferred port, then the one from an outer `styxy run`.
fn candidates(wishes: &[Wish]) -> Vec<Candidates> {
    let outer = |service: &_| env::var(variable(service)).ok().and_then(|value| value.parse().ok());
    let candidates = |Wish { service, port, .. }: &Wish| Candidates {
        service: service.clone(),
        preferred: port.iter().copied().chain(outer(service)).collect(),
        near: None,
    };
    wishes.iter().map(candidates).collect()
}

fn request(wishes: &[Wish], exact: Exact) -> Result<AllocateRequest, Failure> {
    let mut request = AllocateRequest {
        reuse: Some(true),
        pid: Pid::new(id()),
        project_path: place::current_project()?,
        instance_id: place::current_instance()?,
        // With an id it may be sent twice, if the daemon dies during the first request.
        request_id: RequestId::new(&Uuid::new_v4().to_string()).ok(),
        ..AllocateRequest::default()
    };
    wishes::fill(&mut request, wishes);
    if exact == Exact::First {
        match request.services.as_mut().and_then(|members| members.first_mut()) {
            Some(first) => first.exact = Some(true),
            None => request.exact = Some(true),
        }
    }
    Ok(request)
}

type Answer = Result<Vec<Grant>, Error>;

fn leased(context: &Context, request: &AllocateRequest) -> Result<Answer, Failure> {
    let ask = || {
        context::try_ask(PATIENCE, async |client| {
            client.allocate(request).await.map(|answer| answer.grants().to_vec())
        })
    };
    match ask()? {
        Err(Error::NotRunning { .. } | Error::Unreachable { .. } | Error::BrokenOff { .. })
            if context.may_start()? =>
        {
            match started() {
                Ok(()) => ask(),
                Err(said) => Ok(Err(Error::StartFailed { said })),
            }
        }
        answer => Ok(answer),
    }
}

/// Starts the daemon by a process that ends at once: as a child of this process it would become the command's.
///
/// # Errors
/// Why it does not start, as that process says.
fn started() -> Result<(), String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
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
