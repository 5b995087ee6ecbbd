//! What is asked for: the services of the command, and the port that each wishes for, in one order (R30).

use std::env;

use styxy_client::{Caller, PortRequest};
use styxy_core::project::{EnvName, Project};
use styxy_core::{Port, ServiceName, ServiceType};

use super::environment::LOCK_ID;
use super::more;
use crate::devserver::passing::Lost;
use crate::devserver::plan::{Obstacle, Plan};
use crate::here::typed::{Said, Words};
use crate::here::{requests, variables};
use crate::say::failure::Failure;
use crate::up::ports;

/// What was typed before the command.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) services: Vec<ServiceType>,
    /// What these words mean, if they are words: `styxy up` names leases.
    pub(super) words: Option<Words>,
    pub(super) name: Option<ServiceName>,
    pub(super) port: Option<Port>,
    pub(super) exact: Option<bool>,
    pub(super) block: Option<u8>,
    pub(super) env: Vec<EnvName>,
    pub(super) attention: Attention,
}

/// What `styxy run` asks for.
#[derive(Debug)]
pub(super) struct Wishes {
    /// One for each service of the command, without the wish of now; the first one's port is `PORT`.
    pub(super) requests: Vec<PortRequest>,
    /// How many of them, the last ones, are for further ports of the tool (R67).
    pub(super) further: usize,
    /// Who named those services.
    pub(super) services: Services,
    /// The first one's port, if somebody wishes for it now, and not only a file.
    pub(super) now: Option<Now>,
    /// The other services of the project's file.
    pub(super) siblings: Vec<PortRequest>,
    /// Whether anybody is told what runs already.
    pub(super) attention: Attention,
}

/// Whether the user wants to know what else there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Attention {
    #[default]
    Some,
    None,
}

/// A port that somebody wishes for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) port: Port,
    pub(super) source: Source,
    pub(super) rank: Rank,
}

/// Where a wish of now comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The command line.
    Typed,
    /// `PORT` in the environment.
    Parent,
}

/// Who named the services of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Services {
    Typed,
    /// The type of the tool.
    Usual,
}

/// How much a wish counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// A lease of the same key on another port yields to it.
    Now,
    /// Inside of a `styxy run` the lease of that one wins: its port was told already.
    Within,
}

impl Wishes {
    /// What `typed`, the command, the environment and the project's file say.
    ///
    /// # Errors
    /// What was typed contradicts itself.
    pub(super) fn new(
        typed: Typed,
        plan: &Plan,
        file: Option<&Project>,
        caller: &Caller,
    ) -> Result<Self, Failure> {
        let Typed { services, words, name, port, exact, block, env, attention } = typed;
        let named = if services.is_empty() { Services::Usual } else { Services::Typed };
        let said = match (named, &words) {
            (Services::Usual, _) => Said::Type(file),
            (Services::Typed, Some(words)) => Said::Typed(words),
            (Services::Typed, None) => Said::Key(file),
        };
        let mut requests = requests::requests(services_of(services, plan), name.as_ref(), said, caller)?;
        if let Some(first) = requests.first_mut() {
            // A port that the script insists on is where its server will be; another one there is only a default.
            let (fixed, usual) = match plan.obstacle {
                Some(Obstacle::Fixed(port) | Obstacle::Lost(Lost::Set { port, .. })) => (Some(port), None),
                Some(
                    Obstacle::OutOfReach(_) | Obstacle::Elsewhere | Obstacle::Lost(Lost::Dropped { .. }),
                )
                | None => (None, plan.script_port),
            };
            first.port = first.port.or(fixed.filter(|_| first.default_port.is_none()));
            first.default_port = first.default_port.or(usual).filter(|_| first.port.is_none());
            first.exact = exact;
            first.block = block;
            let more = env.into_iter().filter(|name| !first.env.contains(name)).collect::<Vec<_>>();
            first.env.extend(more);
        }
        let further = more::requests(plan, &requests, file, caller);
        let count = further.len();
        requests.extend(further);
        let within = if env::var_os(LOCK_ID).is_some() { Rank::Within } else { Rank::Now };
        let typed = |port| Now { port, source: Source::Typed, rank: within };
        let inherited = |port| Now { port, source: Source::Parent, rank: Rank::Now };
        let now = port.or(plan.typed_port).map(typed).or_else(|| variables::inherited().map(inherited));
        let siblings = siblings(&requests, file, caller);
        Ok(Self { requests, further: count, services: named, now, siblings, attention })
    }

    /// The requests with the wish of now.
    pub(super) fn with_now(&self) -> Vec<PortRequest> {
        let mut requests = self.requests.clone();
        if let (Some(first), Some(now)) = (requests.first_mut(), self.now) {
            (first.port, first.default_port) = (Some(now.port), None);
        }
        requests
    }

    /// Those of `requests` that the command cannot do without.
    pub(super) fn needed<'r>(&self, requests: &'r [PortRequest]) -> &'r [PortRequest] {
        &requests[..requests.len() - self.further]
    }

    /// The port that must be granted, or nothing runs.
    pub(super) fn exact(&self) -> Option<Port> {
        self.requests.first().filter(|first| first.exact == Some(true)).and(self.now).map(|now| now.port)
    }
}

/// A request for each service of the file that is not among `requests`.
fn siblings(requests: &[PortRequest], file: Option<&Project>, caller: &Caller) -> Vec<PortRequest> {
    // Two services with one variable: the command's own counts.
    let is_other = |other: &PortRequest| {
        requests
            .iter()
            .all(|request| variables::variable(request.label()) != variables::variable(other.label()))
    };
    let others: Vec<_> = requests::of_file(file, caller).into_iter().filter(is_other).collect();
    // Their leases are not this command's.
    if others.is_empty() { others } else { ports::marked(others, caller) }
}

/// Those that were typed, else the type of the tool.
fn services_of(typed: Vec<ServiceType>, plan: &Plan) -> Vec<ServiceType> {
    if !typed.is_empty() {
        return typed;
    }
    ServiceType::new(plan.framework.map_or("dev", |row| row.service)).into_iter().collect()
}
