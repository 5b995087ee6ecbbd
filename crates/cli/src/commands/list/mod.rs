//! `styxy list`: the live leases.

mod live;
mod rows;
mod watch;
#[cfg(unix)]
mod whole_screen;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use styxy_core::api::{AllocationsAnswer, AllocationsQuery, Lease};
use styxy_core::{InstanceId, Port, ServiceType};

use crate::here::caller::{caller, user_home};
use crate::here::context::Context;
use crate::here::worktrees::Worktrees;
use crate::say::age::now;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// List who has which port
///
/// A lease is `granted` while nothing listens on its port, `active` while its server does, and in `conflict` while a
/// process of another project or user does. WHO is the process that listens; while none does, the one that the lease is for.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy list
  styxy list --service dev
  styxy list --project .
  styxy list --watch
  styxy list --json | jq '.allocations[].port'"))]
pub(crate) struct Args {
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
    /// Show the list again whenever it changes, until Ctrl-C; with --json one line for each change
    #[arg(short, long)]
    watch: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let query = AllocationsQuery {
            service_type: self.service,
            instance_id: self.instance,
            project_path: self.project.as_deref().map(|folder| caller().project_named(folder)).transpose()?,
            port: self.port,
        };
        if self.watch {
            return watch::run(context, query);
        }
        let mut answer = context.ask(async |client| client.allocations(&query).await)?;
        let mut empty = nothing(&query).to_owned();
        if let Some(name) =
            self.project.as_deref().and_then(Path::to_str).filter(|_| answer.allocations.is_empty())
        {
            let all = AllocationsQuery { project_path: None, ..query };
            answer = context.ask(async |client| client.allocations(&all).await)?;
            empty = of_project(&mut answer, name);
        }
        context.output.answer(&answer, |out| {
            lines_or(&answer, &empty, output::width()).iter().try_for_each(|line| writeln!(out, "{line}"))
        })?;
        Ok(Exit::Done)
    }
}

/// What a person sees, at most `room` columns wide.
fn lines(answer: &AllocationsAnswer, query: &AllocationsQuery, room: Option<usize>) -> Vec<String> {
    lines_or(answer, nothing(query), room)
}

/// The same, with what is said if there is no lease.
fn lines_or(answer: &AllocationsAnswer, empty: &str, room: Option<usize>) -> Vec<String> {
    let leases = &answer.allocations;
    if leases.is_empty() {
        return vec![empty.to_owned()];
    }
    let worktrees = Worktrees::at(leases.iter().flat_map(|lease| &lease.project_path));
    rows::table(leases, &worktrees, now(), user_home().as_deref()).lines(room)
}

/// Leaves the leases whose project is called `name` in the table; returns what to say if there is none.
fn of_project(answer: &mut AllocationsAnswer, name: &str) -> String {
    let worktrees = Worktrees::at(answer.allocations.iter().flat_map(|lease| &lease.project_path));
    let project = |lease: &Lease| lease.project_path.as_ref().map(|path| worktrees.project(path));
    let names: BTreeSet<String> = answer.allocations.iter().filter_map(project).collect();
    answer.allocations.retain(|lease| project(lease).as_deref() == Some(name));
    let names: Vec<String> = names.into_iter().collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let (name, known) = (output::one_line(name), output::one_line(&known));
    format!("No lease of a project {name}. Projects with a lease: {known}. To see all leases: styxy list")
}

fn nothing(query: &AllocationsQuery) -> &'static str {
    if *query == AllocationsQuery::default() {
        "No port is leased. To get one: styxy allocate --service dev"
    } else {
        "No lease matches. To see all leases: styxy list"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn an_empty_list_says_what_to_type_next() {
        let filtered = AllocationsQuery { port: Port::new(3000).ok(), ..AllocationsQuery::default() };
        snapshot!(
            "list_empty",
            each([
                ("no lease", nothing(&AllocationsQuery::default()).to_owned()),
                ("no lease matches", nothing(&filtered).to_owned()),
            ])
        );
    }
}
