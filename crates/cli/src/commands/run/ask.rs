//! Gets the ports for `styxy run`: from the daemon, or by probing if it cannot be reached.

use std::process::{Command, Stdio, id};
use std::time::Duration;

use styxy_client::{Caller, Error, OURS, PortRequest, Terms};
use styxy_core::api::{AllocateRequest, Code, Grant, Rule};
use styxy_core::{Pid, Port};

use crate::here::context::{self, Context};
use crate::here::fallback::{self, Candidates};
use crate::here::older;
use crate::here::sandbox;
use crate::here::variables::exported;
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
}

impl Ports {
    pub(super) fn numbers(&self) -> impl Iterator<Item = Port> {
        let (grants, ports) = match self {
            Self::Leased(grants) => (grants.as_slice(), [].as_slice()),
            Self::Exported(ports) | Self::Probed { ports, .. } => ([].as_slice(), ports.as_slice()),
        };
        grants.iter().map(|grant| grant.port).chain(ports.iter().copied())
    }
}

/// A port for each request, leased by this process or by one it descends from.
///
/// # Errors
/// The daemon refuses, or it cannot be reached and no port is free.
pub(super) fn ask(context: &Context, caller: &Caller, requests: &[PortRequest]) -> Result<Ports, Failure> {
    let terms = Terms { reuse: Some(true), pid: Pid::new(id()), ..Terms::default() }.or(caller)?;
    let mut answer = leased(context, &terms.clone().request(requests.to_vec()))?;
    if let Err(Error::Refused(refusal)) = &answer
        && refusal.broken_rule() == Some(Rule::Pid)
    {
        // The daemon does not see this process. The lease is then for whoever listens.
        answer = leased(context, &Terms { pid: None, ..terms }.request(requests.to_vec()))?;
    }
    let error = match answer {
        Ok(grants) => return Ok(Ports::Leased(grants)),
        // A daemon that has no room, or that serves another network, cannot say which port is free here.
        Err(Error::Refused(refusal)) if refusal.code != Code::DaemonUnreachable => return Err(refusal.into()),
        Err(error) => error,
    };
    let why = error.refusal().error;
    let Some(wall) = sandbox::wall(&error) else {
        let ports = fallback::ports(&candidates(requests), id()).ok_or(error)?;
        return Ok(Ports::Probed { ports, why });
    };
    if let Some(ports) = sandbox::told(requests) {
        return Ok(Ports::Exported(ports));
    }
    // Where nobody may bind, the command cannot either; it says so itself.
    let candidates = candidates(requests);
    let ports = fallback::ports(&candidates, id()).or_else(|| fallback::not_busy(&candidates, id()));
    Ok(Ports::Probed { ports: ports.ok_or(error)?, why: format!("inside {wall}: {why}") })
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

type Answer = Result<Vec<Grant>, Error>;

fn leased(context: &Context, request: &AllocateRequest) -> Result<Answer, Failure> {
    if let Some(older) = context.older()?
        && started().is_ok()
    {
        output::note(&older::replaced(&older, OURS));
    }
    let ask = || {
        context::try_ask(PATIENCE, async |client| {
            client.allocate(request).await.map(|answer| answer.grants().to_vec())
        })
    };
    match ask()? {
        Err(error @ (Error::NotRunning { .. } | Error::Unreachable { .. } | Error::BrokenOff { .. }))
            if sandbox::wall(&error).is_none() && context.may_start()? =>
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
