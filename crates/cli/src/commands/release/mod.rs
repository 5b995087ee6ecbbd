//! `styxy release`: ends leases.

use styxy_client::{Client, Error, Terms};
use styxy_core::api::{AllocationsQuery, Lease, Refusal, ReleaseAnswer};

use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::living::Living;
use crate::here::release_target::{self, Claim, LeaseTarget};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::printable;

/// Give ports back
///
/// Each target is a port, a lease id, or the unique beginning of one. Servers keep running; only their claim to the port
/// ends. All targets are tried; exits 1 if one was refused.
///
/// By port, a lease that a server of another worktree or agent session uses needs --force. By id this is not checked: an
/// id names exactly one lease.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy release 3000
  styxy release 3000 8000 6006
  styxy release 4f5e
  styxy release 3000 --force   even if another worktree's server listens there"))]
pub(crate) struct Args {
    /// A port, a lease id, or the beginning of one
    #[arg(value_name = "LEASE|PORT", required = true, allow_negative_numbers = true)]
    targets: Vec<LeaseTarget>,
    /// By port, also end a lease that a server of another worktree or agent session uses
    #[arg(short, long)]
    force: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let claim = if self.force { Claim::Anybodys } else { Claim::Ours(Terms::default().or(&caller())?) };
        let results = context.ask(async |client| {
            let mut results = Vec::with_capacity(self.targets.len());
            for target in &self.targets {
                match release(client, target, &claim).await {
                    Ok(result) => results.push(result),
                    // The daemon is gone: what was done is reported, and the rest is not tried.
                    Err(error) => {
                        results.push(Err(error.refusal()));
                        break;
                    }
                }
            }
            Ok(results)
        })?;
        let mut exit = Exit::Done;
        for result in results {
            match result {
                Ok(answer) => context.output.answer(&answer, |out| {
                    std::io::Write::write_all(out, format!("{}\n", printable(&answer.message)).as_bytes())
                })?,
                Err(refusal) => {
                    context.output.refusal(&refusal);
                    exit = Exit::of(refusal.code);
                }
            }
        }
        Ok(exit)
    }
}

/// Releases one target: done, or refused by the daemon or by the rules here.
///
/// # Errors
/// The daemon cannot be asked; then the rest is not tried.
async fn release(
    client: &Client,
    target: &LeaseTarget,
    claim: &Claim,
) -> Result<Result<ReleaseAnswer, Refusal>, Error> {
    let lock_id = match target {
        LeaseTarget::Lease(lock_id) => *lock_id,
        LeaseTarget::Port(port) => {
            let query = AllocationsQuery { port: Some(*port), ..AllocationsQuery::default() };
            let leases = client.allocations(&query).await?.allocations;
            let living = Living::on(client, *port).await?;
            match release_target::on_port(*port, leases.first(), claim, &living) {
                Ok(lease) => lease.lock_id,
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        LeaseTarget::Beginning(beginning) => {
            let leases: Vec<Lease> = client.allocations(&AllocationsQuery::default()).await?.allocations;
            match release_target::beginning_with(beginning, &leases) {
                Ok(lease) => lease.lock_id,
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    };
    match client.release(lock_id).await {
        Ok(answer) => Ok(Ok(answer)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}
