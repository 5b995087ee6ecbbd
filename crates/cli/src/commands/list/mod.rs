//! `styxy list` and `styxy top`: the live leases, and the live view.

mod live;
mod rows;
#[cfg(unix)]
mod seen;
#[cfg(unix)]
mod top;
mod wanted;
mod watch;

use std::io::Write;
use std::path::PathBuf;

use styxy_core::api::AllocationsQuery;
use styxy_core::{InstanceId, Port, ServiceType};

use crate::here::caller::{caller, user_home};
use crate::here::context::Context;
use crate::here::worktrees::Worktrees;
use crate::say::age::now;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::kept;
use wanted::{Found, Wanted};

/// List who has which port
///
/// A lease is `granted` while nothing listens on its port, `active` while its server does, and in `conflict` while a
/// process of another project or user does. WHO is the process that listens; while none does, the one that the lease is for.
/// UP is the service of `styxy up` that it is.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy list
  styxy list --service dev
  styxy list --project .
  styxy list --watch
  styxy list --json | jq '.allocations[].port'"))]
pub(crate) struct Args {
    #[command(flatten)]
    only: Only,
    /// Show the list again whenever it changes, until Ctrl-C; with --json one line for each change
    #[arg(short, long)]
    watch: bool,
}

/// Show what runs, live, and act on it
///
/// The same as `styxy list --watch`: on a terminal the services of each repository and worktree, conflicts first, with the
/// memory of each server, the agent sessions and what the guard refused. It is drawn again whenever something happens. The
/// same is in a browser at the daemon's address: `styxy open --view`.
///
/// Keys (not on Windows): the arrows select a service, `o` opens it, `k` ends its server by the rules of `styxy kill` in its worktree, `r`
/// releases its lease, `/` searches, `a` shows listeners without a lease too, `q` or Ctrl-C ends. Without a terminal the list is printed
/// again for each change; with --json it is one line.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy top
  styxy top --project .
  styxy top --instance claude-51204"))]
pub(crate) struct Top {
    #[command(flatten)]
    only: Only,
}

/// Which leases are shown.
#[derive(Debug, clap::Args)]
struct Only {
    /// Only leases of this service type
    #[arg(short, long, value_name = "TYPE")]
    service: Option<ServiceType>,
    /// Only leases of this project: its folder, usually the root of a git worktree, or its name in the list
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    project: Option<PathBuf>,
    /// Only leases of this agent session
    #[arg(long, value_name = "ID")]
    instance: Option<InstanceId>,
    /// Only the lease of this port
    #[arg(short, long, allow_negative_numbers = true)]
    port: Option<Port>,
}

impl Only {
    fn wanted(self) -> Result<Wanted, Failure> {
        let query = AllocationsQuery {
            service_type: self.service,
            instance_id: self.instance,
            project_path: self.project.as_deref().map(|folder| caller().project_named(folder)).transpose()?,
            port: self.port,
        };
        Ok(Wanted::new(query, self.project.as_deref()))
    }
}

impl Top {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        watch::run(context, &self.only.wanted()?)
    }
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let wanted = self.only.wanted()?;
        if self.watch {
            return watch::run(context, &wanted);
        }
        let found = context.ask(async |client| wanted.find(client).await)?;
        context.output.answer(&found.answer, |out| {
            lines(&found, output::width()).iter().try_for_each(|line| writeln!(out, "{line}"))
        })?;
        Ok(Exit::Done)
    }
}

/// What a person sees, at most `room` columns wide.
fn lines(Found { answer, empty }: &Found, room: Option<usize>) -> Vec<String> {
    let leases = &answer.allocations;
    if leases.is_empty() {
        return vec![empty.clone()];
    }
    let worktrees = Worktrees::at(leases.iter().flat_map(|lease| &lease.project_path));
    rows::table(leases, &worktrees, now(), user_home().as_deref(), &kept::here()).lines(room)
}
