//! `styxy release`: ends leases.

mod runs_on;

use styxy_client::release::{self, Claim};
use styxy_client::{Client, Error, Terms};
use styxy_core::api::{Refusal, ReleaseAnswer};

use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::named::{Meant, Named};
use crate::here::ownership::Here;
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, printable};
use crate::up::{typed, verdict};

/// Give ports back
///
/// Servers keep running; only their claim to the port ends. All targets are tried; exits 1 if one was refused.
///
/// A lease that a server of another worktree or agent session uses needs --force. By id this is not checked: an id names
/// exactly one lease.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy release 3000
  styxy release 3000 8000 6006
  styxy release dev
  styxy release 4f5e
  styxy release 3000 --force   even if another worktree's server listens there"))]
pub(crate) struct Args {
    #[arg(value_name = "TARGET", help = target::HELP, required = true, allow_negative_numbers = true)]
    targets: Vec<Target>,
    /// Also end a lease that a server of another worktree or agent session uses
    #[arg(short, long)]
    force: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let claim = if self.force { Claim::Anybodys } else { Claim::Ours(Terms::default().or(&caller())?) };
        let named = self.targets.into_iter().map(|target| typed::named(target, None, Verb::Release));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        // Without it only less is said: a lease may be released from any folder.
        let here = Here::of(caller()).ok();
        let results = context.ask(async |client| {
            let mut results = Vec::with_capacity(named.len());
            for target in &named {
                match one(client, target, &claim, here.as_ref()).await {
                    Ok(Ok(answer)) => {
                        // That the port was released is sure, even if nobody can say what listens there.
                        let left = match &here {
                            Some(here) => runs_on::said(client, answer.port, here).await.ok().flatten(),
                            None => None,
                        };
                        results.push(Ok((answer, left)));
                    }
                    Ok(Err(refusal)) => results.push(Err(refusal)),
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
                Ok((answer, left)) => {
                    context.output.answer(&answer, |out| {
                        std::io::Write::write_all(out, format!("{}\n", printable(&answer.message)).as_bytes())
                    })?;
                    if let Some(left) = left {
                        output::note(&left);
                    }
                }
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
async fn one(
    client: &Client,
    target: &Named,
    claim: &Claim,
    here: Option<&Here>,
) -> Result<Result<ReleaseAnswer, Refusal>, Error> {
    let lock_id = match target {
        // The daemon knows what became of a lease that has ended.
        Named::Lease(lock_id) => *lock_id,
        Named::Port(_) | Named::Host(_) | Named::Service(_) | Named::Name(..) | Named::Word { .. } => {
            let found = match target.find(client).await {
                Ok(Meant::Id(lease)) => Ok(*lease),
                Ok(Meant::Service(lease) | Meant::Called(lease)) => {
                    release::may_be(client, *lease, claim).await
                }
                Ok(Meant::Port(port)) => release::on_port(client, port, claim).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(lease) => {
                    let lock_id = lease.lock_id;
                    if let Some(here) = here.filter(|_| !matches!(claim, Claim::Anybodys))
                        && let Err(failure) = verdict::may_release(client, &here.caller, &lease).await
                    {
                        return Ok(Err(failure.into_refusal()));
                    }
                    lock_id
                }
                Err(Error::Refused(refusal)) => return Ok(Err(refusal)),
                Err(error) => return Err(error),
            }
        }
    };
    match client.release(lock_id).await {
        Ok(answer) => Ok(Ok(answer)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}
